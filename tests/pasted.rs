//! Traces as they arrive: from tickets, mail, wikis and logs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use common::{capture, command, json};
use serde_json::Value;

/// The report on a text, its input's name aside.
fn report(text: &[u8], format: &str) -> String {
    let args = ["report", "--format", format];
    let output = command().args(args).write_stdin(text).output().unwrap();
    assert!(output.status.success(), "{}", common::stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The text inside HTML, as most writers escape it.
fn escape(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    escaped
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn each_line(text: &str, front: &str) -> String {
    text.lines()
        .map(|line| format!("{front}{line}\n"))
        .collect()
}

fn kinds(text: &str) -> Vec<(String, String)> {
    let named = |name: &str, text: String| (name.to_owned(), text);
    let mut all = vec![
        named("line ends of Windows", text.replace('\n', "\r\n")),
        named("BOM", format!("\u{feff}{text}")),
        named("HTML", escape(text)),
        named("quoted HTML", escape(&each_line(text, "> "))),
        named("HTML of Windows", escape(text).replace('\n', "\r\n")),
        named("indented", each_line(text, "    ")),
    ];
    for front in [
        "> ",
        ">> ",
        "Nov 27 10:00:00 ",
        "Nov 27 10:00:00.123456 ",
        "00:00:07 ",
        "2026-11-27T10:00:00+0000 ",
        "2026-11-27T10:00:00.123456789Z ",
        "[pod/record-x7k2p/main] 2026-11-27T10:00:00.123456789Z ",
        "2026-11-27T10:00:00.123456789Z stdout F ",
        "Nov 27 10:00:00 node7 cat[123]: ",
    ] {
        all.push((front.to_owned(), each_line(text, front)));
    }
    all
}

#[test]
fn what_stands_around_a_trace_does_not_show() {
    for name in [
        "4.19-fp/trace-file.txt",
        "4.19-fp/trace-file-latency.txt",
        "4.19-fp/trace-cmd-report.txt",
        "4.19-identity/iif",
        "text/framed.trace",
        "text/ticket.txt",
        "4.19-fp/lost",
    ] {
        let text = std::fs::read_to_string(capture(name)).unwrap();
        let plain = report(text.as_bytes(), "json");
        for (kind, changed) in kinds(&text) {
            assert_eq!(report(changed.as_bytes(), "json"), plain, "{name}: {kind}");
        }
    }
}

/// Stacks of perf stand in blocks between blank lines: with something in front of each line
/// they are only found behind it.
#[test]
fn stacks_of_perf_behind_prefixes() {
    let text = std::fs::read_to_string(capture("6.1/perf-return.txt")).unwrap();
    let plain = report(text.as_bytes(), "json");
    for (kind, changed) in kinds(&text) {
        if kind != "indented" {
            assert_eq!(report(changed.as_bytes(), "json"), plain, "{kind}");
        }
    }
}

/// Drops one by one come from a second reading.
#[test]
fn drops_one_by_one() {
    let text = std::fs::read_to_string(capture("4.19-fp/alternating")).unwrap();
    let plain = report(text.as_bytes(), "ndjson");
    for (kind, changed) in kinds(&text) {
        assert_eq!(report(changed.as_bytes(), "ndjson"), plain, "{kind}");
    }
}

#[test]
fn some_of_it_escaped_or_quoted() {
    let text = std::fs::read_to_string(capture("4.19-fp/alternating")).unwrap();
    let plain = report(text.as_bytes(), "json");
    let half = text.len() / 2;
    let half = half + text[half..].find('\n').unwrap() + 1;
    for mixed in [
        format!("{}{}", escape(&text[..half]), &text[half..]),
        format!("{}{}", each_line(&text[..half], "> "), &text[half..]),
    ] {
        assert_eq!(report(mixed.as_bytes(), "json"), plain);
    }
}

/// The kernel's log says in front of each line when it was.
#[test]
fn logs_keep_their_prefixes() {
    let text = std::fs::read_to_string(capture("text/dmesg.txt")).unwrap();
    let found: Value = json(
        &command()
            .args(["report", "--format", "json"])
            .write_stdin(text)
            .output()
            .unwrap(),
    );
    let last = found["health"]["log_last"].as_str().unwrap();
    assert!(last.starts_with("Nov 24 21:41:26 node7 kernel: "), "{last}");
}
