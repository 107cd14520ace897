//! The reproducer beside a recording: counted, kept in its time, and never left running.
#![allow(clippy::unwrap_used)] // tests may fail loudly

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ip6drop::inside::os::{RunLog, Running, Trigger};

/// What a run leaves behind is found by its parent, which is this process: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn trigger(command: &str) -> Trigger {
    Trigger {
        command: command.to_owned(),
        spread: false,
        within: None,
    }
}

/// Runs a trigger until `enough` says so.
fn until(trigger: Trigger, enough: impl Fn(&Running) -> bool) -> RunLog {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let running = Running::start(trigger).unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while !enough(&running) && Instant::now() < patience {
        sleep(Duration::from_millis(5));
    }
    running.finish()
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

fn is_alive(pid_file: &Path) -> bool {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn runs_and_failures_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let command = format!("echo run >> {}; test $(wc -l < {0}) = 2", log.display());
    let outcome = until(trigger(&command), |_| lines(&log) >= 4);
    let total = outcome.total();
    assert!(total.runs >= 4, "{outcome:?}");
    // Only the second run succeeds.
    assert_eq!(total.failures + total.stopped, total.runs - 1);
    assert_eq!(outcome.last_failure.as_deref(), Some("status 1"));
    assert_eq!(outcome.impossible, None);
    assert_eq!(outcome.left_running, 0);
}

#[test]
fn a_command_that_does_not_exist_ends_the_matter() {
    let outcome = until(trigger("/no/such/program"), Running::is_over);
    assert_eq!(outcome.total().runs, 1);
    let why = outcome.impossible.unwrap();
    assert!(why.contains("127"), "{why}");
}

#[test]
fn a_command_that_hangs_is_stopped_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    // Deaf to SIGTERM, and so is what it starts.
    let command = format!(
        "trap '' TERM; sleep 600 & echo $! > {}.new; mv {0}.new {0}; wait",
        pid.display()
    );
    let outcome = until(trigger(&command), |_| pid.exists());
    let total = outcome.total();
    assert_eq!((total.runs, total.failures, total.stopped), (1, 0, 1));
    assert!(!is_alive(&pid));
}

#[test]
fn what_a_run_puts_into_the_background_does_not_outlive_it() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    // A session of its own: out of the process group's reach.
    let command = format!(
        "test -e {0} || setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600' & until test -e {0}; do sleep 0.01; done",
        pid.display()
    );
    let outcome = until(trigger(&command), |_| pid.exists() && !is_alive(&pid));
    assert!(!is_alive(&pid));
    assert_eq!(outcome.left_running, 1, "{outcome:?}");
}

#[test]
fn every_cpu_has_its_turn_even_where_the_command_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let cpus = std::thread::available_parallelism().unwrap().get();
    let spread = Trigger {
        command: format!(
            "grep Cpus_allowed_list /proc/self/status >> {}; exec sleep 600",
            log.display()
        ),
        spread: true,
        within: Some(Duration::from_millis(200) * u32::try_from(cpus).unwrap()),
    };
    let outcome = until(spread, |_| lines(&log) > cpus);
    assert_eq!(outcome.by_cpu.len(), cpus);
    assert!(outcome.by_cpu.keys().all(Option::is_some));
    assert_eq!(outcome.total().stopped, outcome.total().runs);
    let text = std::fs::read_to_string(&log).unwrap();
    let pinned = text.lines().all(|line| !line.contains([',', '-']));
    assert!(pinned, "{text}");
}
