//! Any text is survived, every line of it counted, and what it says can be written in every format.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| ip6drop_fuzz::written(text));
