//! Whether an input could be read, and how much of it.

use std::collections::BTreeMap;

use crate::trace::assemble::MAX_SAMPLES;
use crate::trace::{KernelLog, LineCounts};

/// Packets that netfilter dropped, and not because a way back was refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NetfilterDrops {
    /// There is no way back to their source by the interface that they came in by.
    pub(crate) no_way_back: u64,
    /// By other rules, as far as the trace shows.
    pub(crate) other_rule: u64,
}

/// Whether the input could be read, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Every line, in one of the counters.
    pub lines: LineCounts,
    /// The first lines that were not understood.
    pub(crate) samples: Vec<Vec<u8>>,
    /// Stacks, with or without frames.
    pub(crate) stacks: u64,
    /// Stacks without frames.
    pub(crate) empty_stacks: u64,
    /// Events lost, by CPU.
    pub(crate) lost: BTreeMap<u32, u64>,
    /// Losses that the kernel did not count.
    pub(crate) lost_uncounted: u64,
    /// Entries that ring buffers overwrote before the text starts.
    pub(crate) overwritten: u64,
    /// Inputs that ended in an error, or gave nothing.
    pub(crate) broken_inputs: u64,
    /// Recordings of this program that do not say how they ended: they were cut off, or are still
    /// written.
    pub(crate) unfinished: u64,
    /// Inputs without a drop that do not say that `ip6_pkt_drop` was traced.
    pub(crate) untraced: u64,
    /// Inputs that hold no event, and not the end of a recording either: whether anything was
    /// traced at all, they do not say.
    pub(crate) eventless: u64,
    /// Recordings that do not show what the reverse-path filter drops, of hosts that have one.
    pub(crate) way_back_hidden: u64,
    /// Drops with a stack beyond the table's caps.
    pub(crate) stacks_beyond: u64,
    /// Cuts of all evidence because too many tasks were live.
    pub(crate) evictions: u64,
    /// Drops whose words fit no IPv6 packet.
    pub(crate) unbelievable: u64,
    /// What netfilter dropped for other reasons than the route cache.
    pub(crate) netfilter: NetfilterDrops,
    /// What the kernel's log says.
    pub(crate) log: KernelLog,
}

impl Health {
    /// Lost events that were counted, overwritten ones included.
    #[must_use]
    pub(crate) fn lost_events(&self) -> u64 {
        self.lost
            .values()
            .fold(self.overwritten, |sum, n| sum.saturating_add(*n))
    }

    /// True where some events are missing from the text.
    #[must_use]
    pub(crate) fn has_losses(&self) -> bool {
        self.lost_events() > 0 || self.lost_uncounted > 0 || self.broken_inputs > 0
    }

    /// True where more lines are not understood than are.
    #[must_use]
    pub(crate) fn is_unreadable(&self) -> bool {
        let understood = self.lines.events + self.lines.frames + self.lines.banners;
        self.lines.unparsed > understood
    }

    /// True where nothing is missing, as far as is known, and most of it is understood.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.has_losses() && !self.is_unreadable()
    }

    /// True where a drop would not have shown in some input.
    #[must_use]
    pub(crate) fn is_blind(&self) -> bool {
        self.untraced > 0 || self.eventless > 0
    }

    /// True where every stack came without frames.
    #[must_use]
    pub(crate) fn has_only_empty_stacks(&self) -> bool {
        self.stacks > 0 && self.stacks == self.empty_stacks
    }

    /// Adds what a later input gave.
    pub(crate) fn merge(&mut self, other: Health) {
        let (mine, theirs) = (&mut self.lines, other.lines);
        mine.total += theirs.total;
        mine.events += theirs.events;
        mine.frames += theirs.frames;
        mine.banners += theirs.banners;
        mine.blank += theirs.blank;
        mine.unparsed += theirs.unparsed;
        self.samples.extend(other.samples);
        self.samples.truncate(MAX_SAMPLES);
        self.stacks += other.stacks;
        self.empty_stacks += other.empty_stacks;
        for (cpu, n) in other.lost {
            let mine = self.lost.entry(cpu).or_default();
            *mine = mine.saturating_add(n);
        }
        self.lost_uncounted += other.lost_uncounted;
        self.overwritten = self.overwritten.saturating_add(other.overwritten);
        self.broken_inputs += other.broken_inputs;
        self.unfinished += other.unfinished;
        self.untraced += other.untraced;
        self.eventless += other.eventless;
        self.way_back_hidden += other.way_back_hidden;
        self.stacks_beyond += other.stacks_beyond;
        self.evictions += other.evictions;
        self.unbelievable += other.unbelievable;
        self.netfilter.no_way_back += other.netfilter.no_way_back;
        self.netfilter.other_rule += other.netfilter.other_rule;
        self.log.merge(other.log);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_events_marks_and_broken_inputs() {
        let with = |change: fn(&mut Health)| {
            let mut health = Health::default();
            change(&mut health);
            (health.lost_events(), health.has_losses())
        };
        assert_eq!(with(|_| ()), (0, false));
        assert_eq!(with(|health| health.lost.extend([(0, 0)])), (0, false));
        assert_eq!(
            with(|health| health.lost.extend([(0, 2), (1, 3)])),
            (5, true)
        );
        assert_eq!(with(|health| health.overwritten = 1), (1, true));
        assert_eq!(with(|health| health.lost_uncounted = 1), (0, true));
        assert_eq!(with(|health| health.broken_inputs = 1), (0, true));
        let most = |health: &mut Health| {
            health.overwritten = 2;
            health.lost.extend([(0, u64::MAX - 1)]);
        };
        assert_eq!(with(most), (u64::MAX, true));
    }

    #[test]
    fn a_drop_shows_where_it_is_traced_and_anything_was() {
        let blind = |untraced, eventless| {
            let health = Health {
                untraced,
                eventless,
                ..Health::default()
            };
            health.is_blind()
        };
        assert!(!blind(0, 0));
        assert!(blind(1, 0));
        assert!(blind(0, 1));
    }

    #[test]
    fn unreadable_is_where_most_is_not_understood() {
        let mut health = Health::default();
        assert!(!health.is_unreadable());
        health.lines.unparsed = 6;
        assert!(health.is_unreadable());
        (
            health.lines.events,
            health.lines.frames,
            health.lines.banners,
        ) = (1, 2, 2);
        assert!(health.is_unreadable());
        health.lines.banners = 3;
        assert!(!health.is_unreadable());
        health.lines.blank = 9;
        health.lines.unparsed = 7;
        assert!(health.is_unreadable());
    }

    #[test]
    fn empty_stacks_are_told_where_there_are_stacks() {
        let with = |stacks, empty_stacks| {
            let health = Health {
                stacks,
                empty_stacks,
                ..Health::default()
            };
            health.has_only_empty_stacks()
        };
        assert!(with(2, 2));
        assert!(!with(0, 0));
        assert!(!with(2, 1));
    }

    #[test]
    fn a_later_input_is_added() {
        let one = |n: u64| Health {
            lines: LineCounts {
                total: n,
                events: n + 1,
                frames: n + 2,
                banners: n + 3,
                blank: n + 4,
                unparsed: n + 5,
            },
            samples: vec![vec![n as u8]; 3],
            stacks: n + 6,
            empty_stacks: n + 7,
            lost: BTreeMap::from([(1, n + 8), (n as u32, 1)]),
            lost_uncounted: n + 9,
            overwritten: n + 10,
            broken_inputs: n + 11,
            unfinished: n + 11,
            untraced: n + 18,
            eventless: n + 19,
            way_back_hidden: n + 17,
            stacks_beyond: n + 12,
            evictions: n + 13,
            unbelievable: n + 13,
            netfilter: NetfilterDrops {
                no_way_back: n + 15,
                other_rule: n + 16,
            },
            log: KernelLog {
                failed: n + 14,
                ..KernelLog::default()
            },
        };
        let mut health = one(100);
        health.merge(one(1000));
        let wanted = Health {
            lines: LineCounts {
                total: 1100,
                events: 1102,
                frames: 1104,
                banners: 1106,
                blank: 1108,
                unparsed: 1110,
            },
            samples: vec![vec![100], vec![100], vec![100], vec![232], vec![232]],
            stacks: 1112,
            empty_stacks: 1114,
            lost: BTreeMap::from([(1, 1116), (100, 1), (1000, 1)]),
            lost_uncounted: 1118,
            overwritten: 1120,
            broken_inputs: 1122,
            unfinished: 1122,
            untraced: 1136,
            eventless: 1138,
            way_back_hidden: 1134,
            stacks_beyond: 1124,
            evictions: 1126,
            unbelievable: 1126,
            netfilter: NetfilterDrops {
                no_way_back: 1130,
                other_rule: 1132,
            },
            log: KernelLog {
                failed: 1128,
                ..KernelLog::default()
            },
        };
        assert_eq!(health, wanted);
    }
}
