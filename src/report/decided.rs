//! Single drops, each with what it was decided to be.

use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::rules::classify::Classification;
use crate::trace::Time;
use crate::trace::event::Context;
use crate::trace::event::Frames;

/// A drop and what it is.
#[derive(Debug, Clone, Copy)]
pub struct DecidedDrop<'a> {
    /// Where and when; `None` where the trace does not say.
    pub context: Option<&'a Context>,
    /// The frames of its stack, where it has one within the table's caps.
    pub(crate) frames: Option<&'a Frames>,
    /// How many drops it stands for.
    pub count: u64,
    /// What it is, and why.
    pub classification: &'a Classification,
    /// What came before it.
    pub(crate) evidence: &'a Evidence,
    /// What is known of its input.
    pub(crate) knowledge: &'a Knowledge,
}

/// Takes the drops of an input that pass the filters, in the order of the trace.
pub trait DecidedSink {
    /// One drop.
    fn drop(&mut self, drop: &DecidedDrop<'_>);
    /// `fast`, as a probe read it.
    fn fast(&mut self, _time: Time, _fast: i64) {}
}
