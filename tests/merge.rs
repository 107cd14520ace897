//! Many hosts' reports as one table: which hosts, in which order, and what became of every
//! document.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::io::Write;
use std::path::Path;
use std::process::Command as Process;
use std::process::Output;
use std::sync::LazyLock;

use common::{command, fixture, json, number, stderr, stdout};
use ip6drop::inside::fleet::Fleet;
use ip6drop::inside::fleet::Reader;
use ip6drop::inside::fleet::{MAX_DOCUMENT, Piece, Pieces};
use ip6drop::inside::fleet::{MAX_NAMED, ProblemKind};
use ip6drop::inside::render::FleetView;
use proptest::prelude::*;
use serde_json::{Value, json as value};
use tempfile::TempDir;

/// The report on a capture with its facts, as the program prints it.
fn report(name: &str) -> Value {
    common::report(name, true)
}

fn merge(args: &[&str], stdin: &str) -> Output {
    let mut command = command();
    command.arg("merge").args(args);
    command.write_stdin(stdin.to_owned()).output().unwrap()
}

/// The table; every document is accounted for, and it keeps to the schema.
fn table(output: &Output) -> Value {
    let table = json(output);
    let documents = &table["documents"];
    let n = |key: &str| number(&documents[key]);
    let kinds = documents["by_kind"].as_object().unwrap();
    let refused: u64 = kinds.values().map(number).sum();
    assert_eq!(n("total"), n("reports") + n("statuses") + refused);
    assert_eq!(n("lost"), refused - number(&kinds["duplicate"]));
    let hosts = table["hosts"].as_array().unwrap();
    assert_eq!(
        hosts.len() as u64,
        n("reports") + n("statuses") - n("repeated")
    );
    assert_eq!(hosts.len() as u64, number(&table["totals"]["hosts"]));
    let named = documents["named"].as_array().unwrap();
    assert_eq!(named.len() as u64 + n("unnamed"), refused);
    for groups in ["by_kernel", "by_max_size"] {
        let groups = table[groups].as_array().unwrap();
        let sum: u64 = groups.iter().map(|group| number(&group["hosts"])).sum();
        assert_eq!(sum, hosts.len() as u64);
    }
    table
}

fn merged(args: &[&str], stdin: &str) -> Value {
    table(&merge(&[&["--format", "json"], args].concat(), stdin))
}

fn hosts(table: &Value) -> Vec<&str> {
    let rows = table["hosts"].as_array().unwrap().iter();
    rows.map(|row| row["host"].as_str().unwrap()).collect()
}

fn kinds(table: &Value) -> Vec<&str> {
    let named = table["documents"]["named"].as_array().unwrap().iter();
    named
        .map(|problem| problem["kind"].as_str().unwrap())
        .collect()
}

/// A document as a line, of this host.
fn line(mut document: Value, host: &str) -> String {
    document["host"] = value!(host);
    format!("{document}\n")
}

fn file(dir: &TempDir, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = dir.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The same report, had its fault been proven drop by drop.
fn proven(name: &str) -> Value {
    let mut report = report(name);
    report["verdict"]["confidence"] = value!("confirmed");
    report["verdict"]["exit"] = value!(10);
    let class = report["verdict"]["class"].as_str().unwrap().to_owned();
    let count = &mut report["drops"]["by_class"][&class];
    count["confirmed"] = count["total"].clone();
    count["probable"] = value!(0);
    report
}

/// A host of each finding, in the documented order.
fn each_finding() -> Vec<(&'static str, Value)> {
    let clean = |exit: u8| {
        let mut clean = report("4.19-fp/healthy");
        clean["verdict"] = value!({"class": null, "confidence": null, "exit": exit, "summary": ""});
        let classes = clean["drops"]["by_class"].as_object_mut().unwrap();
        for count in classes.values_mut() {
            *count = value!({"total": 0, "confirmed": 0, "probable": 0, "possible": 0});
        }
        clean["drops"]["total"] = value!(0);
        clean["per_cpu"] = value!([]);
        clean
    };
    vec![
        ("most-drops", proven("4.19-fp/alternating")),
        ("exhausted", proven("4.19-fp/exhausted")),
        ("intermittent", proven("4.19-more/boundary-intermittent")),
        ("probable", report("4.19-odd/empty-stacks")),
        ("inconclusive", clean(13)),
        ("other", report("4.19-fp/noroute")),
        ("clean", clean(0)),
    ]
}

#[test]
fn worst_first_whatever_the_order_of_the_input() {
    let all = each_finding();
    let wanted: Vec<&str> = all.iter().map(|(host, _)| *host).collect();
    let lines: Vec<String> = all
        .iter()
        .map(|(host, report)| line(report.clone(), host))
        .collect();
    let forwards = merged(&[], &lines.concat());
    assert_eq!(hosts(&forwards), wanted);
    let exits: Vec<u64> = forwards["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| number(&row["exit"]))
        .collect();
    assert_eq!(exits, [10, 10, 10, 11, 13, 12, 0]);
    let mut backwards = merged(&[], &lines.iter().rev().cloned().collect::<String>());
    for (row, other) in backwards["hosts"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .zip(forwards["hosts"].as_array().unwrap())
    {
        row["place"] = other["place"].clone();
    }
    assert_eq!(backwards, forwards);
}

#[test]
fn a_row_says_what_its_report_says() {
    let report = report("4.19-orc/intermittent-probes");
    let table = merged(&[], &line(report.clone(), "node7"));
    let row = &table["hosts"][0];
    for (of_row, of_report) in [
        ("/exit", "/verdict/exit"),
        ("/class", "/verdict/class"),
        ("/confidence", "/verdict/confidence"),
        ("/drops/total", "/drops/total"),
        ("/kernel", "/source/kernel"),
        ("/cpus", "/source/cpus"),
        ("/limits/slow", "/counters/slow"),
        ("/limits/fast", "/counters/fast/last"),
        ("/limits/max_size", "/counters/max_size"),
        ("/limits/gc_thresh", "/counters/gc_thresh"),
        ("/limits/regimes", "/counters/regimes"),
        ("/limits/advised_max_size", "/counters/sizing/max_size"),
        ("/health/lost_events", "/health/lost_events"),
    ] {
        let wanted = report.pointer(of_report).unwrap();
        assert_eq!(row.pointer(of_row).unwrap(), wanted, "{of_row}");
    }
    for (class, n) in row["drops"]["by_class"].as_object().unwrap() {
        assert_eq!(*n, report["drops"]["by_class"][class]["total"], "{class}");
        assert_eq!(*n, table["totals"]["drops"]["by_class"][class]);
    }
    let cpus = report["per_cpu"].as_array().unwrap();
    let dropping: Vec<&Value> = cpus
        .iter()
        .filter(|cpu| number(&cpu["drops"]) > 0)
        .collect();
    assert_eq!(number(&row["dropping_cpus"]), dropping.len() as u64);
    let first = dropping.iter().map(|cpu| cpu["first"].as_f64().unwrap());
    assert_eq!(row["first"].as_f64(), first.reduce(f64::min));
    let most = dropping
        .iter()
        .map(|cpu| number(&cpu["drops"]))
        .max()
        .unwrap();
    assert_eq!(number(&row["busiest"]["drops"]), most);
}

/// A report that gives `n` of its drops to another class.
fn renamed(report: &Value, class: &str, n: u64) -> Value {
    let mut newer = report.clone();
    let of_verdict = report["verdict"]["class"].as_str().unwrap();
    let left = number(&report["drops"]["by_class"][of_verdict]["total"]) - n;
    newer["drops"]["by_class"][of_verdict]["total"] = value!(left);
    newer["drops"]["by_class"][class] =
        value!({"total": n, "confirmed": n, "probable": 0, "possible": 0});
    newer
}

#[test]
fn classes_of_newer_writers_are_carried_on_by_their_names() {
    let report = report("4.19-fp/noroute");
    let total = number(&report["drops"]["total"]);
    let mut newer = renamed(&report, "rcv-seg6-dst-alloc", 5);
    newer["verdict"]["class"] = value!("rcv-seg6-dst-alloc");
    let newest = renamed(&newer, "rcv-lwt2", 2);
    let lines = [
        line(report.clone(), "today"),
        line(newer, "newer"),
        line(newest, "newest"),
    ];
    let table = merged(&["--all-hosts"], &lines.concat());
    assert_eq!(table["totals"]["drops"]["total"], 3 * total);
    for by_class in [
        &table["totals"]["drops"]["by_class"],
        &table["by_kernel"][0]["drops"]["by_class"],
        &table["by_max_size"][0]["drops"]["by_class"],
    ] {
        assert_eq!(by_class["rcv-seg6-dst-alloc"], 5 + 3);
        assert_eq!(by_class["rcv-lwt2"], 2);
        let sum: u64 = by_class.as_object().unwrap().values().map(number).sum();
        assert_eq!(sum, 3 * total);
    }
    for row in table["hosts"].as_array().unwrap() {
        let by_class = row["drops"]["by_class"].as_object().unwrap();
        assert_eq!(by_class.values().map(number).sum::<u64>(), total);
        assert_eq!(
            by_class.contains_key("rcv-seg6-dst-alloc"),
            row["host"] != "today"
        );
    }
    let text = stdout(&merge(&[], &lines.concat()));
    let classes = text.split("Drops by class").nth(1).unwrap();
    assert!(classes.contains("rcv-lwt2"), "{text}");
    let newer = text.lines().find(|l| l.trim_start().starts_with("newer "));
    assert!(newer.unwrap().contains("rcv-seg6-dst-alloc"), "{text}");
}

#[test]
fn a_class_that_an_older_writer_did_not_know_has_no_drops() {
    let report = report("4.19-fp/exhausted");
    let mut older = report.clone();
    let classes = older["drops"]["by_class"].as_object_mut().unwrap();
    assert!(classes.remove("rcv-undetermined").is_some());
    assert!(classes.remove("unknown").is_some());
    let table = merged(&[], &line(older, "node7"));
    assert_eq!(table, merged(&[], &line(report, "node7")));
}

#[test]
fn what_is_no_class_is_malformed() {
    let report = report("4.19-fp/noroute");
    let with = |name: &str| renamed(&report, name, 1).to_string();
    let twice = with("new").replace("\"new\":", "\"new\":{\"total\":1},\"new\":");
    let mut many = report.clone();
    for n in 0..64 {
        many["drops"]["by_class"][format!("new-{n}")] = value!({"total": 1});
    }
    let long = many.to_string();
    for bad in [
        with("New"),
        with("a--b"),
        with("-a"),
        with("9"),
        with(""),
        twice,
        long,
    ] {
        assert_eq!(kinds(&merged(&[], &bad)), ["malformed"], "{bad}");
    }
    for good in ["new", "x9-2b"] {
        assert!(kinds(&merged(&[], &with(good))).is_empty(), "{good}");
    }
}

#[test]
fn names_of_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let one = report("4.19-fp/exhausted");
    let mut named = one.clone();
    named["source"]["host"] = value!("by-its-recording");
    let inputs = [
        file(
            &dir,
            "node1.report.json",
            serde_json::to_string_pretty(&one).unwrap(),
        ),
        file(&dir, "night/node2/report.json", one.to_string()),
        file(&dir, "some.json", named.to_string()),
        file(&dir, "more.json", line(named, "by-its-collector")),
        file(&dir, "two.ndjson", format!("{one}\n\n{one}\n")),
    ];
    let table = merged(&inputs.each_ref().map(String::as_str), "");
    let two = &inputs[4];
    let mut wanted = vec![
        "node1".to_owned(),
        "node2".to_owned(),
        "by-its-recording".to_owned(),
        "by-its-collector".to_owned(),
        format!("{two}:1"),
        format!("{two}:3"),
    ];
    wanted.sort();
    assert_eq!(hosts(&table), wanted);
}

#[test]
fn ndjson_of_a_report_counts_its_drops_once() {
    let ndjson = common::drops("4.19-fp/exhausted", true);
    let lines: String = ndjson
        .0
        .iter()
        .chain([&ndjson.1])
        .map(|line| format!("{line}\n"))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let whole = file(&dir, "node7.ndjson", &lines);
    let table = merged(&[&whole], "");
    assert_eq!(hosts(&table), ["node7"]);
    assert_eq!(number(&table["documents"]["drop_lines"]), 48);
    assert_eq!(number(&table["totals"]["drops"]["total"]), 48);
    // Cut off before the summary, nothing is known of the host.
    let cut = file(
        &dir,
        "cut.ndjson",
        lines.lines().take(5).collect::<Vec<_>>().join("\n"),
    );
    let output = merge(&["--format", "json", &cut], "");
    assert_eq!(kinds(&self::table(&output)), ["truncated"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn documents_of_one_host_become_one_row() {
    let at = |mut report: Value, time: f64| {
        report["source"]["began"] = value!(time);
        line(report, "node7")
    };
    let (full, other) = (proven("4.19-fp/exhausted"), report("4.19-fp/noroute"));
    let lines = [
        at(other.clone(), 4e8),
        at(full.clone(), 2e8),
        at(full.clone(), 3e8),
        at(other, 1e8),
    ];
    for lines in [lines.concat(), lines.iter().rev().cloned().collect()] {
        let table = merged(&[], &lines);
        assert_eq!(hosts(&table), ["node7"]);
        let row = &table["hosts"][0];
        assert_eq!(row["exit"], 10, "the worst is shown");
        assert_eq!(row["time"], 3e8, "of two as bad the later");
        assert_eq!(row["since"], 2e8);
        assert_eq!(row["latest"], value!({"time": 4e8, "exit": 12}));
        assert_eq!(row["documents"], 4);
        assert_eq!(table["documents"]["repeated"], 3);
    }
    // The same bytes again are named, and change nothing.
    let once = line(full.clone(), "node7");
    let table = merged(&[], &format!("{once}{once}"));
    assert_eq!(table["hosts"][0]["documents"], 1);
    assert_eq!(kinds(&table), ["duplicate"]);
    assert_eq!(table["documents"]["named"][0]["line"], 2);
    assert_eq!(merge(&[], &format!("{once}{once}")).status.code(), Some(0));
    // The same report on another host is that host's.
    let table = merged(&[], &format!("{once}{}", line(full, "node8")));
    assert_eq!(hosts(&table), ["node7", "node8"]);
}

#[test]
fn status_of_a_host() {
    let namespace = |slow: u32, regimes: Value| value!({"slow": slow, "sysctls": {"max_size": 200, "gc_thresh": 64}, "regimes": regimes, "sizing": null});
    let status = |exit: u8, namespaces: Value| {
        value!({
            "schema": "ip6drop.status/1", "host": "node7", "time": 1e9,
            "kernel": {"release": "4.19.113"}, "cpus": {"online": 96, "present": 96},
            "verdict": {"exit": exit, "summary": ""}, "namespaces": namespaces,
        })
        .to_string()
    };
    let spaces = value!([
        namespace(150, value!(["within-limits"])),
        namespace(400, value!(["exhausted", "intermittent"])),
        namespace(300, value!(["exhausted"])),
    ]);
    let table = merged(&[], &status(10, spaces));
    let row = &table["hosts"][0];
    // Counters over a limit are no drop that was seen.
    assert_eq!(
        (&row["exit"], &row["confidence"]),
        (&value!(11), &Value::Null)
    );
    assert_eq!(row["drops"], Value::Null);
    assert_eq!(row["limits"]["headroom"], -200, "the worst namespace");
    assert_eq!((&row["since"], &row["cpus"]), (&value!(1e9), &value!(96)));
    for (exit, wanted) in [(0, 0), (1, 13), (11, 11)] {
        assert_eq!(
            merged(&[], &status(exit, value!([])))["hosts"][0]["exit"],
            wanted
        );
    }
    // A report of the same host takes the limits that it does not know from there.
    let mut report = report("4.19-fp/exhausted");
    report["counters"] = Value::Null;
    let both = format!(
        "{}{}\n",
        line(report, "node7"),
        status(0, value!([namespace(150, value!(["within-limits"]))]))
    );
    let table = merged(&[], &both);
    assert_eq!(table["hosts"][0]["limits"]["slow"], 150);
    assert_eq!(table["hosts"][0]["kernel"], "4.19.113");
    // What this host prints itself can be read.
    let here = common::ip6drop(["status", "--format", "json"]);
    let table = merged(&[], &stdout(&here));
    assert_eq!(number(&table["documents"]["statuses"]), 1);
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(hosts(&table), [name.trim()]);
}

#[test]
fn what_cannot_be_used_is_named_and_stops_nothing() {
    let good = report("4.19-fp/exhausted");
    let pretty = serde_json::to_string_pretty(&good).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(pretty.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    file(&dir, "empty/notes.txt", "");
    let missing = dir.path().join("missing.json").to_str().unwrap().to_owned();
    let nothing = dir
        .path()
        .join("nothing-*.json")
        .to_str()
        .unwrap()
        .to_owned();
    let cases: Vec<(String, &str, Option<u64>)> = vec![
        (missing, "unreadable", None),
        (nothing, "unreadable", None),
        (
            dir.path().join("empty").to_str().unwrap().to_owned(),
            "empty",
            None,
        ),
        (file(&dir, "blank.json", " \n\n"), "empty", None),
        (file(&dir, "nought.json", ""), "empty", None),
        (
            file(&dir, "half.json", &pretty[..pretty.len() / 2]),
            "truncated",
            Some(1),
        ),
        (
            file(&dir, "cut-number.json", "{\"drops\": {\"total\": 18."),
            "truncated",
            Some(1),
        ),
        (
            file(&dir, "exponent.json", "{\"drops\":\n  {\"total\": 1e\n"),
            "truncated",
            Some(1),
        ),
        (
            file(&dir, "half.json.gz", &gzip[..gzip.len() / 2]),
            "unreadable",
            None,
        ),
        (
            file(&dir, "text.json", "\nkernel panic\n"),
            "broken",
            Some(2),
        ),
        (
            file(
                &dir,
                "quote.json",
                pretty.replace("\"total\": 48,", "\"total\": 48;"),
            ),
            "broken",
            Some(2),
        ),
        (file(&dir, "other.json", "{\"a\": 1}\n"), "foreign", Some(1)),
        (file(&dir, "number.json", "17"), "foreign", Some(1)),
        (
            file(&dir, "array.json", format!("[{good}]")),
            "foreign",
            Some(1),
        ),
        (
            file(&dir, "schema.json", "{\"schema\": 5}"),
            "foreign",
            Some(1),
        ),
        (
            file(&dir, "check.json", "{\"schema\": \"ip6drop.check/1\"}"),
            "foreign",
            Some(1),
        ),
        (
            file(&dir, "next.json", pretty.replace("report/1", "report/2")),
            "version",
            Some(1),
        ),
        (
            file(
                &dir,
                "type.json",
                pretty.replace("\"total\": 48,", "\"total\": \"48\","),
            ),
            "malformed",
            Some(2),
        ),
        (
            file(
                &dir,
                "minus.json",
                pretty.replace("\"total\": 48,", "\"total\": -48,"),
            ),
            "malformed",
            Some(2),
        ),
        (
            file(
                &dir,
                "exit.json",
                pretty.replace("\"exit\": 11", "\"exit\": 7"),
            ),
            "malformed",
            Some(1),
        ),
        (
            file(
                &dir,
                "class.json",
                pretty.replace("\"class\": \"rcv-dst-alloc\"", "\"class\": \"Gremlins!\""),
            ),
            "malformed",
            Some(2),
        ),
        (
            file(&dir, "bare.json", "{\"schema\": \"ip6drop.report/1\"}"),
            "malformed",
            Some(1),
        ),
    ];
    let fine = file(&dir, "fine.json", &pretty);
    let mut args = vec!["--format", "json"];
    args.extend(cases.iter().map(|(path, ..)| path.as_str()));
    args.push(&fine);
    let output = merge(&args, "");
    let table = table(&output);
    assert_eq!(hosts(&table), ["fine"]);
    let named = table["documents"]["named"].as_array().unwrap();
    assert_eq!(named.len(), cases.len());
    let errors = stderr(&output);
    for ((path, kind, from_line), problem) in cases.iter().zip(named) {
        assert_eq!(problem["input"], *path);
        assert_eq!(problem["kind"], *kind, "{path}: {problem}");
        let line = problem["line"].as_u64();
        assert!(
            line >= *from_line && line.is_some() == from_line.is_some(),
            "{problem}"
        );
        assert!(
            errors.contains(&format!("ip6drop: {path}")),
            "{path} is not in {errors}"
        );
    }
    // A verdict that nothing unread can change stands; any other could be wrong.
    assert_eq!(output.status.code(), Some(1));
    args.extend(["--exit-code", "-q"]);
    let output = merge(&args, "");
    assert_eq!(output.status.code(), Some(11));
    assert_eq!(output.stdout, b"");
    let other = line(report("4.19-fp/noroute"), "node7");
    assert_eq!(merge(&["--exit-code"], &other).status.code(), Some(12));
    assert_eq!(
        merge(&["--exit-code"], &format!("{other}{{}}\n"))
            .status
            .code(),
        Some(1)
    );
    assert_eq!(merge(&["--exit-code"], "").status.code(), Some(1));
}

#[test]
fn documents_behind_one_another() {
    let good = report("4.19-fp/exhausted");
    let pretty = serde_json::to_string_pretty(&good).unwrap();
    let a = line(good.clone(), "a");
    // Cut at a key, so that the length of the path inside does not matter.
    let cut = &a[..a.find("\"per_cpu\"").unwrap()];
    let stream = format!(
        "{}{cut}\nwords\nmore words\n{}{pretty}\n{}\r\n  {}",
        line(good.clone(), "b"),
        line(good.clone(), "c"),
        line(good.clone(), "d").trim_end(),
        line(good, "e"),
    );
    let table = merged(&[], &stream);
    assert_eq!(hosts(&table), ["-:6", "b", "c", "d", "e"]);
    assert_eq!(kinds(&table), ["broken"]);
    assert_eq!(
        table["documents"]["named"][0]["line"], 3,
        "where the words are"
    );
}

#[test]
fn directories_and_patterns() {
    let dir = tempfile::tempdir().unwrap();
    let good = report("4.19-fp/exhausted");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(good.to_string().as_bytes()).unwrap();
    file(&dir, "in/b.json", good.to_string());
    file(&dir, "in/a.json.gz", gzip.finish().unwrap());
    file(&dir, "in/c.ndjson", line(good.clone(), "c"));
    file(&dir, "in/notes.txt", "not this one");
    file(&dir, "in/deeper/d.json", good.to_string());
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    assert_eq!(hosts(&merged(&[&at("in")], "")), ["a", "b", "c"]);
    assert_eq!(hosts(&merged(&[&at("in/*.json")], "")), ["b"]);
    assert_eq!(hosts(&merged(&[&at("in/**/*.json")], "")), ["b", "d"]);
    // A file of that very name comes before a pattern.
    file(&dir, "odd[1].json", good.to_string());
    assert_eq!(hosts(&merged(&[&at("odd[1].json")], "")), ["odd[1]"]);
}

#[test]
fn the_output_replaces_no_input() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(&dir, "a.json", report("4.19-fp/exhausted").to_string());
    let output = merge(&[&input, "-o", &input], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("would destroy it"));
    let kept = std::fs::read_to_string(&input).unwrap();
    assert!(kept.contains("ip6drop.report/1"));
    let output = Process::new(env!("CARGO_BIN_EXE_ip6drop"))
        .args(["merge", "-o", &input])
        .stdin(std::fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("would destroy it"));
    assert_eq!(std::fs::read_to_string(&input).unwrap(), kept);
    let to = dir.path().join("table.json");
    let output = merge(
        &[&input, "--format", "json", "-o", to.to_str().unwrap()],
        "",
    );
    assert_eq!((output.status.code(), output.stdout), (Some(0), vec![]));
    assert!(std::fs::read_to_string(to).unwrap().ends_with("]\n}\n"));
}

#[test]
fn text_and_markdown_are_harmless() {
    let mut report = report("4.19-fp/exhausted");
    report["source"]["kernel"] = value!("4.19\u{1b}[31m|<b>");
    let lines = line(report, "evil\u{1b}]0;x\u{7}\u{202e}|host") + "{\"schema\": \"\u{1b}[2J\"}\n";
    for format in ["text", "markdown"] {
        let output = merge(&["--format", format, "--color", "never"], &lines);
        for text in [stdout(&output), stderr(&output)] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        }
        assert!(stdout(&output).contains("evil"));
    }
    let markdown = stdout(&merge(&["--format", "markdown"], &lines));
    let row = markdown.lines().find(|line| line.contains("evil")).unwrap();
    assert_eq!(row.matches(" | ").count(), 11, "{row}");
    let coloured = stdout(&merge(&["--color", "always"], &lines));
    assert!(coloured.starts_with("\u{1b}["));
}

/// Records of CSV as RFC 4180 has it; every line ends in CRLF.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted => {
                assert_eq!(chars.next(), Some('\n'));
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c => cell.push(c),
        }
    }
    assert!(!is_quoted && cell.is_empty() && record.is_empty());
    records
}

#[test]
fn csv_has_every_host_and_no_formula() {
    let mut lines: String = (0..300)
        .map(|n| line(report("4.19-fp/noroute"), &format!("node{n:03}")))
        .collect();
    let names = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "a,\"b\"", "\t=1"];
    let mut hostile = proven("4.19-fp/exhausted");
    hostile["source"]["kernel"] = value!("=4.19,\u{1b}[31m");
    lines.extend(names.map(|name| line(hostile.clone(), name)));
    let records = records(&stdout(&merge(&["--format", "csv"], &lines)));
    let table = merged(&[], &lines);
    assert_eq!(records.len(), 307);
    let at = |name: &str| records[0].iter().position(|head| head == name).unwrap();
    assert!(records.iter().all(|row| row.len() == records[0].len()));
    for (row, host) in records[1..].iter().zip(table["hosts"].as_array().unwrap()) {
        for (name, wanted) in [
            ("exit", &host["exit"]),
            ("drops", &host["drops"]["total"]),
            ("slow", &host["limits"]["slow"]),
            ("max_size", &host["limits"]["max_size"]),
            ("dropping_cpus", &host["dropping_cpus"]),
        ] {
            let wanted = wanted.as_u64().map_or(String::new(), |n| n.to_string());
            assert_eq!(row[at(name)], wanted, "{name} of {row:?}");
        }
        assert!(
            !row.iter()
                .any(|cell| cell.starts_with(['=', '+', '-', '@'])),
            "{row:?}"
        );
        assert!(
            !row.iter().any(|cell| cell.contains(['\u{1b}', '\t'])),
            "{row:?}"
        );
    }
    let hosts: Vec<&str> = records[1..7].iter().map(|row| row[0].as_str()).collect();
    for name in [
        "'=cmd|' /C calc'!A0",
        "'+1",
        "'-1",
        "'@x",
        "a,\"b\"",
        "\\t=1",
    ] {
        assert!(hosts.contains(&name), "{name} {hosts:?}");
    }
    assert_eq!(records[1][at("kernel")], "'=4.19,\\u{1b}[31m");
}

#[test]
fn quiet_hosts_are_counted_and_shown_on_request() {
    let (_, clean) = each_finding().pop().unwrap();
    let mut lines: String = (0..9)
        .map(|n| line(clean.clone(), &format!("quiet{n}")))
        .collect();
    let fault = proven("4.19-fp/exhausted");
    lines.extend((0..60).map(|n| line(fault.clone(), &format!("loud{n:02}"))));
    let text = stdout(&merge(&[], &lines));
    assert!(text.starts_with(
        "The IPv6 route cache is full on 60 of 69 hosts (confirmed). 9 without a drop."
    ));
    assert!(
        text.contains("not shown: 10 with a finding, 9 without (--all-hosts shows all)"),
        "{text}"
    );
    assert!(!text.contains("quiet") && text.contains("loud49") && !text.contains("loud50"));
    let text = stdout(&merge(&["--all-hosts"], &lines));
    assert!(text.contains("quiet8") && text.contains("loud59") && !text.contains("not shown"));
}

#[test]
fn a_recording_names_its_host_and_date() {
    let text = std::fs::read(fixture("4.19-fp/exhausted.pipe")).unwrap();
    let framed = [
        &b"# ip6drop: version 1\n# ip6drop: host node7\n# ip6drop: began 1764021697.250\n"[..],
        &text,
    ]
    .concat();
    let output = command()
        .args(["report", "--format", "json", "-"])
        .write_stdin(framed)
        .output()
        .unwrap();
    let report = json(&output);
    assert_eq!(report["source"]["host"], "node7");
    assert_eq!(report["source"]["began"], 1_764_021_697.25);
    let table = merged(&[], &report.to_string());
    assert_eq!(hosts(&table), ["node7"]);
    assert_eq!(table["hosts"][0]["time"], 1_764_021_697.25);
    let text = stdout(&merge(&["--all-hosts"], &report.to_string()));
    assert!(text.contains("2025-11-24 22:01:37Z"), "{text}");
}

/// The program under a limit on its address space, in KiB.
fn limited(kib: u32, input: &Path) -> Output {
    let script = format!("ulimit -v {kib} && exec \"$0\" merge --format json \"$1\"");
    let mut shell = Process::new("sh");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_ip6drop")])
        .arg(input);
    shell.output().unwrap()
}

#[test]
fn memory_does_not_grow_with_a_document() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.ndjson");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let good = report("4.19-fp/exhausted");
    // Texts without end, CPUs without end, and a document beyond the limit of one.
    let name = "n".repeat(20 << 20);
    let mut long = good.clone();
    long["source"]["kernel"] = value!(name);
    out.write_all(line(long, "long").as_bytes()).unwrap();
    let cpus = "{\"cpu\":1,\"drops\":1,\"first\":1,\"last\":2},".repeat(500_000);
    let many = line(good.clone(), "many").replace("\"per_cpu\":[", &format!("\"per_cpu\":[{cpus}"));
    out.write_all(many.as_bytes()).unwrap();
    out.write_all(b"{\"schema\": \"").unwrap();
    for _ in 0..200 {
        out.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    out.write_all(b"\"}\n").unwrap();
    out.write_all(line(good, "last").as_bytes()).unwrap();
    out.into_inner().unwrap();
    let output = limited(160 << 10, &path);
    let table = table(&output);
    let mut found = hosts(&table);
    found.sort_unstable();
    assert_eq!(found, ["last", "long", "many"], "{}", stderr(&output));
    assert_eq!(kinds(&table), ["too-large"]);
    assert_eq!(table["documents"]["named"][0]["line"], 3);
    let row = table["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["host"] == "long")
        .unwrap();
    assert_eq!(row["kernel"].as_str().unwrap().len(), 256);
}

#[test]
fn a_document_that_is_too_large_is_one_whatever_is_behind_it() {
    let large = [b"{", &[b'x'; MAX_DOCUMENT + 70_000][..]].concat();
    for (behind, wanted) in [
        (&b""[..], vec![]),
        (b"}", vec![]),
        (b"\n", vec![]),
        (b"\n{}", vec![(2, 2)]),
        (b"\n\n{}\n{}\n", vec![(3, 3), (4, 3)]),
    ] {
        let bytes = [b"\n", &large[..], behind].concat();
        let mut buffer = Vec::new();
        let mut pieces = Pieces::new(&bytes[1..], &mut buffer);
        assert_eq!(pieces.next_piece().unwrap(), Some(Piece::TooLarge(1)));
        let mut rest = Vec::new();
        while let Some(Piece::Bytes(piece, line)) = pieces.next_piece().unwrap() {
            rest.push((line, piece.len()));
        }
        assert_eq!(rest, wanted, "{behind:?}");
    }
}

fn read_into(fleet: &mut Fleet, bytes: &[u8]) {
    Reader::default().read(Path::new("-"), bytes, None, fleet);
}

#[test]
fn hosts_and_names_of_problems_have_a_limit() {
    let report = report("4.19-fp/exhausted");
    let mut fleet = Fleet::with_room(2);
    let lines: String = ["a", "b", "c", "a"]
        .map(|host| line(report.clone(), host))
        .concat();
    read_into(&mut fleet, lines.as_bytes());
    assert_eq!((fleet.hosts(), fleet.documents()), (2, 4));
    assert_eq!(fleet.problems.of_kind(ProblemKind::Beyond), 1);
    assert_eq!(fleet.problems.of_kind(ProblemKind::Duplicate), 1);
    let beyond = 5;
    read_into(&mut fleet, "{}\n".repeat(MAX_NAMED + beyond).as_bytes());
    assert_eq!(fleet.problems.named().len(), MAX_NAMED);
    assert_eq!(fleet.problems.unnamed(), beyond as u64 + 2);
}

/// Gives bytes in small portions, as a pipe does.
struct Portions<'a>(&'a [u8], usize);

impl std::io::Read for Portions<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(self.0.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn pieces(bytes: &[u8], portion: usize) -> Vec<(Vec<u8>, u64)> {
    let mut buffer = Vec::new();
    let mut pieces = Pieces::new(Portions(bytes, portion), &mut buffer);
    let mut all = Vec::new();
    while let Some(piece) = pieces.next_piece().unwrap() {
        match piece {
            Piece::Bytes(bytes, line) => all.push((bytes.to_vec(), line)),
            Piece::TooLarge(_) => unreachable!("{MAX_DOCUMENT}"),
        }
    }
    all
}

/// Bytes that look like documents now and then.
fn stuff() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "\n",
        "{\n",
        "\"schema\":",
        "\"ip6drop.report/1\"",
        "\"ip6drop.status/1\"",
        ",",
        "[",
        "]",
        "\"verdict\":",
        "\"exit\":",
        "1e999",
        "-1",
        "null",
        "\"type\":\"drop\"",
        "{}",
        "\u{202e}",
        "\"\\ud800\"",
        " ",
    ]);
    let part = prop_oneof![
        8 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_byte_is_lost_between_pieces(bytes in stuff(), portion in 1usize..9) {
        let cut = pieces(&bytes, portion);
        prop_assert_eq!(&cut, &pieces(&bytes, usize::MAX));
        let mut line = 1;
        for (piece, at) in &cut {
            prop_assert_eq!(*at, line);
            line += piece.iter().filter(|b| **b == b'\n').count() as u64;
        }
        let whole: Vec<u8> = cut.into_iter().flat_map(|(piece, _)| piece).collect();
        prop_assert_eq!(whole, bytes);
    }

    #[test]
    fn nothing_panics_and_everything_is_counted(bytes in stuff()) {
        let mut fleet = Fleet::default();
        read_into(&mut fleet, &bytes);
        prop_assert!(fleet.documents() + fleet.drop_lines > 0);
        let mut out = Vec::new();
        for format in &ip6drop::inside::render::MERGE {
            let view = FleetView { fleet: &fleet, color: true, all_hosts: true, brief: false, columns: None };
            format.format.write(&view, &mut out).unwrap();
        }
    }

    #[test]
    fn damage_to_a_report_does_no_harm(at in 0usize..6000, byte in any::<u8>()) {
        static GOOD: LazyLock<String> = LazyLock::new(|| line(report("4.19-fp/exhausted"), "node7"));
        let good = &*GOOD;
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.extend(good.replace("node7", "node8").bytes());
        let mut fleet = Fleet::default();
        read_into(&mut fleet, &bytes);
        // The one behind it is read, unless the damage joined the two lines.
        let rows = fleet.worst_first();
        prop_assert!(rows.iter().any(|row| row.host == "node8") || at + 1 == good.len());
    }
}

#[test]
fn in_brief_it_is_six_lines_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let put = |host: &str, name: &str| {
        let capture = common::capture(name).display().to_string();
        let text = stdout(&common::ip6drop(["report", "--format", "json", &capture]));
        std::fs::write(dir.path().join(format!("{host}.json")), text).unwrap();
    };
    let said = || {
        let path = dir.path().display().to_string();
        stdout(&common::ip6drop(["merge", "--brief", &path]))
    };
    put("b", "4.19-fp/prohibit");
    put("a", "model/proven");
    let wanted = "The IPv6 route cache is full on 1 of 2 hosts (confirmed). 1 with other drops only.\n\
        a: full, confirmed; 3 drops; advised max_size 4096\n\
        b: rcv-prohibited; 32 drops\n";
    assert_eq!(said(), wanted);
    for host in ["c", "d", "e", "f"] {
        put(host, "4.19-fp/prohibit");
    }
    let text = said();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert_eq!(
        lines[4..],
        ["d: rcv-prohibited; 32 drops", "… and 2 more with a finding"]
    );
    for other in ["--all-hosts", "--compare"] {
        let output = common::ip6drop(["merge", "--brief", other, "x", "y"]);
        assert_eq!(output.status.code(), Some(2), "{other}");
    }
}

#[test]
fn hosts_are_compared_before_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let report = |name: &str| {
        let capture = common::capture(name).display().to_string();
        stdout(&common::ip6drop(["report", "--format", "json", &capture]))
    };
    let (full, other) = (report("model/proven"), report("4.19-fp/prohibit"));
    let side = |side: &str, hosts: &[(&str, &str)]| {
        let folder = dir.path().join(side);
        std::fs::create_dir(&folder).unwrap();
        for (host, text) in hosts {
            std::fs::write(folder.join(format!("{host}.json")), text).unwrap();
        }
        folder.display().to_string()
    };
    let before = side(
        "before",
        &[("a", &full), ("b", &full), ("c", &full), ("d", &other)],
    );
    let after = side("after", &[("a", &full), ("b", &other), ("d", &full)]);
    let output = common::ip6drop(["merge", "--compare", &before, &after]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = common::unwrapped(&stdout(&output));
    assert!(
        text.starts_with(
            "Of 3 hosts whose IPv6 route cache was full or may have been, 1 is no longer so. \
             1 still so. 1 not known. 1 so that had it not before. host fault before"
        ),
        "{text}"
    );
    for row in [
        "a still full, confirmed",
        "c unknown full, confirmed -",
        "b mended full, confirmed",
    ] {
        assert!(text.contains(row), "{row}: {text}");
    }
    let output = common::ip6drop(["merge", "--compare", "--format", "json", &before, &after]);
    let object = common::json(&output);
    assert_eq!(object["fault"]["mended"], 1);
    assert_eq!(object["hosts"][0]["host"], "a");
    assert_eq!(object["hosts"][2]["after"], Value::Null);
    let patterns = [&before, &after].map(|side| format!("{side}/*.j?on"));
    let args = ["merge", "--compare", "--format", "json"];
    let by_pattern = common::ip6drop([&args[..], &[&patterns[0], &patterns[1]]].concat());
    assert_eq!(common::json(&by_pattern), object);
    for wrong in [
        &["merge", "--compare", &before][..],
        &[
            "merge",
            "--compare",
            "--format",
            "markdown",
            &before,
            &after,
        ],
    ] {
        assert_eq!(common::ip6drop(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let none = common::ip6drop(["merge", "--compare", &before, "/no/such/folder"]);
    assert_eq!(none.status.code(), Some(1));
}
