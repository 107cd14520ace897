//! A reproducer that runs beside a recording: a command of the user's, over and over, on each
//! CPU in turn where asked, and never longer than the recording.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, kill_process_group, set_child_subreaper,
    waitpid,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How often a running command is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// A pause between two runs, so that a command that ends at once is no load.
const PAUSE: Duration = Duration::from_millis(100);
/// What a command is given to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(500);
/// How long ending what a command left behind may take.
const SWEEP: Duration = Duration::from_secs(2);

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// For `/bin/sh -c`.
    pub command: String,
    /// On each of the CPUs this process may use in turn, or wherever the scheduler likes.
    pub spread: bool,
    /// The time in which every CPU is to have its turn.
    pub within: Option<Duration>,
}

/// Runs on one CPU, or on any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Runs {
    /// Runs begun.
    pub runs: u64,
    /// Runs that ended by themselves with another status than 0, or by a signal.
    pub failures: u64,
    /// Runs that were stopped, because their time or the recording was over.
    pub stopped: u64,
}

/// How the runs went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunLog {
    /// By CPU; `None` without `--spread`.
    pub by_cpu: BTreeMap<Option<u32>, Runs>,
    /// The last failure in words.
    pub last_failure: Option<String>,
    /// Processes that a run left running, and that were ended.
    pub left_running: u64,
    /// Why no run was possible.
    pub impossible: Option<String>,
}

impl RunLog {
    /// All runs.
    #[must_use]
    pub fn total(&self) -> Runs {
        self.by_cpu
            .values()
            .fold(Runs::default(), |sum, runs| Runs {
                runs: sum.runs + runs.runs,
                failures: sum.failures + runs.failures,
                stopped: sum.stopped + runs.stopped,
            })
    }
}

/// A trigger at work; dropping it stops the command.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<RunLog>>,
}

impl Running {
    /// Starts running the command in the background.
    ///
    /// # Errors
    /// Those of making a thread, and of becoming the parent of what the command forks.
    pub fn start(trigger: Trigger) -> io::Result<Running> {
        // Whatever a command puts into the background comes back to this process.
        set_child_subreaper(Some(getpid()))?;
        let stop = Arc::new(AtomicBool::new(false));
        let over = Arc::new(AtomicBool::new(false));
        let runner = Runner {
            stop: Arc::clone(&stop),
            over: Arc::clone(&over),
            log: RunLog::default(),
            trigger,
        };
        let thread = thread::Builder::new()
            .name("trigger".to_owned())
            .spawn(move || runner.run())?;
        Ok(Running {
            stop,
            over,
            thread: Some(thread),
        })
    }

    /// True where no further run is possible.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Stops the command and all that it started, and tells how it went.
    #[must_use]
    pub fn finish(mut self) -> RunLog {
        self.join()
    }

    fn join(&mut self) -> RunLog {
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        ended.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.join();
    }
}

struct Runner {
    trigger: Trigger,
    stop: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    log: RunLog,
}

/// The CPUs this thread may use.
fn allowed() -> Vec<u32> {
    let set = sched_getaffinity(None).unwrap_or_default();
    let cpus = u32::try_from(CpuSet::MAX_CPU).unwrap_or(u32::MAX);
    (0..cpus).filter(|cpu| set.is_set(*cpu as usize)).collect()
}

/// Puts this thread, and what it starts from now on, on one CPU.
fn pin(cpu: u32) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu as usize);
    Ok(sched_setaffinity(None, &set)?)
}

impl Runner {
    fn run(mut self) -> RunLog {
        let cpus: Vec<Option<u32>> = if self.trigger.spread {
            allowed().into_iter().map(Some).collect()
        } else {
            vec![None]
        };
        let turns = u32::try_from(cpus.len()).unwrap_or(u32::MAX).max(1);
        let slice = self.trigger.within.map(|within| within / turns);
        for cpu in cpus.into_iter().cycle() {
            if self.is_stopped() || self.log.impossible.is_some() {
                break;
            }
            // A CPU may go offline meanwhile; the others have their turn.
            if cpu.is_some_and(|cpu| pin(cpu).is_err()) {
                self.pause();
                continue;
            }
            if let Err(error) = self.once(cpu, slice) {
                self.log.impossible = Some(format!("/bin/sh cannot be started: {error}"));
            }
            self.pause();
        }
        self.over.store(true, Ordering::SeqCst);
        self.log
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn pause(&self) {
        let end = Instant::now() + PAUSE;
        while !self.is_stopped() && Instant::now() < end {
            thread::sleep(LOOK);
        }
    }

    fn once(&mut self, cpu: Option<u32>, slice: Option<Duration>) -> io::Result<()> {
        let first = self.log.by_cpu.is_empty();
        let mut child = Command::new("/bin/sh")
            .args(["-c", &self.trigger.command])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: to be ended as a whole, and not by the terminal's Ctrl-C.
            .process_group(0)
            .spawn()?;
        let ended = self.wait(&mut child, slice);
        self.log.left_running += end_group(&mut child);
        let runs = self.log.by_cpu.entry(cpu).or_default();
        runs.runs += 1;
        match ended {
            None => runs.stopped += 1,
            Some(status) if status.success() => {}
            Some(status) => {
                runs.failures += 1;
                self.log.last_failure = Some(in_words(status));
                self.log.impossible = not_runnable(status).filter(|_| first).map(str::to_owned);
            }
        }
        Ok(())
    }

    /// How the command ended by itself; `None` where it is to be stopped.
    fn wait(&self, child: &mut Child, slice: Option<Duration>) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(None) => {}
                ended => return ended.ok().flatten(),
            }
            let too_long =
                self.trigger.spread && slice.is_some_and(|slice| began.elapsed() > slice);
            if self.is_stopped() || too_long {
                return None;
            }
            thread::sleep(LOOK);
        }
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

/// What a shell means by 126 and 127 (POSIX, Shell Command Language, 2.8.2).
fn not_runnable(status: ExitStatus) -> Option<&'static str> {
    match status.code() {
        Some(127) => Some("the shell does not find it (status 127)"),
        Some(126) => Some("it is no program that may be run (status 126)"),
        _ => None,
    }
}

/// Ends what is left of a run, whatever it forked; how many processes a run that had ended by
/// itself left running.
fn end_group(child: &mut Child) -> u64 {
    let group = Pid::from_child(child);
    if !matches!(child.try_wait(), Ok(None)) {
        return sweep();
    }
    // No such group any more is as good.
    let _ = kill_process_group(group, Signal::TERM);
    let end = Instant::now() + GRACE;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < end {
        thread::sleep(LOOK);
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
    // Members of a run that was stopped are no surprise.
    sweep();
    0
}

/// Ends every child of this process, and what these leave to it in turn; how many were
/// running. One that the kernel cannot end now is given up after a while.
fn sweep() -> u64 {
    let mut ended = HashSet::new();
    let end = Instant::now() + SWEEP;
    loop {
        let children = children();
        for child in &children {
            // It may end by itself in between.
            let _ = kill_process(child.pid, Signal::KILL);
            let _ = waitpid(Some(child.pid), WaitOptions::NOHANG);
            if child.is_running {
                ended.insert(child.pid);
            }
        }
        if children.is_empty() || Instant::now() >= end {
            return ended.len() as u64;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A process whose parent is this one.
struct Process {
    pid: Pid,
    is_running: bool,
}

fn children() -> Vec<Process> {
    let me = getpid();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let (state, parent) = state_and_parent(pid)?;
        (parent == me).then_some(Process {
            pid: Pid::from_raw(pid)?,
            is_running: state != "Z",
        })
    })
    .collect()
}

/// The third and fourth field of `/proc/PID/stat`, behind the name in brackets, which may hold
/// anything.
fn state_and_parent(pid: i32) -> Option<(String, Pid)> {
    let stat = std::fs::read(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let behind = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(&stat[behind + 1..])
        .ok()?
        .split_ascii_whitespace();
    let state = fields.next()?.to_owned();
    Some((state, Pid::from_raw(fields.next()?.parse().ok()?)?))
}
