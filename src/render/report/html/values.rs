//! What is known of a route cache and its limits during one input.

use crate::host::Snapshot;
use crate::report::timeline::{Band, Timeline};

/// A value before the capture and after it.
pub(super) type Ends = [Option<i64>; 2];

/// What is drawn of one input.
pub(super) struct Values {
    /// `fast`, where it was found to be that of these counters.
    pub(super) fast: Vec<Option<Band>>,
    pub(super) slow: Ends,
    pub(super) max_size: Ends,
    pub(super) gc_thresh: Ends,
}

impl Values {
    pub(super) fn of(timeline: &Timeline) -> Option<Values> {
        let counters = timeline.counters.as_ref()?;
        let facts = timeline.facts.as_ref()?;
        let believed = counters.fast;
        let ends = |value: fn(&Snapshot) -> Option<i64>| {
            [&facts.before, &facts.after].map(|side| side.as_ref().and_then(value))
        };
        Some(Values {
            fast: timeline
                .fast
                .iter()
                .map(|bands| believed.and_then(|fast| bands[fast.place]))
                .collect(),
            slow: ends(Snapshot::slow),
            max_size: ends(Snapshot::max_size),
            gc_thresh: ends(Snapshot::gc_thresh),
        })
    }

    fn largest(&self) -> i64 {
        let bands = self.fast.iter().flatten().map(|band| band.max);
        let ends = [self.slow, self.max_size, self.gc_thresh];
        let ends = ends.into_iter().flatten().flatten();
        bands.chain(ends).max().unwrap_or(0)
    }

    /// The scale's end: a limit far above everything else would press all else to the floor.
    pub(super) fn top(&self) -> i64 {
        let bands = self.fast.iter().flatten().map(|band| band.max);
        let held = bands.chain(self.slow.into_iter().flatten()).max();
        let top = match held {
            Some(held) => self.largest().min(held.saturating_mul(FAR)),
            None => self.largest(),
        };
        top.max(1)
    }
}

/// How many times what the cache holds a limit may be and still be drawn in its place.
const FAR: i64 = 4;
