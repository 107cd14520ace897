//! The source keeps its order: imports go one way, files and functions stay short.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod checker;
mod names;
mod order;
mod source;
mod surface;
mod untrusted;

use std::path::Path;

use order::ROOMS;
use source::Sources;

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
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// What others may rely on changes on purpose alone: `BLESS=1 cargo test --test architecture` writes it.
#[test]
fn what_is_public_is_what_was_promised() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = root.join("tests/goldens/api.txt");
    let now = surface::surface(&Sources::read(root, "src"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &now).unwrap();
    }
    assert_eq!(now, std::fs::read_to_string(golden).unwrap());
}
