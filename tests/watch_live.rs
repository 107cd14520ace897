//! `watch` on a terminal and in a pipe: what it shows, and that terminal and tracing are as before on every way out.
//!
//! The tree is a directory with the control files of a real 4.19, and a fifo as `trace_pipe`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/live.rs"]
mod live;
#[path = "common/picture.rs"]
mod picture;
#[path = "common/terminal.rs"]
mod terminal;
#[path = "common/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use common::{command, stderr};
use live::{Kernel, journal, traceable};
use picture::Picture;
use rustix::process::{Pid, Signal, kill_process};
use terminal::{Terminal, ip6drop_in_session};
use tree::{Tree, everything};

/// A drop, and its stack.
const DROP: &str = "\
          <idle>-0     [001] ..s1    10.000000: ip6_pkt_drop <-ip6_pkt_discard
          <idle>-0     [001] ..s1    10.000000: <stack trace>
 => ip6_pkt_drop
 => ip6_pkt_discard
 => ip6_rcv_finish
 => ipv6_rcv
";

const HOW: [&str; 4] = [
    "--method=func-stack-trace",
    "--identity=off",
    "--probes=none",
    "--max-rate=1000000000",
];

fn is_root(tree: &Tree) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let output = command()
        .arg("watch")
        .args(tree.tracing_roots())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("tracing needs root"));
    false
}

/// `watch` at work.
struct Run {
    tree: Tree,
    before: BTreeMap<PathBuf, Option<Vec<u8>>>,
    modes: String,
    kernel: Kernel,
    terminal: Terminal,
    size: (usize, usize),
    child: Child,
}

fn sleep() {
    std::thread::sleep(Duration::from_millis(5));
}

impl Run {
    /// Until its screen is there; `None` where it takes another user.
    fn begin(args: &[&str]) -> Option<Run> {
        let tree = traceable();
        if !is_root(&tree) {
            return None;
        }
        let before = everything(&tree.path("tracefs"));
        let kernel = Kernel::of(&tree);
        let (terminal, slave) = Terminal::open();
        terminal.resize(100, 30);
        let modes = terminal.modes();
        let child = ip6drop_in_session()
            .arg("watch")
            .args(args)
            .args(tree.tracing_roots())
            .args(HOW)
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(tree.path(""))
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap();
        let mut run = Run {
            tree,
            before,
            modes,
            kernel,
            terminal,
            size: (100, 30),
            child,
        };
        run.wait_for("ip6drop watch");
        assert!(everything(&run.tree.path("tracefs")) != run.before);
        assert_ne!(run.terminal.modes(), run.modes);
        Some(run)
    }

    fn picture(&mut self) -> Picture {
        let (columns, lines) = self.size;
        Picture::of(self.terminal.bytes(), columns, lines)
    }

    /// Until the screen shows it; the screen.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            let shown = self.picture().text();
            if shown.contains(text) {
                return shown;
            }
            let ended = self.child.try_wait().unwrap();
            assert_eq!(ended, None, "waiting for {text} in {shown}");
            sleep();
        }
    }

    fn resize(&mut self, columns: u16, lines: u16) {
        self.terminal.resize(columns, lines);
        self.size = (columns.into(), lines.into());
    }

    fn signal(&self, signal: Signal) {
        // The child is `setsid`, its child the program.
        let pid = self.child.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(children).unwrap();
        let program = children
            .split_whitespace()
            .next()
            .map_or(pid, |pid| pid.parse().unwrap());
        let pid = Pid::from_raw(program.try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn is_as_before(&self) {
        let after = everything(&self.tree.path("tracefs"));
        for (path, text) in &self.before {
            assert_eq!(after.get(path), Some(text), "{}", path.display());
        }
        assert_eq!(after.len(), self.before.len());
        assert_eq!(journal(&self.tree), [""; 0]);
    }

    /// Its end: nothing left behind, and the terminal as it was. The status, and what the terminal shows.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        self.is_as_before();
        assert_eq!(self.terminal.modes(), self.modes);
        self.kernel.end();
        let text = self.terminal.text();
        let (columns, lines) = self.size;
        let picture = Picture::of(text.as_bytes(), columns, lines);
        assert!(!picture.is_other && picture.has_cursor, "{text}");
        let (_, behind) = text.rsplit_once("\x1b[?1049l").unwrap();
        (status.code(), behind.to_owned())
    }
}

#[test]
fn the_screen_shows_drops_as_they_come_follows_its_terminal_and_ends_by_q() {
    let Some(mut run) = Run::begin(&[]) else {
        return;
    };
    let quiet = run.wait_for("OVER LIMIT");
    assert!(
        quiet.contains("No IPv6 drop") && quiet.contains("slow 616 of 200"),
        "{quiet}"
    );
    run.kernel.writes(DROP);
    run.kernel.writes(DROP);
    let shown = run.wait_for("now, 2 in ");
    assert!(
        shown.contains("DROPS NOW") && shown.contains(" CPU 1"),
        "{shown}"
    );
    run.resize(70, 20);
    let shown = run.wait_for("% of a CPU");
    assert!(shown.contains("DROPS"), "{shown}");
    run.resize(30, 8);
    run.wait_for("watch needs 60");
    run.resize(120, 40);
    run.wait_for("% of a CPU");
    run.terminal.press("j\r");
    run.wait_for("CPU 1  (Enter or Esc: all CPUs)");
    run.terminal.press("d");
    run.wait_for("written: ip6drop-watch-");
    let tree = std::fs::read_dir(run.tree.path("")).unwrap();
    let report = tree.map(|entry| entry.unwrap().path());
    let report = report
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "txt"));
    let report = std::fs::read_to_string(report.unwrap()).unwrap();
    assert!(report.contains("2 drops"), "{report}");
    run.terminal.press("q");
    let (status, behind) = run.end();
    assert_eq!(status, Some(0));
    assert!(behind.contains("2 drops"), "{behind}");
}

#[test]
fn signals_end_it_and_leave_nothing() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let Some(run) = Run::begin(&["--exit-code"]) else {
            return;
        };
        run.signal(signal);
        assert_eq!(run.end().0, Some(status));
    }
}

#[test]
fn ctrl_c_ends_it_and_leaves_nothing() {
    let Some(mut run) = Run::begin(&[]) else {
        return;
    };
    assert!(run.terminal.press_ctrl_c());
    assert_eq!(run.end().0, Some(130));
}

#[test]
fn a_time_ends_it_and_the_status_says_the_verdict() {
    let Some(mut run) = Run::begin(&["--duration=3s", "--exit-code"]) else {
        return;
    };
    run.kernel.writes(DROP);
    run.wait_for("DROPS NOW");
    assert_eq!(run.end().0, Some(11));
}

#[test]
fn what_sigkill_leaves_is_restored() {
    let Some(mut run) = Run::begin(&[]) else {
        return;
    };
    run.signal(Signal::KILL);
    run.child.wait().unwrap();
    assert_eq!(journal(&run.tree).len(), 1);
    let output = command()
        .arg("restore")
        .args(run.tree.tracing_roots()[..].iter())
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    run.is_as_before();
    run.kernel.end();
}

/// `watch` whose standard output is no terminal.
fn piped(tree: &Tree, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ip6drop"));
    command
        .arg("watch")
        .args(args)
        .args(tree.tracing_roots())
        .args(HOW);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The value behind a name.
fn value<'l>(line: &'l str, name: &str) -> &'l str {
    let mut words = line.split_whitespace();
    words.find(|word| *word == name).unwrap();
    words.next().unwrap()
}

#[test]
fn a_pipe_gets_a_line_at_each_look() {
    let tree = traceable();
    if !is_root(&tree) {
        return;
    }
    let before = everything(&tree.path("tracefs"));
    let kernel = Kernel::of(&tree);
    let mut child = piped(&tree, &[]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert_eq!(
        (value(&first, "total"), value(&first, "slow")),
        ("0", "616")
    );
    kernel.writes(DROP);
    let second = lines.find(|line| value(line.as_ref().unwrap(), "total") == "1");
    let second = second.unwrap().unwrap();
    assert_eq!(
        (value(&second, "class"), value(&second, "cpus")),
        ("rcv-undetermined", "1:1")
    );
    // A second one is told so, and changes nothing.
    let refused: Output = piped(&tree, &["--once"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
    assert_eq!(stderr(&refused).lines().count(), 1, "{}", stderr(&refused));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "");
    assert_eq!(everything(&tree.path("tracefs")), before);
    kernel.end();
}

#[test]
fn once_is_one_line() {
    let tree = traceable();
    if !is_root(&tree) {
        return;
    }
    let kernel = Kernel::of(&tree);
    let output = piped(&tree, &["--once"]).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(
        (output.status.code(), text.lines().count()),
        (Some(0), 1),
        "{text}"
    );
    assert_eq!(value(&text, "regime"), "exhausted");
    assert!(!text.contains('\x1b'));
    assert_eq!(journal(&tree), [""; 0]);
    kernel.end();
}

#[test]
fn times_out_of_range_are_refused() {
    for wrong in [
        "--window=9s",
        "--window=25h",
        "--interval=10ms",
        "--duration=x",
    ] {
        let output = command().args(["watch", wrong]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}
