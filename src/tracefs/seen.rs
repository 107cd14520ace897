//! What those who control the tracer have to see in a line of its text. Reading it is lent to
//! them by whoever asks for a recording or a self-check.

/// A line of trace text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// An event other than a stack.
    Event {
        /// The CPU.
        cpu: u32,
        /// The function that was entered, or the probe that was hit; empty for any other.
        name: &'a [u8],
    },
    /// The mark that frames follow.
    Stack,
    /// A frame; empty where it has no name.
    Frame(&'a [u8]),
    /// Events that the kernel lost.
    Lost {
        /// The CPU.
        cpu: u32,
        /// How many; one where it does not say.
        events: u64,
    },
    /// Anything else.
    Other,
}

/// Reads one line.
pub(crate) type ReadLine = for<'a> fn(&'a [u8]) -> Seen<'a>;
