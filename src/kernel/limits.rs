//! What the counters and limits around a capture prove about the allocations in it.
//!
//! `dst_alloc` calls `ip6_dst_gc` when `fast > gc_thresh`. That returns 0 at once while the
//! last collection is recent and `fast <= max_size`; otherwise it collects and then refuses
//! exactly when `slow > max_size` (net/ipv6/route.c, 4.19). `fast` is the shared part of a
//! `percpu_counter` and differs from `slow`, the exact sum, by at most
//! `CPUs * (batch - 1)` (lib/percpu_counter.c).

use serde::Serialize;

use crate::host::{Facts, Snapshot};

/// `percpu_counter_batch` for a number of online CPUs (lib/percpu_counter.c).
#[must_use]
pub fn batch(cpus: u32) -> i64 {
    i64::from(cpus).saturating_mul(2).max(32)
}

/// How far `fast` can be from `slow`, in entries.
#[must_use]
pub fn slack(cpus: u32) -> i64 {
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
pub fn unsigned_thresh(gc_thresh: i64) -> i64 {
    i64::from(gc_thresh as u32)
}

/// The regimes that are possible for the given numbers, in ascending order.
///
/// `fast` is known exactly where a probe read it, else bounded by `slow` and the CPUs.
#[must_use]
pub fn regimes(
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

/// The regimes that are possible when `fast` is known to lie in a range, both ends included.
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

/// What the facts prove about every call of `ip6_dst_gc` between the two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    Nothing,
    /// Every one refused.
    AllFailed(&'static str),
    /// None refused.
    NoneFailed(&'static str),
    /// One refused exactly if `fib6_run_gc` ran inside it.
    CollectedFailed(&'static str),
}

/// `fib_rt_alloc` is an int and wraps.
fn allocations(before: &Snapshot, after: &Snapshot) -> Option<i64> {
    let (before, after) = (
        before.rt6_stats?.fib_rt_alloc,
        after.rt6_stats?.fib_rt_alloc,
    );
    Some(i64::from((after as u32).wrapping_sub(before as u32)))
}

/// Lower and upper bound of `slow` at every moment between the readings.
///
/// Entries are added only by the counted allocations, so `slow` never exceeded its first
/// value by more than their number, and was never further below its last.
fn slow_between(before: &Snapshot, after: &Snapshot) -> Option<(i64, i64)> {
    let added = allocations(before, after)?;
    Some((
        after.slow()?.saturating_sub(added),
        before.slow()?.saturating_add(added),
    ))
}

/// Calls of `ip6_dst_gc` in a capture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// All calls.
    pub all: u64,
    /// Calls in which `fib6_run_gc` was seen.
    pub collected: u64,
}

/// Works out what the facts prove about the calls of a capture.
#[must_use]
pub fn prove(facts: &Facts, calls: CallCounts) -> Proof {
    let (Some(before), Some(after)) = (&facts.before, &facts.after) else {
        return Proof::Nothing;
    };
    let limits_held = before.max_size() == after.max_size()
        && before.gc_thresh() == after.gc_thresh()
        && before.cpus == after.cpus;
    let (Some((low, high)), Some(max_size), Some(gc_thresh), Some(cpus), true) = (
        slow_between(before, after),
        after.max_size(),
        after.gc_thresh(),
        after.cpus,
        limits_held,
    ) else {
        return Proof::Nothing;
    };
    let succeeded = allocations(before, after).map_or(0, i64::unsigned_abs);
    if high <= max_size {
        return Proof::NoneFailed(
            "slow never exceeded max_size between the two readings of rt6_stats",
        );
    }
    if high.saturating_add(slack(cpus)) <= gc_thresh {
        return Proof::NoneFailed(
            "fast never exceeded gc_thresh between the two readings of rt6_stats, so no limit was checked",
        );
    }
    if succeeded == 0 && calls.all > 0 {
        return Proof::AllFailed(
            "no allocation succeeded between the two readings (the third field of rt6_stats did not rise), so every attempt was refused",
        );
    }
    // Calls that are granted are among the successes that the third field counts, and only
    // those with fib6_run_gc inside can refuse: where both bounds meet, all of these did.
    let failed = calls.all.saturating_sub(succeeded);
    if calls.collected > 0 && failed >= calls.collected {
        return Proof::CollectedFailed(
            "fewer allocations succeeded between the two readings of rt6_stats than were attempted, and the difference is every attempt in which fib6_run_gc ran",
        );
    }
    // More successes than calls without fib6_run_gc contradict that: another namespace, or a
    // kernel that no longer checks.
    if low > max_size && succeeded <= calls.all.saturating_sub(calls.collected) {
        return Proof::CollectedFailed(
            "slow stayed above max_size between the two readings of rt6_stats, so an attempt was refused exactly when fib6_run_gc ran in it",
        );
    }
    Proof::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(slow: (u64, u64), allocations: (u64, u64), max_size: i64) -> Facts {
        let side = |slow: u64, allocations: u64| {
            let text = format!(
                "0001 0001 {allocations:04x} 0001 0000 {slow:04x} 0000\nnet.ipv6.route.max_size = {max_size}\nnet.ipv6.route.gc_thresh = 64\n4\n"
            );
            Facts::parse(text.as_bytes()).unwrap().before
        };
        Facts {
            before: side(slow.0, allocations.0),
            after: side(slow.1, allocations.1),
        }
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
    fn proofs() {
        let calls = CallCounts {
            all: 96,
            collected: 0,
        };
        let prove = |facts| super::prove(&facts, calls);
        assert!(matches!(
            prove(facts((616, 616), (753, 753), 200)),
            Proof::AllFailed(_)
        ));
        assert!(matches!(
            prove(facts((377, 377), (512, 560), 4096)),
            Proof::NoneFailed(_)
        ));
        assert!(matches!(
            prove(facts((380, 380), (511, 520), 366)),
            Proof::CollectedFailed(_)
        ));
        // 323 allocations went through in between: slow may have been anywhere.
        assert_eq!(prove(facts((376, 379), (511, 834), 366)), Proof::Nothing);
        // The counter wrapped, and eight allocations were made: not all were refused.
        assert!(matches!(
            prove(facts((600, 600), (0xffff_fffc, 4), 200)),
            Proof::CollectedFailed(_)
        ));
        // More successes than calls: these facts are not those of the calls.
        assert_eq!(prove(facts((1000, 1105), (500, 605), 200)), Proof::Nothing);
        assert_eq!(
            prove(Facts {
                after: None,
                ..facts((616, 616), (1, 1), 200)
            }),
            Proof::Nothing
        );
    }

    #[test]
    fn refusals_by_counting() {
        let facts = facts((376, 379), (511, 834), 366);
        let prove = |all, collected| prove(&facts, CallCounts { all, collected });
        assert!(matches!(prove(326, 3), Proof::CollectedFailed(_)));
        // One more collection than refusals: which one was granted is not known.
        assert_eq!(prove(326, 4), Proof::Nothing);
        assert_eq!(prove(323, 0), Proof::Nothing);
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
