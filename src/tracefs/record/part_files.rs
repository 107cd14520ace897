//! The files in which the parts of a recording are: their names, and whether one is such.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use rustix::fs::OFlags;

use crate::text::FRAMING;

/// Digits of a number in a name: names sort as their numbers do.
const DIGITS: usize = 6;
/// How much of a file is looked at for what its first line says.
const FIRST_LINE: u64 = 4096;
/// What each compressed file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The names of all parts.
#[derive(Debug, Clone)]
pub(super) struct Names {
    dir: PathBuf,
    name: String,
}

impl Names {
    /// Those of the parts of this file.
    pub(super) fn of(path: &Path) -> io::Result<Names> {
        let name = path.file_name().and_then(|name| name.to_str());
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        Ok(Names {
            dir: dir.unwrap_or(Path::new(".")).to_owned(),
            name: name.ok_or(io::ErrorKind::InvalidFilename)?.to_owned(),
        })
    }

    /// The names of the files that are there, with their numbers, and whether they were never
    /// finished.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn there(&self) -> io::Result<Vec<(PathBuf, u64, bool)>> {
        let mut there = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some((number, is_unfinished)) = name.to_str().and_then(|n| self.number(n)) {
                there.push((entry.path(), number, is_unfinished));
            }
        }
        Ok(there)
    }

    /// The file as it is written.
    #[must_use]
    pub(super) fn plain(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{}.{number:0DIGITS$}", self.name))
    }

    /// The file when it is compressed.
    #[must_use]
    pub(super) fn packed(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{}.{number:0DIGITS$}.gz", self.name))
    }

    /// The file while it is being compressed: hidden, so that nobody takes it for a part.
    #[must_use]
    pub(super) fn unfinished(&self, number: u64) -> PathBuf {
        self.dir
            .join(format!(".{}.{number:0DIGITS$}.gz", self.name))
    }

    /// The number in the name of a part, and whether it is one that was never finished.
    fn number(&self, file: &str) -> Option<(u64, bool)> {
        let visible = file
            .strip_prefix('.')
            .filter(|rest| rest.starts_with(&self.name));
        let rest = visible.unwrap_or(file).strip_prefix(&self.name)?;
        let digits = rest.strip_prefix('.')?;
        let (digits, is_packed) = match digits.strip_suffix(".gz") {
            Some(digits) => (digits, true),
            None => (digits, false),
        };
        let is_number = digits.len() >= DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        let is_unfinished = visible.is_some() && is_packed;
        let number = digits.parse().ok().filter(|_| is_number)?;
        (is_unfinished || visible.is_none()).then_some((number, is_unfinished))
    }

    /// Removes all that there is of a part: regular files that begin as one, and nothing else.
    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        for path in [self.plain(number), self.packed(number)] {
            if is_part(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Opens a regular file for reading, never through a link.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    // A pipe of this name would wait for a writer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = flags.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// A new file with mode 0600, never through a link.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

/// Whether a file says in its first line that it is part of a recording.
pub(super) fn is_part(path: &Path) -> bool {
    let says = || {
        let mut file = BufReader::new(open_regular(path)?);
        let is_packed = file.fill_buf()?.starts_with(&GZIP);
        let text: Box<dyn Read> = match is_packed {
            true => Box::new(MultiGzDecoder::new(file)),
            false => Box::new(file),
        };
        let mut first = Vec::new();
        BufReader::new(text.take(FIRST_LINE)).read_until(b'\n', &mut first)?;
        let is_part = first.starts_with(format!("{FRAMING}part ").as_bytes());
        io::Result::Ok(is_part)
    };
    says().unwrap_or(false)
}
