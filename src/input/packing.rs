//! Compressed input: which kind it is, and the bytes inside.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Any reader.
pub(super) type DynReader = Box<dyn Read + Send>;

/// The largest window that is kept for a decoder, in bytes: what the strongest levels of xz and
/// zstd ask for. Whoever wrote the file chooses its window, so that there must be a limit.
const MAX_WINDOW: u64 = 128 * 1024 * 1024;
/// What a decoder of xz needs beside its window, in KiB, at most.
const BESIDE_KB: u32 = 1024;

/// A way to compress a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// gzip, possibly of several members.
    Gzip,
    /// bzip2, possibly of several streams, as pbzip2 writes it.
    Bzip2,
    /// xz, possibly of several streams.
    Xz,
    /// zstd, possibly of several frames.
    Zstd,
}

/// A window above [`MAX_WINDOW`].
#[derive(Debug, thiserror::Error)]
#[error("its window is larger than 128 MiB")]
pub(super) struct TooWide;

impl Packing {
    /// All of them, with the bytes that their files start with.
    const MAGIC: [(Packing, &[u8]); 4] = [
        (Packing::Gzip, b"\x1f\x8b"),
        (Packing::Bzip2, b"BZh"),
        (Packing::Xz, b"\xfd7zXZ\0"),
        (Packing::Zstd, b"\x28\xb5\x2f\xfd"),
    ];

    /// What a file is compressed with that starts so.
    #[must_use]
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let found = |(_, magic): &&(Packing, &[u8])| head.starts_with(magic);
        Self::MAGIC.iter().find(found).map(|(packing, _)| *packing)
    }

    /// The name of the tool that writes it, and unpacks it with `-dc`.
    #[must_use]
    pub(super) fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Bzip2 => "bzip2",
            Packing::Xz => "xz",
            Packing::Zstd => "zstd",
        }
    }

    /// What is inside; whatever is concatenated is read to its end.
    #[must_use]
    pub(super) fn unpack(self, packed: impl Read + Send + 'static) -> DynReader {
        let packed = BufReader::new(packed);
        let memory = (MAX_WINDOW / 1024) as u32 + BESIDE_KB;
        match self {
            Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Packing::Bzip2 => Box::new(MultiBzDecoder::new(packed)),
            Packing::Xz => Box::new(Xz(XzReader::new_mem_limit(packed, true, memory))),
            Packing::Zstd => Box::new(Zstd::new(packed)),
        }
    }
}

/// xz, whose decoder says by the kind of its error that a window is too large.
struct Xz<R: Read>(XzReader<R>);

impl<R: Read> Read for Xz<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).map_err(|e| match e.kind() {
            io::ErrorKind::OutOfMemory => io::Error::other(TooWide),
            _ => e,
        })
    }
}

/// Frames of zstd, one behind the other.
struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    /// A frame has begun, and not all of it was handed out.
    within: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Zstd {
            packed,
            decoder,
            within: false,
        }
    }

    /// Begins the next frame of data; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => self.skip(u64::from(length))?,
                Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                    return Err(io::Error::other(TooWide));
                }
                Err(e) => return Err(io::Error::other(e)),
            }
        }
        Ok(false)
    }

    /// Passes over a frame that holds no data.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        let passed = io::copy(&mut (&mut self.packed).take(length), &mut io::sink())?;
        if passed < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 {
            if self.within && self.decoder.is_finished() {
                self.within = false;
            }
            if !self.within {
                self.within = self.begin()?;
                if !self.within {
                    return Ok(0);
                }
            }
            self.decoder
                .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
        self.decoder.read(out)
    }
}
