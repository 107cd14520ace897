//! Opens what the user named: a file, standard input, compressed or not.

use std::fs::File;
use std::io::{self, Chain, Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::input::chunks::Source;
use crate::input::error::InputError;
use crate::input::packing::{DynReader, Packing};
use crate::input::pasted::plain;
use crate::input::spool::spool;
use crate::input::start::Start;
use crate::input::trace_dat::{MAGIC, TraceDat};
use crate::input::waiting::Waiting;
use crate::os::signals::Signals;

/// The name that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Bytes that a pipe may hold; what anybody may ask for (`fs.pipe-max-size`).
const PIPE: usize = 1024 * 1024;

type Peeked = Chain<Cursor<Vec<u8>>, DynReader>;

/// An opened input: text, unpacked where its magic number says so, or made of a trace.dat.
pub enum Opened {
    /// Plain text in a file that has a length, in bytes.
    File(File, u64),
    /// Plain text.
    Plain(Peeked),
    /// Text that was compressed.
    Packed(Packing, DynReader),
    /// trace-cmd's own file, compressed or not.
    TraceDat(Box<TraceDat>),
}

impl Opened {
    /// Recognises compressed files and trace.dat by their magic numbers. A trace.dat is read anywhere and
    /// goes to an unlinked temporary file first.
    ///
    /// # Errors
    /// Whatever reading the first bytes answers, or writing that file.
    pub fn new(mut reader: DynReader) -> io::Result<Self> {
        let start = Start::of(&mut reader, MAGIC.len());
        if let Some(error) = start.error {
            return Err(error);
        }
        let packing = Packing::of(&start.head);
        let is_dat = start.head == MAGIC;
        let mut whole = Cursor::new(start.head).chain(reader);
        if is_dat {
            return Opened::spooled(&mut whole);
        }
        let Some(packing) = packing else {
            return Ok(Opened::Plain(whole));
        };
        let mut decoder = packing.unpack(whole);
        let start = Start::of(&mut decoder, MAGIC.len());
        let is_dat = start.head == MAGIC;
        let mut whole = start.before(decoder);
        if is_dat {
            return Opened::spooled(&mut whole);
        }
        Ok(Opened::Packed(packing, Box::new(whole)))
    }

    fn spooled(reader: &mut dyn Read) -> io::Result<Self> {
        let (file, length, broken) = spool(reader)?;
        let dat = TraceDat::new(file, length, broken.as_ref());
        Ok(Opened::TraceDat(Box::new(dat)))
    }

    /// The first `length` bytes of a file, which stands at its start.
    ///
    /// # Errors
    /// Whatever reading the first bytes answers.
    pub(crate) fn file(file: File, length: u64) -> io::Result<Self> {
        let mut head = [0; MAGIC.len()];
        let n = file.read_at(&mut head, 0)?;
        if Packing::of(&head[..n]).is_some() {
            return Opened::new(Box::new(file.take(length)));
        }
        if head == *MAGIC {
            let length = length.min(file.metadata()?.len());
            let dat = TraceDat::new(file, length, None);
            return Ok(Opened::TraceDat(Box::new(dat)));
        }
        Ok(Opened::File(file, length))
    }

    /// How it is compressed; `None` for what is not, and for a trace.dat.
    #[must_use]
    pub(crate) fn packing(&self) -> Option<Packing> {
        match self {
            Opened::Packed(packing, _) => Some(*packing),
            _ => None,
        }
    }

    /// Its text, from the start.
    #[must_use]
    pub fn reader(self) -> DynReader {
        self.source().reader()
    }

    /// Where the text of its trace comes from, without what pasting has put around it.
    ///
    /// # Errors
    /// Whatever reading the first bytes answers.
    pub fn trace(self) -> io::Result<Source<DynReader>> {
        if matches!(self, Opened::TraceDat(_)) {
            return Ok(self.source());
        }
        plain(self.source())
    }

    /// Where its text comes from.
    #[must_use]
    pub(crate) fn source(self) -> Source<DynReader> {
        match self {
            Opened::File(file, length) => Source::File(file, length),
            Opened::Plain(reader) => Source::Stream(Box::new(reader)),
            Opened::Packed(_, reader) => Source::Stream(reader),
            Opened::TraceDat(dat) => Source::Stream(dat),
        }
    }
}

/// The file of that name, and its length where it is a regular file.
///
/// # Errors
/// See [`InputError`]; a directory is refused before anything is read.
fn file(path: &Path) -> Result<(File, Option<u64>), InputError> {
    let fail = |e| InputError::from_io(path, e);
    let file = File::open(path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if metadata.is_dir() {
        return Err(InputError::Directory(path.into()));
    }
    // Files that the kernel writes while they are read have no length.
    let length = Some(metadata.len()).filter(|&len| metadata.is_file() && len > 0);
    Ok((file, length))
}

fn waiting<R>(stream: R, signals: Option<&Signals>) -> Waiting<R> {
    Waiting {
        stream,
        signals: signals.cloned(),
    }
}

/// Opens `path`, or standard input for `-`. What has no length ends where one of `signals` comes.
///
/// # Errors
/// See [`InputError`]; a directory is refused before anything is read.
pub fn open(path: &Path, signals: Option<&Signals>) -> Result<Opened, InputError> {
    let opened = if path == Path::new(STDIN) {
        // A larger pipe lets its writer run ahead; where it may not grow it stays as it is.
        let _ = rustix::pipe::fcntl_setpipe_size(io::stdin(), PIPE);
        Opened::new(Box::new(waiting(io::stdin(), signals)))
    } else {
        match file(path)? {
            (file, Some(_)) => Opened::file(file, u64::MAX),
            (file, None) => Opened::new(Box::new(waiting(file, signals))),
        }
    };
    opened.map_err(|e| InputError::from_io(path, e))
}

/// An input that gives the same bytes every time it is opened: a regular file as long as it
/// was at first, or a copy of anything else in an unlinked temporary file.
pub struct Spool {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Spool {
    /// Opens a regular file, or copies what cannot be read twice.
    ///
    /// # Errors
    /// See [`InputError`]; also where the temporary directory has no room.
    pub(crate) fn new(path: &Path, signals: Option<&Signals>) -> Result<Spool, InputError> {
        let copied = if path == Path::new(STDIN) {
            spool(&mut waiting(io::stdin(), signals))
        } else {
            match file(path)? {
                (file, Some(length)) => Ok((file, length, None)),
                (file, None) => spool(&mut waiting(file, signals)),
            }
        };
        match copied {
            Ok((file, length, None)) => Ok(Spool {
                path: path.to_owned(),
                file,
                length,
            }),
            Ok((.., Some(e))) | Err(e) => Err(InputError::from_io(path, e)),
        }
    }

    /// Where the text of its trace comes from, from the start.
    ///
    /// # Errors
    /// See [`InputError`].
    pub(crate) fn trace(&self) -> Result<Source<DynReader>, InputError> {
        let trace = self.open()?.trace();
        trace.map_err(|e| InputError::from_io(&self.path, e))
    }

    /// Opens it from the start.
    ///
    /// # Errors
    /// See [`InputError`].
    pub(crate) fn open(&self) -> Result<Opened, InputError> {
        let again = || {
            let mut file = self.file.try_clone()?;
            file.seek(SeekFrom::Start(0))?;
            Opened::file(file, self.length)
        };
        again().map_err(|e| InputError::from_io(&self.path, e))
    }
}
