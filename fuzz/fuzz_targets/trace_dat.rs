//! trace.dat files: no size or offset in one is believed; what comes out is text, or damage with its place.
#![no_main]

use std::cell::RefCell;
use std::fs::File;

use ip6drop_fuzz::of_trace_dat;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FILE: RefCell<File> = RefCell::new(tempfile::tempfile().expect("TMPDIR can be written to"));
}

fuzz_target!(|bytes: &[u8]| FILE.with_borrow(|file| of_trace_dat(file, bytes)));
