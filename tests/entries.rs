//! What fills the cache, held against the capture's own lines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use common::{capture, command, json, number, stdout};
use flate2::read::GzDecoder;
use serde_json::Value;

const RECORDING: &str = "fixtures/4.19-live/orc-rpfilter.txt.gz";

/// The words behind that one.
fn behind<'a>(line: &'a str, word: &str) -> &'a str {
    let (_, rest) = line.split_once(word).unwrap();
    rest.split_whitespace().next().unwrap()
}

/// New entries and refusals by destination and interface: the lookup right before each attempt,
/// on its CPU and in its context. Attempts behind an answer without a route are left out.
fn by_hand(text: &str) -> BTreeMap<(String, String), (u64, u64)> {
    let mut found = BTreeMap::<_, (u64, u64)>::new();
    let mut asked = BTreeMap::new();
    for line in text.lines().filter(|line| line.contains(": ")) {
        let Some((_, rest)) = line.split_once('[') else {
            continue;
        };
        let level = rest
            .split_whitespace()
            .nth(1)
            .and_then(|flags| flags.get(2..3));
        let at = (rest[..3].to_owned(), level.unwrap_or_default().to_owned());
        if line.contains("fib6_table_lookup: ") {
            let (dst, _) = behind(line, "-> ").rsplit_once('/').unwrap();
            let to = (dst.to_owned(), behind(line, "==> dev ").to_owned());
            let is_own = line.contains("table 255 ");
            asked.insert(at, (to, is_own, behind(line, "err ") == "-113"));
        } else if line.contains("gc_exit: ") {
            let is_new = behind(line, "ret=") == "0";
            match asked.remove(&at) {
                Some((to, is_own, false)) if !(is_new && is_own) => {
                    let (new, refused) = found.entry(to).or_default();
                    *if is_new { new } else { refused } += 1;
                }
                _ => {}
            }
        }
    }
    found
}

fn report(path: &Path, args: &[&str]) -> Value {
    let output = command()
        .args(["report", "--format", "json"])
        .args(args)
        .arg(path)
        .output()
        .unwrap();
    json(&output)
}

fn by_route(report: &Value) -> BTreeMap<(String, String), (u64, u64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = report["new_entries"]["by_route"].as_array().unwrap().iter();
    rows.map(|row| {
        let became = (number(&row["new"]), number(&row["refused"]));
        ((text(&row["dst"]), text(&row["dev"])), became)
    })
    .collect()
}

#[test]
fn new_entries_are_those_of_the_lookups_before_them() {
    let mut text = String::new();
    let file = std::fs::File::open(RECORDING).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let whole = report(Path::new(RECORDING), &[]);
    let found = by_hand(&text);
    assert_eq!(by_route(&whole), found);
    // Every attempt of this recording has its route, all in the host's own namespace.
    let sum = found
        .values()
        .fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
    assert_eq!(sum, (552, 4));
    let entries = &whole["new_entries"];
    assert_eq!(number(&entries["named"]), 552);
    assert_eq!(number(&whole["gc"]["succeeded"]), 552);
    let mut rows = entries["by_route"].as_array().unwrap().iter();
    assert!(rows.all(|row| row["netns"] == "host"));

    let twice = command()
        .args(["report", "--format", "json", RECORDING, RECORDING])
        .output()
        .unwrap();
    assert_eq!(number(&json(&twice)["new_entries"]["named"]), 2 * 552);
}

#[test]
fn the_facts_or_the_lookups_say_that_all_of_them_are_there() {
    for (name, shows_all) in [
        ("4.19-rpfilter/ipt-intermittent", true),
        // Nothing in it is looked up for a packet of the host itself.
        ("4.19-rpfilter/ipt-inflight", false),
    ] {
        let path = capture(name);
        let found = by_hand(
            &std::fs::read_to_string(&path)
                .unwrap()
                .replace("gce: ", "gc_exit: "),
        );
        let facts = path.with_extension("facts");
        let with_facts = report(&path, &["--facts", facts.to_str().unwrap()]);
        assert_eq!(by_route(&with_facts), found, "{name}");
        let alone = report(&path, &[]);
        let wanted = if shows_all {
            &with_facts["new_entries"]
        } else {
            &Value::Null
        };
        assert_eq!(&alone["new_entries"], wanted, "{name}");
        assert!(found.values().any(|(new, _)| *new > 0), "{name}");
    }
}

#[test]
fn there_is_no_section_where_nothing_new_shows() {
    for name in [
        // Every attempt was refused.
        "4.19-rpfilter/ipt-full",
        "4.19-identity/alternating",
        // Nothing is looked up in the trace, or no attempt is.
        "4.19-orc/intermittent-probes",
        "4.19-identity/iif",
    ] {
        let path = capture(name);
        assert_eq!(report(&path, &[])["new_entries"], Value::Null, "{name}");
        let text = command().arg("report").arg(&path).output().unwrap();
        assert!(!stdout(&text).contains("What fills the cache"), "{name}");
    }
}

#[test]
fn people_read_it_behind_the_first_screen() {
    let shown = |args: &[&str]| {
        let output = command().arg("report").args(args).arg(RECORDING).output();
        stdout(&output.unwrap())
    };
    let text = shown(&[]);
    let at = text.lines().position(|line| line == "What fills the cache");
    assert!(at.unwrap() >= 24, "{text}");
    assert!(
        text.contains("fd00:10:244:2::2      cali2   60    11%        0"),
        "{text}"
    );
    assert!(text.contains("13 more"), "{text}");
    assert!(!shown(&["-v"]).contains("13 more"));
    for (format, row) in [
        ("markdown", "| fd00:10:244:2::2 | cali2 | 60 | 11% | 0 |"),
        (
            "html",
            "<th scope=\"row\">fd00:10:244:2::2</th><td>cali2</td><td>60</td>",
        ),
    ] {
        let text = shown(&["--format", format]);
        assert!(text.contains("What fills the cache"), "{format}");
        assert!(text.contains(row), "{format}");
    }
    assert!(!shown(&["--brief"]).contains("What fills the cache"));
}

#[test]
fn pseudonyms_stand_for_routes() {
    let path = Path::new(RECORDING);
    let (named, hidden) = (report(path, &[]), report(path, &["--anonymize"]));
    let numbers = |report: &Value| {
        let mut all: Vec<_> = by_route(report).into_values().collect();
        all.sort_unstable();
        all
    };
    assert_eq!(numbers(&named), numbers(&hidden));
    let (named, hidden) = (by_route(&named), by_route(&hidden));
    let known = |(dst, dev): &(String, String)| {
        named.keys().any(|(d, _)| d == dst) || named.keys().any(|(_, d)| d == dev)
    };
    assert!(!hidden.keys().any(known), "{hidden:?}");
}
