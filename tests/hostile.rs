//! Nothing that comes from outside reaches a terminal or a file of results in a form that can do harm: names with
//! escape sequences, controls, invisible characters and such as turn the direction of text, wherever names are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/live.rs"]
mod live;
#[path = "common/tree.rs"]
mod tree;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{capture, command};
use live::Kernel;
use serde_json::{Value, json};
use tree::Tree;

/// All that may not be shown as it is, but for ends of lines; `[35m` is a colour that the program has no use for.
const HARMFUL: &str = "x\u{1b}[35m\u{7}\u{8}\u{7f}\u{85}\u{9b}2J\u{ad}\u{61c}\u{180e}\u{200b}\u{200d}\u{200e}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{fff9}\u{e0001}\u{e0041}y";

/// A name on one line: with that, and with what is not UTF-8.
fn name() -> Vec<u8> {
    [HARMFUL.as_bytes(), "\r\u{2028}".as_bytes(), b"\xff\xc2z"].concat()
}

/// A name of a file, which may have more than one line.
fn file_name() -> OsString {
    OsString::from_vec([&name(), &b"\nINJECTED\tz"[..]].concat())
}

/// What of this would do harm, in words.
fn harm(output: &[u8]) -> Option<String> {
    let Ok(text) = str::from_utf8(output) else {
        return Some("no UTF-8".to_owned());
    };
    // Colours of the program's own, and the ends of lines of CSV.
    let mut text = text.replace("\r\n", "\n");
    for own in [
        "0", "1", "2", "31", "32", "33", "36", "1;31", "1;32", "1;33",
    ] {
        text = text.replace(&format!("\u{1b}[{own}m"), "");
    }
    let is_harmful = |c: char| {
        c != '\n' && c.is_control()
            || matches!(c as u32, 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f)
            || matches!(c as u32, 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
    };
    if let Some(c) = text.chars().find(|c| is_harmful(*c)) {
        let line = text.lines().find(|line| line.contains(c));
        return Some(format!("{c:?} in {line:?}"));
    }
    let line = text.lines().find(|line| line.starts_with("INJECTED"));
    line.map(|line| format!("a line of its own: {line}"))
}

/// What a command prints is harmless, and names are in it, as escapes.
fn harmless(what: &str, output: &Output) {
    for (stream, said) in [("output", &output.stdout), ("errors", &output.stderr)] {
        if let Some(harm) = harm(said) {
            panic!("{what}, {stream}: {harm}");
        }
    }
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let all = String::from_utf8(all).unwrap();
    assert!(!all.is_empty(), "{what}: nothing was said");
}

/// The same; and something of the names is shown.
fn shown_harmless(what: &str, output: &Output) {
    harmless(what, output);
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let all = String::from_utf8(all).unwrap();
    let escaped = ["\\u{1b}[35m", "\\u001b[35m", "\\u{1b}\\[35m"];
    assert!(
        escaped.iter().any(|text| all.contains(text)),
        "{what}: no name in {all}"
    );
}

fn replaced(text: &[u8], from: &str, to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest
        .windows(from.len())
        .position(|part| part == from.as_bytes())
    {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// A capture in which every name is hostile: host, kernel, functions, tasks, interfaces, pods, rules, and a line that is
/// not understood.
fn hostile_capture() -> Vec<u8> {
    let name = name();
    let mut text = Vec::new();
    for line in [
        "version 2",
        "host N",
        "kernel 4.19.1-N",
        "packets dev N",
        "pod devN pod/N",
        "lookups all",
        "nothing N",
        "cpus 4",
        "before rule 0:\tfrom all lookup local",
        "before rule 5:\tfrom all iif N lookup N",
        "after rule 5:\tfrom all iif N lookup N",
        "probes N",
        "part 1 of N",
    ] {
        text.extend(replaced(
            format!("# ip6drop: {line}\n").as_bytes(),
            "N",
            &name,
        ));
    }
    let pipe = fs::read(capture("4.19-identity/cases")).unwrap();
    let pipe = replaced(
        &pipe,
        "python3",
        &[b"task", &name[..]].concat()[..15.min(name.len())],
    );
    let pipe = replaced(
        &pipe,
        "dev=\"cali1\"",
        &[b"dev=\"c", &HARMFUL.as_bytes()[..8], b"\""].concat(),
    );
    text.extend(pipe);
    let function = [b" => f", &name[..], b"\n"].concat();
    let drop = "          <idle>-0     [001] ..s1  2200.000000: ip6_pkt_drop <-ip6_pkt_discard\n          <idle>-0     [001] ..s1  2200.000000: <stack trace>\n => ip6_pkt_drop\n => ip6_pkt_discard\n";
    text.extend(drop.as_bytes());
    text.extend(function);
    text.extend(b" => ipv6_rcv\n");
    text.extend([&name[..], b" is no line of a trace\n"].concat());
    text
}

/// A directory with that capture under a hostile name.
fn with_capture() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file_name());
    fs::write(&path, hostile_capture()).unwrap();
    (dir, path)
}

fn run(args: &[&OsStr]) -> Output {
    command().args(args).output().unwrap()
}

fn words(line: &str) -> Vec<&OsStr> {
    line.split(' ').map(OsStr::new).collect()
}

#[test]
fn the_test_itself_finds_what_does_harm() {
    assert_eq!(harm("節點 é\n\u{1b}[1m☸\u{1b}[0m\r\n".as_bytes()), None);
    for c in HARMFUL.chars().filter(|c| !c.is_ascii_graphic()) {
        assert!(harm(c.to_string().as_bytes()).is_some(), "{c:?}");
    }
    for bytes in [&b"\xff"[..], b"\r", b"\t", b"\nINJECTED", b"\x1b[35m"] {
        assert!(harm(bytes).is_some(), "{bytes:?}");
    }
}

#[test]
fn reports() {
    let (dir, path) = with_capture();
    for line in [
        "report",
        "report -v",
        "report --brief",
        "report --color always -v",
        "report --format json",
        "report --format ndjson",
        "report --format markdown",
        "report --format html",
    ] {
        shown_harmless(
            line,
            &run(&[&words(line)[..], &[path.as_os_str()]].concat()),
        );
    }
    for line in [
        "report --format prometheus",
        "report --format folded",
        "report --anonymize -v",
        "report --format json --anonymize",
    ] {
        harmless(
            line,
            &run(&[&words(line)[..], &[path.as_os_str()]].concat()),
        );
    }
    for line in ["report --compare", "report --compare --format json"] {
        let twice = [path.as_os_str(), path.as_os_str()];
        harmless(line, &run(&[&words(line)[..], &twice].concat()));
    }
    // Twice the same file: as of two hosts, with more to tell of each.
    let other = dir.path().join("other");
    fs::write(&other, replaced(&hostile_capture(), "host x", b"host w")).unwrap();
    for line in [
        "report -v",
        "report --format markdown",
        "report --format html",
        "report --format json",
        "report --compare",
    ] {
        let both = [path.as_os_str(), other.as_os_str()];
        harmless(line, &run(&[&words(line)[..], &both].concat()));
    }
    let whole = run(&[OsStr::new("report"), dir.path().as_os_str()]);
    harmless("report of a directory", &whole);
}

#[test]
fn parts_of_a_recording() {
    let dir = tempfile::tempdir().unwrap();
    for number in [1, 3] {
        let head = format!("# ip6drop: version 2\n# ip6drop: part {number} of id{HARMFUL}\n");
        let path = dir.path().join(number.to_string());
        fs::write(path, [head.as_bytes(), &hostile_capture()].concat()).unwrap();
    }
    let output = run(&[OsStr::new("report"), dir.path().as_os_str()]);
    harmless("report of parts", &output);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("]idx") || said.contains("idx\\u{1b}[35m"),
        "{said}"
    );
}

#[test]
fn arguments_that_a_shell_put_there() {
    for line in [
        "",
        "report",
        "merge --format",
        "status --all-netns",
        "report --duration",
    ] {
        for argument in [
            file_name(),
            OsString::from_vec([b"--", &name()[..]].concat()),
            format!("--{HARMFUL}\nINJECTED").into(),
        ] {
            let args: Vec<&OsStr> = words(line)
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect();
            let output = run(&[&args[..], &[argument.as_os_str()]].concat());
            harmless(line, &output);
            assert_ne!(output.status.code(), Some(0), "{line}");
        }
    }
    assert_eq!(
        run(&words(&format!("report --{HARMFUL}"))).status.code(),
        Some(2)
    );
}

#[test]
fn json_reads_as_what_came() {
    let (_dir, path) = with_capture();
    let output = run(&[&words("report --format json")[..], &[path.as_os_str()]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let came = String::from_utf8_lossy(&name()).into_owned();
    assert_eq!(report["source"]["host"], came);
    assert_eq!(
        report["source"]["inputs"][0],
        path.to_string_lossy().into_owned()
    );
}

#[test]
fn inputs_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = |text: &[u8]| {
        let path = dir.path().join(file_name());
        fs::write(&path, text).unwrap();
        path
    };
    let packed = |head: &[u8]| [head, &name()[..]].concat();
    for text in [
        Vec::new(),
        [&name()[..], b"\nno trace\n"].concat(),
        packed(b"\x1f\x8b\x08\x00"),
        packed(b"\x17\x08\x44tracing6\x00\x00\x00\x00"),
        packed(b"PERFILE2"),
    ] {
        let path = at(&text);
        for line in ["report", "report --format json", "merge"] {
            harmless(
                line,
                &run(&[&words(line)[..], &[path.as_os_str()]].concat()),
            );
        }
        let (_other, trace) = with_capture();
        let facts = [
            &words("report --facts")[..],
            &[path.as_os_str(), trace.as_os_str()],
        ]
        .concat();
        harmless("report --facts", &run(&facts));
    }
    for missing in [
        dir.path().join("no").join(file_name()),
        Path::new("[").join(file_name()),
    ] {
        for line in [
            "report",
            "merge",
            "status --proc",
            "report -o",
            "record --dry-run -o",
            "record -o",
            "diagnose --save",
        ] {
            harmless(
                line,
                &run(&[&words(line)[..], &[missing.as_os_str()]].concat()),
            );
        }
    }
    let empty = dir
        .path()
        .join([name(), b"empty".to_vec()].concat().to_os());
    fs::create_dir(&empty).unwrap();
    for line in ["report", "merge"] {
        shown_harmless(
            line,
            &run(&[&words(line)[..], &[empty.as_os_str()]].concat()),
        );
    }
}

trait ToOs {
    fn to_os(&self) -> OsString;
}

impl ToOs for Vec<u8> {
    fn to_os(&self) -> OsString {
        OsStr::from_bytes(self).to_owned()
    }
}

/// A host with hostile names, whose directories are below one.
fn hostile_tree() -> Tree {
    let tree = live::traceable();
    let raw = |path: &str, text: &[u8]| {
        tree.set(path, "");
        fs::write(tree.path(path), text).unwrap();
    };
    let name = name();
    let line = |before: &str| [before.as_bytes(), &name[..], b"\n"].concat();
    raw("proc/sys/kernel/osrelease", &line("4.19.113-"));
    raw("proc/sys/kernel/hostname", &line("node"));
    raw("proc/version", &line("Linux version 4.19 "));
    tree.set("proc/1/ns/net", "");
    tree.hard_link("proc/1/ns/net", "proc/self/ns/net");
    tree.set("proc/20/ns/net", "");
    raw("proc/1/comm", &line("init"));
    raw("proc/20/comm", &[&name[..], b"\nINJECTED\n"].concat());
    raw(
        "proc/20/cgroup",
        &line("0::/kubepods.slice/kubepods-burstable-pod"),
    );
    tree.set("proc/20/net/rt6_stats", "what\n");
    raw("proc/net/rt6_stats", &line("0 "));
    raw("sys/devices/system/cpu/online", &line("0-3 "));
    raw("proc/sys/net/ipv6/route/max_size", &line("200 "));
    raw("tracefs/kprobe_events", &line("p:mine/open do_"));
    let instance = [b"tracefs/instances/mine", file_name().as_bytes()].concat();
    fs::create_dir_all(tree.path("x").parent().unwrap().join(instance.to_os())).unwrap();
    let orphan = [b"tracefs/instances/ip6drop-", &name[..]].concat();
    fs::create_dir_all(tree.path("x").parent().unwrap().join(orphan.to_os())).unwrap();
    // Somebody reads a file of tracefs.
    let pipe = tree.path("tracefs").join(file_name());
    fs::write(&pipe, "").unwrap();
    fs::create_dir_all(tree.path("proc/20/fd")).unwrap();
    std::os::unix::fs::symlink(pipe, tree.path("proc/20/fd/3")).unwrap();
    tree
}

/// The roots of that tree, by a hostile path.
fn roots(tree: &Tree) -> Vec<OsString> {
    let top = tree.path("").join(file_name());
    if !top.exists() {
        std::os::unix::fs::symlink(tree.path(""), &top).unwrap();
    }
    let of = |flag: &str, name: &str| [OsString::from(flag), top.join(name).into_os_string()];
    [of("--proc", "proc"), of("--sys", "sys")].concat()
}

fn tracing_roots(tree: &Tree) -> Vec<OsString> {
    let top = tree.path("").join(file_name());
    let mut all = roots(tree);
    for (flag, name) in [("--tracefs", "tracefs"), ("--state-dir", "state")] {
        all.extend([OsString::from(flag), top.join(name).into_os_string()]);
    }
    all
}

#[test]
fn the_state_of_a_host() {
    let tree = hostile_tree();
    for line in [
        "status",
        "status --brief",
        "status --color always",
        "status --all-netns",
        "status --format json",
        "status --all-netns --format json",
        "status --all-netns --format markdown",
        "status --all-netns --format prometheus",
        "status --interval 10ms --count 2 --format json",
        "status --netns 20",
    ] {
        let output = command()
            .args(words(line))
            .args(roots(&tree))
            .output()
            .unwrap();
        harmless(line, &output);
    }
    let json = command()
        .args(words("status --format json"))
        .args(roots(&tree))
        .output()
        .unwrap();
    shown_harmless("status", &json);
}

#[test]
fn what_cannot_trace() {
    let tree = hostile_tree();
    fs::write(
        tree.path("tracefs/current_tracer"),
        [&name()[..], b"\n"].concat(),
    )
    .unwrap();
    // By a path that is none of UTF-8 no journal is kept.
    for roots in [tracing_roots(&tree), tree.tracing_roots()] {
        for line in [
            "check --probes none",
            "check --probes none --format json",
            "record --dry-run -o x",
            "record --dry-run --method kprobe -o x",
            "diagnose --dry-run",
            "watch --dry-run",
            "funnel --duration 10ms",
            "restore",
        ] {
            let output = command().args(words(line)).args(&roots).output().unwrap();
            harmless(line, &output);
        }
    }
}

/// What a command says while the kernel tells of drops by tasks with hostile names.
fn traced(tree: &Tree, kernel: &Kernel, line: &str) -> Output {
    let [out, err] = ["out", "err"].map(|name| tree.path(name));
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_ip6drop"))
        .args(words(line))
        .args(tree.tracing_roots())
        .args(["--method", "func-stack-trace", "--max-rate", "1000000000"])
        .current_dir(tree.path(""))
        .stdout(fs::File::create(&out).unwrap())
        .stderr(fs::File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let drop = format!(
        "          {HARMFUL}-7     [001] ..s1    10.000000: ip6_pkt_drop <-ip6_pkt_discard\n          {HARMFUL}-7     [001] ..s1    10.000000: <stack trace>\n => ip6_pkt_drop\n => ip6_pkt_discard\n => ipv6_rcv\n"
    );
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        kernel.tries(&drop);
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let (stdout, stderr) = (fs::read(out).unwrap(), fs::read(err).unwrap());
    Output {
        status,
        stdout,
        stderr,
    }
}

#[test]
fn what_traces() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let tree = hostile_tree();
    let kernel = Kernel::of(&tree);
    for line in [
        "record --duration 500ms --identity off --probes none -o capture",
        "diagnose --duration 500ms --identity off --probes none",
        "diagnose --duration 500ms --identity off --probes none --format json",
        "diagnose --duration 500ms --identity off --probes none --format html",
        "watch --duration 1500ms --identity off --probes none",
    ] {
        let output = traced(&tree, &kernel, line);
        harmless(line, &output);
    }
    kernel.end();
}

#[test]
fn what_a_killed_run_left() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let tree = hostile_tree();
    tree.set("proc/sys/kernel/random/boot_id", "one\n");
    let top = tree.path("").join(file_name());
    roots(&tree);
    let lines = [
        json!({"version": 1, "boot_id": "one", "pid": 7, "tracefs": top.join("tracefs").to_str().unwrap_or("/t")}),
        json!({"change": "value", "path": format!("options/{HARMFUL}\nINJECTED"), "before": HARMFUL, "after": HARMFUL}),
        json!({"change": "instance", "dir": format!("instances/{HARMFUL}\nINJECTED")}),
        json!({"change": "probe", "group": HARMFUL, "name": HARMFUL}),
        json!({"change": "filter", "before": [HARMFUL], "after": [HARMFUL]}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    tree.set("state/journal", &text);
    let output = command()
        .arg("restore")
        .args(tracing_roots(&tree))
        .output()
        .unwrap();
    harmless("restore", &output);
}

#[test]
fn reports_of_other_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let (_trace, path) = with_capture();
    let report = run(&[&words("report --format json")[..], &[path.as_os_str()]].concat()).stdout;
    let mut report: Value = serde_json::from_slice(&report).unwrap();
    let at = |number: u32| {
        dir.path().join(
            [
                number.to_string().as_bytes(),
                file_name().as_bytes(),
                b".json",
            ]
            .concat()
            .to_os(),
        )
    };
    let raw = |value: &Value| value.to_string();
    report["source"]["host"] = json!(format!("{HARMFUL}\nINJECTED"));
    fs::write(at(1), raw(&report)).unwrap();
    let mut nameless = report.clone();
    nameless["source"]["host"] = Value::Null;
    fs::write(at(2), raw(&nameless)).unwrap();
    let mut strange = report.clone();
    strange["verdict"]["class"] = json!(format!("{HARMFUL}\nINJECTED"));
    fs::write(at(3), raw(&strange)).unwrap();
    fs::write(
        at(4),
        json!({"schema": format!("ip6drop.report/9{HARMFUL}\nINJECTED")}).to_string(),
    )
    .unwrap();
    fs::write(
        at(5),
        json!({"schema": format!("{HARMFUL}\nINJECTED")}).to_string(),
    )
    .unwrap();
    fs::write(at(6), [&name()[..], b"\nINJECTED"].concat()).unwrap();
    for line in [
        "merge",
        "merge --all-hosts --color always",
        "merge --brief",
        "merge --format json",
        "merge --format markdown",
        "merge --format html",
        "merge --format csv",
    ] {
        shown_harmless(
            line,
            &run(&[&words(line)[..], &[dir.path().as_os_str()]].concat()),
        );
    }
    for line in ["merge --compare", "merge --compare --format json"] {
        let (one, two) = (at(1), at(2));
        let both = [one.as_os_str(), two.as_os_str()];
        shown_harmless(line, &run(&[&words(line)[..], &both].concat()));
    }
}
