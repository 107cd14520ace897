//! The compression methods of trace-cmd: zstd, zlib, none.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::ring::machine::Machine;

/// Decompressed bytes taken from the zstd decoder at a time.
const STEP: usize = 128 * 1024;
/// Smallest window that an encoder asks for, whatever the size of its input, in bytes; some
/// round it up to 128 KiB.
const WINDOW: usize = 128 * 1024;

/// What is wrong with data that decompresses to too much.
const MORE: &str = "holds more than it says";

/// A method by its name in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompressionMethod {
    /// `zstd`.
    Zstd,
    /// `zlib`.
    Zlib,
}

/// How blocks are compressed, and how their sizes are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compression {
    /// The method.
    pub(crate) method: CompressionMethod,
    /// The byte order of the sizes.
    pub(crate) machine: Machine,
}

impl CompressionMethod {
    /// The method of that name; `Ok(None)` for `none`.
    pub(super) fn from_name(name: &[u8]) -> Result<Option<Self>, ()> {
        match name {
            b"none" => Ok(None),
            b"zstd" => Ok(Some(CompressionMethod::Zstd)),
            b"zlib" => Ok(Some(CompressionMethod::Zlib)),
            _ => Err(()),
        }
    }

    /// Decompresses to exactly `len` bytes; the error says what is wrong.
    pub(super) fn unpack(self, data: &[u8], len: usize) -> Result<Vec<u8>, String> {
        let mut out = Vec::with_capacity(len);
        let done = match self {
            CompressionMethod::Zstd => zstd(data, len, &mut out),
            CompressionMethod::Zlib => {
                let most = (len as u64).saturating_add(1);
                let mut decoder = flate2::read::ZlibDecoder::new(data).take(most);
                let read = decoder.read_to_end(&mut out);
                read.map(drop).map_err(|e| e.to_string())
            }
        };
        match done {
            Ok(()) if out.len() == len => Ok(out),
            Ok(()) if out.len() < len => Err(format!(
                "decompresses to {} bytes and says {len}",
                out.len()
            )),
            Ok(()) => Err(format!("cannot be decompressed: {MORE}")),
            Err(e) => Err(format!("cannot be decompressed: {e}")),
        }
    }
}

fn zstd(mut data: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(len.saturating_mul(2).max(WINDOW) as u64);
    decoder.init(&mut data).map_err(|e| e.to_string())?;
    loop {
        if decoder.can_collect() > len.saturating_sub(out.len()) {
            return Err(MORE.to_owned());
        }
        let collected = decoder.collect_to_writer(&mut *out);
        collected.map_err(|e| e.to_string())?;
        if decoder.is_finished() {
            return Ok(());
        }
        decoder
            .decode_blocks(&mut data, BlockDecodingStrategy::UptoBytes(STEP))
            .map_err(|e| e.to_string())?;
    }
}
