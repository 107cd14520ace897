//! The state of one CPU, and of one task on it.

use crate::diagnosis::collect::signal::EntryBy;
use crate::diagnosis::collect::slots::{CpuSlot, TaskSlot};
use crate::diagnosis::evidence::{Attempts, Observed};
use crate::kernel::functions::Origin;
use crate::trace::Time;

/// A lookup and its drop are microseconds apart, in one softirq. This is far beyond what a
/// hypervisor that takes the CPU away in between was seen to add.
pub(super) const MAX_LINK_NANOSECONDS: u64 = 100_000_000;

/// Which kinds of events have told of one call or drop, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Via(u8);

impl Via {
    /// Nothing yet.
    pub(super) const NOTHING: Via = Via(0);
    /// The function tracer's entry.
    pub(super) const ENTRY: Via = Via(1);
    /// A probe on the entry.
    pub(super) const PROBE: Via = Via(2);
    /// A stack whose first frame is the function.
    pub(super) const STACK: Via = Via(4);
    /// A return probe.
    pub(super) const RETURN: Via = Via(8);
    /// The entry of a drop's handler.
    pub(super) const HANDLER: Via = Via(16);
    /// A probe on the entry of a drop's handler.
    pub(super) const HANDLER_PROBE: Via = Via(32);
    /// A probe that fetches arguments.
    pub(super) const ARGUMENTS: Via = Via(64);
    /// Entries and probes, each of which may bring a stack.
    const ENTRIES: Via = Via(1 | 2 | 64);

    /// How an entry was seen.
    pub(super) fn of(source: EntryBy) -> Via {
        match source {
            EntryBy::Entry => Via::ENTRY,
            EntryBy::Probe => Via::PROBE,
            EntryBy::Arguments => Via::ARGUMENTS,
        }
    }

    /// Adds another kind.
    pub(super) fn add(&mut self, other: Via) {
        self.0 |= other.0;
    }

    fn has_any(self, others: Via) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether an event that came `via` one way is about what other events have opened.
    ///
    /// A handler's entry comes before everything else about its drop, and a stack is attached
    /// elsewhere. A stack right behind a cut lost its own entry: the next entry is another one.
    pub(super) fn is_same(self, via: Via, after_cut: bool) -> bool {
        let second = match via {
            Via::HANDLER | Via::HANDLER_PROBE => {
                !self.has_any(Via::ENTRIES) && !self.has_any(Via::STACK)
            }
            via => via.has_any(Via::ENTRIES),
        };
        second && !self.has_any(via) && !(self == Via::STACK && after_cut)
    }

    /// Whether another stack can be about it: each entry and each probe may bring one.
    pub(super) fn takes_stack(self, stacks: u8) -> bool {
        u32::from(stacks) < (self.0 & Via::ENTRIES.0).count_ones().max(1)
    }
}

/// One call of `ip6_dst_gc`, from its entry to whatever comes next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) via: Via,
    pub(super) after_cut: bool,
    pub(super) origin: Origin,
    pub(super) observed: Observed,
    pub(super) stacks: u8,
    pub(super) returned: bool,
    pub(super) time: Option<Time>,
}

/// The attempts of one direction and where the CPU stood after the last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trail {
    pub(super) attempts: Attempts,
    pub(super) bounded: bool,
    pub(super) disturbances: u64,
    pub(super) time: Option<Time>,
}

/// A drop of this task that may still get its stack or its second event.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenDrop {
    pub(super) ticket: u64,
    pub(super) via: Via,
    pub(super) after_cut: bool,
    pub(super) stacks: u8,
    pub(super) time: Option<Time>,
}

/// What a stack belongs to that does not name its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum LastEntry {
    #[default]
    Other,
    Call,
    Drop,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Task {
    pub(super) epoch: u64,
    pub(super) call: Option<Call>,
    pub(super) drop: Option<OpenDrop>,
    pub(super) last: LastEntry,
    pub(super) receive: Trail,
    pub(super) output: Trail,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cpu {
    /// The cut of all CPUs that this one has taken part in.
    pub(super) generation: u64,
    /// The latest time stamp.
    pub(super) latest: Option<Time>,
    /// Counts cuts of the evidence; tasks of an older epoch start anew.
    pub(super) epoch: u64,
    /// The last cut was a loss, not the start.
    pub(super) lost: bool,
    /// Drops, task switches and attempts since the cut, enough to be past the first packet.
    pub(super) settled: u32,
    /// Counts what must not lie between an attempt and its drop.
    pub(super) disturbances: u64,
    /// A drop was seen since the cut.
    pub(super) dropped: bool,
    pub(super) last_pid: Option<u64>,
    /// The state of that task, where an event of it was taken since.
    pub(super) current: Option<TaskSlot>,
}

impl Cpu {
    /// Events were lost here, and nothing but the first packet came since.
    pub(super) fn just_lost(&self) -> bool {
        self.lost && self.settled == 0
    }
}

/// The states that one event is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) cpu: CpuSlot,
    pub(super) task: TaskSlot,
}

/// Whether two events can be about one packet; without times that is not excluded.
pub(super) fn is_near(now: Option<Time>, then: Option<Time>) -> bool {
    let gap = now
        .zip(then)
        .and_then(|(now, then)| now.nanoseconds_since(then));
    gap.is_none_or(|gap| gap <= MAX_LINK_NANOSECONDS)
}
