//! Ctrl-C while a stream is read: the report on what came so far, and a second one that ends at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/terminal.rs"]
mod terminal;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use common::{capture, unwrapped};
use rustix::process::{Pid, Signal, kill_process};
use terminal::{Terminal, ip6drop_in_session};

fn trace() -> Vec<u8> {
    std::fs::read(capture("4.19-fp/exhausted")).unwrap()
}

fn press_ctrl_c(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

fn ip6drop() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ip6drop"))
}

#[test]
fn ctrl_c_on_a_terminal_ends_the_stream_and_the_report_follows() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("trace_pipe");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let (mut terminal, slave) = Terminal::open();
    let mut child = ip6drop_in_session()
        .arg("report")
        .arg(&fifo)
        .env("NO_COLOR", "1")
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap())
        .stderr(slave)
        .spawn()
        .unwrap();
    let mut stream = File::options().write(true).open(&fifo).unwrap();
    while !terminal.shows("drops so far") {
        stream.write_all(&trace()).unwrap();
    }
    assert!(terminal.press_ctrl_c());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let text = terminal.text();
    let (_, report) = text.rsplit_once("\x1b[K").unwrap();
    let report = unwrapped(report);
    assert!(report.contains("(rcv-dst-alloc, probable)"), "{report}");
    assert!(report.contains("Per CPU"), "{report}");
    // Nobody writes any more.
    drop(stream);
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let mut child = ip6drop()
        .args(["report", "--format", "ndjson", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More than a pipe holds, so that writing the report waits for its reader.
    for _ in 0..40 {
        stdin.write_all(&trace()).unwrap();
    }
    press_ctrl_c(&child);
    let mut first = [0];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"{");
    assert_eq!(child.try_wait().unwrap(), None);
    press_ctrl_c(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(stdin);
}

#[test]
fn nothing_that_came_is_no_report() {
    let mut child = ip6drop()
        .args(["report", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    // It has taken over the signal when it has a handler for it.
    let status = format!("/proc/{}/status", child.id());
    let is_taken = || {
        let text = std::fs::read_to_string(&status).unwrap();
        let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
        mask & 2 != 0
    };
    while !is_taken() {
        std::thread::yield_now();
    }
    press_ctrl_c(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(output.stdout, b"");
    drop(stdin);
}
