//! Recordings in several files: `record --rotate` and `--ring`, on a directory that stands for a host.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/live.rs"]
mod live;
#[path = "common/tree.rs"]
mod tree;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use common::{class, command, json, number, stderr};
use flate2::read::MultiGzDecoder;
use live::{Kernel, journal, traceable};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tree::{Tree, everything};

/// What one drop puts into a recording: another time each, on one CPU or the other.
fn drop_at(number: u64) -> String {
    let (cpu, time) = (
        number % 2,
        format!("{}.{:06}", 10 + number / 1000, number % 1000),
    );
    format!(
        "          <idle>-0     [00{cpu}] ..s1    {time}: ip6_pkt_drop <-ip6_pkt_discard
          <idle>-0     [00{cpu}] ..s1    {time}: <stack trace>
 => ip6_pkt_drop
 => ip6_pkt_discard
 => ip6_rcv_finish
 => ipv6_rcv
"
    )
}

/// A recording at work.
struct Run {
    tree: Tree,
    before: std::collections::BTreeMap<PathBuf, Option<Vec<u8>>>,
    kernel: Kernel,
    child: Child,
    drops: u64,
    /// All that was written, drops and other events.
    said: String,
}

impl Run {
    /// Begins one, and waits until it listens; `None` where tracing takes another user.
    fn begin(args: &[&str]) -> Option<Run> {
        Run::on(traceable(), args)
    }

    fn on(tree: Tree, args: &[&str]) -> Option<Run> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        fs::create_dir_all(tree.path("out")).unwrap();
        let before = everything(&tree.path("tracefs"));
        let mut kernel = Kernel::of(&tree);
        let known = listing(&tree.path("out"));
        let child = Command::new(env!("CARGO_BIN_EXE_ip6drop"))
            .current_dir(tree.path("out"))
            .args(["record", "-o", "capture"])
            .args(["--method=func-stack-trace", "--identity=off"])
            .args(["--probes=none", "--max-rate=1000000000"])
            .args(tree.tracing_roots())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let listens = || {
            let now = listing(&tree.path("out"));
            let new = now.iter().find(|name| !known.contains(name))?;
            let text = fs::read_to_string(tree.path("out").join(new)).ok()?;
            text.contains("# ip6drop: before nproc").then_some(())
        };
        while listens().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        kernel.is_quiet();
        Some(Run {
            tree,
            before,
            kernel,
            child,
            drops: 0,
            said: String::new(),
        })
    }

    fn drops(&mut self, more: u64) {
        for _ in 0..more {
            let event = drop_at(self.drops);
            self.kernel.writes(&event);
            self.said += &event;
            self.drops += 1;
        }
    }

    fn dir(&self) -> PathBuf {
        self.tree.path("out")
    }

    /// Ends it by a signal where it has not ended, and holds that nothing is left changed.
    fn end(self, signal: Option<Signal>) -> (Tree, Output) {
        if let Some(signal) = signal {
            kill_process(Pid::from_child(&self.child), signal).unwrap();
        }
        let output = self.child.wait_with_output().unwrap();
        let after = everything(&self.tree.path("tracefs"));
        assert!(after == self.before);
        assert_eq!(journal(&self.tree), [""; 0]);
        self.kernel.end();
        (self.tree, output)
    }
}

fn listing(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The texts of all parts, in order.
fn parts(dir: &Path) -> Vec<String> {
    let text = |name: String| {
        let bytes = fs::read(dir.join(&name)).unwrap();
        let mut text = String::new();
        let read = match name.ends_with(".gz") {
            true => MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text),
            false => (&bytes[..]).read_to_string(&mut text),
        };
        read.unwrap();
        text
    };
    listing(dir).into_iter().map(text).collect()
}

/// Lines that say something of the recording, and its events.
fn head_and_events(part: &str) -> (String, String) {
    let lines = part.split_inclusive('\n');
    let (head, rest): (Vec<_>, Vec<_>) = {
        let count = lines
            .clone()
            .take_while(|l| l.starts_with("# ip6drop: "))
            .count();
        (
            lines.clone().take(count).collect(),
            lines.skip(count).collect(),
        )
    };
    (head.concat(), rest.concat())
}

/// Nothing but the events.
fn events(part: &str) -> String {
    let lines = part.split_inclusive('\n');
    let is_event = |line: &&str| !line.starts_with("# ip6drop: ");
    lines.filter(is_event).collect()
}

fn report(dir: &Path, args: &[&str]) -> Output {
    let mut command = command();
    command.current_dir(dir).args(["report", "--format=json"]);
    command.args(args).output().unwrap()
}

fn without_inputs(output: &Output) -> Value {
    let mut report = json(output);
    report["source"]["inputs"] = Value::Null;
    report
}

/// Where it was seen to end, of which part nobody knows which: all the same the parts hold every
/// event once, in order, and are read as the recording that was never parted.
#[test]
fn many_files_hold_every_event_once_and_are_read_as_one() {
    let Some(mut run) = Run::begin(&["--rotate=64K", "--files=99"]) else {
        return;
    };
    // Now and then nothing happens.
    while listing(&run.dir()).len() < 25 {
        run.drops(170);
        if run.drops % 1700 == 0 {
            std::thread::sleep(Duration::from_millis(300));
        }
        // While it records, and while files are compressed, it can be read.
        if run.drops % 1700 == 850 {
            let output = report(&run.dir(), &["."]);
            let found = json(&output);
            let total = number(&found["drops"]["total"]);
            assert!((1..=run.drops).contains(&total), "{total}");
            assert_eq!(
                number(&found["health"]["lost_uncounted"]),
                0,
                "{}",
                stderr(&output)
            );
            assert_eq!(number(&found["health"]["broken_inputs"]), 0);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        }
    }
    std::thread::sleep(Duration::from_millis(300));
    run.drops(3);
    let (drops, said) = (run.drops, run.said.clone());
    let (tree, output) = run.end(Some(Signal::INT));
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let dir = tree.path("out");
    let names = listing(&dir);
    let last = names.len();
    for (number, name) in (1..).zip(&names) {
        let packed = if number < last { ".gz" } else { "" };
        assert_eq!(name, &format!("capture.{number:06}{packed}"));
        let mode = fs::metadata(dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let parts = parts(&dir);
    let recorded: String = parts.iter().map(|part| events(part)).collect();
    assert!(
        recorded.ends_with(&said),
        "an event is lost, doubled or out of place"
    );
    let id = parts[0].lines().next().unwrap().rsplit(' ').next().unwrap();
    let mut whole = String::new();
    let mut with_counters = 0;
    for (number, part) in (1..).zip(&parts) {
        let (head, rest) = head_and_events(part);
        assert!(head.starts_with(&format!(
            "# ip6drop: part {number} of {id}\n# ip6drop: version "
        )));
        for key in ["host", "kernel", "cpus", "method", "traced"] {
            assert!(
                key == "host" || head.contains(&format!("# ip6drop: {key} ")),
                "{head}"
            );
        }
        with_counters += u32::from(head.contains("# ip6drop: before rt6_stats "));
        assert!(number == 1 || !rest.starts_with(" =>"), "{rest:.99}");
        whole += if number == 1 { part } else { &rest };
    }
    assert!(with_counters > 1, "no seam was at a moment without events");
    let is_mark = |line: &&str| !line.starts_with("# ip6drop: part ");
    let whole: String = whole.split_inclusive('\n').filter(is_mark).collect();
    fs::write(tree.path("whole"), whole).unwrap();
    let (found, whole) = (report(&dir, &["."]), report(&dir, &["../whole"]));
    assert_eq!(number(&json(&found)["drops"]["total"]), drops);
    assert_eq!(without_inputs(&found), without_inputs(&whole));
}

/// Whenever facts are read something happens: a file ends in front of an event, and the next begins
/// without counters, for nobody knows what they have seen.
#[test]
fn a_file_ends_where_there_is_no_quiet_moment() {
    let other = |n: u64| format!("  a-1     [000] ..s1  {n}.500000: ip6_dst_gc <-dst_alloc\n");
    let drop = |n: u64| drop_at(n * 1000);
    let kinds: [&(dyn Fn(u64) -> String + Sync); 2] = [&drop, &other];
    for event in kinds {
        let Some(mut run) = Run::begin(&["--rotate=64K"]) else {
            return;
        };
        let facts = run.tree.path("proc/net/snmp6");
        fs::remove_file(&facts).unwrap();
        assert!(
            Command::new("mkfifo")
                .arg(&facts)
                .status()
                .unwrap()
                .success()
        );
        let is_over = std::sync::atomic::AtomicBool::new(false);
        let events_between = std::thread::scope(|scope| {
            let (kernel, is_over) = (&run.kernel, &is_over);
            let between = scope.spawn(move || {
                let mut count = 0;
                while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
                    // There is a reader now or never.
                    let flags = rustix::fs::OFlags::NONBLOCK.bits().try_into().unwrap();
                    let opened = fs::File::options()
                        .write(true)
                        .custom_flags(flags)
                        .open(&facts);
                    if let Ok(mut facts) = opened {
                        kernel.writes(&event(count));
                        count += 1;
                        let _ = facts.write_all(b"Ip6InReceives\t900\nIp6InNoRoutes\t7\n");
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
                count
            });
            while !run.tree.path("out/capture.000003").exists() {
                for number in 1..=50 {
                    run.kernel.writes(&drop_at(run.drops * 1000 + number));
                }
                run.drops += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            kill_process(Pid::from_child(&run.child), Signal::TERM).unwrap();
            while run.child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
            is_over.store(true, std::sync::atomic::Ordering::SeqCst);
            between.join().unwrap()
        });
        fs::remove_file(run.tree.path("proc/net/snmp6")).unwrap();
        let rounds = run.drops;
        let (tree, _) = run.end(None);
        let parts = parts(&tree.path("out"));
        let (head, rest) = head_and_events(&parts[1]);
        assert!(!head.contains("# ip6drop: before "), "{head}");
        assert!(rest.contains("ip6_pkt_drop <-") && !rest.starts_with(" =>"));
        let text = parts.concat();
        for (round, number) in (0..rounds).flat_map(|round| (1..=50).map(move |n| (round, n))) {
            let event = drop_at(round * 1000 + number);
            assert_eq!(text.matches(&event).count(), 1, "{event}");
        }
        // What comes while the facts behind everything are read may be left out, and nothing else.
        let is_there = |number: &u64| text.matches(&event(*number)).count() == 1;
        let there = (0..events_between).take_while(is_there).count() as u64;
        let all = (0..events_between).filter(is_there).count() as u64;
        assert!(there > 2 && there == all, "{there} of {all}");
    }
}

/// The counters in front of the first file that is left are those of its own start, and the
/// report says that something is missing.
#[test]
fn the_oldest_files_are_removed_and_the_report_says_so() {
    let Some(mut run) = Run::begin(&["--rotate=64K", "--files=3"]) else {
        return;
    };
    fs::write(run.dir().join("capture.000099x"), "mine").unwrap();
    // As many as go into the pipe at once, and the counter that rises with them.
    let burst = |run: &mut Run| {
        let numbers = run.drops..run.drops + 10;
        run.drops = numbers.end;
        let text = format!("Ip6InReceives\t900\nIp6InNoRoutes\t{}\n", 7 + run.drops);
        run.tree.set("snmp6", &text);
        let event: String = numbers.map(drop_at).collect();
        fs::rename(run.tree.path("snmp6"), run.tree.path("proc/net/snmp6")).unwrap();
        run.kernel.writes(&event);
        std::thread::sleep(Duration::from_millis(30));
    };
    while !run.dir().join("capture.000005").exists() {
        burst(&mut run);
    }
    let drops = run.drops;
    let (tree, _) = run.end(Some(Signal::TERM));
    let dir = tree.path("out");
    fs::remove_file(dir.join("capture.000099x")).unwrap();
    assert_eq!(
        listing(&dir),
        ["capture.000003.gz", "capture.000004.gz", "capture.000005"]
    );
    let left: String = parts(&dir).iter().map(|part| events(part)).collect();
    let all: String = (0..drops).map(drop_at).collect();
    assert!(all.ends_with(&left));
    let found = report(&dir, &[".", "--exit-code"]);
    assert!(
        stderr(&found).contains("missing of this recording: part 1 to 2; events were lost there"),
        "{}",
        stderr(&found)
    );
    // Counters of the first file that is left prove what the missing ones would leave open.
    assert_eq!(found.status.code(), Some(12));
    let found = json(&found);
    let total = number(&found["drops"]["total"]);
    assert_eq!(total, left.matches("<stack trace>").count() as u64);
    let counter = |side: &str| number(&found["facts"][side]["snmp6"]["Ip6InNoRoutes"]);
    assert_eq!(counter("after") - counter("before"), total);
    // Of the first drop on each CPU the attempt would be in the file before.
    assert_eq!(class(&found, "rcv-undetermined"), [2, 0, 0, 2]);
    assert_eq!(class(&found, "rcv-no-route"), [total - 2, total - 2, 0, 0]);
    assert!(number(&found["health"]["lost_uncounted"]) > 0);
    // A file without any drop is no proof that there was none.
    let last = head_and_events(&fs::read_to_string(dir.join("capture.000005")).unwrap());
    assert!(last.0.contains("# ip6drop: after rt6_stats "));
    // On a busy machine one more burst may have come between its beginning and the end.
    let status = if last.1.is_empty() { 13 } else { 12 };
    let last = report(&dir, &["capture.000005", "--exit-code"]);
    assert_eq!(last.status.code(), Some(status));
}

/// A service that is started again goes on, within the same bound.
#[test]
fn a_later_recording_keeps_to_the_bound_of_all() {
    let Some(mut run) = Run::begin(&["--ring=512K"]) else {
        return;
    };
    while listing(&run.dir()).len() < 3 {
        run.drops(50);
    }
    let (tree, _) = run.end(Some(Signal::TERM));
    let first = listing(&tree.path("out")).len();
    let mut run = Run::on(tree, &["--ring=512K"]).unwrap();
    while !run.dir().join("capture.000010").exists() {
        run.drops(50);
    }
    let (tree, _) = run.end(Some(Signal::TERM));
    let names = listing(&tree.path("out"));
    assert_eq!(names.len(), 7, "{names:?}");
    let of = |text: &str| text.lines().next().unwrap().to_owned();
    let last = parts(&tree.path("out")).pop().map(|text| of(&text));
    // On a busy machine more may have come between the look at the directory and the end.
    let file: usize = names[6].trim_start_matches("capture.").parse().unwrap();
    let number = file - first;
    assert!(
        last.unwrap()
            .starts_with(&format!("# ip6drop: part {number} of "))
    );
}

/// Unmounts it in the end.
struct Disk(PathBuf);

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_leaves_what_was_there() {
    let tree = traceable();
    let dir = tree.path("out");
    fs::create_dir_all(&dir).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=300k", "none"])
        .arg(&dir)
        .stderr(Stdio::null())
        .status();
    if !mounted.unwrap().success() {
        return;
    }
    let _disk = Disk(dir.clone());
    // So much that compressed files fill it too.
    fs::write(dir.join("other"), vec![7; 150 << 10]).unwrap();
    let Some(mut run) = Run::on(tree, &["--rotate=64K", "--files=99"]) else {
        return;
    };
    while run.child.try_wait().unwrap().is_none() {
        let event = drop_at(run.drops);
        run.drops += u64::from(run.kernel.tries(&event));
    }
    let (_tree, output) = run.end(None);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("what was captured before is kept"), "{said}");
    fs::remove_file(dir.join("other")).unwrap();
    let found = report(&dir, &["."]);
    assert!(
        number(&json(&found)["drops"]["total"]) > 100,
        "{}",
        stderr(&found)
    );
    assert_eq!(number(&json(&found)["health"]["broken_inputs"]), 0);
}

#[test]
fn a_number_of_drops_ends_it_and_what_follows_is_kept() {
    let Some(mut run) = Run::begin(&["--rotate=64K", "--stop-after=3", "--after=700ms"]) else {
        return;
    };
    run.drops(2);
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(run.child.try_wait().unwrap(), None);
    run.drops(1);
    std::thread::sleep(Duration::from_millis(300));
    run.drops(1);
    let (tree, output) = run.end(None);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("4 drops, "), "{}", stderr(&output));
    assert_eq!(listing(&tree.path("out")), ["capture.000001"]);
}

#[test]
fn what_cannot_be_meant_is_said_in_a_sentence() {
    for (args, said) in [
        (&["--rotate=1M"][..], "--output <FILE>"),
        (&["-o", "-", "--rotate=1M"], "name them with -o FILE"),
        (&["-o", "-", "--ring=1M"], "name them with -o FILE"),
        (
            &["-o", "x", "--rotate=63K"],
            "63K is not between 64K and 16G",
        ),
        (
            &["-o", "x", "--rotate=17G"],
            "17G is not between 64K and 16G",
        ),
        (
            &["-o", "x", "--rotate=1T"],
            "is no size; write bytes, 512K, 10M or 1G",
        ),
        (&["-o", "x", "--ring=1K"], "1K is not between 512K and 128G"),
        (
            &["-o", "x", "--rotate=1M", "--files=0"],
            "0 is not in 2..=9999",
        ),
        (
            &["-o", "x", "--rotate=1M", "--files=1"],
            "1 is not in 2..=9999",
        ),
        (&["-o", "x", "--files=3"], "--rotate <SIZE>"),
        (
            &["-o", "x", "--rotate=1M", "--ring=1M"],
            "cannot be used with",
        ),
        (
            &["-o", "x", "--rotate=1M", "--max-size=1M"],
            "cannot be used with",
        ),
        (&["--stop-after=0"], "0 is not in 1.."),
        (&["--after=1s"], "--stop-after <N>"),
        (&["--stop-after=1", "--after=5x"], "is no duration"),
        (&["--on-drop"], "<COMMAND>"),
        (&["--", "true"], "--on-drop"),
    ] {
        let output = command().arg("record").args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).contains(said),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}

/// A command that notes what it was told, each time in a file of its own.
const NOTES: &str = "n=$(ls ../told | wc -l); cat > ../told/$n.json; \
     echo \"$IP6DROP_CLASS $IP6DROP_CONFIDENCE $IP6DROP_STATUS $IP6DROP_DROPS $IP6DROP_OUTPUT $IP6DROP_VERDICT\"";

#[test]
fn a_command_is_told_once_a_burst() {
    let tree = traceable();
    fs::create_dir_all(tree.path("told")).unwrap();
    let args = ["--on-drop", "--", "/bin/sh", "-c", NOTES];
    let Some(mut run) = Run::on(tree, &args) else {
        return;
    };
    let told = run.tree.path("told");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(listing(&told), [""; 0]);
    run.drops(30);
    while listing(&told).is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // The same burst, and the same minute.
    run.drops(30);
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(listing(&told), ["0.json"]);
    let (tree, output) = run.end(Some(Signal::TERM));
    assert_eq!(output.status.code(), Some(143));
    assert_eq!(listing(&tree.path("told")), ["0.json"]);
    let report = common::json_line(&fs::read_to_string(told.join("0.json")).unwrap());
    assert_eq!(number(&report["drops"]["total"]), 30);
    let said = stderr(&output);
    let words: Vec<&str> = said.split_whitespace().collect();
    let verdict = &report["verdict"];
    let text = |key: &str| verdict[key].as_str().unwrap().to_owned();
    let (class, confidence) = (text("class"), text("confidence"));
    let status = number(&verdict["exit"]).to_string();
    assert_eq!(words[..5], [&class, &confidence, &status, "30", "capture"]);
    assert!(
        text("summary").starts_with(&words[5..20].join(" ")),
        "{said}"
    );
}

#[test]
fn a_command_that_fails_or_is_slow_is_no_harm() {
    for (command, said) in [
        ("sleep 100", "ended after 30 s"),
        ("exit 7", "exit status: 7"),
    ] {
        let args = [
            "--stop-after=5",
            "--on-drop",
            "--",
            "/bin/sh",
            "-c",
            command,
        ];
        let Some(mut run) = Run::begin(&args) else {
            return;
        };
        run.drops(5);
        // What is told in the end may take its time; tracing is over.
        while journal(&run.tree) != [""; 0] {
            std::thread::sleep(Duration::from_millis(10));
        }
        if command.starts_with("sleep") {
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(run.child.try_wait().unwrap(), None);
            let pid = Pid::from_child(&run.child);
            kill_process(pid, Signal::TERM).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            kill_process(pid, Signal::TERM).unwrap();
            let (_, output) = run.end(None);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            assert!(!stderr(&output).contains(said));
        } else {
            let (_, output) = run.end(None);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            assert!(stderr(&output).contains(said), "{}", stderr(&output));
        }
    }
}

/// The unit in `packaging` is one that systemd takes, where there is a systemd to ask.
#[test]
fn the_unit_is_understood() {
    let unit = common::fixture("../packaging/ip6drop-record.service");
    let unit = fs::read_to_string(unit).unwrap();
    assert_eq!(unit.matches("=/usr/bin/ip6drop ").count(), 2);
    // The man page is not installed here, and neither is the program.
    let lines = unit
        .lines()
        .filter(|line| !line.starts_with("Documentation="));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let dir = tempfile::tempdir().unwrap();
    // A checkout may have spaces in its path.
    let program = dir.path().join("ip6drop");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ip6drop"), &program).unwrap();
    let path = dir.path().join("ip6drop-record.service");
    let text = text.replace("/usr/bin/ip6drop", program.to_str().unwrap());
    fs::write(&path, text).unwrap();
    let asked = Command::new("systemd-analyze")
        .arg("verify")
        .arg(path)
        .output();
    if let Ok(output) = asked {
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
    }
}
