//! Opens what the user named: a file, standard input, gzip or not.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

/// The name that stands for standard input.
pub const STDIN: &str = "-";

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

type Peeked = Chain<Cursor<Vec<u8>>, Box<dyn Read>>;

/// An opened input: text, decompressed where the magic number says gzip.
pub enum Opened {
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
    pub fn new(mut reader: Box<dyn Read>) -> io::Result<Self> {
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

    /// True where the input is compressed.
    #[must_use]
    pub fn is_gzip(&self) -> bool {
        matches!(self, Opened::Gzip(_))
    }
}

impl Read for Opened {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Opened::Plain(reader) => reader.read(out),
            Opened::Gzip(reader) => reader.read(out),
        }
    }
}

/// Opens `path`, or standard input for `-`.
///
/// # Errors
/// See [`InputError`]; a directory is refused before anything is read.
pub fn open(path: &Path) -> Result<Opened, InputError> {
    let reader: Box<dyn Read> = if path == Path::new(STDIN) {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|e| InputError::from_io(path, e))?;
        let metadata = file.metadata().map_err(|e| InputError::from_io(path, e))?;
        if metadata.is_dir() {
            return Err(InputError::Directory(path.to_owned()));
        }
        Box::new(file)
    };
    Opened::new(reader).map_err(|e| InputError::from_io(path, e))
}
