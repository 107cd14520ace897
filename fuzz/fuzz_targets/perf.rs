//! Text of `perf script`: call chains behind their events, whatever the columns are.
//! A text with the ends of lines that Windows writes says the same.
#![no_main]

use ip6drop::inside::report::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    ip6drop_fuzz::written(text);
    let drops = |text: &[u8]| {
        let mut drops = None;
        ip6drop_fuzz::report(&Request::default(), text, |report| {
            drops = Some(report.summary.findings.classes.clone());
        });
        drops
    };
    // Lines near the greatest length would be longer than that.
    if !text.contains(&b'\r')
        && text.split(|&b| b == b'\n').all(|line| line.len() < 512)
        && text.len() < 1024
    {
        let crlf: Vec<u8> = text
            .iter()
            .flat_map(|b| {
                if *b == b'\n' {
                    &b"\r\n"[..]
                } else {
                    std::slice::from_ref(b)
                }
                .to_vec()
            })
            .collect();
        assert_eq!(drops(&crlf), drops(text));
    }
});
