//! A command of the user's that is told something: by its environment, and by its standard input.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};

/// What a command is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Names and values of its environment.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// Its standard input.
    pub(crate) input: Vec<u8>,
}

/// A command at work, which is ended when its time is over.
#[derive(Debug)]
pub(crate) struct Hook {
    child: Child,
    end: Instant,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself.
    Itself(ExitStatus),
    /// Its time was over.
    TooLate,
}

/// The input as a file that is nowhere, so that nobody waits for a command that does not read it.
fn input(text: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("ip6drop-report", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}

impl Hook {
    /// Starts the command. What it prints goes to standard error, for standard output may be the
    /// capture.
    ///
    /// # Errors
    /// Those of the system: most often there is no such command.
    pub(crate) fn start(command: &[OsString], told: Told, limit: Duration) -> io::Result<Hook> {
        let (program, args) = command.split_first().ok_or(io::ErrorKind::NotFound)?;
        let said = io::stderr().as_fd().try_clone_to_owned()?;
        let child = Command::new(program)
            .args(args)
            .envs(told.environment)
            .stdin(input(&told.input)?)
            .stdout(Stdio::from(said))
            // A group of its own: to be ended as a whole, and not by the terminal's Ctrl-C.
            .process_group(0)
            .spawn()?;
        Ok(Hook {
            child,
            end: Instant::now() + limit,
        })
    }

    /// Whether it has ended, which one whose time is over does now.
    pub(crate) fn look(&mut self) -> Option<Ended> {
        match self.child.try_wait() {
            Ok(Some(status)) => Some(Ended::Itself(status)),
            Ok(None) if Instant::now() < self.end => None,
            _ => {
                self.kill();
                Some(Ended::TooLate)
            }
        }
    }

    /// Ends it and what it started.
    fn kill(&mut self) {
        // It was not waited for yet, so that the number is still its own.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(mut hook: Hook) -> Ended {
        loop {
            if let Some(ended) = hook.look() {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn start(script: &str, limit: Duration) -> Hook {
        let command = ["/bin/sh", "-c", script].map(OsString::from);
        let told = Told {
            environment: vec![("IP6DROP_CLASS", "rcv-no-route".into())],
            input: vec![b'x'; 1 << 20],
        };
        Hook::start(&command, told, limit).unwrap()
    }

    #[test]
    fn it_is_told_by_environment_and_input() {
        let script = "test $IP6DROP_CLASS = rcv-no-route && test $(wc -c) = 1048576";
        let minute = Duration::from_secs(60);
        assert!(matches!(wait(start(script, minute)), Ended::Itself(status) if status.success()));
        // One that reads nothing is no reason to wait.
        assert!(
            matches!(wait(start("exit 3", minute)), Ended::Itself(status) if status.code() == Some(3))
        );
    }

    #[test]
    fn one_that_does_not_end_is_ended_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let hook = start(&script, Duration::from_millis(400));
        assert_eq!(wait(hook), Ended::TooLate);
        let pid = std::fs::read_to_string(pid).unwrap();
        // It dies in its own time, and whoever adopts it may not wait for it.
        let lives = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while lives() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!lives());
    }

    #[test]
    fn a_command_that_is_not_there() {
        let told = Told {
            environment: Vec::new(),
            input: Vec::new(),
        };
        let none = Hook::start(&["/no/such/command".into()], told, Duration::ZERO);
        assert_eq!(none.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
