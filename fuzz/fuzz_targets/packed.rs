//! Compressed input: gzip, bzip2, xz and zstd, of any number of streams.
#![no_main]

use std::io::{Cursor, Read};

use ip6drop::inside::input::Opened;
use ip6drop_fuzz::MAX_UNPACKED;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let read = |step: usize| {
        let opened = Opened::new(Box::new(Cursor::new(bytes.to_vec()))).ok()?;
        let mut reader = opened.reader().take(MAX_UNPACKED);
        let (mut text, mut piece) = (Vec::new(), vec![0; step]);
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Some((text, true)),
                Ok(n) => text.extend_from_slice(&piece[..n]),
                Err(_) => return Some((text, false)),
            }
        }
    };
    // How much is asked for at once changes neither the bytes nor whether they are whole.
    let whole = read(64 * 1024);
    if let (Some((text, is_whole)), Some((again, is_again))) = (&whole, &read(4099)) {
        assert_eq!(is_whole, is_again);
        assert!(!is_whole || text == again);
    }
});
