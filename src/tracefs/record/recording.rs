//! What a recording is asked for, and what comes of it.

use std::time::Duration;

use crate::tracefs::error::TraceError;
use crate::tracefs::record::counts::Counts;
use crate::tracefs::undo::replay::Undo;

/// How long entries are counted before stacks go on, unless told otherwise.
pub(crate) const TRIAL: Duration = Duration::from_millis(200);

/// When to stop, and what a CPU may be asked to bear.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Wall-clock time.
    pub duration: Option<Duration>,
    /// Events other than stacks.
    pub events: Option<u64>,
    /// Drops; those that come while the tracer is stopped are kept as well.
    pub drops: Option<u64>,
    /// How long the recording goes on when it has seen as many drops.
    pub after: Duration,
    /// Bytes of the capture.
    pub bytes: Option<u64>,
    /// Events per second and CPU.
    pub max_rate: u64,
    /// How long entries are counted before stacks go on.
    pub trial: Duration,
    /// Gives way to what else runs; not where that inherits it.
    pub background: bool,
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Wall-clock time.
    Duration,
    /// Events other than stacks.
    Events,
    /// Drops.
    Drops,
    /// Bytes of the capture.
    Size,
    /// Whoever looks on has seen enough.
    Onlooker,
}

/// A CPU that sees more events than it may be asked to bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// The CPU.
    pub(crate) cpu: u32,
    /// Its events per second.
    pub(crate) rate: u64,
    /// The event, or the function, that it saw most of, where that is known.
    pub most: Option<String>,
}

/// Why a recording ended.
#[derive(Debug)]
pub enum Stopped {
    /// A limit was reached.
    Limit(Limit),
    /// A signal came.
    Signal(u8),
    /// The guard stopped it.
    TooHot(Busy),
    /// Something failed on the way; the state was put back all the same.
    Failed(TraceError),
}

impl Stopped {
    /// True where what is in the buffer, and facts behind it, are still to be taken.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        !matches!(
            self,
            Stopped::Limit(Limit::Events | Limit::Size) | Stopped::TooHot(_) | Stopped::Failed(_)
        )
    }
}

/// How a recording went.
#[derive(Debug)]
pub struct Recorded {
    /// Why it ended.
    pub ended: Stopped,
    /// What became of the state.
    pub undo: Undo,
    /// False where it ended before the tracer was listened to.
    pub(crate) listened: bool,
    /// What was captured.
    pub(crate) counts: Counts,
    /// Events lost by each CPU.
    pub(crate) lost: Vec<(u32, u64)>,
    /// Things the user should know.
    pub notes: Vec<String>,
}
