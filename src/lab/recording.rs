//! A recording in the lab, by this very program, as anybody would make it there.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::exit::Exit;
use crate::lab::error::LabError;
use crate::lab::network::Network;
use crate::os::signals::{PARENT, Signals};
use crate::text::harmless;

/// How long setting up and putting back may take each: emulated machines take seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked whether it has come so far.
const LOOK: Duration = Duration::from_millis(50);
/// What it takes from the last fact of the start until events are read.
const SETTLING: Duration = Duration::from_millis(300);
/// The last fact that a capture has in front of its events.
const BEGUN: &[u8] = b"# ip6drop: before nproc";

/// One that runs; dropping it ends it.
pub(super) struct Recording {
    child: Child,
    capture: File,
    errors: File,
}

fn failed(error: io::Error) -> LabError {
    LabError::Recording(format!("could not be made: {error}"))
}

impl Recording {
    /// Begins one in the node, and waits until it really records.
    pub(super) fn start(
        network: &Network,
        arguments: &[String],
        signals: &Signals,
    ) -> Result<Recording, LabError> {
        // Without a name: nothing is left of them, whatever ends this.
        let capture = tempfile::tempfile().map_err(failed)?;
        let errors = tempfile::tempfile().map_err(failed)?;
        let (out, err) = (capture.try_clone(), errors.try_clone());
        let mut command = Command::new("/proc/self/exe");
        command
            .args(["record", "-q", "-o", "-"])
            .args(arguments)
            .env(PARENT, std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(out.map_err(failed)?)
            .stderr(err.map_err(failed)?);
        // A child is where the thread is that makes it.
        let child = network.node.run(move |_| command.spawn());
        let mut recording = Recording {
            child: child.map_err(failed)?,
            capture,
            errors,
        };
        recording.wait_until_it_records(signals)?;
        Ok(recording)
    }

    fn wait_until_it_records(&mut self, signals: &Signals) -> Result<(), LabError> {
        let end = Instant::now() + PATIENCE;
        let mut seen: Vec<u8> = Vec::new();
        loop {
            let mut piece = [0; 8192];
            let at = seen.len() as u64;
            let n = self.capture.read_at(&mut piece, at).map_err(failed)?;
            seen.extend_from_slice(&piece[..n]);
            let has_begun = seen.windows(BEGUN.len()).any(|words| words == BEGUN);
            if has_begun {
                return pause(SETTLING, signals);
            }
            if let Some(number) = signals.came() {
                return Err(LabError::Signal(number));
            }
            if let Some(status) = self.child.try_wait().map_err(failed)? {
                return Err(self.why(status));
            }
            if Instant::now() >= end {
                let waited = PATIENCE.as_secs();
                return Err(LabError::Recording(format!("did not begin in {waited} s")));
            }
            if n == 0 {
                pause(LOOK, signals)?;
            }
        }
    }

    /// Why it ended, in its own words.
    fn why(&mut self, status: ExitStatus) -> LabError {
        let mut said = Vec::new();
        let read = self.errors.rewind();
        let _ = read.and_then(|()| self.errors.read_to_end(&mut said));
        let said = harmless(&said);
        let last = said.lines().last().unwrap_or_default();
        let last = last.trim_start_matches("ip6drop: ").to_owned();
        match status.code() {
            Some(code) if code == i32::from(Exit::CannotTrace.status()) => {
                LabError::CannotTrace(last)
            }
            Some(code) if code == i32::from(Exit::NotRestored.status()) => {
                LabError::NotRestored(last)
            }
            _ => LabError::Recording(format!("ended early ({status}): {last}")),
        }
    }

    /// Ends it, and answers with the capture.
    pub(super) fn stop(mut self) -> Result<Capture, LabError> {
        let status = self.end().map_err(failed)?;
        let by_interrupt = 128 + Signal::INT.as_raw();
        match status.code() {
            Some(code) if code == 0 || code == by_interrupt => {
                let capture = self.capture.try_clone();
                Ok(Capture(capture.map_err(failed)?))
            }
            _ => Err(self.why(status)),
        }
    }

    fn end(&mut self) -> io::Result<ExitStatus> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let end = Instant::now() + PATIENCE;
        if let Some(pid) = pid
            && self.child.try_wait()?.is_none()
        {
            kill_process(pid, Signal::INT)?;
        }
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(LOOK);
        }
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// What was recorded, in a file without a name.
pub(super) struct Capture(File);

impl Capture {
    /// How it can be opened as long as this is there.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

/// Waits, unless a signal comes.
pub(super) fn pause(time: Duration, signals: &Signals) -> Result<(), LabError> {
    match signals.sleep(time).map_err(failed)? {
        Some(number) => Err(LabError::Signal(number)),
        None => Ok(()),
    }
}
