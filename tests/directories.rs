//! `report` on directories and quoted patterns.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::fs;
use std::path::Path;

use common::{capture, class, command, facts, json, stderr};
use serde_json::{Value, json as value};

fn report(dir: &Path, args: &[&str]) -> std::process::Output {
    let mut command = command();
    command
        .current_dir(dir)
        .args(["report", "--format", "json"]);
    command.args(args).output().unwrap()
}

fn put(dir: &Path, name: &str, from: &Path) {
    fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
    fs::copy(from, dir.join(name)).unwrap();
}

/// Two traces, and what lies beside them.
fn incident() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "in/b.txt", &capture("4.19-fp/exhausted"));
    put(dir.path(), "in/a.pipe", &capture("4.19-fp/noroute"));
    put(dir.path(), "in/c.facts", &facts("4.19-fp/exhausted"));
    put(dir.path(), "in/.hidden", &capture("4.19-fp/prohibit"));
    put(dir.path(), "in/below/d.txt", &capture("4.19-fp/prohibit"));
    fs::write(dir.path().join("in/README"), "Tuesday\n").unwrap();
    fs::write(dir.path().join("in/empty"), "").unwrap();
    dir
}

#[test]
fn the_traces_of_a_directory_are_read_in_order() {
    let dir = incident();
    let found = report(dir.path(), &["in"]);
    assert_eq!(found.status.code(), Some(0));
    assert_eq!(
        stderr(&found),
        "ip6drop: in: one report of 2 files; passed over, no traces: README, c.facts, empty\n"
    );
    let named = report(dir.path(), &["in/a.pipe", "in/b.txt"]);
    assert_eq!(stderr(&named), "");
    assert_eq!(json(&found), json(&named));
    // Nothing is said where only errors shall be.
    assert_eq!(stderr(&report(dir.path(), &["-q", "in"])), "");
    // Drops one by one come from a second reading.
    let mut command = command();
    command.current_dir(dir.path());
    let drops = command.args(["report", "--format", "ndjson", "in"]);
    let drops = String::from_utf8(drops.output().unwrap().stdout).unwrap();
    let total = json(&found)["drops"]["total"].as_u64().unwrap() as usize;
    assert_eq!(drops.lines().count(), total + 1);
}

#[test]
fn a_directory_without_traces_and_one_that_cannot_be_read_whole() {
    let dir = incident();
    fs::create_dir(dir.path().join("none")).unwrap();
    fs::write(dir.path().join("none/notes"), "Tuesday\n").unwrap();
    let none = report(dir.path(), &["none"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).starts_with("ip6drop: none: no trace among the 1 files in it; "));
    // A damaged trace is not passed over.
    let packed = fs::read(common::fixture("packed/exhausted.pipe.xz")).unwrap();
    fs::write(dir.path().join("in/z.xz"), &packed[..packed.len() - 300]).unwrap();
    let damaged = report(dir.path(), &["in"]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(stderr(&damaged).contains("in/z.xz: damaged or cut-off xz data"));
    assert_eq!(
        json(&damaged)["source"]["inputs"].as_array().unwrap().len(),
        3
    );
    // Neither is a trace destroyed.
    let over = report(dir.path(), &["in", "-o", "in/b.txt"]);
    assert!(
        stderr(&over).contains("in/b.txt is an input"),
        "{}",
        stderr(&over)
    );
}

#[test]
fn quoted_patterns() {
    let dir = incident();
    let inputs = |pattern: &str| json(&report(dir.path(), &[pattern]))["source"]["inputs"].clone();
    assert_eq!(inputs("in/*.[tp]*"), value!(["in/a.pipe", "in/b.txt"]));
    assert_eq!(inputs("i?"), value!(["in/a.pipe", "in/b.txt"]));
    // A file of that very name goes before.
    put(dir.path(), "[b].txt", &capture("4.19-fp/exhausted"));
    assert_eq!(inputs("[b].txt"), value!(["[b].txt"]));
    for (pattern, why) in [
        ("no*", "no file fits this pattern"),
        ("in/[", "no pattern: "),
    ] {
        let output = report(dir.path(), &[pattern]);
        assert_eq!(output.status.code(), Some(1));
        let said = format!("ip6drop: {pattern}: {why}");
        assert!(stderr(&output).starts_with(&said), "{}", stderr(&output));
    }
}

fn compared(dir: &Path, before: &str, after: &str) -> std::process::Output {
    let mut command = command();
    command.current_dir(dir).args(["report", "--compare"]);
    command.args(["--format", "json", before, after]);
    command.output().unwrap()
}

#[test]
fn a_side_of_a_comparison_is_a_directory_or_a_pattern_as_well() {
    let dir = incident();
    put(dir.path(), "quiet.txt", &capture("4.19-fp/noroute"));
    let sides = |before: &str, after: &str| {
        let output = compared(dir.path(), before, after);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let object = json(&output);
        let total = |side: &str| object[side]["drops"]["total"].as_u64().unwrap();
        (total("before"), total("after"), stderr(&output))
    };
    let said =
        "ip6drop: in: one report of 2 files; passed over, no traces: README, c.facts, empty\n";
    assert_eq!(sides("in", "quiet.txt"), (80, 32, said.to_owned()));
    assert_eq!(sides("quiet.txt", "in"), (32, 80, said.to_owned()));
    assert_eq!(sides("in/b.*", "[q]uiet.*"), (48, 32, String::new()));
    assert_eq!(sides("in/*.[tp]*", "in/a.pipe"), (80, 32, String::new()));
    for (side, why) in [
        ("no*", "ip6drop: no*: no file fits this pattern"),
        (
            "in/below/*.x",
            "ip6drop: in/below/*.x: no file fits this pattern",
        ),
    ] {
        for (before, after) in [(side, "quiet.txt"), ("quiet.txt", side)] {
            let output = compared(dir.path(), before, after);
            assert_eq!(output.status.code(), Some(1));
            assert!(stderr(&output).starts_with(why), "{}", stderr(&output));
        }
    }
    let over = ["report", "--compare", "in", "quiet.txt", "-o", "in/b.txt"];
    let over = command()
        .current_dir(dir.path())
        .args(over)
        .output()
        .unwrap();
    assert!(
        stderr(&over).contains("in/b.txt is an input"),
        "{}",
        stderr(&over)
    );
    for command in ["report", "merge"] {
        let output = common::ip6drop([command, "--compare", "-", "-"]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(
            stderr(&output).contains("can be read once only"),
            "{command}"
        );
    }
}

#[test]
fn parts_of_one_recording_are_one_side() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(capture("4.19-fp/exhausted")).unwrap();
    let events: Vec<usize> = text
        .match_indices(": ip6_pkt_drop <-")
        .map(|(at, _)| at)
        .collect();
    let cut = text[..events[events.len() / 2]].rfind('\n').unwrap() + 1;
    fs::create_dir(dir.path().join("parts")).unwrap();
    for (number, part) in [(1, &text[..cut]), (2, &text[cut..])] {
        let part = format!("# ip6drop: version 2\n# ip6drop: part {number} of x\n{part}");
        fs::write(dir.path().join(format!("parts/{}", 9 - number)), part).unwrap();
    }
    let output = compared(dir.path(), "parts", "parts/*");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let object = json(&output);
    assert_eq!(object["before"], object["after"]);
    assert_eq!(object["before"]["drops"]["total"], 48);
    // Of the second part alone it is said that the first is missing.
    let output = compared(dir.path(), "parts/7", "parts");
    assert_ne!(json(&output)["before"], json(&output)["after"]);
}

#[test]
fn a_side_of_a_comparison_is_of_one_host() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(capture("4.19-fp/exhausted")).unwrap();
    fs::create_dir(dir.path().join("both")).unwrap();
    for host in ["node1", "node2"] {
        let text = format!("# ip6drop: host {host}\n{text}");
        fs::write(dir.path().join("both").join(host), text).unwrap();
    }
    for (before, after) in [("both", "both/node1"), ("both/node1", "both/n*")] {
        let output = compared(dir.path(), before, after);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(
            said.contains("files of 2 hosts are no side of a comparison"),
            "{said}"
        );
        assert!(said.contains("ip6drop merge --compare"), "{said}");
    }
    // The same host or another one on the other side is no matter.
    let output = compared(dir.path(), "both/node1", "both/node2");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn captures_of_several_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(capture("4.19-fp/exhausted")).unwrap();
    let host = |name: &str, host: &str| {
        let text = format!("# ip6drop: host {host}\n{text}");
        fs::write(dir.path().join(name), text).unwrap();
    };
    host("a", "node1");
    host("b", "node1");
    let same = report(dir.path(), &["."]);
    assert_eq!(stderr(&same), "ip6drop: .: one report of 2 files\n");
    host("b", "node2");
    host("c", "node3");
    let several = report(dir.path(), &["a", "b", "c"]);
    assert_eq!(
        stderr(&several),
        "ip6drop: files of 3 hosts in one report; ip6drop merge compares hosts, each with a report of its own\n"
    );
    let report: Value = json(&several);
    assert_eq!(class(&report, "rcv-dst-alloc")[0], 3 * 48);
}
