//! What the framing lines of a capture say together.

use crate::capture::framing::{Framing, When};
use crate::host::Facts;

/// What a capture says of itself, beside what other tools' text says as well.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Preamble {
    /// The version of the format; `None` where this program did not record it.
    pub version: Option<u32>,
    /// The host's name.
    pub host: Option<String>,
    /// When the recording began, in seconds since 1970.
    pub began: Option<f64>,
    /// The text was made from a `trace.dat`.
    pub from_trace_dat: bool,
    /// It has events of more than one buffer.
    pub several_buffers: bool,
    /// Counters and limits around the trace.
    pub facts: Facts,
}

impl Preamble {
    /// Takes one line. What is said again counts as it was said last; what is of no use to a
    /// reader is passed over.
    pub fn take(&mut self, framing: &Framing<'_>) {
        match framing {
            Framing::Version(version) => self.version = Some(*version),
            Framing::Host(name) => self.host = Some(name.as_str().to_owned()),
            Framing::Began(at) => self.began = Some(*at),
            Framing::Fact(When::Before, fact) => {
                self.facts.before.get_or_insert_default().take(fact)
            }
            Framing::Fact(When::After, fact) => self.facts.after.get_or_insert_default().take(fact),
            Framing::TraceDat => self.from_trace_dat = true,
            Framing::SeveralBuffers => self.several_buffers = true,
            _ => {}
        }
    }
}
