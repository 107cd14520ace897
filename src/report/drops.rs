//! Drops on their way to a report: counted, and kept where somebody wants to see each.

use std::sync::Arc;

use crate::diagnosis::collect::packet_drop::{DropSink, Identity, PacketDrop};
use crate::diagnosis::collect::wanted::Wanted;
use crate::kernel::dst_ops::FastReadings;
use crate::report::filter::Filter;
use crate::report::tally::Tally;
use crate::trace::Time;
use crate::trace::event::Context;
use crate::trace::event::{Name, StackId};

/// Drops and readings of `fast` that are kept of one input; where there are more, it is read
/// again.
pub(crate) const MAX_KEPT: usize = 16_384;

/// A drop that passes the filters on stacks, contexts and packets.
#[derive(Debug, Clone)]
pub(crate) struct KeptDrop {
    /// Where and when; `None` where the trace does not say.
    pub(crate) context: Option<Context>,
    /// The number of its evidence.
    pub(crate) evidence: u32,
    /// Its stack, where it has one within the table's caps.
    pub(crate) stack: Option<StackId>,
    /// How many drops it stands for.
    pub(crate) count: u64,
    /// Which packet it was, where the trace names it.
    pub(crate) packet: Option<Arc<Identity>>,
}

/// One of what is kept.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    /// A drop.
    Drop(KeptDrop),
    /// `fast`, as a probe read it wherever it may be.
    Fast(Time, FastReadings),
}

/// What is kept, in the order of the trace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keep {
    all: Vec<Kept>,
    overflowed: bool,
    /// Only so many are wanted, the latest.
    latest: Option<usize>,
}

impl Keep {
    /// Keeps so many drops, the latest, and what `fast` was not at all.
    fn of_latest(drops: usize) -> Keep {
        Keep {
            latest: Some(drops),
            ..Keep::default()
        }
    }

    /// Everything, where it is everything that is wanted.
    #[must_use]
    pub(crate) fn whole(&self) -> Option<&[Kept]> {
        (!self.overflowed).then_some(&self.all)
    }

    fn push(&mut self, kept: Kept) {
        match (self.latest, &kept) {
            (Some(_), Kept::Fast(..)) => return,
            // So that not each of them moves all others.
            (Some(most), _) if self.all.len() >= 2 * most => {
                self.all.drain(..=self.all.len() - most);
            }
            _ => {}
        }
        if self.all.len() >= MAX_KEPT {
            self.all = Vec::new();
            self.overflowed = true;
        }
        if !self.overflowed {
            self.all.push(kept);
        }
    }
}

/// What becomes of single drops.
#[derive(Debug, Clone)]
enum Keeping {
    /// Nothing.
    No,
    /// They are kept, up to a number.
    Some(Keep),
    /// They are kept until they are taken.
    Next(Vec<Kept>),
}

/// Takes the drops of one input.
#[derive(Clone)]
pub(crate) struct Drops<'f> {
    /// The counts.
    pub(crate) tally: Tally<'f>,
    wanted: Keeping,
}

impl<'f> Drops<'f> {
    /// Counts drops, and keeps them where `keep`.
    #[must_use]
    pub(crate) fn new(filter: &'f Filter, keep: bool) -> Self {
        Drops {
            tally: Tally::new(filter),
            wanted: if keep {
                Keeping::Some(Keep::default())
            } else {
                Keeping::No
            },
        }
    }

    /// Counts drops, and keeps the latest.
    #[must_use]
    pub(crate) fn latest(filter: &'f Filter, drops: usize) -> Self {
        Drops {
            tally: Tally::new(filter),
            wanted: Keeping::Some(Keep::of_latest(drops)),
        }
    }

    /// Counts drops, and keeps them until [`Drops::take`].
    #[must_use]
    pub(crate) fn passing(filter: &'f Filter) -> Self {
        Drops {
            tally: Tally::new(filter),
            wanted: Keeping::Next(Vec::new()),
        }
    }

    /// What was kept.
    #[must_use]
    pub(crate) fn kept(&self) -> Option<&Keep> {
        match &self.wanted {
            Keeping::Some(keep) => Some(keep),
            Keeping::No | Keeping::Next(_) => None,
        }
    }

    /// Hands over what was kept since the last time.
    pub(crate) fn take(&mut self, mut each: impl FnMut(&Kept)) {
        if let Keeping::Next(next) = &mut self.wanted {
            next.drain(..).for_each(|kept| each(&kept));
        }
    }

    #[inline(never)]
    fn keep(&mut self, kept: Kept) {
        match &mut self.wanted {
            Keeping::No => {}
            Keeping::Some(keep) => keep.push(kept),
            Keeping::Next(next) => next.push(kept),
        }
    }
}

impl DropSink for Drops<'_> {
    fn matches_stack(&mut self, id: Option<StackId>, frames: &[Name]) -> bool {
        self.tally.matches_stack(id, frames)
    }

    #[inline]
    fn drop(&mut self, drop: &PacketDrop) {
        let passed = self.tally.count(drop);
        if let Some(evidence) = passed
            && !matches!(self.wanted, Keeping::No)
        {
            self.keep(Kept::Drop(KeptDrop {
                context: drop.context,
                evidence,
                stack: drop.stack,
                count: drop.count,
                packet: drop.packet.clone(),
            }));
        }
    }

    #[inline]
    fn fast(&mut self, time: Time, readings: FastReadings) {
        if !matches!(self.wanted, Keeping::No) {
            self.keep(Kept::Fast(time, readings));
        }
    }

    fn wanted(&mut self, wanted: &Wanted) {
        self.tally.wanted.count(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_everything_or_nothing() {
        let fast = |n| Kept::Fast(Time::count(n), [Some(0), None]);
        let mut keep = Keep::default();
        (0..MAX_KEPT as u64).for_each(|n| keep.push(fast(n)));
        assert_eq!(keep.whole().map(<[Kept]>::len), Some(MAX_KEPT));
        keep.push(fast(0));
        assert!(keep.whole().is_none());
        keep.push(fast(0));
        assert!(keep.whole().is_none());
    }

    #[test]
    fn the_latest_are_kept_however_many_come() {
        let drop = |evidence| {
            Kept::Drop(KeptDrop {
                context: None,
                evidence,
                stack: None,
                count: 1,
                packet: None,
            })
        };
        let mut keep = Keep::of_latest(10);
        for n in 0..1000 {
            keep.push(drop(n));
            keep.push(Kept::Fast(Time::count(1), [None; 2]));
            let kept = keep.whole().unwrap();
            assert!(kept.len() <= 20 && kept.len() >= 10.min(n as usize + 1));
            assert!(matches!(kept.last(), Some(Kept::Drop(last)) if last.evidence == n));
        }
    }
}
