//! Signals as something to wait for: a handler only notes the number and wakes `poll`.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

pub(crate) use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};

/// Signals that were taken over: they no longer end the process, but a wait.
///
/// The handlers stay for the life of the process, so that a second Ctrl-C during the undo only
/// sets the same flag again.
#[derive(Debug, Clone)]
pub struct Signals {
    last: Arc<AtomicUsize>,
    times: Arc<AtomicUsize>,
    wake: Arc<UnixStream>,
    // Kept open: a closed one would wake every poll.
    _waker: Arc<UnixStream>,
}

impl Signals {
    /// Takes over these signals.
    ///
    /// # Errors
    /// What the system answers.
    pub fn take(signals: &[i32]) -> io::Result<Signals> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let last = Arc::new(AtomicUsize::new(0));
        for signal in signals {
            let number = usize::try_from(*signal).unwrap_or_default();
            // Noted before poll is woken: actions run in the order of registration.
            signal_hook::flag::register_usize(*signal, Arc::clone(&last), number)?;
            signal_hook::low_level::pipe::register(*signal, waker.try_clone()?)?;
        }
        let wake = Arc::new(wake);
        // The handlers write for as long as the process lives: nobody to read it would be a SIGPIPE,
        // which one of them answers by writing, without end.
        std::mem::forget(Arc::clone(&wake));
        Ok(Signals {
            last,
            times: Arc::default(),
            wake,
            _waker: Arc::new(waker),
        })
    }

    /// Takes over one signal once: another of it ends the process where it stands, for nothing has
    /// to be put back.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn take_once(signal: i32) -> io::Result<Signals> {
        let again = Arc::new(AtomicBool::new(false));
        let once_more = Arc::clone(&again);
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, once_more)?;
        signal_hook::flag::register(signal, again)?;
        Signals::take(&[signal])
    }

    /// The number of the last signal that came, if any.
    #[must_use]
    pub(crate) fn came(&self) -> Option<u8> {
        match self.last.load(Ordering::SeqCst) {
            0 => None,
            number => u8::try_from(number).ok(),
        }
    }

    /// Waits for a time; the number of the signal that ended the wait, if one did.
    ///
    /// # Errors
    /// What `poll` answers.
    pub(crate) fn sleep(&self, duration: Duration) -> io::Result<Option<u8>> {
        let end = Instant::now() + duration;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.came().is_some() || left.is_zero() {
                return Ok(self.came());
            }
            self.wait(None, PollFlags::IN, left)?;
        }
    }

    /// Waits until `fd` is ready, a signal comes, or `timeout` is over. True where `fd` is
    /// ready. Without an `fd`, only waits.
    ///
    /// # Errors
    /// What `poll` answers; an interrupted wait is no error.
    pub(crate) fn wait(
        &self,
        fd: Option<BorrowedFd<'_>>,
        flags: PollFlags,
        timeout: Duration,
    ) -> io::Result<bool> {
        self.wait_beside(fd.map(|fd| (fd, flags)), None, timeout)
    }

    /// The same for the first; the wait ends for the second as well.
    ///
    /// # Errors
    /// What `poll` answers; an interrupted wait is no error.
    pub(crate) fn wait_beside(
        &self,
        fd: Option<(BorrowedFd<'_>, PollFlags)>,
        other: Option<(BorrowedFd<'_>, PollFlags)>,
        timeout: Duration,
    ) -> io::Result<bool> {
        let is_awaited = fd.is_some();
        let mut fds = vec![PollFd::from_borrowed_fd(self.wake.as_fd(), PollFlags::IN)];
        for (fd, flags) in fd.into_iter().chain(other) {
            fds.push(PollFd::from_borrowed_fd(fd, flags));
        }
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let ready = is_awaited && fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
        if !fds[0].revents().is_empty() {
            // Only wakes; which signal it was has been noted.
            self.count();
        }
        Ok(ready)
    }

    /// Counts those that came since the last time: each has left a byte.
    fn count(&self) {
        let mut bytes = [0; 64];
        while let Ok(n @ 1..) = (&*self.wake).read(&mut bytes) {
            self.times.fetch_add(n, Ordering::SeqCst);
        }
    }

    /// How many came.
    #[must_use]
    pub(crate) fn times(&self) -> usize {
        self.count();
        self.times.load(Ordering::SeqCst)
    }

    /// From now on each of `signals` ends the process where it stands: everything is put back.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn end_at_next(signals: &[i32]) -> io::Result<()> {
        let always = Arc::new(AtomicBool::new(true));
        for &signal in signals {
            let always = Arc::clone(&always);
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, always)?;
        }
        Ok(())
    }
}

/// Names the process whose thread starts another one that is not to outlive it.
pub(crate) const PARENT: &str = "IP6DROP_PARENT";

/// Lets SIGTERM come when the thread that started this process goes away, where it asked for that.
///
/// # Errors
/// What the system answers, and where it has gone already.
pub(crate) fn end_with_parent() -> io::Result<()> {
    let Some(parent) = std::env::var_os(PARENT) else {
        return Ok(());
    };
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let now = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    let is_there = now.is_some_and(|now| parent == *now);
    is_there.then_some(()).ok_or(io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use rustix::process::{getpid, kill_process};

    use super::*;

    #[test]
    fn signals_are_noted_and_counted() {
        let signals = Signals::take(&[signal_hook::consts::SIGUSR1]).unwrap();
        assert_eq!((signals.came(), signals.times()), (None, 0));
        for times in 1..=2 {
            kill_process(getpid(), Signal::USR1).unwrap();
            while signals.times() < times {
                signals.sleep(Duration::from_millis(1)).unwrap();
            }
            assert_eq!(signals.came(), Some(10));
        }
        assert_eq!(signals.times(), 2);
    }

    /// What the handlers write to has a reader as long as they are there: without one a signal at
    /// the very end made a SIGPIPE, and each SIGPIPE the next.
    #[test]
    fn handlers_that_stay_have_a_reader() {
        let signals = Signals::take(&[SIGPIPE]).unwrap();
        let file = format!("/proc/self/fd/{}", signals.wake.as_raw_fd());
        let reader = std::fs::read_link(&file).unwrap();
        drop(signals);
        assert_eq!(std::fs::read_link(&file).unwrap(), reader);
        kill_process(getpid(), Signal::PIPE).unwrap();
    }
}
