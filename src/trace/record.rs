//! What each line says, without what the lines before it do to its meaning.

use std::ops::Range;

use crate::trace::event::{Context, Meaning, StackId};
use crate::trace::stacks::Stacks;
use crate::trace::time::Time;

/// Where in its chunk a line or a block stands.
pub(super) type Span = Range<u32>;

/// One line, or one run of frame lines.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<S, A> {
    /// An event; its context is missing where the trace was written with `nocontext-info`.
    Event {
        /// Its header is in the latency format.
        latency: bool,
        /// Where and when it happened.
        context: Option<Context>,
        /// What it says; `None` for `<stack trace>`.
        signal: Option<S>,
        /// The run of frames right behind `<stack trace>`, where it was seen before.
        stack: Option<StackId>,
    },
    /// An event, right behind it its own `<stack trace>` line, and its frames: all of it was
    /// seen before.
    Traced {
        /// Where and when the event happened.
        context: Context,
        /// What it says.
        signal: S,
        /// When its stack was taken.
        marked: Time,
        /// Its stack.
        stack: StackId,
    },
    /// What the event right behind this says besides.
    Aside(A),
    /// A run of frames that was seen before.
    Stack(StackId),
    /// A run of frames that was not.
    NewStack(Span),
    /// The rest of a run of frames that is too long to be a stack.
    Rest(Span),
    /// A frame behind the prefix of a log or a pager: its line, and the frame in it.
    Frame(Span, Span),
    /// A line about the trace.
    Banner(Span),
    /// A line of another program; what it means, the lines before it say.
    Foreign(Span),
    /// White space only.
    Blank,
    /// Not understood, or too long to be looked at.
    Unknown(Span),
}

/// A record of what payloads mean to `M`.
pub(crate) type RecordOf<M> = Record<<M as Meaning>::Signal, <M as Meaning>::Aside>;

/// Takes records, in the order of the text, and has the stacks that were seen so far.
pub trait Records<M: Meaning> {
    /// The table in which stacks are looked up.
    fn stacks(&self) -> &Stacks;
    /// The next record.
    fn take(&mut self, record: RecordOf<M>);
}
