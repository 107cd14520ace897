//! What text is recognised by, and foreign text made harmless.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// What the framing lines of our own captures start with, among the trace's lines.
pub(crate) const FRAMING: &str = "# ip6drop: ";

/// What some programs write in front of UTF-8 text.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// What HTML writes in place of characters that stand in traces, and these.
const ESCAPES: [(&[u8], u8); 11] = [
    (b"lt;", b'<'),
    (b"gt;", b'>'),
    (b"amp;", b'&'),
    (b"quot;", b'"'),
    (b"apos;", b'\''),
    (b"nbsp;", b' '),
    (b"#39;", b'\''),
    (b"#34;", b'"'),
    (b"#x27;", b'\''),
    (b"#61;", b'='),
    (b"#160;", b' '),
];

/// Text with the escapes of HTML undone. No line end comes of it, nor anything longer.
#[must_use]
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let known = |(name, _): &&(&[u8], u8)| rest.starts_with(name);
        match ESCAPES.iter().find(known) {
            Some((name, byte)) => {
                out.push(*byte);
                rest = &rest[name.len()..];
            }
            None => out.push(b'&'),
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Whether a character is shown as itself nowhere: it controls the terminal, changes the direction of text, breaks a
/// line unseen, or takes no room at all, so that two names look the same.
#[must_use]
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Makes bytes from outside harmless, for terminals and for whoever copies what they show: whoever runs a process
/// chooses its name.
///
/// Characters that are [harmful](is_harmful), and bytes that are no UTF-8, are written as escapes.
#[must_use]
pub(crate) fn harmless(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_harmful(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// The same of text, which is nearly always harmless already.
#[must_use]
pub(crate) fn screened(text: &str) -> Cow<'_, str> {
    match text.contains(is_harmful) {
        true => harmless(text.as_bytes()).into(),
        false => text.into(),
    }
}

/// Text that comes from outside: a trace, the kernel, the file system, another host's report. However it is printed,
/// it is [`harmless`]. As it came, for comparing, opening or storing, only [`Untrusted::raw`] gives it; where that is
/// called, `tests/architecture/untrusted.rs` lists.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untrusted<T = String>(T);

impl<T: AsRef<OsStr>> Untrusted<T> {
    /// As it came: never to be printed.
    #[must_use]
    pub(crate) fn raw(&self) -> &T {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_empty()
    }
}

impl<T: AsRef<OsStr>> Display for Untrusted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&harmless(self.0.as_ref().as_encoded_bytes()))
    }
}

/// In quotes, with what is not printable escaped, as the standard library has it.
impl<T: AsRef<OsStr>> fmt::Debug for Untrusted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_ref(), f)
    }
}

/// As it came; writers of JSON escape what is harmful, and readers get it back.
impl<T: AsRef<OsStr>> Serialize for Untrusted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.as_ref().to_string_lossy())
    }
}

impl<T: AsRef<OsStr>> PartialEq<str> for Untrusted<T> {
    fn eq(&self, other: &str) -> bool {
        self.0.as_ref() == other
    }
}

impl<T: AsRef<OsStr>> PartialEq<&str> for Untrusted<T> {
    fn eq(&self, other: &&str) -> bool {
        self.0.as_ref() == *other
    }
}

impl Untrusted {
    /// Of bytes; those that are no UTF-8 are replaced.
    #[must_use]
    pub(crate) fn lossy(bytes: impl AsRef<[u8]>) -> Self {
        Untrusted(String::from_utf8_lossy(bytes.as_ref()).into_owned())
    }

    /// The name of a file.
    #[must_use]
    pub(crate) fn name(path: impl AsRef<OsStr>) -> Self {
        Untrusted(path.as_ref().to_string_lossy().into_owned())
    }

    /// All of them, with commas between.
    #[must_use]
    pub(crate) fn joined(names: &[Untrusted]) -> Self {
        let names: Vec<&str> = names.iter().map(|name| name.0.as_str()).collect();
        Untrusted(names.join(", "))
    }
}

impl From<PathBuf> for Untrusted<PathBuf> {
    fn from(path: PathBuf) -> Self {
        Untrusted(path)
    }
}

impl<P: AsRef<OsStr> + ?Sized> From<&P> for Untrusted<PathBuf> {
    fn from(path: &P) -> Self {
        Untrusted(path.into())
    }
}

impl From<String> for Untrusted<PathBuf> {
    fn from(path: String) -> Self {
        Untrusted(path.into())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Untrusted(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Untrusted(text.to_owned())
    }
}

/// A path as it is shown: what a file is called, whoever made it chose.
#[must_use]
pub(crate) fn shown(path: &Path) -> Untrusted<&Path> {
    Untrusted(path)
}

/// A word of a command that a shell takes as it is, and that does no harm where it is shown.
#[must_use]
pub(crate) fn shell_word(word: impl AsRef<OsStr>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/:+-@".contains(c);
    match word.as_ref().to_str() {
        Some(word) if !word.is_empty() && word.chars().all(plain) => word.to_owned(),
        _ => in_quotes(word.as_ref()),
    }
}

/// The same in quotes, whether or not it needs them.
#[must_use]
pub(crate) fn in_quotes(word: &OsStr) -> String {
    if let Some(word) = word.to_str().filter(|word| !word.contains(is_harmful)) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    // As bash, zsh and ksh read it.
    let escaped = word.as_encoded_bytes().iter().map(|byte| match byte {
        b' '..=b'~' if !b"'\\".contains(byte) => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    });
    format!("$'{}'", escaped.collect::<String>())
}

/// A writer of lines for people without any colour: what is harmful in them is escaped, whoever put it there.
pub(crate) struct Screened<W>(pub(crate) W);

impl<W: Write> Write for Screened<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if at > 0 {
                self.0.write_all(b"\n")?;
            }
            self.0.write_all(harmless(line).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        for (escaped, plain) in [
            ("=&gt; ip6_pkt_drop", "=> ip6_pkt_drop"),
            ("&lt;idle&gt;-0 &amp;&amp; &quot;a&#39;", "<idle>-0 && \"a'"),
            ("a &nbsp;&#160;b", "a   b"),
            // Once, and nothing that might be a line.
            ("&amp;lt;", "&lt;"),
            ("&#10;&unknown;&", "&#10;&unknown;&"),
            ("", ""),
        ] {
            assert_eq!(unescape(escaped.as_bytes()), plain.as_bytes(), "{escaped}");
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(harmless(b"python3"), "python3");
        assert_eq!(harmless(b"a\x1b[31mb\x07\x9b"), "a\\u{1b}[31mb\\u{7}\\x9b");
        assert_eq!(
            harmless("é\u{202e}x\u{85}".as_bytes()),
            "é\\u{202e}x\\u{85}"
        );
    }

    #[test]
    fn nobody_is_misled_by_what_is_not_seen() {
        for c in [
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{202a}',
            '\u{2060}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0041}',
            '\u{7f}',
            '\u{9b}',
            '\n',
            '\t',
            '\r',
            '\u{7}',
        ] {
            let shown = harmless(c.to_string().as_bytes());
            assert!(
                shown.starts_with('\\') && shown.is_ascii(),
                "{c:?}: {shown}"
            );
        }
        for plain in ["節點-1", "nœud é", "e\u{301}", "узел \\ \"'", "☸\u{fe0f}"] {
            assert_eq!(harmless(plain.as_bytes()), plain);
        }
    }

    #[test]
    fn text_from_outside_prints_escaped_alone() {
        let name = <Untrusted>::from("a\n\u{202e}b\u{1b}[1m");
        assert_eq!(format!("{name}"), "a\\n\\u{202e}b\\u{1b}[1m");
        assert_eq!(format!("{name:?}"), r#""a\n\u{202e}b\u{1b}[1m""#);
        assert_eq!(
            format!(
                "{:>4}|{:<4}|",
                <Untrusted>::from("é"),
                <Untrusted>::from("b")
            ),
            "   é|b   |"
        );
        assert_eq!(name.raw(), "a\n\u{202e}b\u{1b}[1m");
        assert_eq!(serde_json::to_value(&name).unwrap(), *name.raw());
        let path = PathBuf::from("/tmp/\u{9b}x\r");
        assert_eq!(shown(&path).to_string(), "/tmp/\\u{9b}x\\r");
    }

    #[test]
    fn a_word_of_a_command_is_harmless_and_the_same_to_a_shell() {
        for (word, quoted) in [
            ("/run/netns/pod", "/run/netns/pod"),
            ("a b", "'a b'"),
            ("it's é", r"'it'\''s é'"),
            ("", "''"),
            ("a'\\ b\n\u{202e}", r"$'a\x27\x5c b\x0a\xe2\x80\xae'"),
        ] {
            assert_eq!(shell_word(word), quoted);
            let echo = std::process::Command::new("bash")
                .arg("-c")
                .arg(format!("printf %s {quoted}"))
                .output();
            if let Ok(echo) = echo {
                assert_eq!(echo.stdout, word.as_bytes());
            }
        }
    }

    #[test]
    fn a_screened_writer_lets_lines_through_and_nothing_else() {
        let mut out = Vec::new();
        let clear = "\u{1b}[2J";
        write!(Screened(&mut out), "a {clear}\nb\n\n").unwrap();
        assert_eq!(out, b"a \\u{1b}[2J\nb\n\n");
    }
}
