//! Words and numbers that formats of every document share.

use crate::trace::{Stamp, Time};

/// Lines of what is written in brief.
pub(crate) const BRIEF: usize = 6;

/// `1 drop`, `2 drops`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {many}")
    }
}

pub(crate) fn drops(n: u64) -> String {
    count(n, "drop", "drops")
}

/// A number, or a dash where it is not known.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A time as the trace prints it; a dash where there is none.
pub(crate) fn stamp(time: Option<Time>) -> String {
    match time.map(Time::stamp) {
        None => "-".to_owned(),
        Some(Stamp::Count(n)) => n.to_string(),
        Some(Stamp::Nanoseconds(ns)) => {
            format!("{}.{:06}", ns / 1_000_000_000, ns / 1000 % 1_000_000)
        }
    }
}
