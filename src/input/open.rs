//! Opens what the user named: a file, standard input, gzip or not.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::chunks::Source;

/// The name that stands for standard input.
pub const STDIN: &str = "-";

/// Bytes that a pipe may hold; what anybody may ask for (`fs.pipe-max-size`).
const PIPE: usize = 1024 * 1024;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why an input could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The path leads nowhere.
    #[error("{0}: no such file; give the path of a saved trace, or - for standard input")]
    Missing(PathBuf),
    /// The path is a directory.
    #[error("{0}: is a directory; name the trace files in it one by one")]
    Directory(PathBuf),
    /// The file may not be read.
    #[error("{0}: permission denied; run as a user who may read it, or copy the file")]
    Denied(PathBuf),
    /// A gzip stream that ends too early or is damaged.
    #[error(
        "{path}: damaged or cut-off gzip data: {source}; what could be read was {read} bytes of text"
    )]
    Gzip {
        /// The input.
        path: PathBuf,
        /// Decompressed bytes read before the damage.
        read: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// Any other failure.
    #[error("{path}: {source}")]
    Io {
        /// The input.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl InputError {
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => InputError::Missing(path.to_owned()),
            io::ErrorKind::PermissionDenied => InputError::Denied(path.to_owned()),
            io::ErrorKind::IsADirectory => InputError::Directory(path.to_owned()),
            _ => InputError::Io {
                path: path.to_owned(),
                source,
            },
        }
    }
}

type Reader = Box<dyn Read + Send>;
type Peeked = Chain<Cursor<Vec<u8>>, Reader>;

/// An opened input: text, decompressed where the magic number says gzip.
pub enum Opened {
    /// Plain text in a file that has a length, in bytes.
    File(File, u64),
    /// Plain text.
    Plain(Peeked),
    /// Gzip, possibly of several members.
    Gzip(Box<MultiGzDecoder<BufReader<Peeked>>>),
}

impl Opened {
    /// Recognises gzip by its magic number.
    ///
    /// # Errors
    /// Whatever reading the first two bytes answers.
    pub fn new(mut reader: Reader) -> io::Result<Self> {
        let mut head = Vec::with_capacity(GZIP_MAGIC.len());
        reader
            .by_ref()
            .take(GZIP_MAGIC.len() as u64)
            .read_to_end(&mut head)?;
        let gzip = head == GZIP_MAGIC;
        let whole = Cursor::new(head).chain(reader);
        Ok(if gzip {
            Opened::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(whole))))
        } else {
            Opened::Plain(whole)
        })
    }

    /// The first `length` bytes of a file, which stands at its start.
    ///
    /// # Errors
    /// Whatever reading the first two bytes answers.
    pub fn file(file: File, length: u64) -> io::Result<Self> {
        let mut head = [0; GZIP_MAGIC.len()];
        if file.read_at(&mut head, 0)? == head.len() && head == GZIP_MAGIC {
            return Opened::new(Box::new(file.take(length)));
        }
        Ok(Opened::File(file, length))
    }

    /// True where the input is compressed.
    #[must_use]
    pub fn is_gzip(&self) -> bool {
        matches!(self, Opened::Gzip(_))
    }

    /// Its text, from the start.
    #[must_use]
    pub fn reader(self) -> Box<dyn Read + Send> {
        match self {
            Opened::File(file, length) => Box::new(file.take(length)),
            Opened::Plain(reader) => Box::new(reader),
            Opened::Gzip(reader) => reader,
        }
    }

    /// Where its text comes from.
    #[must_use]
    pub fn source(self) -> Source<Reader> {
        match self {
            Opened::File(file, length) => Source::File(file, length),
            Opened::Plain(reader) => Source::Stream(Box::new(reader)),
            Opened::Gzip(reader) => Source::Stream(reader),
        }
    }
}

/// Opens `path`, or standard input for `-`.
///
/// # Errors
/// See [`InputError`]; a directory is refused before anything is read.
pub fn open(path: &Path) -> Result<Opened, InputError> {
    let fail = |e| InputError::from_io(path, e);
    if path == Path::new(STDIN) {
        // A larger pipe lets its writer run ahead; where it may not grow it stays as it is.
        let _ = rustix::pipe::fcntl_setpipe_size(io::stdin(), PIPE);
        return Opened::new(Box::new(io::stdin())).map_err(fail);
    }
    let file = File::open(path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if metadata.is_dir() {
        return Err(InputError::Directory(path.to_owned()));
    }
    // Files that the kernel writes while they are read have no length.
    if metadata.is_file() && metadata.len() > 0 {
        Opened::file(file, u64::MAX).map_err(fail)
    } else {
        Opened::new(Box::new(file)).map_err(fail)
    }
}
