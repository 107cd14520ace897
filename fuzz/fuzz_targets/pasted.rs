//! Text as it arrives from tickets, mail and logs: what stands around a trace is taken off, the trace stays.
#![no_main]

use std::io::{Cursor, Read};

use ip6drop::inside::input::{Opened, Source};
use ip6drop_fuzz::{MAX_UNPACKED, written};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let opened = match Opened::new(Box::new(Cursor::new(bytes.to_vec()))) {
        Ok(opened @ Opened::Plain(_)) => opened,
        _ => return,
    };
    let Ok(Source::Stream(reader)) = opened.trace() else {
        panic!("a stream is a stream");
    };
    let mut text = Vec::new();
    reader
        .take(MAX_UNPACKED)
        .read_to_end(&mut text)
        .expect("memory does not refuse");
    assert!(text.len() <= bytes.len());
    written(&text);
});
