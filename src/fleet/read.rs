//! Reads one input: every document in it goes to its host, or is named as what it is.

use std::hash::BuildHasher;
use std::io::{self, Read};
use std::path::Path;

use foldhash::quality::RandomState;
use memchr::memchr_iter;

use crate::fleet::capped::capped;
use crate::fleet::cut::{MAX_DOCUMENT, Piece, Pieces};
use crate::fleet::document::{Document, read};
use crate::fleet::hosts::Fleet;
use crate::fleet::inputs::host_of;
use crate::fleet::problem::{Place, ProblemKind};
use crate::fleet::row::HostRow;
use crate::input::{InputError, Packing, STDIN};
use crate::text::{Untrusted, shown};

/// Reads inputs one after the other, with one buffer for all.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
    hasher: RandomState,
}

/// One input on its way into the fleet.
struct Input<'a> {
    name: &'a Untrusted,
    path: &'a Path,
    fleet: &'a mut Fleet,
    hasher: &'a RandomState,
    /// The first document without a host: as the only one it is named after the file.
    waiting: Option<HostRow>,
    rows: u64,
    documents: u64,
    /// Lines about drops since the last report.
    drop_lines: u64,
}

impl Input<'_> {
    fn place(&self, line: u64) -> Place {
        Place {
            input: self.name.clone(),
            line: Some(line),
            column: None,
        }
    }

    /// Names a document after its place, where nothing else names it.
    fn settle(&mut self, mut row: HostRow) {
        if row.host.is_empty() {
            row.host = row.place.as_ref().map(Place::name).unwrap_or_default();
        }
        self.fleet.add(row);
    }

    fn row(&mut self, row: HostRow, bytes: &[u8], line: u64) {
        let row = row.placed(self.place(line), self.hasher.hash_one(bytes));
        self.rows += 1;
        self.drop_lines = 0;
        if row.host.is_empty() && self.rows == 1 && self.path != Path::new(STDIN) {
            self.waiting = Some(row);
            return;
        }
        if let Some(first) = self.waiting.take() {
            self.settle(first);
        }
        self.settle(row);
    }

    /// Takes the documents of a stretch of input.
    fn piece(&mut self, mut bytes: &[u8], mut line: u64) {
        loop {
            let start = bytes.len() - bytes.trim_ascii_start().len();
            line += memchr_iter(b'\n', &bytes[..start]).count() as u64;
            bytes = &bytes[start..];
            if bytes.is_empty() {
                return;
            }
            self.documents += 1;
            let length = match read(bytes) {
                Ok((Document::Drop, length)) => {
                    self.fleet.drop_lines += 1;
                    self.drop_lines += 1;
                    length
                }
                Ok((Document::Host(row), length)) => {
                    self.row(*row, &bytes[..length], line);
                    length
                }
                Err(fault) => {
                    let place = Place {
                        column: (fault.column > 0).then_some(fault.column),
                        ..self.place(line + fault.line - 1)
                    };
                    self.fleet.refuse(place, fault.kind, fault.text);
                    return;
                }
            };
            line += memchr_iter(b'\n', &bytes[..length]).count() as u64;
            bytes = &bytes[length..];
        }
    }

    fn end(mut self, error: Option<io::Error>, packing: Option<Packing>, read: u64) {
        if let Some(mut first) = self.waiting.take() {
            first.host = capped(&host_of(self.path)).into();
            self.settle(first);
        }
        let whole = Place {
            input: self.name.clone(),
            line: None,
            column: None,
        };
        if let Some(source) = error {
            // The message names the input itself; here its place does.
            let text = InputError::ended(self.path, packing, read, source).to_string();
            self.fleet
                .refuse(whole, ProblemKind::Unreadable, self.unnamed(&text).into());
        } else if self.drop_lines > 0 {
            let text = format!(
                "cut off: {} drops, and no report behind them; fetch it again",
                self.drop_lines
            );
            self.fleet
                .refuse(whole, ProblemKind::Truncated, text.into());
        } else if self.documents == 0 {
            let text = "no document in it; was it written to the end?".into();
            self.fleet.refuse(whole, ProblemKind::Empty, text);
        }
    }

    fn unnamed(&self, message: &str) -> String {
        let prefix = format!("{}: ", shown(self.path));
        message.strip_prefix(&prefix).unwrap_or(message).to_owned()
    }
}

/// Counts what goes through.
struct Counting<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

impl Reader {
    /// Reads all documents of an input into `fleet`. Nothing that is in the input ends it early
    /// but an error of `source`, which is counted as a document that is lost.
    pub fn read(
        &mut self,
        path: &Path,
        source: impl Read,
        packing: Option<Packing>,
        fleet: &mut Fleet,
    ) {
        let name = Untrusted::lossy(path.as_os_str().as_encoded_bytes());
        let mut input = Input {
            name: &name,
            path,
            fleet,
            hasher: &self.hasher,
            waiting: None,
            rows: 0,
            documents: 0,
            drop_lines: 0,
        };
        let mut counting = Counting {
            inner: source,
            bytes: 0,
        };
        let mut pieces = Pieces::new(&mut counting, &mut self.buffer);
        let error = loop {
            match pieces.next_piece() {
                Ok(Some(Piece::Bytes(bytes, line))) => input.piece(bytes, line),
                Ok(Some(Piece::TooLarge(line))) => {
                    input.documents += 1;
                    let text = format!(
                        "a document of more than {} MiB, which no report is",
                        MAX_DOCUMENT >> 20
                    );
                    let place = input.place(line);
                    input
                        .fleet
                        .refuse(place, ProblemKind::TooLarge, text.into());
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let read = counting.bytes;
        input.end(error, packing, read);
    }
}
