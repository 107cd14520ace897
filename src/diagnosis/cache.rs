//! What the counters around a capture prove of the cache as a whole, whatever is sure of single
//! drops.

use crate::diagnosis::class::Confidence;
use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::evidence::Observed;
use crate::diagnosis::proof::allocations;
use crate::diagnosis::surroundings::{Surroundings, calls};
use crate::host::Snapshot;
use crate::trace::TextFacts;

/// Between two readings of the counters the cache granted nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefusedAll {
    /// Calls of `ip6_dst_gc` in the capture that the readings are around.
    pub(crate) attempts: u64,
    /// Confirmed where the kernel's own count of drops shows that the capture is of the counters'
    /// namespace and time.
    pub(crate) confidence: Confidence,
}

impl RefusedAll {
    /// Both together; nothing where one of them says nothing.
    pub(crate) fn and(self, other: RefusedAll) -> RefusedAll {
        RefusedAll {
            attempts: self.attempts + other.attempts,
            confidence: self.confidence.min(other.confidence),
        }
    }
}

/// Whether the cache granted nothing: no entry was allocated, and more than `max_size` of them
/// were there throughout. Without an allocation `slow` only falls, so its last value bounds it.
fn granted_nothing(before: &Snapshot, after: &Snapshot) -> Option<bool> {
    let is_over = after.slow()? > after.max_size()?;
    let same_limit = before.max_size() == after.max_size();
    Some(allocations(before, after)? == 0 && is_over && same_limit)
}

/// What is proven of the cache while this input was recorded.
#[must_use]
pub(crate) fn refused_all(
    gathered: &Gathered,
    around: &Surroundings<'_>,
    text: &TextFacts,
) -> Option<RefusedAll> {
    let facts = around.facts;
    if granted_nothing(facts.before.as_ref()?, facts.after.as_ref()?) != Some(true) {
        return None;
    }
    let attempts = calls(gathered, text).all;
    // What was granted shows in the counters of its own namespace.
    let granted = |observed| matches!(observed, Observed::Succeeded | Observed::Uncollected);
    let elsewhere = gathered.gc.keys().any(|(.., observed)| granted(*observed));
    let others = |ops: u64| gathered.namespaces.iter().any(|one| *one != ops);
    let several = gathered.namespaces.len() > 1 || facts.ops.is_some_and(others);
    if attempts == 0 || elsewhere || around.are_foreign() || several {
        return None;
    }
    // Where nothing was dropped the counts are equal whatever the counters are of.
    let agree = around.counts_are_equal() && !gathered.has_losses();
    let is_sure = agree && around.receive_drops > 0;
    Some(RefusedAll {
        attempts,
        confidence: if is_sure {
            Confidence::Confirmed
        } else {
            Confidence::Probable
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Facts;
    use crate::kernel::functions::Origin;

    /// Two readings with so many entries each, allocations in between, and drops.
    fn facts(slow: (u64, u64), allocated: u64, drops: u64) -> Facts {
        let reading = |slow: u64, allocated: u64, drops: u64| {
            format!(
                "0001 0001 {allocated:04x} 0001 0000 {slow:04x} 0000\nIp6InNoRoutes {drops}\n\
                 net.ipv6.route.max_size = 200\nnet.ipv6.route.gc_thresh = 64\n4\n"
            )
        };
        let text = reading(slow.0, 500, 10) + &reading(slow.1, 500 + allocated, 10 + drops);
        Facts::parse(text.as_bytes()).unwrap()
    }

    /// What is said of 9 calls with that outcome and 7 drops.
    fn said(facts: &Facts, observed: Observed, change: fn(&mut Gathered)) -> Option<RefusedAll> {
        said_of(7, facts, observed, change)
    }

    /// The same of so many drops.
    fn said_of(
        receive_drops: u64,
        facts: &Facts,
        observed: Observed,
        change: fn(&mut Gathered),
    ) -> Option<RefusedAll> {
        let mut gathered = Gathered::default();
        gathered.gc.insert((Some(1), Origin::Receive, observed), 9);
        change(&mut gathered);
        let around = Surroundings {
            facts,
            bracketed: false,
            receive_drops,
            memory_failed: false,
        };
        refused_all(&gathered, &around, &TextFacts::default())
    }

    fn refused(confidence: Confidence) -> Option<RefusedAll> {
        Some(RefusedAll {
            attempts: 9,
            confidence,
        })
    }

    #[test]
    fn nothing_is_granted_where_nothing_was_allocated_above_the_limit() {
        let with = |facts: Facts| said(&facts, Observed::Collected, |_| ());
        let sure = refused(Confidence::Confirmed);
        assert_eq!(with(facts((616, 616), 0, 7)), sure);
        assert_eq!(with(facts((616, 201), 0, 7)), sure);
        assert_eq!(with(facts((616, 200), 0, 7)), None);
        assert_eq!(with(facts((616, 616), 1, 7)), None);
        let mut moved = facts((616, 616), 0, 7);
        let before = moved.before.as_mut().unwrap();
        before.route.insert("max_size".to_owned(), 201);
        assert_eq!(with(moved), None);
        let once = Facts {
            after: None,
            ..facts((616, 616), 0, 7)
        };
        assert_eq!(with(once), None);
    }

    #[test]
    fn the_count_of_drops_shows_whose_counters_they_are() {
        let with = |drops| said(&facts((616, 616), 0, drops), Observed::Collected, |_| ());
        assert_eq!(with(7), refused(Confidence::Confirmed));
        assert_eq!(with(8), refused(Confidence::Probable));
        assert_eq!(with(6), None);
        // None is as many as none, whatever was counted.
        let none = facts((616, 616), 0, 0);
        let none = said_of(0, &none, Observed::Collected, |_| ());
        assert_eq!(none, refused(Confidence::Probable));
    }

    #[test]
    fn losses_and_other_namespaces_count() {
        let facts = facts((616, 616), 0, 7);
        let with = |change| said(&facts, Observed::Collected, change);
        let lost = |gathered: &mut Gathered| gathered.lost_uncounted = 1;
        assert_eq!(with(lost), refused(Confidence::Probable));
        let one = |gathered: &mut Gathered| gathered.namespaces.extend([1]);
        assert_eq!(with(one), refused(Confidence::Confirmed));
        let two = |gathered: &mut Gathered| gathered.namespaces.extend([1, 2]);
        assert_eq!(with(two), None);
        assert_eq!(with(|gathered| gathered.gc.clear()), None);
        let of = |ops| Facts {
            ops: Some(ops),
            ..facts.clone()
        };
        let of = |ops| said(&of(ops), Observed::Collected, one);
        assert_eq!(of(1), refused(Confidence::Confirmed));
        assert_eq!(of(2), None);
    }

    #[test]
    fn what_was_granted_was_granted_elsewhere() {
        let facts = facts((616, 616), 0, 7);
        for (observed, is_granted) in [
            (Observed::Failed, false),
            (Observed::Succeeded, true),
            (Observed::Collected, false),
            (Observed::Uncollected, true),
            (Observed::Nothing, false),
            (Observed::Cut, false),
        ] {
            let found = said(&facts, observed, |_| ());
            assert_eq!(found.is_none(), is_granted, "{observed:?}");
        }
    }

    #[test]
    fn two_inputs_are_as_sure_as_the_less_sure_one() {
        let one = |attempts, confidence| RefusedAll {
            attempts,
            confidence,
        };
        let sum = one(2, Confidence::Confirmed).and(one(3, Confidence::Probable));
        assert_eq!(sum, one(5, Confidence::Probable));
    }
}
