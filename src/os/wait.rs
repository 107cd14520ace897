//! Ctrl-C and its like as something to wait for.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

/// SIGINT and SIGTERM, each with a pipe of its own so that the number is known.
#[derive(Debug)]
pub struct Signals {
    pipes: [(u8, UnixStream); 2],
}

fn pipe(signal: i32) -> io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(signal, writer)?;
    Ok(reader)
}

impl Signals {
    /// From now on the signals no longer end the process, but a wait.
    ///
    /// # Errors
    /// Those of pipes and signal handlers.
    pub fn catch() -> io::Result<Self> {
        Ok(Signals {
            pipes: [(2, pipe(SIGINT)?), (15, pipe(SIGTERM)?)],
        })
    }

    /// Waits for a time; the number of the signal that ended the wait, if one did.
    ///
    /// # Errors
    /// Those of `poll` and of reading the pipe.
    pub fn wait(&mut self, duration: Duration) -> io::Result<Option<u8>> {
        let end = Instant::now() + duration;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
            let mut fds = self
                .pipes
                .each_ref()
                .map(|(_, pipe)| PollFd::new(pipe, PollFlags::IN));
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                // The handler ran; its byte is in the pipe now.
                Err(rustix::io::Errno::INTR) => continue,
                Err(e) => return Err(e.into()),
            }
            let ready = fds.each_ref().map(|fd| !fd.revents().is_empty());
            for ((number, pipe), ready) in self.pipes.iter_mut().zip(ready) {
                if ready {
                    pipe.read_exact(&mut [0])?;
                    return Ok(Some(*number));
                }
            }
        }
    }
}
