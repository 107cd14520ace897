//! What text is recognised by, and foreign text made harmless.

/// What the framing lines of our own captures start with, among the trace's lines.
pub(crate) const FRAMING: &str = "# ip6drop: ";

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
    use super::harmless;

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
