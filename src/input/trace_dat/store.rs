//! The file, read anywhere, and how much memory its contents may take.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::input::trace_dat::compression::Compression;
use crate::input::trace_dat::damage::Damage;

/// The bytes taken from a file that are kept at one time are at most so many times its size, and
/// what is looked up in them another five times as many. Under zstd kernel symbols shrink to a
/// quarter, event formats to a fourteenth, a page of alike stacks to a thirtieth.
pub(super) const MAX_EXPANSION: u64 = 24;

/// Compressed and decompressed bytes of all blocks ever read are together at most so many times
/// the size of the file: a bomb would take hours otherwise, and so would blocks that overlap.
/// It is four times what a page of alike stacks comes to, and files hold more than such.
pub(super) const MAX_UNPACKED: u64 = 128;

/// A file that can be read anywhere.
pub(super) struct Store {
    file: File,
    len: u64,
    /// Bytes that may still be kept.
    allowance: u64,
    /// Bytes that may still be decompressed.
    unpackable: u64,
}

impl Store {
    pub(super) fn new(file: File, len: u64) -> Self {
        Store {
            file,
            len,
            allowance: len.saturating_mul(MAX_EXPANSION),
            unpackable: len.saturating_mul(MAX_UNPACKED),
        }
    }

    /// Length of the file, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Reads on from `offset` up to the end of the file.
    pub(super) fn reader(
        &self,
        part: &'static str,
        offset: u64,
    ) -> Result<impl Read + use<>, Damage> {
        let file = self.file.try_clone();
        let file = file.map_err(|e| Damage::unreadable(part, offset, &e))?;
        let left = self.len.saturating_sub(offset);
        Ok(io::BufReader::new(ReadAt { file, offset }.take(left)))
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
                Err(Damage::unreadable(part, offset, &e))
            }
        }
    }

    /// Decompresses the block whose two sizes stand at `offset` and which ends at `end` at the
    /// latest; also says where it ends.
    pub(super) fn block(
        &mut self,
        part: &'static str,
        offset: u64,
        end: u64,
        compression: Compression,
    ) -> Result<(Vec<u8>, u64), Damage> {
        let machine = compression.machine;
        let sizes = self.bytes(part, offset, 8)?;
        let (packed, len) = sizes.split_at(4);
        let (packed, len) = (machine.number(packed), machine.number(len));
        self.give_back(&sizes);
        // The sizes were read: they end inside the file.
        let start = offset.saturating_add(8);
        let behind = start.checked_add(packed).filter(|&behind| behind <= end);
        let behind = behind.ok_or_else(|| {
            let what = "reaches beyond where it should end";
            Damage::new(part, offset, what)
        })?;
        let compressed = self.bytes(part, start, packed)?;
        let unpacked = self.unpack(part, offset, &compressed, len, compression);
        self.give_back(&compressed);
        Ok((unpacked?, behind))
    }

    fn unpack(
        &mut self,
        part: &'static str,
        offset: u64,
        compressed: &[u8],
        len: u64,
        compression: Compression,
    ) -> Result<Vec<u8>, Damage> {
        self.reserve(part, offset, len)?;
        let work = len.saturating_add(compressed.len() as u64);
        let unpacked = match self.unpackable.checked_sub(work) {
            Some(left) => {
                self.unpackable = left;
                compression.method.unpack(compressed, len as usize)
            }
            None => Err(format!(
                "would be decompressed to more than {MAX_UNPACKED} times the file"
            )),
        };
        unpacked.map_err(|what| {
            self.allowance = self.allowance.saturating_add(len);
            Damage::new(part, offset, what)
        })
    }

    /// Takes `len` bytes off what may still be kept.
    pub(super) fn reserve(
        &mut self,
        part: &'static str,
        offset: u64,
        len: u64,
    ) -> Result<(), Damage> {
        self.allowance = self.allowance.checked_sub(len).ok_or_else(|| {
            let most = format!("more than {MAX_EXPANSION} times the file");
            Damage::new(
                part,
                offset,
                format!("claims {len} bytes, and all of it {most}"),
            )
        })?;
        Ok(())
    }

    /// Bytes that came from here are no longer kept.
    pub(super) fn give_back(&mut self, bytes: &[u8]) {
        self.allowance = self.allowance.saturating_add(bytes.len() as u64);
    }
}

struct ReadAt {
    file: File,
    offset: u64,
}

impl Read for ReadAt {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(out, self.offset)?;
        self.offset = self.offset.saturating_add(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::trace_dat::compression::CompressionMethod;
    use crate::ring::machine::Machine;
    use std::io::Write;

    const COMPRESSION: Compression = Compression {
        method: CompressionMethod::Zlib,
        machine: Machine {
            big_endian: false,
            long: 8,
        },
    };

    /// A file of one block of zeros, as long as they shrink to.
    fn block(zeros: usize, says: usize) -> Store {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; zeros]).unwrap();
        let packed = encoder.finish().unwrap();
        let mut bytes = (packed.len() as u32).to_le_bytes().to_vec();
        bytes.extend((says as u32).to_le_bytes());
        bytes.extend(packed);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        Store::new(file, bytes.len() as u64)
    }

    #[test]
    fn a_block_is_what_it_says() {
        let mut store = block(300, 300);
        let len = store.len();
        let (bytes, end) = store.block("part", 0, len, COMPRESSION).unwrap();
        assert_eq!((bytes, end), (vec![0; 300], len));
        for says in [299, 301] {
            let error = block(300, says).block("part", 0, len, COMPRESSION);
            assert!(error.is_err(), "{says}");
        }
        let what = store
            .block("part", 0, len - 1, COMPRESSION)
            .unwrap_err()
            .what;
        assert_eq!(what, "reaches beyond where it should end");
    }

    #[test]
    fn what_is_kept_is_a_small_multiple_of_the_file() {
        let mut store = block(300, 300);
        let len = store.len();
        let allowed = len * MAX_EXPANSION / 300;
        let mut kept = Vec::new();
        while let Ok((bytes, _)) = store.block("part", 0, len, COMPRESSION) {
            kept.push(bytes);
        }
        // Compressed bytes are kept as well while they are read.
        assert!((allowed - 1..=allowed).contains(&(kept.len() as u64)));
        store.give_back(&kept[0]);
        assert!(store.block("part", 0, len, COMPRESSION).is_ok());
    }

    #[test]
    fn what_is_ever_decompressed_is_a_multiple_of_the_file() {
        let mut store = block(300, 300);
        let len = store.len();
        let mut blocks = 0;
        let error = loop {
            match store.block("part", 0, len, COMPRESSION) {
                Ok((bytes, _)) => store.give_back(&bytes),
                Err(damage) => break damage.what,
            }
            blocks += 1;
        };
        assert_eq!(blocks, len * MAX_UNPACKED / (300 + len - 8));
        assert!(error.contains("more than 128 times"), "{error}");
    }
}
