//! Parts of the file that hold events or text, piece by piece.

use crate::input::trace_dat::compression::Compression;
use crate::input::trace_dat::damage::Damage;
use crate::input::trace_dat::store::Store;

/// How damages name such a part.
pub(super) const PART: &str = "CPU data";

/// A part of the file in pieces, decompressed.
pub(super) struct Blocks {
    offset: u64,
    end: u64,
    compression: Option<Compression>,
    /// Compressed chunks left; none before their number was read. Their number tells where
    /// the part ends: trace-cmd leaves the four bytes of that out of the size.
    chunks: Option<u64>,
    step: u64,
}

impl Blocks {
    /// `size` bytes from `offset` on; those that are not compressed in pieces of `step` bytes.
    pub(super) fn new(offset: u64, size: u64, compression: Option<Compression>, step: u64) -> Self {
        Blocks {
            offset,
            end: offset.saturating_add(size),
            compression,
            chunks: None,
            step: step.max(1),
        }
    }

    /// Where in the file the next piece starts.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next piece, which is to be given back to the store; nothing follows an error.
    pub(super) fn next(&mut self, store: &mut Store) -> Result<Option<Vec<u8>>, Damage> {
        let next = self.read(store);
        if next.is_err() {
            self.offset = self.end;
            self.chunks = self.compression.map(|_| 0);
        }
        next
    }

    fn read(&mut self, store: &mut Store) -> Result<Option<Vec<u8>>, Damage> {
        if self.offset >= self.end && self.chunks.is_none() {
            return Ok(None);
        }
        let Some(compression) = self.compression else {
            let there = self.end.min(store.len());
            if self.offset >= there {
                return Err(Damage::cut_off(PART, self.offset));
            }
            let len = self.step.min(there.saturating_sub(self.offset));
            let bytes = store.bytes(PART, self.offset, len)?;
            self.offset = self.offset.saturating_add(len);
            return Ok(Some(bytes));
        };
        let chunks = match self.chunks {
            Some(chunks) => chunks,
            None => {
                let count = store.bytes(PART, self.offset, 4)?;
                store.give_back(&count);
                self.offset = self.offset.saturating_add(4);
                compression.machine.number(&count)
            }
        };
        self.chunks = Some(chunks.saturating_sub(1));
        if chunks == 0 {
            return Ok(None);
        }
        let (bytes, end) = store.block(PART, self.offset, store.len(), compression)?;
        self.offset = end;
        Ok(Some(bytes))
    }
}
