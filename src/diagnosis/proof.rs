//! What the counters and limits around a capture prove about the allocations in it.

use crate::host::{Facts, Snapshot};
use crate::kernel::limits::{slack, unsigned_thresh};

/// What the facts prove about every call of `ip6_dst_gc` between the two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing.
    Nothing,
    /// Every one refused.
    AllFailed,
    /// None refused.
    NoneFailed,
    /// One refused exactly if `fib6_run_gc` ran inside it.
    CollectedFailed,
    /// As many entries were allocated as there were calls, and none without one. Whether any
    /// was allocated before the trace or after it the numbers do not say.
    AllGranted,
}

/// `fib_rt_alloc` is an int and wraps. Before 4.18, where routes are dsts themselves, it is
/// always 0 and says nothing.
pub(crate) fn allocations(before: &Snapshot, after: &Snapshot) -> Option<i64> {
    let (before, after) = (
        before.rt6_stats?.fib_rt_alloc,
        after.rt6_stats?.fib_rt_alloc,
    );
    if (before, after) == (0, 0) {
        return None;
    }
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
pub(crate) struct CallCounts {
    /// All calls.
    pub(crate) all: u64,
    /// Calls in which `fib6_run_gc` was seen.
    pub(crate) collected: u64,
}

/// Works out what the facts prove about the calls of a capture.
#[must_use]
pub(crate) fn prove(facts: &Facts, calls: CallCounts) -> Proof {
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
    // Either slow never exceeded max_size, or fast never gc_thresh, and no limit was checked.
    if high <= max_size || high.saturating_add(slack(cpus)) <= gc_thresh {
        return Proof::NoneFailed;
    }
    // Nothing was granted: the third field of rt6_stats did not rise.
    if succeeded == 0 && calls.all > 0 {
        return Proof::AllFailed;
    }
    // Where fast stayed above gc_thresh each allocation was a call (net/core/dst.c: dst_alloc).
    let always_called = low.saturating_sub(slack(cpus)) > unsigned_thresh(gc_thresh);
    if always_called && calls.all > 0 && succeeded == calls.all {
        return Proof::AllGranted;
    }
    // Calls that are granted are among the successes that the third field counts, and only
    // those with fib6_run_gc inside can refuse: where both bounds meet, all of these did.
    let failed = calls.all.saturating_sub(succeeded);
    if calls.collected > 0 && failed >= calls.collected {
        return Proof::CollectedFailed;
    }
    // Where slow stayed above max_size, fib6_run_gc and a refusal went together. More
    // successes than calls without it contradict that: another namespace, or a kernel that no
    // longer checks.
    if low > max_size && succeeded <= calls.all.saturating_sub(calls.collected) {
        return Proof::CollectedFailed;
    }
    Proof::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `slow` and allocations made by then, in both readings, on 4 CPUs.
    fn facts(slow: (u64, u64), allocations: (u64, u64), max_size: i64, gc_thresh: i64) -> Facts {
        let side = |slow: u64, allocations: u64| {
            let text = format!(
                "0001 0001 {allocations:04x} 0001 0000 {slow:04x} 0000\nnet.ipv6.route.max_size = {max_size}\nnet.ipv6.route.gc_thresh = {gc_thresh}\n4\n"
            );
            Facts::parse(text.as_bytes()).unwrap().before
        };
        Facts {
            before: side(slow.0, allocations.0),
            after: side(slow.1, allocations.1),
            ..Facts::default()
        }
    }

    fn calls(all: u64, collected: u64) -> CallCounts {
        CallCounts { all, collected }
    }

    #[test]
    fn none_failed_where_the_limit_was_never_passed() {
        let prove = |facts| prove(&facts, calls(96, 0));
        assert_eq!(
            prove(facts((377, 377), (512, 560), 425, 64)),
            Proof::NoneFailed
        );
        // The 48 allocations may have come before any entry was freed.
        assert_ne!(
            prove(facts((377, 377), (512, 560), 424, 64)),
            Proof::NoneFailed
        );
        // The counter wrapped, and eight allocations were made.
        assert_eq!(
            prove(facts((600, 600), (0xffff_fffc, 4), 608, 64)),
            Proof::NoneFailed
        );
        assert_ne!(
            prove(facts((600, 600), (0xffff_fffc, 4), 607, 64)),
            Proof::NoneFailed
        );
    }

    #[test]
    fn none_failed_where_the_threshold_was_never_passed() {
        // 616 entries, 8 more on the way, and 4 CPUs that may hide 31 each.
        let with = |gc_thresh| prove(&facts((616, 616), (1, 9), 200, gc_thresh), calls(9, 0));
        assert_eq!(with(748), Proof::NoneFailed);
        assert_ne!(with(747), Proof::NoneFailed);
    }

    #[test]
    fn all_failed_where_nothing_was_granted() {
        let facts = |after| facts((616, 616), (753, after), 200, 64);
        assert_eq!(prove(&facts(753), calls(96, 0)), Proof::AllFailed);
        assert_eq!(prove(&facts(753), calls(1, 1)), Proof::AllFailed);
        assert_eq!(prove(&facts(753), calls(0, 0)), Proof::CollectedFailed);
        assert_eq!(prove(&facts(754), calls(96, 0)), Proof::CollectedFailed);
    }

    #[test]
    fn the_collected_failed_where_counting_says_so() {
        // 323 allocations went through in between: slow may have been anywhere.
        let facts = facts((376, 379), (511, 834), 366, 64);
        let prove = |all, collected| prove(&facts, calls(all, collected));
        assert_eq!(prove(326, 3), Proof::CollectedFailed);
        assert_eq!(prove(326, 1), Proof::CollectedFailed);
        // One more collection than refusals: which one was granted is not known.
        assert_eq!(prove(326, 4), Proof::Nothing);
        assert_eq!(prove(323, 0), Proof::Nothing);
        assert_eq!(prove(326, 0), Proof::Nothing);
    }

    #[test]
    fn the_collected_failed_where_slow_stayed_above_the_limit() {
        // slow ended at 380 with 9 allocations in between: it was never below 371.
        let with = |max_size, all, collected| {
            prove(
                &facts((380, 380), (511, 520), max_size, 64),
                calls(all, collected),
            )
        };
        assert_eq!(with(370, 96, 90), Proof::Nothing);
        assert_eq!(with(370, 10, 1), Proof::CollectedFailed);
        assert_eq!(with(370, 10, 0), Proof::CollectedFailed);
        assert_eq!(with(371, 10, 0), Proof::Nothing);
        // More successes than calls that can have been granted: another namespace.
        assert_eq!(with(370, 12, 4), Proof::Nothing);
        assert_eq!(with(370, 8, 0), Proof::Nothing);
    }

    #[test]
    fn all_were_granted_where_as_many_entries_came_as_calls() {
        // slow was never below 371, and 4 CPUs hide 31 entries each.
        let with = |gc_thresh, all, collected| {
            prove(
                &facts((380, 380), (511, 520), 200, gc_thresh),
                calls(all, collected),
            )
        };
        assert_eq!(with(246, 9, 9), Proof::AllGranted);
        assert_eq!(with(64, 9, 0), Proof::AllGranted);
        // Below gc_thresh nothing is called, and who was granted is not known.
        assert_eq!(with(247, 9, 9), Proof::Nothing);
        assert_eq!(with(246, 10, 9), Proof::Nothing);
        assert_eq!(with(246, 8, 8), Proof::Nothing);
        let none = facts((380, 380), (511, 511), 200, 64);
        assert_ne!(prove(&none, calls(0, 0)), Proof::AllGranted);
    }

    #[test]
    fn limits_that_changed_prove_nothing() {
        let good = facts((616, 616), (753, 753), 200, 64);
        let with = |change: &dyn Fn(&mut Facts)| {
            let mut facts = good.clone();
            change(&mut facts);
            prove(&facts, calls(96, 0))
        };
        assert_eq!(with(&|_| ()), Proof::AllFailed);
        let route = |facts: &mut Facts, name: &str, value| {
            let before = facts.before.as_mut().unwrap();
            before.route.insert(name.to_owned(), value);
        };
        assert_eq!(with(&|facts| route(facts, "max_size", 201)), Proof::Nothing);
        assert_eq!(with(&|facts| route(facts, "gc_thresh", 65)), Proof::Nothing);
        assert_eq!(
            with(&|facts| facts.before.as_mut().unwrap().cpus = Some(5)),
            Proof::Nothing
        );
        assert_eq!(
            with(&|facts| facts.before.as_mut().unwrap().cpus = None),
            Proof::Nothing
        );
        assert_eq!(with(&|facts| facts.before = None), Proof::Nothing);
        assert_eq!(with(&|facts| facts.after = None), Proof::Nothing);
        assert_eq!(
            with(&|facts| facts.after.as_mut().unwrap().rt6_stats = None),
            Proof::Nothing
        );
    }
}
