//! The mount table, and lists of CPUs: what /proc and /sys print.
#![no_main]

use ip6drop::inside::host::cpus;
use ip6drop::inside::tracefs::candidates;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let found = candidates(text);
    assert!(found.len() <= text.lines().count());
    if let Ok(list) = cpus(text) {
        let words: Vec<String> = list.iter().map(u32::to_string).collect();
        assert_eq!(cpus(&words.join(",")), Ok(list));
    }
});
