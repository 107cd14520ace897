//! The file operations that tracing needs, so that a test can stand in for the kernel.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::OFlags;

/// An open `trace_pipe`. Reading never blocks: it answers `WouldBlock` where no event waits.
pub trait Pipe: Read {
    /// What `poll` can wait on, where there is such a thing.
    fn poll_fd(&self) -> Option<BorrowedFd<'_>>;

    /// What is in the buffer now is handed out by the readings that follow, up to their
    /// `WouldBlock`. So does any pipe that holds nothing back.
    ///
    /// # Errors
    /// What the kernel answers.
    fn catch_up(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pipe for File {
    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

/// tracefs, by paths relative to its mount point.
///
/// Every method answers with the error of the system call behind it.
#[allow(clippy::missing_errors_doc)]
pub trait TraceFs {
    /// Where it is mounted, for messages.
    fn root(&self) -> &Path;
    /// The whole content of a file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// Opens with truncation and writes. For `set_ftrace_filter` this replaces the filter.
    fn write(&self, path: &str, data: &[u8]) -> io::Result<()>;
    /// Writes without truncation, as `>>` does.
    fn append(&self, path: &str, data: &[u8]) -> io::Result<()>;
    /// Makes a directory; under `instances` the kernel fills it.
    fn mkdir(&self, path: &str) -> io::Result<()>;
    /// Removes a directory; under `instances` the kernel empties it first.
    fn rmdir(&self, path: &str) -> io::Result<()>;
    /// The names in a directory.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;
    /// True where the path leads somewhere.
    fn exists(&self, path: &str) -> bool;
    /// Opens a pipe of events without blocking.
    fn pipe(&self, path: &str) -> io::Result<Box<dyn Pipe>>;
}

/// The text of a file, lossy, without the white space at its end.
///
/// # Errors
/// Whatever reading the file answers.
pub(crate) fn read_text(fs: &dyn TraceFs, path: &str) -> io::Result<String> {
    let bytes = fs.read(path)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// True where this is a tracefs, and not the empty directory that it is mounted on.
#[must_use]
pub(crate) fn holds_tracing(fs: &dyn TraceFs) -> bool {
    fs.exists("current_tracer")
}

/// Reads once without blocking; `None` where nothing waits.
///
/// # Errors
/// What the kernel answers.
pub(crate) fn read_some(pipe: &mut dyn Pipe, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        return match pipe.read(buffer) {
            Ok(0) => Ok(None),
            Ok(n) => Ok(Some(n)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => Err(e),
        };
    }
}

/// Reads away what waits in a pipe, without keeping it.
///
/// # Errors
/// What the kernel answers.
pub(crate) fn drain(pipe: &mut dyn Pipe) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    while read_some(pipe, &mut buffer)?.is_some() {}
    Ok(())
}

/// Room for the first reading of a file, in bytes.
const FIRST_READ: usize = 8 * 1024;

const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// Tries an operation of the undo again: a busy file is often free a moment later, and giving
/// up leaves the host changed. What cannot get better fails at once.
pub(crate) fn patiently<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut tries = 1;
    loop {
        match operation() {
            Err(e) if tries < TRIES && e.kind() != io::ErrorKind::NotFound => {
                if e.kind() == io::ErrorKind::ResourceBusy {
                    sleep(PAUSE);
                }
                tries += 1;
            }
            other => return other,
        }
    }
}

/// tracefs as the kernel mounts it. As long as this lives nobody unmounts it: without its files
/// nothing could be put back.
#[derive(Debug, Clone)]
pub(crate) struct RealFs {
    root: PathBuf,
    _held: Option<Rc<File>>,
}

impl RealFs {
    /// The tracefs mounted at `root`.
    #[must_use]
    pub(crate) fn new(root: PathBuf) -> Self {
        let held = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::PATH | OFlags::DIRECTORY).bits().cast_signed())
            .open(&root);
        RealFs {
            root,
            _held: held.ok().map(Rc::new),
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl TraceFs for RealFs {
    fn root(&self) -> &Path {
        &self.root
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        // `events/header_page`, filters and others answer the first reading alone: a small one
        // would be all.
        let mut bytes = Vec::with_capacity(FIRST_READ);
        File::open(self.at(path))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&self, path: &str, data: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.at(path))?;
        file.write_all(data)
    }

    fn append(&self, path: &str, data: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).open(self.at(path))?;
        file.write_all(data)
    }

    fn mkdir(&self, path: &str) -> io::Result<()> {
        std::fs::create_dir(self.at(path))
    }

    fn rmdir(&self, path: &str) -> io::Result<()> {
        std::fs::remove_dir(self.at(path))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.at(path))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    fn pipe(&self, path: &str) -> io::Result<Box<dyn Pipe>> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(self.at(path))?;
        Ok(Box::new(file))
    }
}
