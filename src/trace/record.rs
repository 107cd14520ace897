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
        /// Where its line starts.
        at: u32,
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
        /// Where it starts.
        at: u32,
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
    Stack {
        /// Where it starts.
        at: u32,
        /// Which stack it is.
        id: StackId,
    },
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

impl<S, A> Record<S, A> {
    /// Where its first line that is not blank starts.
    #[must_use]
    pub fn at(&self) -> Option<u32> {
        match self {
            Record::Event { at, .. } | Record::Traced { at, .. } | Record::Stack { at, .. } => {
                Some(*at)
            }
            Record::NewStack(span)
            | Record::Rest(span)
            | Record::Frame(span, _)
            | Record::Banner(span)
            | Record::Foreign(span)
            | Record::Unknown(span) => Some(span.start),
            Record::Aside(_) | Record::Blank => None,
        }
    }
}

/// A record of what payloads mean to `M`.
pub type RecordOf<M> = Record<<M as Meaning>::Signal, <M as Meaning>::Aside>;

/// Takes records, in the order of the text, and has the stacks that were seen so far.
pub trait Records<M: Meaning> {
    /// The table in which stacks are looked up.
    fn stacks(&self) -> &Stacks;
    /// The next record.
    fn take(&mut self, record: RecordOf<M>);
}
