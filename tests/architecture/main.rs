//! The source keeps its order: imports go one way, files and functions stay short.
//!
//! `cargo test --test architecture -- --nocapture` prints whatever breaks it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod checker;
mod names;
mod order;
mod source;

use std::collections::BTreeSet;
use std::path::Path;

use order::{ROOMS, Violation};
use source::Sources;

/// What is still allowed, without line numbers. Each must still occur.
const KNOWN: &[&str] = &[];

#[test]
fn the_source_keeps_its_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = Sources::read(root, "src");
    assert!(sources.len() > 100, "the source was not found");
    for (room, _) in ROOMS {
        let paths = [format!("src/{room}.rs"), format!("src/{room}")];
        assert!(
            paths.iter().any(|path| root.join(path).exists()),
            "no {room}"
        );
    }
    let violations = order::violations(&sources, ROOMS);
    let known: BTreeSet<&str> = KNOWN.iter().copied().collect();
    let mut new = Vec::new();
    for Violation { key, text } in &violations {
        println!("{text}");
        if !known.contains(key.as_str()) {
            new.push(format!("{text}\n    KNOWN: {key:?}"));
        }
    }
    let gone: Vec<_> = known
        .iter()
        .filter(|known| !violations.iter().any(|found| found.key == **known))
        .collect();
    assert!(new.is_empty(), "not allowed:\n{}", new.join("\n"));
    assert!(gone.is_empty(), "no longer there, take it out: {gone:#?}");
}
