//! The file, read anywhere, and how much memory its contents may take.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use super::compression::Compression;
use super::damage::Damage;

/// The bytes taken from a file that are kept at one time are at most so many times its size, and
/// what is looked up in them another five times as many. Under zstd kernel symbols shrink to a
/// quarter, event formats to a fourteenth, a page of alike stacks to a thirtieth.
pub(super) const MAX_EXPANSION: u64 = 24;

/// A file that can be read anywhere.
pub(super) struct Store {
    file: File,
    len: u64,
    /// Bytes that may still be kept.
    allowance: u64,
}

impl Store {
    pub(super) fn new(file: File, len: u64) -> Self {
        Store {
            file,
            len,
            allowance: len.saturating_mul(MAX_EXPANSION),
        }
    }

    /// Length of the file, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Reads on from `offset` up to the end of the file.
    pub(super) fn reader(&self, offset: u64) -> io::Result<impl Read + use<>> {
        let file = self.file.try_clone()?;
        let left = self.len.saturating_sub(offset);
        Ok(io::BufReader::new(At { file, offset }.take(left)))
    }

    /// The bytes from `offset` on, which belong to `part`; they are the caller's to give back.
    pub(super) fn bytes(
        &mut self,
        part: &'static str,
        offset: u64,
        len: u64,
    ) -> Result<Vec<u8>, Damage> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Damage::cut_off(part, offset));
        }
        self.reserve(part, offset, len)?;
        let mut bytes = vec![0; len as usize];
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(bytes),
            Err(e) => {
                self.give_back(&bytes);
                Err(Damage::new(part, offset, format!("cannot be read: {e}")))
            }
        }
    }

    /// Decompresses the block whose two sizes stand at `offset`; also says where it ends.
    pub(super) fn block(
        &mut self,
        part: &'static str,
        offset: u64,
        compression: Compression,
    ) -> Result<(Vec<u8>, u64), Damage> {
        let machine = compression.machine;
        let sizes = self.bytes(part, offset, 8)?;
        let (packed, len) = sizes.split_at(4);
        let (packed, len) = (machine.number(packed), machine.number(len));
        self.give_back(&sizes);
        let compressed = self.bytes(part, offset + 8, packed)?;
        self.reserve(part, offset, len)?;
        let unpacked = compression.method.unpack(&compressed, len as usize);
        self.give_back(&compressed);
        match unpacked {
            Ok(bytes) => Ok((bytes, offset + 8 + packed)),
            Err(e) => {
                self.allowance += len;
                Err(Damage::new(part, offset, e))
            }
        }
    }

    /// Takes `len` bytes off what may still be kept.
    pub(super) fn reserve(
        &mut self,
        part: &'static str,
        offset: u64,
        len: u64,
    ) -> Result<(), Damage> {
        match self.allowance.checked_sub(len) {
            Some(left) => {
                self.allowance = left;
                Ok(())
            }
            None => Err(Damage::new(
                part,
                offset,
                format!(
                    "claims {len} bytes, and all of it more than {MAX_EXPANSION} times the file"
                ),
            )),
        }
    }

    /// Bytes that came from here are no longer kept.
    pub(super) fn give_back(&mut self, bytes: &[u8]) {
        self.allowance += bytes.len() as u64;
    }
}

struct At {
    file: File,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(out, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }
}
