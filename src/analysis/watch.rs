//! How far a reading has come, for whoever waits for it.

use std::path::Path;

/// How far the reading of an input has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SoFar {
    /// Bytes of text read.
    pub(crate) bytes: u64,
    /// Bytes of the whole; `None` where nobody knows.
    pub(crate) length: Option<u64>,
    /// Drops, filtered or not.
    pub(crate) drops: u64,
}

/// Takes the name of an input and how far its reading has come.
pub(crate) type Watch<'a> = Box<dyn FnMut(&Path, &SoFar) + 'a>;
