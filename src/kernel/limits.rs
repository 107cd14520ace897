//! The limits of the IPv6 route cache, and the regimes it can be in.
//!
//! `dst_alloc` calls `ip6_dst_gc` when `fast > gc_thresh`. That returns 0 at once while the
//! last collection is recent and `fast <= max_size`; otherwise it collects and then refuses
//! exactly when `slow > max_size` (net/ipv6/route.c, 4.19). `fast` is the shared part of a
//! `percpu_counter` and differs from `slow`, the exact sum, by at most
//! `CPUs * (batch - 1)` (lib/percpu_counter.c).

use serde::Serialize;

/// `percpu_counter_batch` for a number of online CPUs (lib/percpu_counter.c).
#[must_use]
pub fn batch(cpus: u32) -> i64 {
    i64::from(cpus).saturating_mul(2).max(32)
}

/// How far `fast` can be from `slow`, in entries.
#[must_use]
pub(crate) fn slack(cpus: u32) -> i64 {
    slack_of(cpus, batch(cpus))
}

/// How far `fast` can be from `slow`, in entries, when the batch is known.
#[must_use]
pub fn slack_of(cpus: u32, batch: i64) -> i64 {
    i64::from(cpus).saturating_mul(batch.saturating_sub(1))
}

/// The state of the route cache, one of four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regime {
    /// `slow <= max_size`: nothing is refused.
    WithinLimits,
    /// `slow > max_size` but `fast <= gc_thresh`: nothing is refused yet.
    Latent,
    /// `gc_thresh < fast <= max_size < slow`: about one refusal per `gc_min_interval`.
    Intermittent,
    /// `fast > max_size` and `slow > max_size`: everything is refused.
    Exhausted,
}

impl Regime {
    /// The name used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Regime::WithinLimits => "within-limits",
            Regime::Latent => "latent",
            Regime::Intermittent => "intermittent",
            Regime::Exhausted => "exhausted",
        }
    }
}

/// Where `fast` can lie, in entries, when it is at most `slack` away from `slow`.
///
/// `percpu_counter_read_positive` answers 0 where the shared part is negative
/// (include/linux/percpu_counter.h).
#[must_use]
pub fn fast_bounds(slow: i64, slack: i64) -> (i64, i64) {
    let low = slow.saturating_sub(slack).max(0);
    (low, slow.saturating_add(slack).max(0))
}

/// `gc_thresh` as the kernel compares it: the sysctl shows an int, `struct dst_ops` holds an
/// unsigned one, so that a negative value is a huge threshold (include/net/dst_ops.h).
#[must_use]
pub(crate) fn unsigned_thresh(gc_thresh: i64) -> i64 {
    i64::from(gc_thresh as u32)
}

/// The regimes that are possible, in ascending order, when `fast` is known to lie in a range, both
/// ends included.
#[must_use]
pub fn regimes_within(
    slow: i64,
    (low, high): (i64, i64),
    max_size: i64,
    gc_thresh: i64,
) -> Vec<Regime> {
    if slow <= max_size {
        return vec![Regime::WithinLimits];
    }
    let gc_thresh = unsigned_thresh(gc_thresh);
    let mut found = Vec::new();
    if low <= gc_thresh {
        found.push(Regime::Latent);
    }
    // gc_thresh may be above max_size; then fast is checked only beyond gc_thresh.
    if high > gc_thresh && low <= max_size && high.min(max_size) > gc_thresh {
        found.push(Regime::Intermittent);
    }
    if high > max_size && high > gc_thresh {
        found.push(Regime::Exhausted);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `fast` is known exactly where a probe read it, else bounded by `slow` and the CPUs.
    fn regimes(
        slow: i64,
        fast: Option<i64>,
        max_size: i64,
        gc_thresh: i64,
        cpus: u32,
    ) -> Vec<Regime> {
        let bounds = match fast {
            Some(fast) => (fast, fast),
            None => fast_bounds(slow, slack(cpus)),
        };
        regimes_within(slow, bounds, max_size, gc_thresh)
    }

    #[test]
    fn batches() {
        assert_eq!(
            (batch(1), batch(16), batch(17), batch(96)),
            (32, 32, 34, 192)
        );
        assert_eq!(slack(4), 124);
    }

    #[test]
    fn four_regimes() {
        use Regime::{Exhausted, Intermittent, Latent, WithinLimits};
        assert_eq!(regimes(377, None, 4096, 64, 4), [WithinLimits]);
        assert_eq!(regimes(616, None, 200, 64, 4), [Exhausted]);
        assert_eq!(regimes(376, Some(288), 366, 64, 4), [Intermittent]);
        assert_eq!(regimes(376, None, 366, 64, 4), [Intermittent, Exhausted]);
        assert_eq!(regimes(70, Some(64), 66, 64, 4), [Latent]);
        assert_eq!(
            regimes(70, None, 66, 64, 4),
            [Latent, Intermittent, Exhausted]
        );
        assert_eq!(regimes(2000, Some(1000), 500, 1024, 4), [Latent]);
    }

    #[test]
    fn a_negative_threshold_is_a_huge_one() {
        assert_eq!(unsigned_thresh(-1), i64::from(u32::MAX));
        assert_eq!(regimes(616, None, 200, -1, 4), [Regime::Latent]);
    }

    #[test]
    fn fast_is_never_read_as_negative() {
        assert_eq!(fast_bounds(10, 124), (0, 134));
        // Not intermittent: no value of fast is at or below a negative max_size.
        assert_eq!(
            regimes(10, None, -5, 0, 4),
            [Regime::Latent, Regime::Exhausted]
        );
    }
}
