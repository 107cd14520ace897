//! What is true of the text as a whole.

use crate::trace::kmsg::Message;
use crate::trace::line::{Line, line, trim_end};
use crate::trace::stacks::Stack;

/// Lines not understood that are kept as samples.
pub(crate) const MAX_SAMPLES: usize = 5;
/// Bytes kept of a sample.
const MAX_SAMPLE_BYTES: usize = 160;
/// Largest count in a text that is believed; sums of such stay within 64 bits.
pub(super) const MAX_COUNT: u64 = u32::MAX as u64;

/// Every line of the input, in exactly one of the counters besides `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// All lines.
    pub total: u64,
    /// Events, `<stack trace>` lines included.
    pub events: u64,
    /// Frames of stacks.
    pub frames: u64,
    /// Banners, comments, lost-event marks.
    pub banners: u64,
    /// Blank lines.
    pub blank: u64,
    /// Anything else.
    pub unparsed: u64,
}

impl LineCounts {
    pub(super) fn add_stack(&mut self, stack: &Stack) {
        self.frames += stack.lines - stack.unparsed;
        self.unparsed += stack.unparsed;
    }
}

/// What the kernel's log says of refused allocations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KernelLog {
    /// Messages, each about one.
    pub(crate) failed: u64,
    /// Messages that were left out.
    pub(crate) suppressed: u64,
    /// What stands in front of the first message: when it was, in the log's own words.
    pub(crate) first: Option<Vec<u8>>,
    /// The same of the last one.
    pub(crate) last: Option<Vec<u8>>,
    /// Messages that memory could not be allocated.
    pub(crate) memory_failures: u64,
}

impl KernelLog {
    /// Allocations that were refused.
    #[must_use]
    pub(crate) fn refusals(&self) -> u64 {
        self.failed.saturating_add(self.suppressed)
    }

    /// Adds what a later text says.
    pub(crate) fn merge(&mut self, other: KernelLog) {
        self.failed += other.failed;
        self.suppressed = self.suppressed.saturating_add(other.suppressed);
        self.memory_failures += other.memory_failures;
        self.first = self.first.take().or(other.first);
        self.last = other.last.or(self.last.take());
    }
}

/// What is true of the text as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TextFacts {
    /// Line counters.
    pub(crate) lines: LineCounts,
    /// The first lines that were not understood, cut to 160 bytes.
    pub(crate) samples: Vec<Vec<u8>>,
    /// The first line that is not blank, cut likewise.
    pub(crate) first_line: Option<Vec<u8>>,
    /// `<stack trace>` lines.
    pub(crate) stack_marks: u64,
    /// Banners that only a trace has.
    pub(crate) trace_banners: u64,
    /// Some header was in the latency format.
    pub(crate) latency: bool,
    /// Some event had a header.
    pub(crate) with_header: bool,
    /// Some event had none.
    pub(crate) without_header: bool,
    /// Some stack had no `<stack trace>` line.
    pub(crate) bare_stacks: bool,
    /// Some line is an event of `perf script`.
    pub(crate) perf: bool,
    /// Some lines are stacks as bpftrace prints them.
    pub(crate) bpftrace: bool,
    /// What the kernel's log says.
    pub(crate) log: KernelLog,
}

impl TextFacts {
    /// Remembers the first line of a text that is not blank.
    #[cold]
    pub(super) fn set_first(&mut self, text: &[u8]) {
        let mut lines = text.split(|&b| b == b'\n');
        self.first_line = lines.find(|text| line(text) != Line::Blank).map(sample);
    }

    /// Counts a line that was not understood.
    pub(super) fn unparsed(&mut self, line: &[u8]) {
        self.lines.unparsed += 1;
        if self.samples.len() < MAX_SAMPLES {
            self.samples.push(sample(line));
        }
    }

    /// Takes a line of the kernel's log.
    pub(super) fn log(&mut self, message: Message<'_>) {
        let log = &mut self.log;
        match message {
            Message::Failed { when } => {
                self.lines.events += 1;
                log.failed += 1;
                let when = sample(when);
                log.first.get_or_insert_with(|| when.clone());
                log.last = Some(when);
            }
            Message::Suppressed(n) => {
                self.lines.events += 1;
                log.suppressed = log.suppressed.saturating_add(n.min(MAX_COUNT));
            }
            Message::NoMemory => {
                self.lines.banners += 1;
                log.memory_failures += 1;
            }
            Message::Other => self.lines.banners += 1,
        }
    }
}

fn sample(bytes: &[u8]) -> Vec<u8> {
    let text = trim_end(bytes);
    text[..text.len().min(MAX_SAMPLE_BYTES)].to_vec()
}
