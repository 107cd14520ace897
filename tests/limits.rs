//! What an input can take: the table in docs/messages.md is that of the source, and no format
//! takes memory for the whole of what it writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Rooms that inputs go through.
const ROOMS: [&str; 6] = ["input", "ring", "trace", "capture", "diagnosis", "report"];

/// Constants that bound no input: what the kernel's formats hold, how far things may be apart,
/// pieces that are looked at one after the other, and tables of a fixed size.
const OTHERS: [(&str, &str); 13] = [
    ("MAX_PIECE", "src/input/parts.rs"),
    ("MAX_PIECE", "src/input/pasted.rs"),
    ("MAX_LINES", "src/input/pasted.rs"),
    ("MAX_WORDS", "src/ring/page.rs"),
    ("MAX_BPF", "src/ring/kallsyms.rs"),
    ("MAX_FUNCTION", "src/ring/symbols.rs"),
    ("MAX_LEFT", "src/trace/cut.rs"),
    ("MAX_DIGITS", "src/trace/address.rs"),
    ("MAX_DIGITS", "src/trace/columns.rs"),
    ("MAX_PREFIX", "src/trace/columns.rs"),
    ("MAX_BYTES", "src/trace/memo.rs"),
    ("MAX_QUESTION", "src/trace/parts.rs"),
    ("MAX_LINK_NANOSECONDS", "src/diagnosis/collect/context.rs"),
];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Name, file and figure of each row of the table.
fn documented() -> Vec<(String, String, u64)> {
    let text = fs::read_to_string(root("docs/messages.md")).unwrap();
    let (_, section) = text.split_once("\n## What an input can take\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [_, figure, _, place] = cells[..] else {
            panic!("{row}")
        };
        let mut place = place.split('`');
        let mut word = || place.nth(1).unwrap().to_owned();
        (word(), word(), number(figure))
    })
    .collect()
}

/// `48 MiB`, `65,536 each`.
fn number(figure: &str) -> u64 {
    let mut words = figure.split_whitespace();
    let number: u64 = words.next().unwrap().replace(',', "").parse().unwrap();
    let unit = match words.next() {
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        _ => 1,
    };
    number * unit
}

/// `64 * 1024`, `65_536`.
fn value(expression: &str) -> u64 {
    let factor = |text: &str| -> u64 {
        match text.trim() {
            "u32::MAX as u64" => u32::MAX.into(),
            text => text.replace('_', "").parse().unwrap(),
        }
    };
    expression.split('*').map(factor).product()
}

/// Every `const MAX_…` below these rooms: its name, its file, and what it is.
fn constants() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = ROOMS.iter().map(|room| root("src").join(room)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let name = path.strip_prefix(root("")).unwrap().to_str().unwrap();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some((_, constant)) = line.split_once("const MAX_") else {
                continue;
            };
            if !line.starts_with(' ')
                && let Some((constant, value)) = constant.split_once(" = ")
            {
                let constant = constant.split(':').next().unwrap();
                let value = value.trim_end_matches(';').to_owned();
                found.push((format!("MAX_{constant}"), name.to_owned(), value));
            }
        }
    }
    found
}

#[test]
fn every_cap_is_documented_with_its_figure() {
    let documented = documented();
    let constants = constants();
    for (name, file, figure) in &documented {
        let found = constants.iter().find(|(n, f, _)| n == name && f == file);
        let (.., expression) = found.unwrap_or_else(|| panic!("no {name} in {file}"));
        assert_eq!(value(expression), *figure, "{name} in {file}");
    }
    let known: BTreeSet<(&str, &str)> = documented
        .iter()
        .map(|(name, file, _)| (&name[..], &file[..]))
        .chain(OTHERS)
        .collect();
    let missing: Vec<_> = constants
        .iter()
        .filter(|(name, file, _)| !known.contains(&(&name[..], &file[..])))
        .collect();
    assert!(missing.is_empty(), "not in docs/messages.md: {missing:?}");
    assert_eq!(known.len(), documented.len() + OTHERS.len(), "twice");
    assert_eq!(constants.len(), known.len(), "one of OTHERS is gone");
}

/// 600,000 frames in 1,200 stacks.
fn many_frames() -> String {
    let mut text = String::from("# tracer: function\n#\n");
    let frames = " => a\n".repeat(500);
    for n in 0..1200 {
        let start = format!("            ping-1000  [000] ..s1 {}.000000: ", 100 + n);
        let event = format!("{start}ip6_pkt_drop <-ip6_pkt_discard\n{start}<stack trace>\n");
        let top = " => ip6_pkt_drop\n => ip6_pkt_discard\n";
        writeln!(text, "{event}{top} => f{n}\n{frames}").unwrap();
    }
    text
}

/// 40 MiB are what the program itself needs, and 20 MiB what it remembers of these stacks. As a
/// tree in memory their JSON would be more than 100 MiB.
#[test]
fn no_format_takes_memory_for_the_whole() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, many_frames()).unwrap();
    for format in ["json", "ndjson", "html"] {
        let limited = "ulimit -v $1 && exec \"$2\" report --threads 1 --format \"$3\" \"$4\"";
        let output = Command::new("sh")
            .args(["-c", limited, "sh", "131072"])
            .args([env!("CARGO_BIN_EXE_ip6drop"), format])
            .arg(file.path())
            .stdout(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{format}: {said}");
    }
}
