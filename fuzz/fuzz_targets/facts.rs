//! Facts files, and the report that they are facts of.
#![no_main]

use ip6drop::inside::host::Facts;
use ip6drop::inside::report::Request;
use libfuzzer_sys::fuzz_target;

/// One drop of each common kind, on two CPUs.
const TRACE: &[u8] = include_bytes!("../../fixtures/4.19-fp/exhausted.pipe");

fuzz_target!(|text: &[u8]| {
    if let Ok(facts) = Facts::parse(text) {
        assert_eq!(Facts::parse(text).ok().as_ref(), Some(&facts));
        let request = Request {
            facts: Some(facts),
            ..Request::default()
        };
        let is_trace =
            ip6drop_fuzz::report(&request, &TRACE[..TRACE.len().min(16_384)], |report| {
                ip6drop::inside::fuzz::documents(report).expect("memory does not refuse");
            });
        assert!(is_trace);
    }
});
