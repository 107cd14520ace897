//! A stream that may keep its reader waiting for ever.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::PollFlags;

use crate::os::signals::Signals;

/// How long one wait is at most; a signal ends it sooner.
const WAIT: Duration = Duration::from_secs(3600);

/// Ends where a signal comes, as if there were nothing behind what was read so far.
pub(super) struct Waiting<R> {
    pub(super) stream: R,
    /// `None` where none was taken over.
    pub(super) signals: Option<Signals>,
}

impl<R: Read + AsFd> Read for Waiting<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(signals) = &self.signals {
            loop {
                if signals.came().is_some() {
                    return Ok(0);
                }
                // A read of its own would be taken up again behind the handler.
                if signals.wait(Some(self.stream.as_fd()), PollFlags::IN, WAIT)? {
                    break;
                }
            }
        }
        self.stream.read(out)
    }
}
