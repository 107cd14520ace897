//! Why an input could not be read, or is no trace.

use std::io;
use std::path::{Path, PathBuf};

use crate::input::packing::{Packing, TooWide};
use crate::input::spool::NoCopy;
use crate::input::trace_dat::Damages;
use crate::text::{Untrusted, harmless};

/// Files that are traces only to some other program, by how they start: what they are, and
/// the command that makes text of them.
const FOREIGN: [(&[u8], &str, &str); 3] = [
    (b"PERFILE2", "is a perf.data", "perf script -i"),
    (b"\xff\xfe", "is UTF-16", "iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "is UTF-16", "iconv -f UTF-16 -t UTF-8"),
];

/// Why an input could not be opened or read, or gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The path leads nowhere.
    #[error("{0}: no such file; give the path of a saved trace, or - for standard input")]
    Missing(Untrusted<PathBuf>),
    /// The path is a directory, where one file is meant.
    #[error("{0}: is a directory; name a file in it")]
    Directory(Untrusted<PathBuf>),
    /// A directory without any trace.
    #[error(
        "{0}: no trace among the {1} files in it; hidden files and directories below it are not looked at"
    )]
    NoTraces(Untrusted<PathBuf>, usize),
    /// A pattern that leads to no file.
    #[error("{0}: {1}; name files, a directory of them, or a pattern such as 'traces/*.txt'")]
    Pattern(Untrusted<PathBuf>, Untrusted),
    /// The file may not be read.
    #[error("{0}: permission denied; run as a user who may read it, or copy the file")]
    Denied(Untrusted<PathBuf>),
    /// Compressed data that ends too early or is damaged.
    #[error(
        "{path}: damaged or cut-off {packing} data: {source}; what could be read was {read} bytes of text"
    )]
    Packed {
        /// The input.
        path: Untrusted<PathBuf>,
        /// What it is compressed with.
        packing: &'static str,
        /// Decompressed bytes read before the damage.
        read: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// Compressed data that takes too much memory to unpack.
    #[error(
        "{path}: its {packing} window is larger than 128 MiB; try: {packing} -dc FILE | ip6drop report -"
    )]
    Window {
        /// The input.
        path: Untrusted<PathBuf>,
        /// What it is compressed with.
        packing: &'static str,
    },
    /// A trace.dat that is cut off or damaged, or of a kind that is not supported.
    #[error("{path}: {damages}")]
    TraceDat {
        /// The input.
        path: Untrusted<PathBuf>,
        /// What is wrong, where, and what to try.
        damages: Damages,
    },
    /// A part of a recording that is there twice.
    #[error("{path}: is part {number} of its recording, as {other} is; name one of them")]
    SamePart {
        /// The input that is left out.
        path: Untrusted<PathBuf>,
        /// The number.
        number: u64,
        /// The one that is read.
        other: Untrusted<PathBuf>,
    },
    /// What must be read twice could not be copied.
    #[error(
        "{path}: cannot keep a copy of it in {dir}: {error}; set TMPDIR to a directory with room"
    )]
    Copy {
        /// The input.
        path: Untrusted<PathBuf>,
        /// Where temporary files go.
        dir: Untrusted<PathBuf>,
        /// What the system said.
        error: io::Error,
    },
    /// It holds nothing at all.
    #[error(
        "{0}: is empty; if tracing was on, nothing was recorded (see set_ftrace_filter, current_tracer, tracing_on)"
    )]
    Empty(Untrusted),
    /// It holds no trace that can be read.
    #[error("{name}: no trace found in {lines} lines; {hint}")]
    NoTrace {
        /// The input.
        name: Untrusted,
        /// Its lines.
        lines: u64,
        /// What it is, or its first line, made harmless; and what to try.
        hint: String,
    },
    /// Any other failure.
    #[error("{path}: {source}")]
    Io {
        /// The input.
        path: Untrusted<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
}

impl InputError {
    /// What an input without a trace is, by its first line that is not blank.
    #[must_use]
    pub(crate) fn no_trace(name: Untrusted, lines: u64, first: &[u8]) -> Self {
        let known = FOREIGN.iter().find(|(magic, ..)| first.starts_with(magic));
        let hint = match known {
            Some((_, what, command)) => {
                format!("it {what}; try: {command} FILE | ip6drop report -")
            }
            None => {
                // Of a program or a core the bytes say nothing to anybody.
                let holds = match first.contains(&0) {
                    true => "it is no text".to_owned(),
                    false => format!("the first is: {}", harmless(first)),
                };
                format!(
                    "{holds}; give the text of trace_pipe, trace, trace-cmd report, perf script, bpftrace or dmesg, or a trace.dat, plain or compressed"
                )
            }
        };
        InputError::NoTrace { name, lines, hint }
    }

    /// Why reading ended early, behind so many bytes of text.
    #[must_use]
    pub(crate) fn ended(
        path: &Path,
        packing: Option<Packing>,
        read: u64,
        source: io::Error,
    ) -> Self {
        let Some(packing) = packing.map(Packing::name) else {
            return InputError::from_io(path, source);
        };
        let path = path.into();
        if source.get_ref().is_some_and(|e| e.is::<TooWide>()) {
            return InputError::Window { path, packing };
        }
        InputError::Packed {
            path,
            packing,
            read,
            source,
        }
    }

    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let source = match source.downcast() {
            Ok(damages) => {
                let path = path.into();
                return InputError::TraceDat { path, damages };
            }
            Err(source) => source,
        };
        let source = match source.downcast() {
            Ok(NoCopy(error)) => {
                let (path, dir) = (path.into(), std::env::temp_dir().into());
                return InputError::Copy { path, dir, error };
            }
            Err(source) => source,
        };
        let source = match source.downcast() {
            Ok(error) => return error,
            Err(source) => source,
        };
        match source.kind() {
            io::ErrorKind::NotFound => InputError::Missing(path.into()),
            io::ErrorKind::PermissionDenied => InputError::Denied(path.into()),
            io::ErrorKind::IsADirectory => InputError::Directory(path.into()),
            _ => InputError::Io {
                path: path.into(),
                source,
            },
        }
    }
}
