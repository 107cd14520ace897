//! Why the lab could not be made, or proves nothing.

use std::io;

/// What is in the way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LabError {
    /// No namespace of its own is to be had.
    #[error(
        "this host gives no network namespace of its own ({0}); run as root outside of a restricted container, with user.max_net_namespaces above 0"
    )]
    NoNamespace(io::Error),
    /// The kernel does not make a part of the network.
    #[error("the lab's network could not be made: {what}: {source}")]
    Network {
        /// What was asked for, and what it takes.
        what: String,
        /// What the kernel answered.
        source: io::Error,
    },
    /// Packets could not be sent.
    #[error("the lab's packets could not be sent: {0}")]
    Packets(io::Error),
    /// The recording in there came to nothing.
    #[error("the recording in the lab {0}")]
    Recording(String),
    /// The recording could not put tracing back.
    #[error("{0}")]
    NotRestored(String),
    /// It cannot be traced in there.
    #[error("{0}")]
    CannotTrace(String),
    /// A signal came.
    #[error("ended by signal {0}")]
    Signal(u8),
}

impl LabError {
    /// The error of making a part of the network.
    pub(super) fn network(what: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
        let what = what.into();
        move |source| LabError::Network { what, source }
    }
}
