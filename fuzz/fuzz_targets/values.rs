//! Times, sizes and lists of the command line: nothing is taken that is out of its bounds.
#![no_main]

use std::time::Duration;

use ip6drop::inside::cli::{duration, interval, look, part_size, ring_size, size, window};
use ip6drop::inside::host::cpus;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let seconds = Duration::from_secs;
    let within = |time: Result<Duration, String>, from: Duration, to: Duration| {
        if let Ok(time) = time {
            assert!((from..=to).contains(&time), "{text}: {time:?}");
        }
    };
    within(interval(text), Duration::from_millis(10), seconds(86_400));
    within(window(text), seconds(10), seconds(86_400));
    within(look(text), seconds(1), seconds(3600));
    if let Ok(bytes) = size(text) {
        assert_eq!(size(&bytes.to_string()), Ok(bytes));
        assert_eq!(
            part_size(text).is_ok(),
            (64 << 10..=16 << 30).contains(&bytes)
        );
        assert_eq!(
            ring_size(text).is_ok(),
            (64 << 10..=16 << 30).contains(&(bytes / 8))
        );
    }
    // A time in milliseconds is a thousandth of the same number of seconds.
    if let (Ok(whole), Ok(part)) = (
        duration(&format!("{text}s")),
        duration(&format!("{text}ms")),
    ) && whole < seconds(1_000_000)
    {
        assert!(
            whole.abs_diff(part * 1000) < Duration::from_micros(1),
            "{text}"
        );
    }
    let _ = cpus(text);
});
