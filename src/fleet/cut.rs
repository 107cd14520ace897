//! Cuts bytes into JSON documents without parsing them.
//!
//! A line that begins with `{` begins a document. That holds for one document a line, for
//! indented ones, and for both one after the other, and it finds the next document after a
//! damaged one: a string of JSON holds no line break.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr_iter, memmem};

/// The largest document, in bytes: a hundred times what a report of a large host takes.
pub const MAX_DOCUMENT: usize = 32 * 1024 * 1024;
/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
const BEGINNING: &[u8] = b"\n{";

/// A stretch of input from one line that begins a document to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Its bytes, and its line number in the input, from 1.
    Bytes(&'a [u8], u64),
    /// It is larger than [`MAX_DOCUMENT`], and was passed over; its line number.
    TooLarge(u64),
}

/// What was found, before its bytes are lent.
enum Found {
    Bytes(Range<usize>, u64),
    TooLarge(u64),
}

/// Reads pieces, into a buffer that is lent so that many inputs can share it.
#[derive(Debug)]
pub struct Pieces<'b, R> {
    reader: R,
    buffer: &'b mut Vec<u8>,
    from: usize,
    /// Bytes from `from` on in which no document begins.
    searched: usize,
    line: u64,
    ended: bool,
}

fn lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

impl<'b, R: Read> Pieces<'b, R> {
    /// Begins at the start of `reader`; what `buffer` holds is thrown away.
    pub fn new(reader: R, buffer: &'b mut Vec<u8>) -> Self {
        buffer.clear();
        Pieces {
            reader,
            buffer,
            from: 0,
            searched: 0,
            line: 1,
            ended: false,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// Those of the reader; what was read of the piece is lost.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        Ok(self.find()?.map(|found| match found {
            Found::Bytes(range, line) => Piece::Bytes(&self.buffer[range], line),
            Found::TooLarge(line) => Piece::TooLarge(line),
        }))
    }

    fn find(&mut self) -> io::Result<Option<Found>> {
        loop {
            if let Some(to) = self.next_beginning() {
                return Ok(Some(self.take(to)));
            }
            if self.ended {
                let to = self.buffer.len();
                return Ok((to > self.from).then(|| self.take(to)));
            }
            if self.buffer.len() - self.from > MAX_DOCUMENT {
                return self.pass_over().map(Some);
            }
            self.fill()?;
        }
    }

    /// Where the next document begins, as far as was read.
    fn next_beginning(&mut self) -> Option<usize> {
        let unsearched = &self.buffer[self.from + self.searched..];
        if let Some(at) = memmem::find(unsearched, BEGINNING) {
            return Some(self.from + self.searched + at + 1);
        }
        // The last byte may be the line break before a beginning.
        self.searched = (self.buffer.len() - self.from).saturating_sub(1);
        None
    }

    fn take(&mut self, to: usize) -> Found {
        let (range, line) = (self.from..to, self.line);
        self.line += lines(&self.buffer[range.clone()]);
        self.from = to;
        self.searched = 0;
        Found::Bytes(range, line)
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.from);
        self.from = 0;
        let read = (&mut self.reader)
            .take(CHUNK as u64)
            .read_to_end(self.buffer)?;
        self.ended = read == 0;
        Ok(())
    }

    fn pass_over(&mut self) -> io::Result<Found> {
        let line = self.line;
        loop {
            let beginning = self.next_beginning();
            let to = match beginning {
                Some(to) => to,
                None if self.ended => self.buffer.len(),
                None => self.from + self.searched,
            };
            self.line += lines(&self.buffer[self.from..to]);
            self.from = to;
            self.searched = 0;
            if beginning.is_some() || self.ended {
                return Ok(Found::TooLarge(line));
            }
            self.fill()?;
        }
    }
}
