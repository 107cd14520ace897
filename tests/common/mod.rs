//! Runs the built program and reads what it prints.
#![allow(dead_code, unreachable_pub)] // every test binary uses its own part

pub mod dat;
pub mod schema;

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// Text for people on one line, however it was wrapped.
pub fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// `4.19-fp/exhausted` stands for its `.pipe`; other endings are given in full.
pub fn capture(name: &str) -> PathBuf {
    let endings = [".txt", ".trace", ".pipe", ".gz"];
    let has_ending = endings.iter().any(|ending| name.ends_with(ending));
    fixture(&if has_ending {
        name.to_owned()
    } else {
        format!("{name}.pipe")
    })
}

pub fn facts(name: &str) -> PathBuf {
    fixture(&format!("{name}.facts"))
}

pub fn ip6drop<I, S>(args: I) -> Output
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    command().args(args).output().unwrap()
}

pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ip6drop"))
}

/// The object that was printed; it keeps to the schema.
pub fn json(output: &Output) -> Value {
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!(
            "{e}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            stderr(output)
        )
    });
    schema::check(&value);
    value
}

/// The object on one line; it keeps to the schema.
pub fn json_line(line: &str) -> Value {
    let value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    schema::check(&value);
    value
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The JSON report on a capture, with its facts or without.
pub fn report(name: &str, with_facts: bool) -> Value {
    let mut args: Vec<std::ffi::OsString> = ["report", "--format", "json"].map(Into::into).to_vec();
    if with_facts {
        args.push("--facts".into());
        args.push(facts(name).into());
    }
    args.push(capture(name).into());
    let output = ip6drop(args);
    assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    let report = json(&output);
    check_sums(name, &report);
    report
}

/// The drops of a capture, in the order of the trace, and the summary.
pub fn drops(name: &str, with_facts: bool) -> (Vec<Value>, Value) {
    let mut args: Vec<std::ffi::OsString> =
        ["report", "--format", "ndjson"].map(Into::into).to_vec();
    if with_facts {
        args.push("--facts".into());
        args.push(facts(name).into());
    }
    args.push(capture(name).into());
    let output = ip6drop(args);
    assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    let mut lines: Vec<Value> = stdout(&output).lines().map(json_line).collect();
    let summary = lines.pop().unwrap();
    assert_eq!(summary["type"], "summary");
    (lines, summary)
}

pub fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

/// Drops of a class: all, confirmed, probable, possible.
pub fn class(report: &Value, class: &str) -> [u64; 4] {
    let counts = &report["drops"]["by_class"][class];
    ["total", "confirmed", "probable", "possible"].map(|key| number(&counts[key]))
}

/// Every way of adding up gives the same total.
pub fn check_sums(name: &str, report: &Value) {
    let total = number(&report["drops"]["total"]);
    let classes = report["drops"]["by_class"].as_object().unwrap();
    assert_eq!(
        classes.values().map(|c| number(&c["total"])).sum::<u64>(),
        total,
        "{name}"
    );
    for counts in classes.values() {
        let parts = ["confirmed", "probable", "possible"].map(|k| number(&counts[k]));
        assert_eq!(
            parts.iter().sum::<u64>(),
            number(&counts["total"]),
            "{name}"
        );
    }
    let rows = report["per_cpu"].as_array().unwrap();
    assert_eq!(
        rows.iter().map(|r| number(&r["drops"])).sum::<u64>(),
        total,
        "{name}"
    );
    for row in rows {
        let sum: u64 = row["by_class"]
            .as_object()
            .unwrap()
            .values()
            .map(number)
            .sum();
        assert_eq!(sum, number(&row["drops"]), "{name}");
    }
    let gc = &report["gc"];
    let outcomes = ["failed", "succeeded", "unknown"].map(|k| number(&gc[k]));
    assert_eq!(outcomes.iter().sum::<u64>(), number(&gc["calls"]), "{name}");
    let origins = gc["by_origin"].as_object().unwrap();
    assert_eq!(
        origins.values().map(|o| number(&o["calls"])).sum::<u64>(),
        number(&gc["calls"])
    );
    assert_eq!(
        rows.iter().map(|r| number(&r["gc"]["calls"])).sum::<u64>(),
        number(&gc["calls"])
    );
    let health = &report["health"];
    let lines = [
        "events",
        "frame_lines",
        "comment_lines",
        "blank_lines",
        "unparsed_lines",
    ];
    let sum: u64 = lines.iter().map(|k| number(&health[*k])).sum();
    assert_eq!(
        sum,
        number(&health["lines"]),
        "{name}: a line is in no counter"
    );
}
