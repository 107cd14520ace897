//! The start of a file of a recording that has several.

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
