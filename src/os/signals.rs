//! Signals as something to wait for: a handler only notes the number and wakes `poll`.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};

use crate::tracefs::error::TraceError;

/// The signals that end a session in good order.
///
/// The handlers stay for the life of the process, so that a second Ctrl-C during the undo only
/// sets the same flag again.
#[derive(Debug, Clone)]
pub struct Signals {
    last: Arc<AtomicUsize>,
    wake: Arc<UnixStream>,
    // Kept open: a closed one would wake every poll.
    _waker: Arc<UnixStream>,
}

impl Signals {
    /// Takes over SIGINT, SIGTERM, SIGHUP and SIGPIPE.
    ///
    /// # Errors
    /// What the system answers.
    pub fn take() -> io::Result<Signals> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let last = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] {
            let number = usize::try_from(signal).unwrap_or_default();
            // Noted before poll is woken: actions run in the order of registration.
            signal_hook::flag::register_usize(signal, Arc::clone(&last), number)?;
            signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Signals {
            last,
            wake: Arc::new(wake),
            _waker: Arc::new(waker),
        })
    }

    /// Takes over no signal: for use within a program that does so itself.
    ///
    /// # Errors
    /// What the system answers.
    pub fn none() -> io::Result<Signals> {
        let (wake, waker) = UnixStream::pair()?;
        Ok(Signals {
            last: Arc::new(AtomicUsize::new(0)),
            wake: Arc::new(wake),
            _waker: Arc::new(waker),
        })
    }

    /// The last signal that came, if any.
    #[must_use]
    pub fn came(&self) -> Option<i32> {
        match self.last.load(Ordering::SeqCst) {
            0 => None,
            number => i32::try_from(number).ok(),
        }
    }

    /// An error where a signal came: to give up between two steps.
    ///
    /// # Errors
    /// [`TraceError::Signal`].
    pub fn check(&self) -> Result<(), TraceError> {
        self.came().map_or(Ok(()), |n| Err(TraceError::Signal(n)))
    }

    /// Waits until `fd` is ready, a signal comes, or `timeout` is over. True where `fd` is
    /// ready. Without an `fd`, only waits.
    ///
    /// # Errors
    /// What `poll` answers; an interrupted wait is no error.
    pub fn wait(
        &self,
        fd: Option<BorrowedFd<'_>>,
        flags: PollFlags,
        timeout: Duration,
    ) -> io::Result<bool> {
        let mut fds = vec![PollFd::from_borrowed_fd(self.wake.as_fd(), PollFlags::IN)];
        if let Some(fd) = fd {
            fds.push(PollFd::from_borrowed_fd(fd, flags));
        }
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let ready = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
        if !fds[0].revents().is_empty() {
            // Only wakes; which signal it was has been noted.
            let mut bytes = [0; 64];
            let _ = (&*self.wake).read(&mut bytes);
        }
        Ok(ready)
    }
}
