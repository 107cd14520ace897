//! The start of an input, looked at before it is read.

use std::io::{self, Cursor, Read};

/// A start of the input, and the error that ended it there.
pub(super) struct Start {
    /// The bytes.
    pub(super) head: Vec<u8>,
    /// Why there are no more.
    pub(super) error: Option<io::Error>,
}

impl Start {
    /// Reads as much.
    pub(super) fn of(reader: &mut dyn Read, length: usize) -> Self {
        let mut head = Vec::new();
        let error = reader.take(length as u64).read_to_end(&mut head).err();
        Start { head, error }
    }

    /// The whole input again.
    pub(super) fn before<R: Read>(self, rest: R) -> impl Read {
        Cursor::new(self.head).chain(Broken(self.error)).chain(rest)
    }
}

/// Nothing, or an error.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
