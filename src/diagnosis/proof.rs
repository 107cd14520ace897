//! What the counters and limits around a capture prove about the allocations in it.

use crate::host::{Facts, Snapshot};
use crate::kernel::limits::slack;

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
}
