//! What text is recognised by, and foreign text made harmless.

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

/// Makes bytes of a trace harmless for a terminal: whoever runs a process chooses its name.
///
/// Control characters, those that change the direction of text, and bytes that are no UTF-8
/// are written as escapes.
#[must_use]
pub(crate) fn harmless(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let directs = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
            if c.is_control() || directs {
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

#[cfg(test)]
mod tests {
    use super::{harmless, unescape};

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
}
