//! Text of other programs that speaks of the same drops, a line at a time.

use crate::trace::bpftrace::{self, Printed};
use crate::trace::kmsg::{self, Message};
use crate::trace::perf;

/// A line that ftrace does not print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign<'a> {
    /// The first line of a sample of `perf script`.
    Sample(perf::Sample<'a>),
    /// A frame that perf or bpftrace printed.
    Frame(perf::ChainFrame<'a>),
    /// Any other line of bpftrace.
    Printed(Printed),
    /// A line of the kernel's log.
    Log(Message<'a>),
}

impl Foreign<'_> {
    /// True for a line of the kernel's log.
    #[must_use]
    pub(crate) fn is_log(&self) -> bool {
        matches!(self, Foreign::Log(_))
    }
}

/// Recognises a line of another program, spaces at its end removed.
pub(super) fn foreign(line: &[u8]) -> Option<Foreign<'_>> {
    if let Some(printed) = bpftrace::printed(line) {
        return Some(Foreign::Printed(printed));
    }
    // The log may quote anything.
    if let Some(message) = kmsg::message(line) {
        return Some(Foreign::Log(message));
    }
    perf::frame(line)
        .map(Foreign::Frame)
        .or_else(|| perf::sample(line).map(Foreign::Sample))
}
