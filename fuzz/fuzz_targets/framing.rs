//! Framing lines of captures: what was read and written reads the same, and stays one line.
#![no_main]

use ip6drop::inside::fuzz::framing;
use libfuzzer_sys::fuzz_target;

const START: &[u8] = b"# ip6drop: ";

/// The word and what is behind it.
fn parts(line: &[u8]) -> (&[u8], &[u8]) {
    let text = line.strip_prefix(START).unwrap_or(line).trim_ascii();
    let end = text
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim_ascii())
}

fuzz_target!(|text: &[u8]| {
    let mut again = Vec::new();
    for line in text.split(|&b| b == b'\n') {
        let (key, value) = parts(line);
        let written = framing(key, value);
        assert!(written.starts_with(START));
        assert!(
            written
                .strip_suffix(b"\n")
                .is_some_and(|line| !line.contains(&b'\n'))
        );
        // Bytes that are no text are written as text, which may be one of the words that are known.
        let text = if str::from_utf8(line).is_ok() {
            written.clone()
        } else {
            let (key, value) = parts(&written);
            framing(key, value)
        };
        let (key, value) = parts(&text);
        assert_eq!(framing(key, value), text);
        again.extend(written);
    }
    ip6drop_fuzz::written(&[&again, TRACE].concat());
});

const TRACE: &[u8] = b"\
          <idle>-0     [001] ..s1    52.564417: ip6_pkt_drop <-ip6_pkt_discard\n\
          <idle>-0     [001] ..s1    52.564418: <stack trace>\n => ip6_pkt_drop\n => ip6_pkt_discard\n => ip6_rcv_finish\n";
