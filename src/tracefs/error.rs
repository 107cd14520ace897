//! Why tracing could not be set up, and the exit status that says so.

use std::io;
use std::path::PathBuf;

/// Exit status: an error that has nothing to do with whether the host can be traced.
pub const EXIT_ERROR: u8 = 1;
/// Exit status: this host cannot be traced as asked.
pub const EXIT_UNTRACEABLE: u8 = 3;
/// Exit status: tracing state could not be put back completely.
pub const EXIT_LEFT: u8 = 4;

/// A failure of the tracing wing.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// An operation on a control file failed.
    #[error("{path}: {doing}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: String,
        /// What the kernel answered.
        source: io::Error,
    },
    /// The kernel took a value and holds another.
    #[error("{path}: wrote {wanted:?}, the kernel holds {found:?}")]
    ReadBack {
        /// The file.
        path: PathBuf,
        /// What was written.
        wanted: String,
        /// What was read back.
        found: String,
    },
    /// The host cannot be traced as asked.
    #[error("{why}; {advice}")]
    Untraceable {
        /// What is in the way.
        why: String,
        /// What to do about it.
        advice: String,
    },
    /// Another session holds the lock.
    #[error(
        "another ip6drop{holder} is tracing on this host; wait for it, or end it with Ctrl-C or kill -TERM"
    )]
    Busy {
        /// ` (pid N)`, where it is known.
        holder: String,
    },
    /// The undo journal could not be kept.
    #[error("{path}: {doing}: {source}; nothing is traced without an undo journal")]
    Journal {
        /// The journal, its directory or its lock.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// The output could not be written.
    #[error("{path}: {source}{advice}")]
    Output {
        /// The output.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
        /// What to do about it, with its own separator.
        advice: &'static str,
    },
    /// Something could not be put back.
    #[error("tracing state could not be put back completely: {0}")]
    Left(String),
    /// A signal came while tracing was being set up.
    #[error("ended by signal {0}")]
    Signal(i32),
}

impl TraceError {
    /// The exit status that this failure ends the program with.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            TraceError::File { .. }
            | TraceError::ReadBack { .. }
            | TraceError::Untraceable { .. }
            | TraceError::Busy { .. } => EXIT_UNTRACEABLE,
            // The reader of a pipe went away: as if SIGPIPE had ended the program.
            TraceError::Output { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
                signal_status(signal_hook::consts::SIGPIPE)
            }
            TraceError::Journal { .. } | TraceError::Output { .. } => EXIT_ERROR,
            TraceError::Left(_) => EXIT_LEFT,
            TraceError::Signal(number) => signal_status(*number),
        }
    }

    pub(crate) fn untraceable(why: impl Into<String>, advice: impl Into<String>) -> Self {
        TraceError::Untraceable {
            why: why.into(),
            advice: advice.into(),
        }
    }
}

/// The exit status of a program that signal `number` ended: 128 + `number`.
#[must_use]
pub fn signal_status(number: i32) -> u8 {
    u8::try_from(128 + number).unwrap_or(EXIT_ERROR)
}
