//! Where a capture goes: a new file of our own, several of them, or standard output.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::PollFlags;

use crate::os::signals::Signals;
use crate::tracefs::error::TraceError;
use crate::tracefs::record::part_files::create_private;
use crate::tracefs::record::series::{Rotate, Series};

/// Bytes that a pipe takes whole once `poll` calls it writable (`PIPE_BUF`).
const PIPE_PIECE: usize = 4096;

const STUCK: Duration = Duration::from_secs(1);

/// Writes text anew before it goes out.
pub trait Rewrite: std::fmt::Debug {
    /// What is written in place of a piece of text, which may end anywhere.
    fn rewrite(&mut self, piece: &[u8]) -> Vec<u8>;
    /// The last line has no end yet, and is held back.
    fn is_open(&self) -> bool;
    /// What is held back is not written.
    fn cut(&mut self);
}

/// An output that a signal can interrupt even where its reader has stopped reading.
#[derive(Debug)]
pub struct Output {
    file: File,
    path: PathBuf,
    regular: bool,
    signals: Signals,
    /// Bytes written so far.
    pub(crate) written: u64,
    line_open: bool,
    /// The files that the recording is parted into.
    series: Option<Series>,
    /// Bytes written before the file that is being written.
    earlier: u64,
    rewrite: Option<Box<dyn Rewrite>>,
}

fn unopened(path: &Path, source: io::Error) -> TraceError {
    let advice = match source.kind() {
        io::ErrorKind::AlreadyExists => "; name a new file, or replace it with --force",
        io::ErrorKind::NotFound => "; make the directory first",
        _ => "",
    };
    TraceError::Output {
        path: path.into(),
        source,
        advice,
    }
}

fn unwritten(path: &Path, source: io::Error) -> TraceError {
    let advice = match source.kind() {
        io::ErrorKind::StorageFull => "; what was captured before is kept",
        io::ErrorKind::FileTooLarge => "; what was captured before is kept",
        _ => "",
    };
    TraceError::Output {
        path: path.into(),
        source,
        advice,
    }
}

impl Output {
    /// Opens `path`: a new file, mode 0600, never through a link; `force` replaces what is
    /// there. `-` is standard output.
    ///
    /// # Errors
    /// [`TraceError::Output`].
    pub fn open(path: &Path, force: bool, signals: Signals) -> Result<Output, TraceError> {
        let failed = |source| unopened(path, source);
        if path == Path::new("-") {
            let file = File::from(io::stdout().as_fd().try_clone_to_owned().map_err(failed)?);
            let regular = file.metadata().map_err(failed)?.is_file();
            return Ok(Output::new(file, path, regular, signals));
        }
        if force {
            // Removes a link itself, never what it points to.
            match std::fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
                _ => {}
            }
        }
        let file = create_private(path).map_err(failed)?;
        Ok(Output::new(file, path, true, signals))
    }

    /// Opens the first of several files, beside what earlier recordings left there.
    ///
    /// # Errors
    /// [`TraceError::Output`].
    pub fn rotating(path: &Path, rotate: Rotate, signals: Signals) -> Result<Output, TraceError> {
        let opened = Series::open(path, rotate);
        let (series, file) = opened.map_err(|source| unopened(path, source))?;
        let first = Output::new(file, &series.path(), true, signals);
        Ok(Output {
            series: Some(series),
            ..first
        })
    }

    /// The recording has begun: among files that are kept, it takes its place.
    ///
    /// # Errors
    /// [`TraceError::Output`].
    pub(crate) fn used(&mut self) -> Result<(), TraceError> {
        let used = self.series.as_mut().map_or(Ok(()), Series::used);
        used.map_err(|source| unwritten(&self.path, source))
    }

    /// Whether what comes next should go to the next file.
    #[must_use]
    pub(crate) fn is_full(&self) -> bool {
        let size = self.series.as_ref().map(Series::size);
        size.is_some_and(|size| self.written - self.earlier >= size)
    }

    /// Goes on in the next file.
    ///
    /// # Errors
    /// [`TraceError::Output`].
    pub(crate) fn next_file(&mut self) -> Result<(), TraceError> {
        if let Some(series) = &mut self.series {
            let next = series.next();
            let path = series.path();
            self.file = next.map_err(|source| unwritten(&path, source))?;
            self.path = path;
            self.earlier = self.written;
        }
        Ok(())
    }

    /// The line that the file begins with, where there are several.
    #[must_use]
    pub(crate) fn first_line(&self) -> Vec<u8> {
        let first = self.series.as_ref().map(Series::first_line);
        first.unwrap_or_default()
    }

    /// Waits until the files before the last one are compressed, or a second signal comes; what
    /// could not be.
    pub(crate) fn settle(&mut self) -> Option<String> {
        let signals = &self.signals;
        let series = self.series.take()?;
        series.finish(&|| signals.times() > 1)
    }

    /// For a recording of which nothing is kept.
    ///
    /// # Errors
    /// [`TraceError::Output`].
    pub(crate) fn nowhere(signals: Signals) -> Result<Output, TraceError> {
        const NULL: &str = "/dev/null";
        match OpenOptions::new().write(true).open(NULL) {
            Ok(file) => Ok(Output::new(file, Path::new(NULL), false, signals)),
            Err(source) => Err(TraceError::Output {
                path: NULL.into(),
                source,
                advice: "",
            }),
        }
    }

    fn new(file: File, path: &Path, regular: bool, signals: Signals) -> Output {
        Output {
            file,
            path: path.to_owned(),
            regular,
            signals,
            written: 0,
            line_open: false,
            series: None,
            earlier: 0,
            rewrite: None,
        }
    }

    /// The same, with text written anew.
    #[must_use]
    pub fn rewriting(self, rewrite: Option<Box<dyn Rewrite>>) -> Output {
        Output { rewrite, ..self }
    }

    /// What shall be written of a piece of text.
    pub(crate) fn rewritten<'t>(&mut self, piece: &'t [u8]) -> Cow<'t, [u8]> {
        match &mut self.rewrite {
            Some(rewrite) => Cow::Owned(rewrite.rewrite(piece)),
            None => Cow::Borrowed(piece),
        }
    }

    /// Leaves out what is held back of the last line.
    pub(crate) fn cut(&mut self) {
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.cut();
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// [`TraceError::Output`]; also where a signal came while the reader did not read.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        self.try_write(bytes)
            .map_err(|source| unwritten(&self.path, source))
    }

    /// True where the last line has no end yet.
    #[must_use]
    pub(crate) fn is_line_open(&self) -> bool {
        self.line_open || self.rewrite.as_ref().is_some_and(|text| text.is_open())
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        // A failure may leave half a line behind.
        self.line_open = true;
        if self.regular {
            self.file.write_all(bytes)?;
        } else {
            for piece in bytes.chunks(PIPE_PIECE) {
                self.until_writable()?;
                self.file.write_all(piece)?;
            }
        }
        self.written += bytes.len() as u64;
        self.line_open = bytes.last().is_some_and(|last| *last != b'\n');
        Ok(())
    }

    fn until_writable(&self) -> io::Result<()> {
        loop {
            let came = self.signals.came().is_some();
            if self
                .signals
                .wait(Some(self.file.as_fd()), PollFlags::OUT, STUCK)?
            {
                return Ok(());
            }
            if came {
                return Err(io::Error::new(
                    io::ErrorKind::Interrupted,
                    "nobody reads; given up after a signal",
                ));
            }
        }
    }

    /// Waits until what was written is on disk.
    ///
    /// # Errors
    /// [`TraceError::Output`].
    pub(crate) fn sync(&mut self) -> Result<(), TraceError> {
        if !self.regular {
            return Ok(());
        }
        self.file.sync_all().map_err(|source| TraceError::Output {
            path: self.path.as_path().into(),
            source,
            advice: "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// Whole lines in capitals.
    #[derive(Debug, Default)]
    struct Capitals(Vec<u8>);

    impl Rewrite for Capitals {
        fn rewrite(&mut self, piece: &[u8]) -> Vec<u8> {
            self.0.extend(piece.to_ascii_uppercase());
            let whole = self.0.iter().rposition(|&b| b == b'\n');
            self.0.drain(..whole.map_or(0, |end| end + 1)).collect()
        }

        fn is_open(&self) -> bool {
            !self.0.is_empty()
        }

        fn cut(&mut self) {
            self.0.clear();
        }
    }

    #[test]
    fn a_line_that_is_held_back_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let signals = Signals::take(&[]).unwrap();
        let output = Output::open(&dir.path().join("capture"), false, signals).unwrap();
        let mut output = output.rewriting(Some(Box::new(Capitals::default())));
        assert_eq!(&*output.rewritten(b"a\nhal"), b"A\n");
        assert!(output.is_line_open());
        assert_eq!(&*output.rewritten(b"f\nmore"), b"HALF\n");
        output.cut();
        assert!(!output.is_line_open());
        let mut plain = output.rewriting(None);
        assert_eq!(&*plain.rewritten(b"hal"), b"hal");
        plain.cut();
        assert!(!plain.is_line_open());
    }

    #[test]
    fn a_new_private_file_never_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let signals = Signals::take(&[]).unwrap();
        let open = |path: &Path, force| Output::open(path, force, signals.clone());
        let path = dir.path().join("capture");
        let mut output = open(&path, false).unwrap();
        output.write(b"half").unwrap();
        assert!(output.is_line_open());
        output.write(b"\n").unwrap();
        assert!(!output.is_line_open());
        assert_eq!(std::fs::read(&path).unwrap(), b"half\n");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(open(&path, false).unwrap_err().exit(), Exit::Error);

        let precious = dir.path().join("precious");
        std::fs::write(&precious, "kept").unwrap();
        let link = dir.path().join("link");
        symlink(&precious, &link).unwrap();
        assert!(open(&link, false).is_err());
        open(&link, true).unwrap().write(b"new").unwrap();
        assert_eq!(std::fs::read(&precious).unwrap(), b"kept");
        assert_eq!(std::fs::read(&link).unwrap(), b"new");
    }
}
