//! Documents for whoever works on the program name files that exist.

use std::path::Path;

const DOCUMENTS: [&str; 2] = ["docs/ARCHITECTURE.md", "CONTRIBUTING.md"];

/// What belongs to the repository and is not in the crate: `exclude` in Cargo.toml.
const NOT_PACKAGED: [&str; 3] = ["fuzz/", ".ci/", ".github/"];

/// Paths from the root of the package that stand in backticks, alone or as the command of a line:
/// `src/text.rs`, `tests/vm/`, `.ci/long mutants`.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let words = quoted.filter_map(|code| code.split_ascii_whitespace().next());
    let is_path = |word: &str| {
        let has_folder = word.contains('/') && !word.starts_with('/');
        let ends_as_file = [".rs", ".md", ".toml"]
            .iter()
            .any(|end| word.ends_with(end));
        has_folder || ends_as_file
    };
    words.filter(|word| is_path(word)).collect()
}

#[test]
fn files_that_documents_name_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_packaged = root.join(".cargo_vcs_info.json").exists();
    let is_left_out = |name: &str| NOT_PACKAGED.iter().any(|folder| name.starts_with(folder));
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let named = named(&text);
        assert!(named.len() > 10, "{document} names {named:?}");
        for name in named {
            let is_there = root.join(name).exists() || is_packaged && is_left_out(name);
            assert!(is_there, "{document}: there is no {name}");
        }
    }
}

#[test]
fn names_are_found_in_backticks() {
    let text = "See `src/a.rs` and `tests/b/run whole`, not `cargo test`, `/proc/net/snmp6`, src/c.rs\n\
        or `Cargo`; `README.md` too.";
    assert_eq!(named(text), ["src/a.rs", "tests/b/run", "README.md"]);
}
