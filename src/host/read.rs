//! Reads files of procfs and sysfs, and says why one told nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::text::Untrusted;

/// Longest file that is read, in bytes. The mount table of a node with thousands of
/// containers is the longest; all others are a few KiB.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Why a file of the host told nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The file is not there.
    #[error("{path}: no such file; {hint}")]
    Absent {
        /// The file.
        path: Untrusted<PathBuf>,
        /// What that means, and what to try.
        hint: &'static str,
    },
    /// The file may not be read.
    #[error("{path}: permission denied; run as root, or in a container with the host's {} mounted and readable", root_of(path.raw()))]
    Denied {
        /// The file.
        path: Untrusted<PathBuf>,
    },
    /// The file ends too early.
    #[error(
        "{path}: too short: {found}; expected {expected}; check that it is the kernel's own file"
    )]
    Short {
        /// The file.
        path: Untrusted<PathBuf>,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The file holds something else.
    #[error(
        "{path}: malformed: {found:?}; expected {expected}; check that it is the kernel's own file"
    )]
    Malformed {
        /// The file.
        path: Untrusted<PathBuf>,
        /// What should be there.
        expected: &'static str,
        /// What is there, cut short.
        found: String,
    },
    /// Any other failure.
    #[error("{path}: {source}; try to read it with cat")]
    Io {
        /// The file.
        path: Untrusted<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
}

fn root_of(path: &Path) -> &'static str {
    if path.starts_with("/sys") {
        "/sys"
    } else {
        "/proc"
    }
}

impl ReadError {
    /// The kind of failure, as outputs name it.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            ReadError::Absent { .. } => "absent",
            ReadError::Denied { .. } => "denied",
            ReadError::Short { .. } => "short",
            ReadError::Malformed { .. } => "malformed",
            ReadError::Io { .. } => "io",
        }
    }

    pub(super) fn from_io(path: &Path, source: io::Error, hint: &'static str) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                ReadError::Absent { path, hint }
            }
            io::ErrorKind::PermissionDenied => ReadError::Denied { path },
            _ => ReadError::Io { path, source },
        }
    }

    pub(super) fn of_text(path: &Path, text: &str, expected: &'static str, short: bool) -> Self {
        let path = path.into();
        let text = text.trim_end();
        let mut found: String = text.chars().take(60).collect();
        if found.len() < text.len() {
            found.push('…');
        }
        if !short {
            return ReadError::Malformed {
                path,
                expected,
                found,
            };
        }
        let found = if text.is_empty() {
            "it is empty".to_owned()
        } else {
            format!("{found:?}")
        };
        ReadError::Short {
            path,
            expected,
            found,
        }
    }
}

/// Reads a whole file of procfs or sysfs.
///
/// # Errors
/// See [`ReadError`]; a file that is not there is explained with `hint`.
pub(super) fn read_text(path: &Path, hint: &'static str) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(|e| ReadError::from_io(path, e, hint))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
