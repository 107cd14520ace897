//! What an input gives besides its drops.

use std::collections::{BTreeMap, BTreeSet};

use crate::capture::framing::Framing;
use crate::capture::preamble::Preamble;
use crate::diagnosis::collect::fast::FastReads;
use crate::diagnosis::collect::signal::OpsReading;
use crate::diagnosis::evidence::{Observed, Traced};
use crate::diagnosis::health::NetfilterDrops;
use crate::diagnosis::lookups::sequence::Sequences;
use crate::kernel::functions::Origin;
use crate::text::Untrusted;
use crate::trace::Time;

/// CPUs that get a row and evidence of their own; events of further ones go without.
pub(crate) const MAX_CPUS: usize = 8192;
/// Distinct `dst_ops` (network namespaces) that are told apart.
pub(crate) const MAX_NAMESPACES: usize = 256;

/// Counts of `ip6_dst_gc` calls, by CPU, origin and what was observed.
pub(crate) type GcCalls = BTreeMap<(Option<u32>, Origin, Observed), u64>;

/// Everything that was gathered besides the drops.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathered {
    /// `ip6_dst_gc` calls.
    pub(crate) gc: GcCalls,
    /// CPUs the trace names.
    pub(crate) cpus: BTreeSet<u32>,
    /// First and last time stamp.
    pub(crate) window: Option<(Time, Time)>,
    /// Events lost, by CPU, where the kernel counted them.
    pub(crate) lost: BTreeMap<u32, u64>,
    /// Marks of lost events without a count.
    pub(crate) lost_uncounted: u64,
    /// Stacks with or without frames.
    pub(crate) stacks: u64,
    /// Stacks without frames.
    pub(crate) empty_stacks: u64,
    /// Functions that the capture says were traced.
    pub(crate) traced: Option<Traced>,
    /// Functions seen somewhere in it, perhaps only from there on.
    pub(crate) seen: Traced,
    /// `fast`, where it was read for IPv6.
    pub(crate) fast: Option<FastReads>,
    /// Lost events in the CPUs' totals that no mark in the text places.
    pub(crate) unmarked: u64,
    /// CPUs whose total of lost events the capture's own framing has given.
    pub(crate) loss_totals: u64,
    /// Entries that the ring buffer overwrote before the text starts.
    pub(crate) overwritten: u64,
    /// `ip6_dst_gc` returned something else than 0 or 1, or 1 without having looked: on this
    /// kernel it returns nothing, and return probes read what the register happens to hold.
    pub(crate) gc_returns_nothing: bool,
    /// Lookups of tables.
    pub(crate) lookups: u64,
    /// What the lookups said before drops.
    pub(crate) sequences: Sequences,
    /// Words of packets that fit none.
    pub(crate) unbelievable: u64,
    /// What netfilter dropped for other reasons than the route cache.
    pub(crate) netfilter: NetfilterDrops,
    /// A stack held a function that is known here.
    pub(crate) known_stacks: bool,
    /// Distinct `dst_ops` pointers.
    pub(crate) namespaces: BTreeSet<u64>,
    /// The last of them.
    pub(crate) last_namespace: Option<u64>,
    /// Kernel release, where the text names it.
    pub(crate) kernel: Option<Untrusted>,
    /// Online CPUs, where the text says.
    pub(crate) online_cpus: Option<u64>,
    /// What else the capture's framing lines say, with the facts in them.
    pub(crate) preamble: Preamble,
    /// Some banner is that of a `trace` file.
    pub(crate) trace_file: bool,
    /// Some banner is that of `trace-cmd report`.
    pub(crate) trace_cmd: bool,
    /// How often all evidence was cut because too many tasks were live.
    pub(crate) evictions: u64,
}

impl Gathered {
    /// True in a recording of this program before it has said how many events each CPU lost.
    #[must_use]
    pub(crate) fn losses_outstanding(&self) -> bool {
        let said = self
            .online_cpus
            .is_some_and(|cpus| self.loss_totals >= cpus);
        self.preamble.version.is_some() && !said
    }

    /// True where events are missing at a place that is not known: evidence anywhere may be cut.
    /// What the ring buffers overwrote, as the head of a `trace` file tells, stood before the text.
    #[must_use]
    pub(crate) fn has_unplaced_losses(&self) -> bool {
        self.unmarked > self.overwritten
    }

    /// The namespace of all attempts, where all show theirs and it is one.
    #[must_use]
    pub(crate) fn only_namespace(&self) -> Option<u64> {
        let mut all = self.namespaces.iter();
        all.next().filter(|_| all.next().is_none()).copied()
    }

    /// True where events were lost, wherever.
    #[must_use]
    pub(crate) fn has_losses(&self) -> bool {
        self.lost_uncounted > 0 || self.lost.values().any(|n| *n > 0)
    }

    pub(super) fn note_time(&mut self, time: Time) {
        let window = self.window.get_or_insert((time, time));
        window.0 = window.0.min(time);
        window.1 = window.1.max(time);
    }

    /// What the entry probe on `ip6_dst_gc` read.
    pub(super) fn note_fast(&mut self, reading: &OpsReading) {
        // Mostly it is that of the call before.
        if let Some(ops) = reading.ops
            && self.last_namespace != reading.ops
        {
            self.last_namespace = reading.ops;
            if self.namespaces.len() < MAX_NAMESPACES {
                self.namespaces.insert(ops);
            }
        }
        if let Some((readings, gc_thresh)) = reading.fast {
            FastReads::note(&mut self.fast, readings, gc_thresh);
        }
    }

    /// Takes what a framing line says.
    pub(super) fn framing(&mut self, framing: &Framing<'_>) {
        match framing {
            Framing::Kernel(release) => self.kernel = Some(release.as_str().into()),
            Framing::Cpus(cpus) => self.online_cpus = Some(*cpus),
            Framing::Traced(functions) => {
                let traced = Traced::from_names(functions.names().map(str::as_bytes));
                // What one of several recordings left out is not known of all of them.
                self.traced = Some(self.traced.map_or(traced, |known| known.and(traced)));
            }
            Framing::Lost { cpu, events } => {
                // The kernel's own total for the CPU, marks in the text included.
                let known = self.lost.get(cpu).copied().unwrap_or(0);
                self.unmarked = self.unmarked.saturating_add(events.saturating_sub(known));
                self.loss_totals += 1;
                if self.lost.len() < MAX_CPUS {
                    self.lost.insert(*cpu, known.max(*events));
                }
            }
            _ => self.preamble.take(framing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_outstanding_until_every_cpu_has_its_total() {
        let outstanding = |version, online_cpus, totals: u64| {
            let mut gathered = Gathered {
                online_cpus,
                ..Gathered::default()
            };
            if version {
                gathered.framing(&Framing::Version(1));
            }
            for cpu in 0..totals {
                let cpu = cpu as u32;
                gathered.framing(&Framing::Lost { cpu, events: 0 });
            }
            gathered.losses_outstanding()
        };
        assert!(!outstanding(false, Some(2), 0));
        assert!(outstanding(true, Some(2), 0));
        assert!(outstanding(true, Some(2), 1));
        assert!(!outstanding(true, Some(2), 2));
        assert!(!outstanding(true, Some(2), 3));
        assert!(outstanding(true, None, 2));
    }

    #[test]
    fn totals_of_lost_events_include_the_marks() {
        let with = |marked: u64, events: u64| {
            let mut gathered = Gathered::default();
            gathered.lost.extend((marked > 0).then_some((3, marked)));
            gathered.framing(&Framing::Lost { cpu: 3, events });
            (gathered.has_unplaced_losses(), gathered.lost[&3])
        };
        assert_eq!(with(0, 0), (false, 0));
        assert_eq!(with(0, 1), (true, 1));
        assert_eq!(with(5, 5), (false, 5));
        assert_eq!(with(5, 6), (true, 6));
        assert_eq!(with(5, 4), (false, 5));
        let mut gathered = Gathered::default();
        for (cpu, events) in [(1, 1), (2, 0)] {
            gathered.framing(&Framing::Lost { cpu, events });
        }
        assert!(gathered.has_unplaced_losses());
        // Those that were overwritten stood before the text.
        for (overwritten, unplaced) in [(0, true), (1, false)] {
            gathered.overwritten = overwritten;
            assert_eq!(gathered.has_unplaced_losses(), unplaced);
        }
        // Beyond the cap a loss is still one.
        for cpu in 0..MAX_CPUS as u32 + 9 {
            let events = u64::from(cpu == MAX_CPUS as u32 + 8);
            gathered.framing(&Framing::Lost { cpu, events });
        }
        assert_eq!(gathered.lost.len(), MAX_CPUS);
    }

    #[test]
    fn namespaces_are_told_apart_up_to_a_cap() {
        let mut gathered = Gathered::default();
        for ops in 0..MAX_NAMESPACES as u64 + 9 {
            for _ in 0..2 {
                let ops = Some(ops);
                gathered.note_fast(&OpsReading { ops, fast: None });
            }
        }
        assert_eq!(gathered.namespaces.len(), MAX_NAMESPACES);
    }

    #[test]
    fn the_window_is_from_the_first_to_the_last_time() {
        let mut gathered = Gathered::default();
        let times = [5, 9, 3, 7].map(Time::nanoseconds);
        times.into_iter().for_each(|time| gathered.note_time(time));
        let wanted = (Time::nanoseconds(3), Time::nanoseconds(9));
        assert_eq!(gathered.window, Some(wanted));
    }
}
