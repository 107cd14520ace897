//! Ctrl-C on the terminal of `record` and `diagnose`: however often it is pressed, the tree is as
//! before afterwards, and what was recorded until then is whole.
//!
//! The tree is a directory with the control files of a real 4.19, and a fifo as `trace_pipe`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/live.rs"]
mod live;
#[path = "common/terminal.rs"]
mod terminal;
#[path = "common/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use common::{command, json, number, stderr, unwrapped};
use live::{Kernel, journal, traceable};
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
/// How many of them there are.
const DROPS: u64 = 400;

/// A command that traces, with the drops it has seen.
struct Run {
    tree: Tree,
    before: BTreeMap<PathBuf, Option<Vec<u8>>>,
    kernel: Kernel,
    terminal: Terminal,
    child: Child,
}

impl Run {
    /// Runs it on a terminal until it has seen all drops; `None` where it takes another user.
    fn begin(args: &[&str], output: Option<Stdio>) -> Option<Run> {
        let tree = traceable();
        let args = args.iter().map(|&arg| match arg.strip_prefix("TREE/") {
            Some(name) => tree.path(name).display().to_string(),
            None => arg.to_owned(),
        });
        let args: Vec<String> = args.collect();
        if !rustix::process::geteuid().is_root() {
            let output = command().args(&args).args(tree.tracing_roots()).output();
            let output = output.unwrap();
            assert_eq!(output.status.code(), Some(3));
            assert!(stderr(&output).contains("tracing needs root"));
            return None;
        }
        let before = everything(&tree.path("tracefs"));
        let kernel = Kernel::of(&tree);
        let (mut terminal, slave) = Terminal::open();
        let mut child = ip6drop_in_session()
            .args(&args)
            .args(tree.tracing_roots())
            .args(["--method=func-stack-trace", "--identity=off"])
            .args(["--probes=none", "--max-rate=1000000000"])
            .stdin(slave.try_clone().unwrap())
            .stdout(output.unwrap_or_else(|| slave.try_clone().unwrap().into()))
            .stderr(slave)
            .spawn()
            .unwrap();
        let mut wait_for = |text: &str, child: &mut Child| {
            while !terminal.shows(text) {
                assert_eq!(child.try_wait().unwrap(), None, "waiting for {text}");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        wait_for("drops 0", &mut child);
        (0..DROPS).for_each(|_| kernel.writes(DROP));
        wait_for(&format!("drops {DROPS}"), &mut child);
        // It is at it.
        assert!(everything(&tree.path("tracefs")) != before);
        assert_eq!(journal(&tree).len(), 1);
        Some(Run {
            tree,
            before,
            kernel,
            terminal,
            child,
        })
    }

    fn is_as_before(&self) {
        let after = everything(&self.tree.path("tracefs"));
        for (path, text) in &self.before {
            assert_eq!(after.get(path), Some(text), "{}", path.display());
        }
        assert_eq!(after.len(), self.before.len());
        assert_eq!(journal(&self.tree), [""; 0]);
    }

    /// Its end: status 130, and nothing left behind. What the terminal showed meanwhile.
    fn end(mut self) -> (Tree, String) {
        let status = self.child.wait().unwrap();
        self.is_as_before();
        self.kernel.end();
        let text = self.terminal.text();
        assert_eq!(status.code(), Some(130), "{text}");
        (self.tree, text)
    }

    /// Presses Ctrl-C until it has ended.
    fn press_until_the_end(&mut self) {
        let mut pressed = 0;
        while self.child.try_wait().unwrap().is_none() {
            pressed += u32::from(self.terminal.press_ctrl_c());
            // Not so fast that the terminal has no room for more.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(pressed > 1);
    }
}

/// The recording is whole, and holds all drops.
fn is_whole(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("# ip6drop: after rt6_stats "), "{text}");
    let output = command()
        .args(["report", "--format=json"])
        .arg(path)
        .output()
        .unwrap();
    let report = json(&output);
    assert_eq!(number(&report["drops"]["total"]), DROPS);
    assert_eq!(number(&report["health"]["broken_inputs"]), 0);
}

#[test]
fn ctrl_c_ends_a_recording() {
    let Some(mut run) = Run::begin(&["record", "-o", "TREE/capture"], None) else {
        return;
    };
    assert!(run.terminal.press_ctrl_c());
    let (tree, text) = run.end();
    assert!(text.contains(&format!("{DROPS} drops, ")), "{text}");
    is_whole(&tree.path("capture"));
}

#[test]
fn ctrl_c_again_and_again_ends_a_recording_as_well() {
    let Some(mut run) = Run::begin(&["record", "-o", "TREE/capture"], None) else {
        return;
    };
    run.press_until_the_end();
    let (tree, _) = run.end();
    is_whole(&tree.path("capture"));
}

#[test]
fn ctrl_c_ends_the_tracing_of_a_diagnosis_and_the_report_follows() {
    let args = ["diagnose", "--duration=24h", "--keep", "TREE/capture"];
    let Some(mut run) = Run::begin(&args, None) else {
        return;
    };
    assert!(run.terminal.press_ctrl_c());
    let (tree, text) = run.end();
    let (_, report) = text.rsplit_once("\x1b[K").unwrap();
    let report = unwrapped(report);
    assert!(report.contains("Per CPU"), "{report}");
    assert!(report.contains(&format!("{DROPS} drops")), "{report}");
    is_whole(&tree.path("capture"));
}

#[test]
fn ctrl_c_again_ends_the_report_of_a_diagnosis_at_once() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    // Much less than a page of HTML.
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let args = ["diagnose", "--duration=24h", "--format=html"];
    let Some(mut run) = Run::begin(&args, Some(writer.into())) else {
        return;
    };
    assert!(run.terminal.press_ctrl_c());
    // It writes the report, which waits for its reader: tracing is over.
    let mut first = [0];
    reader.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"<");
    run.is_as_before();
    assert_eq!(run.child.try_wait().unwrap(), None);
    assert!(run.terminal.press_ctrl_c());
    run.end();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("</html>"), "{rest}");
}

#[test]
fn ctrl_c_again_and_again_ends_a_diagnosis_as_well() {
    let args = ["diagnose", "--duration=24h", "--keep", "TREE/capture"];
    let Some(mut run) = Run::begin(&args, None) else {
        return;
    };
    run.press_until_the_end();
    let (tree, _) = run.end();
    is_whole(&tree.path("capture"));
}
