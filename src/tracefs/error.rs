//! Why tracing could not be set up, and the exit status that says so.

use std::io;
use std::path::PathBuf;

use crate::exit::Exit;
use crate::os::signals::{SIGPIPE, Signals};
use crate::text::Untrusted;

/// A failure of the tracing wing.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// An operation on a control file failed.
    #[error("{path}: {doing}: {source}")]
    File {
        /// The file.
        path: Untrusted<PathBuf>,
        /// What was tried.
        doing: String,
        /// What the kernel answered.
        source: io::Error,
    },
    /// The kernel took a value and holds another.
    #[error("{path}: wrote {wanted:?}, the kernel holds {found:?}")]
    ReadBack {
        /// The file.
        path: Untrusted<PathBuf>,
        /// What was written.
        wanted: String,
        /// What was read back.
        found: String,
    },
    /// The host cannot be traced as asked.
    #[error("{why}; {advice}")]
    Untraceable {
        /// What is in the way.
        why: Untrusted,
        /// What to do about it.
        advice: Untrusted,
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
    #[error(
        "{path}: {doing}: {source}; nothing is traced without an undo journal, which --state-dir puts elsewhere"
    )]
    Journal {
        /// The journal, its directory or its lock.
        path: Untrusted<PathBuf>,
        /// What was tried.
        doing: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// The output could not be written.
    #[error("{path}: {source}{advice}")]
    Output {
        /// The output.
        path: Untrusted<PathBuf>,
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
    Signal(u8),
}

impl TraceError {
    /// How this failure ends the program.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            TraceError::File { .. }
            | TraceError::ReadBack { .. }
            | TraceError::Untraceable { .. }
            | TraceError::Busy { .. } => Exit::CannotTrace,
            // The reader of a pipe went away: as if SIGPIPE had ended the program.
            TraceError::Output { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
                u8::try_from(SIGPIPE).map_or(Exit::Error, Exit::Signal)
            }
            TraceError::Journal { .. } | TraceError::Output { .. } => Exit::Error,
            TraceError::Left(_) => Exit::NotRestored,
            TraceError::Signal(number) => Exit::Signal(*number),
        }
    }

    /// An error where a signal came: to give up between two steps.
    ///
    /// # Errors
    /// [`TraceError::Signal`].
    pub(crate) fn check(signals: &Signals) -> Result<(), TraceError> {
        signals
            .came()
            .map_or(Ok(()), |n| Err(TraceError::Signal(n)))
    }

    /// The error of an operation on a control file.
    pub(crate) fn file(
        path: impl Into<Untrusted<PathBuf>>,
        doing: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        let (path, doing) = (path.into(), doing.into());
        move |source| TraceError::File {
            path,
            doing,
            source,
        }
    }

    pub(crate) fn untraceable(why: impl Into<Untrusted>, advice: impl Into<Untrusted>) -> Self {
        TraceError::Untraceable {
            why: why.into(),
            advice: advice.into(),
        }
    }
}
