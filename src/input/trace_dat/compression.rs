//! The compression methods of trace-cmd: zstd, zlib, none.

use std::io::{Read, Write};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::ring::machine::Machine;

/// Decompressed bytes taken from the zstd decoder at a time.
const STEP: usize = 128 * 1024;
/// Smallest window that an encoder asks for, whatever the size of its input, in bytes; some
/// round it up to 128 KiB.
const WINDOW: usize = 128 * 1024;

/// A method by its name in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// `zstd`.
    Zstd,
    /// `zlib`.
    Zlib,
}

/// How blocks are compressed, and how their sizes are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compression {
    /// The method.
    pub method: Method,
    /// The byte order of the sizes.
    pub machine: Machine,
}

/// Takes no more than it was promised.
struct Bounded {
    bytes: Vec<u8>,
    len: usize,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + data.len() > self.len {
            return Err(std::io::Error::other("holds more than it says"));
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Method {
    /// The method of that name; `Ok(None)` for `none`.
    pub(super) fn from_name(name: &[u8]) -> Result<Option<Self>, ()> {
        match name {
            b"none" => Ok(None),
            b"zstd" => Ok(Some(Method::Zstd)),
            b"zlib" => Ok(Some(Method::Zlib)),
            _ => Err(()),
        }
    }

    /// Decompresses to exactly `len` bytes; the error says what is wrong.
    pub(super) fn unpack(self, data: &[u8], len: usize) -> Result<Vec<u8>, String> {
        let mut out = Bounded {
            bytes: Vec::with_capacity(len),
            len,
        };
        let done = match self {
            Method::Zstd => zstd(data, &mut out),
            Method::Zlib => {
                let mut decoder = flate2::read::ZlibDecoder::new(data).take(len as u64 + 1);
                std::io::copy(&mut decoder, &mut out)
                    .map(drop)
                    .map_err(|e| e.to_string())
            }
        };
        match done {
            Ok(()) if out.bytes.len() == len => Ok(out.bytes),
            Ok(()) => Err(format!(
                "decompresses to {} bytes and says {len}",
                out.bytes.len()
            )),
            Err(e) => Err(format!("cannot be decompressed: {e}")),
        }
    }
}

fn zstd(mut data: &[u8], out: &mut Bounded) -> Result<(), String> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(out.len.saturating_mul(2).max(WINDOW) as u64);
    decoder.init(&mut data).map_err(|e| e.to_string())?;
    while !decoder.is_finished() {
        decoder
            .decode_blocks(&mut data, BlockDecodingStrategy::UptoBytes(STEP))
            .map_err(|e| e.to_string())?;
        if decoder.can_collect() > out.len - out.bytes.len() {
            return Err("holds more than it says".to_owned());
        }
        decoder
            .collect_to_writer(&mut *out)
            .map_err(|e| e.to_string())?;
    }
    decoder
        .collect_to_writer(&mut *out)
        .map_err(|e| e.to_string())?;
    Ok(())
}
