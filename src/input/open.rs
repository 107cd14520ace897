//! Opens what the user named: a file, standard input, gzip or not.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::input::chunks::Source;
use crate::input::spool::{NoCopy, spool_what_is_there};
use crate::input::trace_dat::{Damages, MAGIC, TraceDat};

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
    /// A trace.dat that is cut off or damaged, or of a kind that is not supported.
    #[error("{path}: {damages}")]
    TraceDat {
        /// The input.
        path: PathBuf,
        /// What is wrong, where, and what to try.
        damages: Damages,
    },
    /// What must be read twice could not be copied.
    #[error(
        "{path}: cannot keep a copy of it in {dir}: {error}; set TMPDIR to a directory with room"
    )]
    Copy {
        /// The input.
        path: PathBuf,
        /// Where temporary files go.
        dir: PathBuf,
        /// What the system said.
        error: io::Error,
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
        let source = match source.downcast() {
            Ok(damages) => {
                let path = path.to_owned();
                return InputError::TraceDat { path, damages };
            }
            Err(source) => source,
        };
        let source = match source.downcast() {
            Ok(NoCopy(error)) => {
                let (path, dir) = (path.to_owned(), std::env::temp_dir());
                return InputError::Copy { path, dir, error };
            }
            Err(source) => source,
        };
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

/// An opened input: text, decompressed where the magic number says gzip, or made of a trace.dat.
pub enum Opened {
    /// Plain text in a file that has a length, in bytes.
    File(File, u64),
    /// Plain text.
    Plain(Peeked),
    /// Gzip, possibly of several members.
    Gzip(Reader),
    /// trace-cmd's own file, gzip or not.
    TraceDat(Box<TraceDat>),
}

/// A start of the input, the error that ended it there, and the rest.
struct Start {
    head: Vec<u8>,
    error: Option<io::Error>,
}

impl Start {
    /// Reads as much as tells one kind of input from another.
    fn of(reader: &mut dyn Read) -> Self {
        let mut head = Vec::with_capacity(MAGIC.len());
        let error = reader.take(MAGIC.len() as u64).read_to_end(&mut head).err();
        Start { head, error }
    }

    /// The whole input again.
    fn before<R: Read>(self, rest: R) -> impl Read {
        Cursor::new(self.head).chain(Ended(self.error)).chain(rest)
    }
}

/// Nothing, or an error.
struct Ended(Option<io::Error>);

impl Read for Ended {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl Opened {
    /// Recognises gzip and trace.dat by their magic numbers. A trace.dat is read anywhere and
    /// goes to an unlinked temporary file first.
    ///
    /// # Errors
    /// Whatever reading the first bytes answers, or writing that file.
    pub fn new(mut reader: Reader) -> io::Result<Self> {
        let start = Start::of(&mut reader);
        if let Some(error) = start.error {
            return Err(error);
        }
        let is_gzip = start.head.starts_with(&GZIP_MAGIC);
        let is_dat = start.head == MAGIC;
        let mut whole = Cursor::new(start.head).chain(reader);
        if is_dat {
            return Opened::spooled(&mut whole);
        }
        if !is_gzip {
            return Ok(Opened::Plain(whole));
        }
        let mut decoder = MultiGzDecoder::new(BufReader::new(whole));
        let start = Start::of(&mut decoder);
        let is_dat = start.head == MAGIC;
        let mut whole = start.before(decoder);
        if is_dat {
            return Opened::spooled(&mut whole);
        }
        Ok(Opened::Gzip(Box::new(whole)))
    }

    fn spooled(reader: &mut dyn Read) -> io::Result<Self> {
        let (file, length, broken) = spool_what_is_there(reader)?;
        let dat = TraceDat::new(file, length, broken.as_ref());
        Ok(Opened::TraceDat(Box::new(dat)))
    }

    /// The first `length` bytes of a file, which stands at its start.
    ///
    /// # Errors
    /// Whatever reading the first bytes answers.
    pub fn file(file: File, length: u64) -> io::Result<Self> {
        let mut head = [0; MAGIC.len()];
        let n = file.read_at(&mut head, 0)?;
        if head[..n].starts_with(&GZIP_MAGIC) {
            return Opened::new(Box::new(file.take(length)));
        }
        if head == *MAGIC {
            let length = length.min(file.metadata()?.len());
            let dat = TraceDat::new(file, length, None);
            return Ok(Opened::TraceDat(Box::new(dat)));
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
    pub fn reader(self) -> Reader {
        match self.source() {
            Source::File(file, length) => Box::new(file.take(length)),
            Source::Stream(reader) => reader,
        }
    }

    /// Where its text comes from.
    #[must_use]
    pub fn source(self) -> Source<Reader> {
        match self {
            Opened::File(file, length) => Source::File(file, length),
            Opened::Plain(reader) => Source::Stream(Box::new(reader)),
            Opened::Gzip(reader) => Source::Stream(reader),
            Opened::TraceDat(dat) => Source::Stream(dat),
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
