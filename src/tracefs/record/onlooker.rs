//! Who looks on while a recording runs, and what is shown to them.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::PollFlags;

use crate::tracefs::record::counts::Counts;

/// What the live line shows.
pub struct Live<'a> {
    /// Since the start.
    pub(crate) elapsed: Duration,
    /// Counts so far.
    pub(crate) counts: &'a Counts,
    /// Events per second, all CPUs, since the last line.
    pub(crate) rate: u64,
}

impl fmt::Display for Live<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = self.elapsed.as_secs();
        write!(f, "{elapsed} s  drops {}", self.counts.drops())?;
        let mut by_cpu = self
            .counts
            .cpus
            .iter()
            .filter(|(_, cpu)| cpu.drops > 0)
            .peekable();
        if by_cpu.peek().is_some() {
            write!(f, " (")?;
            // A terminal line has room for a few.
            for (number, (cpu, seen)) in by_cpu.enumerate() {
                match number {
                    0 => write!(f, "cpu{cpu} {}", seen.drops)?,
                    1..8 => write!(f, ", cpu{cpu} {}", seen.drops)?,
                    8 => write!(f, ", …")?,
                    _ => {}
                }
            }
            write!(f, ")")?;
        }
        write!(f, "  {} events/s  lost {}", self.rate, self.counts.lost)
    }
}

/// Who looks on while a recording runs.
pub trait Onlooker {
    /// The tracer is on, and the facts before were read.
    fn began(&mut self) {}
    /// Called about once a second.
    fn look(&mut self, _live: &Live<'_>) {}
    /// What it waits for itself, such as a key: when that is there, [`Onlooker::turn`] comes at once.
    fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        None
    }
    /// Called several times a second, also while there are no events.
    fn turn(&mut self) {}
    /// True where the recording should end now; asked several times a second.
    fn is_over(&self) -> bool {
        false
    }
    /// What the start of a file of the recording says, were it to begin now; whole lines.
    fn head(&mut self, _text: &[u8]) {}
    /// Text of the recording, as it is written and in that order.
    fn took(&mut self, _text: &[u8]) {}
    /// The recording is about to end; the tracer is still on.
    fn ending(&mut self) {}
}
