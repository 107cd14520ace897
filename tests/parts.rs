//! Parts of one recording in files of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Output;

use common::{capture, command, json, number, stderr};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json as value};

fn report(dir: &Path, args: &[&str]) -> Output {
    let mut command = command();
    command
        .current_dir(dir)
        .args(["report", "--format", "json"]);
    command.args(args).output().unwrap()
}

fn without_inputs(output: &Output) -> Value {
    let mut report = json(output);
    report["source"]["inputs"] = Value::Null;
    report
}

/// A text in parts that end behind these lines, without marks.
fn split<'a>(text: &'a str, behind: &[usize]) -> Vec<&'a str> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let mut from = 0;
    let mut parts = Vec::new();
    for &line in behind {
        parts.push(&text[from..ends[line - 1]]);
        from = ends[line - 1];
    }
    parts.push(&text[from..]);
    parts
}

fn mark(number: usize) -> String {
    format!("# ip6drop: part {number} of r1\n")
}

/// Writes parts with their marks, as `1`, `2` and so on.
fn put(dir: &Path, parts: &[&str]) -> Vec<String> {
    let names = 1..=parts.len();
    for (number, part) in names.clone().zip(parts) {
        fs::write(dir.join(number.to_string()), mark(number) + part).unwrap();
    }
    names.map(|number| number.to_string()).collect()
}

fn text(name: &str) -> String {
    fs::read_to_string(capture(name)).unwrap()
}

/// Lines in front of the first event, which no recording cuts.
fn head(text: &str) -> usize {
    let is_framing = |line: &&str| line.starts_with("# ");
    text.lines().take_while(is_framing).count()
}

#[test]
fn parts_are_one_stream_wherever_they_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "4.19-fp/alternating",
        "text/framed.trace",
        "4.19-identity/iif",
    ] {
        let text = text(name);
        fs::write(dir.path().join("whole"), &text).unwrap();
        let whole = without_inputs(&report(dir.path(), &["whole"]));
        let lines = text.lines().count();
        let first = head(&text) + 1;
        // Among the first are all kinds of seams: before a drop, a stack, and within one.
        for seam in (first..first + 80).chain([lines / 2, lines / 3]) {
            put(dir.path(), &split(&text, &[seam]));
            let found = report(dir.path(), &["2", "1"]);
            assert_eq!(stderr(&found), "", "{name} {seam}");
            assert_eq!(without_inputs(&found), whole, "{name} {seam}");
            assert_eq!(json(&found)["source"]["inputs"], value!(["1", "2"]));
        }
    }
}

#[test]
fn many_parts_in_a_directory_packed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let text = text("4.19-fp/alternating");
    fs::write(dir.path().join("whole"), &text).unwrap();
    let whole = without_inputs(&report(dir.path(), &["whole"]));
    let behind: Vec<usize> = (1..25).map(|n| n * 97).collect();
    let parts = split(&text, &behind);
    fs::create_dir(dir.path().join("in")).unwrap();
    put(&dir.path().join("in"), &parts);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all((mark(3) + parts[2]).as_bytes()).unwrap();
    fs::write(dir.path().join("in/3.gz"), packed.finish().unwrap()).unwrap();
    fs::remove_file(dir.path().join("in/3")).unwrap();
    let found = report(dir.path(), &["in"]);
    assert_eq!(stderr(&found), "ip6drop: in: one report of 25 files\n");
    assert_eq!(without_inputs(&found), whole);
    // Drops one by one come from a second reading.
    let drops = |what: &str| {
        let mut command = command();
        command.current_dir(dir.path());
        let output = command
            .args(["report", "--format", "ndjson", what])
            .output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.lines()
            .filter(|l| l.contains("\"drop\""))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(drops("in"), drops("whole"));
    // Other files are inputs of their own.
    let beside = json(&report(dir.path(), &["in", "whole"]));
    let total = |report: &Value| number(&report["drops"]["total"]);
    assert_eq!(total(&beside), 2 * total(&whole));
}

/// A refused attempt, and behind a seam the drop: it is the same packet's, unless a part is
/// missing between them.
#[test]
fn a_missing_part_is_a_loss_at_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let text = text("text/framed.trace");
    let lines: Vec<&str> = text.lines().collect();
    let seam = head(&text) + 300;
    put(
        dir.path(),
        &split(&text, &[seam, seam + 50, lines.len() - 300]),
    );
    let all = json(&report(dir.path(), &["1", "2", "3", "4"]));
    let gap = report(dir.path(), &["4", "3", "1"]);
    assert_eq!(
        stderr(&gap),
        "ip6drop: r1: missing of this recording: part 2; events were lost there\n"
    );
    let marks = |report: &Value| number(&report["health"]["lost_uncounted"]);
    assert_eq!((marks(&all), marks(&json(&gap))), (0, 1));
    let late = report(dir.path(), &["3", "4"]);
    assert!(stderr(&late).contains("part 1 to 2; "), "{}", stderr(&late));
    assert_eq!(marks(&json(&late)), 1);
    // Alone, and one behind the other in one file, the marks say the same.
    let alone = report(dir.path(), &["3"]);
    assert_eq!(marks(&json(&alone)), 1);
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    fs::write(
        dir.path().join("all"),
        read("1") + &read("2") + &read("3") + &read("4"),
    )
    .unwrap();
    fs::write(dir.path().join("some"), read("1") + &read("3") + &read("4")).unwrap();
    assert_eq!(marks(&json(&report(dir.path(), &["all"]))), 0);
    assert_eq!(marks(&json(&report(dir.path(), &["some"]))), 1);
}

#[test]
fn a_damaged_part_is_named_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let text = text("4.19-fp/exhausted");
    let parts = split(&text, &[1000, 2000]);
    put(dir.path(), &parts);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all((mark(2) + parts[1]).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    fs::write(dir.path().join("2"), &packed[..packed.len() / 2]).unwrap();
    let found = report(dir.path(), &["1", "2", "3"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(
        stderr(&found).starts_with("ip6drop: 2: damaged or cut-off gzip data: "),
        "{}",
        stderr(&found)
    );
    let found = json(&found);
    assert_eq!(number(&found["health"]["broken_inputs"]), 1);
    assert_eq!(number(&found["health"]["lost_uncounted"]), 1);
    fs::remove_file(dir.path().join("2")).unwrap();
    let without = json(&report(dir.path(), &["1", "3"]));
    let total = |report: &Value| number(&report["drops"]["total"]);
    assert!(total(&found) > total(&without));
}

/// Each part begins with what is true of the whole recording, and may end with facts.
#[test]
fn facts_of_the_first_and_of_the_last_part() {
    let dir = tempfile::tempdir().unwrap();
    let text = text("4.19-fp/exhausted");
    let rises = |last_says: bool, names: &[&str]| {
        for (number, part) in (1..).zip(split(&text, &[1000, 2000])) {
            let head = format!(
                "{}# ip6drop: version 2\n# ip6drop: cpus 1\n# ip6drop: before Ip6InNoRoutes {number}0\n\
                 # ip6drop: before rule 0:\tfrom all lookup local\n",
                mark(number)
            );
            let says = number < 3 || last_says;
            let tail = format!(
                "# ip6drop: after Ip6InNoRoutes {number}8\n# ip6drop: after rule 0:\tfrom all lookup local\n\
                 # ip6drop: lost 0 0\n"
            );
            let tail = if says { tail } else { String::new() };
            fs::write(dir.path().join(number.to_string()), head + part + &tail).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        fs::write(dir.path().join("all"), read("1") + &read("2") + &read("3")).unwrap();
        let found = report(dir.path(), names);
        json(&found)["facts"].clone()
    };
    for names in [&["3", "1", "2"][..], &["all"]] {
        let facts = rises(true, names);
        let counter = |facts: &Value, side: &str| facts[side]["snmp6"]["Ip6InNoRoutes"].clone();
        assert_eq!(counter(&facts, "before"), 10, "{names:?}");
        assert_eq!(counter(&facts, "after"), 38, "{names:?}");
        let rules = facts["after"]["rules"].as_array().unwrap().len();
        assert_eq!(rules, 1, "{names:?}");
        // Those of a part before are not of the end.
        let facts = rises(false, names);
        assert_eq!(counter(&facts, "before"), 10, "{names:?}");
        assert_eq!(counter(&facts, "after"), Value::Null, "{names:?}");
    }
}

#[test]
fn a_part_that_is_there_twice() {
    let dir = tempfile::tempdir().unwrap();
    let text = text("4.19-fp/alternating");
    put(dir.path(), &split(&text, &[1000]));
    let whole = without_inputs(&report(dir.path(), &["1", "2"]));
    fs::copy(dir.path().join("2"), dir.path().join("copy")).unwrap();
    let twice = report(dir.path(), &["1", "2", "copy"]);
    assert_eq!(twice.status.code(), Some(1));
    assert_eq!(
        stderr(&twice),
        "ip6drop: copy: is part 2 of its recording, as 2 is; name one of them\n"
    );
    assert_eq!(without_inputs(&twice), whole);
    let alone = report(dir.path(), &["1", "1"]);
    assert_eq!(
        json(&alone)["drops"],
        json(&report(dir.path(), &["1"]))["drops"]
    );
    assert!(stderr(&alone).contains("as 1 is"), "{}", stderr(&alone));
}

/// The recorder compresses a part, and puts the compressed file in its place.
#[test]
fn a_part_that_is_being_compressed_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let text = text("4.19-fp/alternating");
    let parts = split(&text, &[1000]);
    put(dir.path(), &parts);
    let whole = without_inputs(&report(dir.path(), &["1", "2"]));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all((mark(1) + parts[0]).as_bytes()).unwrap();
    fs::write(dir.path().join("1.gz"), packed.finish().unwrap()).unwrap();
    let both = report(dir.path(), &["."]);
    assert_eq!(
        (both.status.code(), without_inputs(&both)),
        (Some(0), whole.clone())
    );
    // It was listed, and is gone when it is opened.
    fs::remove_file(dir.path().join("1")).unwrap();
    let gone = report(dir.path(), &["1", "2"]);
    assert_eq!((stderr(&gone).as_str(), without_inputs(&gone)), ("", whole));
}

/// Facts behind parts that hold no event, and what was said in a part that is missing.
#[test]
fn a_last_part_without_events_has_the_facts_after() {
    let dir = tempfile::tempdir().unwrap();
    let text = text("4.19-fp/exhausted");
    put(dir.path(), &[&text]);
    let head = "# ip6drop: version 2\n# ip6drop: before Ip6InNoRoutes 1\n";
    let tail = "# ip6drop: after Ip6InNoRoutes 99999\n";
    fs::write(dir.path().join("2"), mark(2) + head + tail).unwrap();
    let facts = json(&report(dir.path(), &["1", "2"]))["facts"].clone();
    assert_eq!(facts["after"]["snmp6"]["Ip6InNoRoutes"], 99999);
    assert_ne!(facts["before"]["snmp6"]["Ip6InNoRoutes"], 1);
}
