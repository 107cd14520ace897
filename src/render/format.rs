//! What a format is.

use std::fmt;
use std::io::{self, Write};

/// A kind of document that may be written in several formats.
pub trait Document: 'static {
    /// What is shown, and how it shall look.
    type View<'a>;
}

/// What a format shows besides numbers, so that only that is kept or read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extras {
    /// Nothing.
    Numbers,
    /// Each drop.
    Drops,
    /// Drops over time.
    Timelines,
    /// Drops over time, on a terminal alone.
    TimelinesOnTerminal,
}

/// A format of one kind of document.
pub trait Format<D: Document>: Sync {
    /// What it shows besides numbers.
    fn extras(&self) -> Extras {
        Extras::Numbers
    }

    /// Whether one document may follow the other, round after round.
    fn repeats(&self) -> bool {
        true
    }

    /// Writes a document.
    ///
    /// # Errors
    /// Those of the writer.
    fn write(&self, view: &D::View<'_>, out: &mut dyn Write) -> io::Result<()>;
}

/// A format and what it is called on the command line.
pub struct FormatEntry<D: Document> {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is for, in the words of the help.
    pub(crate) help: &'static str,
    /// The format.
    pub format: &'static dyn Format<D>,
}

impl<D: Document> fmt::Debug for FormatEntry<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
