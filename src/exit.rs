//! Exit statuses: a public surface that runbooks branch on.

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Looked, and found no IPv6 drop.
    Clean,
    /// An error: unreadable input, a failed write.
    Error,
    /// The command line was wrong.
    Usage,
    /// This host cannot be traced as asked.
    CannotTrace,
    /// Tracing state could not be put back completely.
    NotRestored,
    /// Receive-path `dst_alloc` failure, confirmed.
    Confirmed,
    /// Receive-path `dst_alloc` failure, probable or possible.
    Suspected,
    /// Other IPv6 drops only.
    OtherDrops,
    /// The input forbids a verdict.
    Inconclusive,
    /// Ended by a signal, after putting everything back.
    Signal(u8),
}

impl Exit {
    /// The number the shell sees.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Exit::Clean => 0,
            Exit::Error => 1,
            Exit::Usage => 2,
            Exit::CannotTrace => 3,
            Exit::NotRestored => 4,
            Exit::Confirmed => 10,
            Exit::Suspected => 11,
            Exit::OtherDrops => 12,
            Exit::Inconclusive => 13,
            Exit::Signal(number) => 128u8.saturating_add(number),
        }
    }
}
