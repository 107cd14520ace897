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
