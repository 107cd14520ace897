//! Whether an input could be read, and how much of it.

use std::collections::BTreeMap;

use crate::trace::assemble::MAX_SAMPLES;
use crate::trace::{KernelLog, LineCounts};

/// Whether the input could be read, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Every line, in one of the counters.
    pub lines: LineCounts,
    /// The first lines that were not understood.
    pub samples: Vec<Vec<u8>>,
    /// Stacks, with or without frames.
    pub stacks: u64,
    /// Stacks without frames.
    pub empty_stacks: u64,
    /// Events lost, by CPU.
    pub lost: BTreeMap<u32, u64>,
    /// Losses that the kernel did not count.
    pub lost_uncounted: u64,
    /// Entries that ring buffers overwrote before the text starts.
    pub overwritten: u64,
    /// Inputs that ended in an error, or gave nothing.
    pub broken_inputs: u64,
    /// Drops with a stack beyond the table's caps.
    pub stacks_beyond: u64,
    /// Cuts of all evidence because too many tasks were live.
    pub evictions: u64,
    /// What the kernel's log says.
    pub log: KernelLog,
}

impl Health {
    /// Lost events that were counted, overwritten ones included.
    #[must_use]
    pub fn lost_events(&self) -> u64 {
        self.lost
            .values()
            .fold(self.overwritten, |sum, n| sum.saturating_add(*n))
    }

    /// True where some events are missing from the text.
    #[must_use]
    pub fn has_losses(&self) -> bool {
        self.lost_events() > 0 || self.lost_uncounted > 0 || self.broken_inputs > 0
    }

    /// True where more lines are not understood than are.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        let understood = self.lines.events + self.lines.frames + self.lines.banners;
        self.lines.unparsed > understood
    }

    /// True where every stack came without frames.
    #[must_use]
    pub fn has_only_empty_stacks(&self) -> bool {
        self.stacks > 0 && self.stacks == self.empty_stacks
    }

    /// Adds what a later input gave.
    pub fn merge(&mut self, other: Health) {
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
        self.stacks_beyond += other.stacks_beyond;
        self.evictions += other.evictions;
        self.log.merge(other.log);
    }
}
