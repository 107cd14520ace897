//! The table of what an input can take, in docs/messages.md, is that of the source.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that inputs go through.
const ROOMS: [&str; 6] = ["input", "ring", "trace", "capture", "diagnosis", "report"];

/// Constants that bound no input: what the kernel's formats hold, how far things may be apart,
/// pieces that are looked at one after the other, and tables of a fixed size.
const OTHERS: [(&str, &str); 12] = [
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
