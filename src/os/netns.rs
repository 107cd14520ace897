//! Network namespaces of our own that have no name: each is a thread's, and goes away with it,
//! whatever ends the process.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use rustix::thread::{UnshareFlags, gettid};

use crate::os::netlink::{Netlink, Request};

/// `lo` is the first interface of every namespace (`LOOPBACK_IFINDEX`).
pub(crate) const LO: u32 = 1;
/// `RTM_NEWLINK`.
pub(crate) const NEW_LINK: u16 = 16;

/// The fixed part of what is said of an interface (`struct ifinfomsg`): its number, where it has one
/// yet, and whether it is to be raised (`IFF_UP`).
#[must_use]
pub(crate) fn interface(index: u32, up: bool) -> [u8; 16] {
    let mut fixed = [0; 16];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    for at in [8, 12] {
        fixed[at..at + 4].copy_from_slice(&u32::from(up).to_ne_bytes());
    }
    fixed
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A namespace, and the thread that lives in it and keeps a state of its own.
#[derive(Debug)]
pub(crate) struct NetNs<S> {
    jobs: Option<Sender<Job<S>>>,
    thread: Option<JoinHandle<()>>,
    /// The thread, as the kernel numbers it.
    pub(crate) tid: u32,
}

/// What a job will answer.
#[derive(Debug)]
pub(crate) struct Answer<T>(Receiver<io::Result<T>>);

fn ended() -> io::Error {
    io::Error::other("the thread in the namespace ended early")
}

impl<T> Answer<T> {
    /// Waits for it.
    ///
    /// # Errors
    /// What the job answers.
    pub(crate) fn wait(self) -> io::Result<T> {
        self.0.recv().map_err(|_| ended())?
    }
}

impl<S: 'static> NetNs<S> {
    /// Makes one, with `lo` raised, and the state of its thread in there.
    ///
    /// # Errors
    /// What the kernel refuses, and what `make` answers.
    pub(crate) fn new(
        make: impl FnOnce() -> io::Result<S> + Send + 'static,
    ) -> io::Result<NetNs<S>> {
        let (jobs, asked) = channel::<Job<S>>();
        let (ready, made) = channel();
        let enter = move || {
            // The memory and the files of the process stay shared: only the network is another.
            #[allow(deprecated)]
            rustix::thread::unshare(UnshareFlags::NEWNET)?;
            let raised = Request::new(NEW_LINK, 0, &interface(LO, true));
            Netlink::to(None)?.ask(vec![raised])?;
            make()
        };
        let thread = thread::Builder::new()
            .name("ip6drop-netns".to_owned())
            .spawn(move || {
                let tid = gettid().as_raw_nonzero().get().unsigned_abs();
                let mut state = match enter() {
                    Ok(state) => state,
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                let _ = ready.send(Ok(tid));
                for job in asked {
                    job(&mut state);
                }
            })?;
        let tid = made.recv().map_err(|_| ended())??;
        Ok(NetNs {
            jobs: Some(jobs),
            thread: Some(thread),
            tid,
        })
    }

    /// Begins something inside, and does not wait for it.
    ///
    /// # Errors
    /// Where the thread is gone.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> io::Result<T> + Send + 'static,
    ) -> io::Result<Answer<T>> {
        let (done, answer) = channel();
        let job: Job<S> = Box::new(move |state| drop(done.send(job(state))));
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(job).map_err(|_| ended())?;
        Ok(Answer(answer))
    }

    /// Does something inside and answers with what came of it.
    ///
    /// # Errors
    /// What `job` answers.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        self.start(job)?.wait()
    }
}

impl<S> Drop for NetNs<S> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_interface() {
        let up = 1_u32.to_ne_bytes();
        let wanted = [[0; 4], 7_u32.to_ne_bytes(), up, up].concat();
        assert_eq!(interface(7, true)[..], wanted);
        assert_eq!(interface(7, false)[8..], [0; 8]);
    }

    #[test]
    fn a_thread_does_its_jobs_in_a_namespace_of_its_own() {
        let here = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        // Without the privilege there is nothing to see.
        let Ok(namespace) = NetNs::new(|| Ok(7)) else {
            return;
        };
        let there = namespace.run(|state| {
            *state += 1;
            std::fs::read_link("/proc/thread-self/ns/net")
        });
        assert_ne!(there.unwrap(), here);
        assert_eq!(namespace.run(|state| Ok(*state)).unwrap(), 8);
        let refused = namespace.run(|_| Err::<(), _>(io::ErrorKind::NotFound.into()));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(NetNs::<()>::new(|| Err(io::ErrorKind::NotFound.into())).is_err());
    }
}
