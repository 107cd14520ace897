//! Inputs that are read twice.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::input::open::{InputError, Opened, STDIN};

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
    pub fn new(path: &Path) -> Result<Spool, InputError> {
        let fail = |e| InputError::from_io(path, e);
        let (file, length) = if path == Path::new(STDIN) {
            spool(&mut io::stdin().lock()).map_err(fail)?
        } else {
            let mut file = File::open(path).map_err(fail)?;
            let metadata = file.metadata().map_err(fail)?;
            if metadata.is_dir() {
                return Err(InputError::Directory(path.to_owned()));
            }
            // Files that the kernel writes while they are read have no length.
            if metadata.is_file() && metadata.len() > 0 {
                (file, metadata.len())
            } else {
                spool(&mut file).map_err(fail)?
            }
        };
        Ok(Spool {
            path: path.to_owned(),
            file,
            length,
        })
    }

    /// Opens it from the start.
    ///
    /// # Errors
    /// See [`InputError`].
    pub fn open(&self) -> Result<Opened, InputError> {
        let fail = |e| InputError::from_io(&self.path, e);
        let mut file = self.file.try_clone().map_err(fail)?;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        Opened::file(file, self.length).map_err(fail)
    }
}

/// Why the temporary file could not be made or written; no fault of the input.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NoCopy(pub io::Error);

impl NoCopy {
    fn wrap(source: io::Error) -> io::Error {
        io::Error::other(NoCopy(source))
    }
}

fn spool(reader: &mut dyn Read) -> io::Result<(File, u64)> {
    match spool_what_is_there(reader)? {
        (file, length, None) => Ok((file, length)),
        (.., Some(error)) => Err(error),
    }
}

/// Copies as much as can be read into an unlinked temporary file: the file, its length, and why
/// it is not all.
pub(super) fn spool_what_is_there(
    reader: &mut dyn Read,
) -> io::Result<(File, u64, Option<io::Error>)> {
    let mut file = tempfile::tempfile().map_err(NoCopy::wrap)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((file, length, None)),
            Ok(n) => {
                file.write_all(&buffer[..n]).map_err(NoCopy::wrap)?;
                length += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Ok((file, length, Some(e))),
        }
    }
}
