//! Text from outside is taken out of its type at few places, each of which is named here: `Untrusted` prints escaped,
//! and so does what is given to `shown`; these give the text as it came.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::source::{Crate, Sources};

/// What gives text as it came.
const AS_IT_CAME: [&str; 4] = ["raw", "display", "to_string_lossy", "from_utf8_lossy"];

/// Whole rooms that take text apart, write captures and tracefs, or give pseudonyms: what they made of it, others show.
const READERS: [&str; 7] = [
    "text",
    "trace",
    "ring",
    "capture",
    "host",
    "tracefs",
    "anonymize",
];

/// Everybody else, and what for.
#[rustfmt::skip]
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("src/analysis/stream.rs", "raw", "the name is told on as the path that it is"),
    ("src/cli/program.rs", "to_string_lossy", "arguments are found in what is said of them, and escaped"),
    ("src/commands/diagnose.rs", "to_string_lossy", "a pseudonym is made of it"),
    ("src/commands/lab.rs", "to_string_lossy", "arguments of this program, run again"),
    ("src/commands/narrowing.rs", "from_utf8_lossy", "a filter that is written to tracefs"),
    ("src/commands/traces.rs", "raw", "files that were read are compared with it"),
    ("src/diagnosis/assessment.rs", "raw", "a word of a command, quoted so that it is harmless"),
    ("src/diagnosis/funnel.rs", "raw", "compared with functions that are known"),
    ("src/diagnosis/lookups/told.rs", "raw", "the filter is parsed"),
    ("src/fleet/document.rs", "raw", "put into another text of the type"),
    ("src/fleet/inputs.rs", "to_string_lossy", "endings of names are looked at, and a host is named"),
    ("src/fleet/problem.rs", "raw", "put into another text of the type"),
    ("src/input/named.rs", "to_string_lossy", "the first character is looked at"),
    ("src/input/parts.rs", "raw", "paths are compared"),
    ("src/input/trace_dat/contents.rs", "from_utf8_lossy", "numbers are read from it"),
    ("src/kernel/release.rs", "raw", "the version is parsed"),
    ("src/os/terminal.rs", "to_string_lossy", "the locale is looked at"),
];

/// Formats of JSON carry text as it came: their writer escapes what is harmful (`src/render/json.rs`).
fn is_json(file: &str) -> bool {
    file.starts_with("src/render/") && file.ends_with("json.rs")
}

/// Which of these names are called behind a dot or a path, outside of tests.
fn calls(text: &str, names: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    gather(text.parse().unwrap(), names, &mut found);
    found
}

fn gather(tokens: TokenStream, names: &[&str], found: &mut BTreeSet<String>) {
    let mut behind = false;
    for token in outside_tests(tokens) {
        match &token {
            TokenTree::Ident(name) if behind && names.contains(&name.to_string().as_str()) => {
                found.insert(name.to_string());
            }
            TokenTree::Group(group) => gather(group.stream(), names, found),
            _ => {}
        }
        behind = matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), '.' | ':'));
    }
}

/// Without items under `#[cfg(test)]`.
fn outside_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let mut left = Vec::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        let is_test = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket
            && group.stream().to_string().replace(' ', "") == "cfg(test)");
        if !is_test {
            left.push(token);
            continue;
        }
        // Up to the end of the item.
        for token in tokens.by_ref() {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
                TokenTree::Punct(punct) if punct.as_char() == ';' => break,
                _ => {}
            }
        }
    }
    left
}

/// Errors that hold a path which they would print as it came: `thiserror` shows a `PathBuf` by itself.
fn printed_paths(text: &str) -> usize {
    let tokens = outside_tests(text.parse().unwrap());
    let mut is_error = false;
    let mut found = 0;
    for token in tokens {
        if let TokenTree::Group(group) = token {
            let inside = group.stream().to_string().replace(' ', "");
            match group.delimiter() {
                Delimiter::Bracket => {
                    is_error |= inside.starts_with("derive(") && inside.contains("thiserror::Error")
                }
                Delimiter::Brace if is_error => {
                    is_error = false;
                    found += inside.matches("PathBuf").count()
                        - inside.matches("Untrusted<PathBuf>").count();
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn text_from_outside_is_taken_as_it_came_where_it_is_listed() {
    let sources = Sources::read(Path::new(env!("CARGO_MANIFEST_DIR")), "src");
    let (mut wrong, mut met) = (Vec::new(), BTreeSet::new());
    for file in Crate::read(&sources).files {
        let text = sources.text(&file);
        if printed_paths(text) > 0 {
            wrong.push(format!(
                "{file}: an error with a PathBuf prints it as it came; make it Untrusted<PathBuf>"
            ));
        }
        let room = file.trim_start_matches("src/").split(['/', '.']).next();
        let is_reader = room.is_some_and(|room| READERS.contains(&room));
        for name in calls(text, &AS_IT_CAME) {
            // Paths have `shown`, everywhere.
            if name != "display" && (is_reader || name == "from_utf8_lossy" && is_json(&file)) {
                continue;
            }
            let listed = EXCEPTIONS
                .iter()
                .position(|(of, what, _)| *of == file && *what == name);
            match listed {
                Some(at) => drop(met.insert(at)),
                None => wrong.push(format!("{file}: .{name}() gives text from outside as it came; print it as it is, or list it here")),
            }
        }
    }
    let unmet = (0..EXCEPTIONS.len()).filter(|at| !met.contains(at));
    wrong.extend(unmet.map(|at| format!("listed and not called: {:?}", EXCEPTIONS[at])));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn calls_are_found_wherever_they_are() {
    let text = "fn f() { let raw = a.raw(); format!(\"{}\", b.raw()); String::from_utf8_lossy(c); raw(d) }\n\
        #[cfg(test)]\nmod tests { fn g() { e.raw(); } }\n#[cfg(test)]\nuse x::raw;\nfn h() { i.display() }";
    let found = Vec::from_iter(calls(text, &AS_IT_CAME));
    assert_eq!(found, ["display", "from_utf8_lossy", "raw"]);
    assert!(calls("fn f() { raw(d); let display = 1; }", &AS_IT_CAME).is_empty());
}

#[test]
fn errors_that_print_a_path_are_found() {
    let of = |path: &str| {
        format!(
            "#[derive(Debug, thiserror::Error)]\nenum E {{ #[error(\"{{path}}\")] A {{ path: {path} }} }}"
        )
    };
    assert_eq!(printed_paths(&of("PathBuf")), 1);
    assert_eq!(printed_paths(&of("Untrusted<PathBuf>")), 0);
    assert_eq!(printed_paths("struct S { path: PathBuf }"), 0);
}
