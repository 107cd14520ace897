//! The state of one CPU, and of one task on it.

use crate::diagnosis::collect::signal::EntryBy;
use crate::diagnosis::collect::slots::{CpuSlot, TaskSlot};
use crate::diagnosis::evidence::{Attempts, Observed};
use crate::kernel::functions::Origin;
use crate::trace::{Context, Level, Time};

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
    /// The trace point where a packet is freed.
    pub(super) const FREED: Via = Via(128);
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
    #[inline]
    pub(super) fn is_same(self, via: Via, after_cut: bool) -> bool {
        let second = match via {
            Via::HANDLER | Via::HANDLER_PROBE => {
                !self.has_any(Via::ENTRIES) && !self.has_any(Via::STACK)
            }
            via => via.has_any(Via::ENTRIES),
        };
        // A packet is freed at the end of its drop: the next entry is of another one.
        let is_over = self.has_any(Via::FREED) || self == Via::STACK && after_cut;
        second && !is_over && !self.has_any(via)
    }

    /// Where entries are known to come before the events of probes, or behind them: this one
    /// comes the other way round, so that it tells of another call.
    pub(super) fn is_turned(self, via: Via, entry_first: Option<bool>) -> bool {
        let probes = Via(Via::PROBE.0 | Via::ARGUMENTS.0);
        match entry_first {
            Some(true) => via == Via::ENTRY && self.has_any(probes),
            Some(false) => probes.has_any(via) && self.has_any(Via::ENTRY),
            None => false,
        }
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

impl Call {
    /// Its entry is there and nothing of it is missing, so `fib6_run_gc` did not run in it if that
    /// is traced. It cannot have refused then (net/ipv6/route.c: `ip6_dst_gc`).
    pub(super) fn is_uncollected(&self) -> bool {
        self.observed == Observed::Nothing && !self.returned && self.via != Via::RETURN
    }
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
    /// It is the first on its CPU since the cut: what told of it may be missing.
    pub(super) is_first: bool,
    /// No other drop was open there when its first event came, so that this is no half of one.
    pub(super) begins: bool,
}

/// What a stack belongs to that does not name its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum LastEntry {
    #[default]
    Other,
    Call,
    Drop,
    /// A packet was freed.
    Freed,
}

/// A task, or what interrupts it, on its CPU.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Task {
    pub(super) epoch: u64,
    pub(super) call: Option<Call>,
    pub(super) drop: Option<OpenDrop>,
    pub(super) last: LastEntry,
    pub(super) receive: Trail,
    pub(super) output: Trail,
    /// Whatever it does next started after its evidence does.
    pub(super) settled: bool,
    /// All of it began after lookups were traced, and after the last cut.
    pub(super) lookups_on: bool,
}

/// A CPU.
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
    /// A drop or another task was seen since the cut.
    pub(super) settled: bool,
    /// So was a moment outside of softirqs: the one that comes began after the cut.
    pub(super) outside_softirq: bool,
    /// A lookup was seen since the cut.
    pub(super) asked: bool,
    /// The first event since the cut.
    pub(super) first: Option<Time>,
    /// Counts what must not lie between an attempt and its drop.
    pub(super) disturbances: u64,
    /// The task that was seen last, and whether it was interrupted then.
    pub(super) last: Option<(u64, Level)>,
    /// Drops that have shown themselves there and whose packets are not freed yet, of this pid.
    pub(super) unfreed: (u64, u32),
    /// The states of that task at each level, where an event of it was taken since.
    pub(super) current: [Option<TaskSlot>; Level::COUNT],
}

impl Cpu {
    /// A drop of this pid shows itself.
    pub(super) fn note_drop(&mut self, pid: u64) {
        let known = if self.unfreed.0 == pid {
            self.unfreed.1
        } else {
            0
        };
        self.unfreed = (pid, known.saturating_add(1));
    }

    /// Whether the packet that `ip6_pkt_drop` frees is that of a drop which has shown itself.
    pub(super) fn takes_free(&mut self, pid: u64) -> bool {
        let is_known = self.unfreed.0 == pid && self.unfreed.1 > 0;
        self.unfreed.1 -= u32::from(is_known);
        is_known
    }

    /// Events were lost here, and nothing but the first packet came since.
    pub(super) fn just_lost(&self) -> bool {
        self.lost && !self.settled
    }
}

/// The states that one event is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) cpu: CpuSlot,
    pub(super) task: TaskSlot,
}

/// What was running. The idle task asks for no route itself: only softirqs do under its pid.
pub(super) fn level(context: &Context) -> Level {
    match context.level {
        Level::Unknown if context.pid == 0 => Level::Softirq,
        level => level,
    }
}

/// Whether two events can be about one packet; without times that is not excluded.
pub(super) fn is_near(now: Option<Time>, then: Option<Time>) -> bool {
    let gap = now
        .zip(then)
        .and_then(|(now, then)| now.nanoseconds_since(then));
    gap.is_none_or(|gap| gap <= MAX_LINK_NANOSECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has told of a drop or call so far.
    fn via(all: &[Via]) -> Via {
        let mut via = Via::NOTHING;
        all.iter().for_each(|one| via.add(*one));
        via
    }

    #[test]
    fn a_second_event_of_another_kind_is_about_the_same() {
        let entries = [Via::ENTRY, Via::PROBE, Via::ARGUMENTS];
        for first in entries {
            for second in entries {
                assert_eq!(via(&[first]).is_same(second, false), first != second);
                assert!(via(&[Via::HANDLER, Via::HANDLER_PROBE]).is_same(second, false));
                let both = via(&[first, second]);
                assert!(!both.is_same(first, false) && !both.is_same(second, false));
            }
            // The handler is entered before, and a return comes behind.
            assert!(!via(&[first]).is_same(Via::HANDLER, false));
            assert!(!via(&[first]).is_same(Via::HANDLER_PROBE, false));
            assert!(!via(&[first]).is_same(Via::RETURN, false));
            assert!(!via(&[first]).is_same(Via::STACK, false));
        }
        assert!(via(&[Via::HANDLER]).is_same(Via::HANDLER_PROBE, false));
        assert!(via(&[Via::HANDLER_PROBE]).is_same(Via::HANDLER, false));
        assert!(!via(&[Via::HANDLER]).is_same(Via::HANDLER, false));
        assert!(!via(&[Via::HANDLER, Via::ENTRY]).is_same(Via::HANDLER_PROBE, false));
        assert!(!via(&[Via::STACK]).is_same(Via::HANDLER, false));
    }

    #[test]
    fn entries_come_before_probes_or_behind_them() {
        for probe in [Via::PROBE, Via::ARGUMENTS] {
            for order in [None, Some(false), Some(true)] {
                let turned = order == Some(true);
                assert_eq!(probe.is_turned(Via::ENTRY, order), turned, "{order:?}");
                let turned = order == Some(false);
                assert_eq!(Via::ENTRY.is_turned(probe, order), turned, "{order:?}");
                assert!(!Via::STACK.is_turned(Via::ENTRY, order));
                assert!(!probe.is_turned(Via::STACK, order));
                assert!(!Via::HANDLER.is_turned(probe, order));
            }
        }
    }

    #[test]
    fn a_stack_behind_a_cut_lost_its_own_entry() {
        assert!(via(&[Via::STACK]).is_same(Via::ENTRY, false));
        assert!(!via(&[Via::STACK]).is_same(Via::ENTRY, true));
        assert!(via(&[Via::STACK, Via::PROBE]).is_same(Via::ENTRY, true));
        assert!(via(&[Via::HANDLER]).is_same(Via::ENTRY, true));
    }

    #[test]
    fn each_entry_and_each_probe_may_bring_a_stack() {
        let most = |via: Via| (0..9).find(|stacks| !via.takes_stack(*stacks)).unwrap();
        assert_eq!(most(Via::NOTHING), 1);
        assert_eq!(most(via(&[Via::STACK, Via::HANDLER, Via::RETURN])), 1);
        assert_eq!(most(Via::ENTRY), 1);
        assert_eq!(most(via(&[Via::ENTRY, Via::STACK, Via::HANDLER])), 1);
        assert_eq!(most(via(&[Via::ENTRY, Via::PROBE])), 2);
        assert_eq!(most(via(&[Via::ENTRY, Via::PROBE, Via::ARGUMENTS])), 3);
    }

    #[test]
    fn an_entry_is_known_by_how_it_was_seen() {
        let kinds = [EntryBy::Entry, EntryBy::Probe, EntryBy::Arguments];
        assert_eq!(kinds.map(Via::of), [Via::ENTRY, Via::PROBE, Via::ARGUMENTS]);
    }

    #[test]
    fn events_are_just_lost_until_something_came_since() {
        let cpu = |lost, settled| Cpu {
            lost,
            settled,
            ..Cpu::default()
        };
        assert!(cpu(true, false).just_lost());
        assert!(!cpu(true, true).just_lost());
        assert!(!cpu(false, false).just_lost());
    }

    #[test]
    fn without_times_nothing_is_too_far_away() {
        let at = |nanoseconds| Some(Time::nanoseconds(nanoseconds));
        assert!(is_near(at(MAX_LINK_NANOSECONDS), at(0)));
        assert!(!is_near(at(MAX_LINK_NANOSECONDS + 1), at(0)));
        assert!(is_near(None, at(0)));
        assert!(is_near(at(MAX_LINK_NANOSECONDS + 1), None));
        assert!(is_near(Some(Time::count(u64::MAX)), Some(Time::count(0))));
    }

    #[test]
    fn a_free_is_of_a_drop_of_the_same_task_that_is_not_freed_yet() {
        let mut cpu = Cpu::default();
        assert!(!cpu.takes_free(7));
        cpu.note_drop(7);
        assert!(!cpu.takes_free(8));
        assert!(cpu.takes_free(7));
        assert!(!cpu.takes_free(7));
        // Drops of one task are counted, and another task's count anew.
        cpu.note_drop(7);
        cpu.note_drop(7);
        assert!(cpu.takes_free(7) && cpu.takes_free(7));
        cpu.note_drop(7);
        cpu.note_drop(8);
        assert!(cpu.takes_free(8) && !cpu.takes_free(8));
    }
}
