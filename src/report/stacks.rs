//! The stacks of a report, with the numbers by which every format names them.

use crate::diagnosis::class::Class;
use crate::order::sort_by;
use crate::report::summary::Summary;
use crate::trace::event::Frames;

/// A stack's number in the report, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumberedStack {
    /// Number, from 1.
    pub(crate) id: u64,
    /// Frames, innermost first.
    pub(crate) frames: Frames,
    /// The class of its drops.
    pub(crate) class: Class,
    /// Drops with it.
    pub(crate) count: u64,
}

/// The stacks of a report, most frequent first, numbered in that order.
#[must_use]
pub(crate) fn numbered_stacks(summary: &Summary) -> Vec<NumberedStack> {
    let mut all: Vec<_> = summary.stacks.iter().collect();
    sort_by(&mut all, |a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let numbered = all
        .into_iter()
        .zip(1..)
        .map(|(((frames, class), count), id)| NumberedStack {
            id,
            frames: frames.clone(),
            class: *class,
            count: *count,
        });
    numbered.collect()
}
