//! The start of a file of a recording that has several.

use crate::capture::framing::{Framing, lines};
use crate::capture::one_line::OneLine;

/// What the start of each file repeats.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// What is true of the whole recording.
    pub(super) lines: Vec<u8>,
    /// Which lookups are taken from here on.
    pub(super) lookups: Option<String>,
    /// Functions that lost their stacks.
    pub(super) stacks_off: Vec<String>,
    /// What else stands at the start of the next file; it begins with the next event.
    pub(super) next: Option<Vec<u8>>,
}

impl Head {
    /// What is true of the recording from here on.
    #[must_use]
    pub(super) fn text(&self) -> Vec<u8> {
        let off = self.stacks_off.iter();
        let off = off.map(|function| Framing::StacksOff(OneLine::new(function)));
        let lookups = self.lookups.as_ref();
        let lookups = lookups.map(|filter| Framing::Lookups(OneLine::new(filter)));
        let mut text = self.lines.clone();
        text.extend(lines(off.chain(lookups)));
        text
    }
}
