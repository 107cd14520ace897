//! However many threads read a text, the report has the same bytes in every format.
#![no_main]

use ip6drop::inside::report::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let on = |threads| {
        let request = Request {
            threads,
            ..Request::default()
        };
        let mut documents = Vec::new();
        ip6drop_fuzz::report(&request, text, |report| {
            documents = ip6drop::inside::fuzz::documents(report).expect("memory does not refuse");
        });
        documents
    };
    let one = on(1);
    assert_eq!(on(2), one);
    assert_eq!(on(3), one);
});
