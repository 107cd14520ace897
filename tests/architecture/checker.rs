//! The checker itself, on made-up sources.

use super::order::{ROOMS as ROOMS_OF_THE_SOURCE, Room, violations};
use super::source::{Crate, Sources};

const ROOMS: &[Room] = &[("low", &[]), ("high", &["low"])];

const LIB: (&str, &str) = ("src/lib.rs", "pub mod high;\npub mod low;\n");

/// What the checker says to files below `src/lib.rs`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let sources = Sources::of(&[&[LIB], files].concat());
    violations(&sources, ROOMS)
}

/// `from:line -> to` of files below `src/lib.rs`.
fn imports(files: &[(&str, &str)]) -> Vec<String> {
    let source = Crate::read(&Sources::of(&[&[LIB], files].concat()));
    let imports = source.imports.iter();
    imports
        .map(|it| format!("{}:{} -> {}", it.from, it.line, it.to))
        .collect()
}

#[test]
fn imports_downwards_pass() {
    let high = "use crate::low::Low;\npub struct High(Low);\n";
    let none: Vec<String> = vec![];
    assert_eq!(
        found(&[("src/high.rs", high), ("src/low.rs", "pub struct Low;")]),
        none
    );
}

#[test]
fn an_import_upwards_is_found() {
    let low = "pub struct Low;\n\nfn f() -> u8 {\n    crate::high::g()\n}\n";
    assert_eq!(
        found(&[
            ("src/high.rs", "pub fn g() -> u8 { 1 }"),
            ("src/low.rs", low)
        ]),
        ["against the direction: src/low.rs:4 -> src/high.rs"]
    );
}

#[test]
fn a_room_that_opens_files_is_found_where_it_may_not() {
    let text = ("src/text.rs", "use std::io::Read;\nuse std::{fmt, fs};\n");
    let host = ("src/host.rs", text.1);
    let sources = Sources::of(&[("src/lib.rs", "mod host;\nmod text;\n"), text, host]);
    let found = violations(&sources, &[("text", &[]), ("host", &[])]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0], "asks the system: src/text.rs:2 -> std::fs");
}

#[test]
fn the_table_of_rooms_goes_upwards() {
    for (place, (room, may)) in ROOMS_OF_THE_SOURCE.iter().enumerate() {
        for import in *may {
            let below = ROOMS_OF_THE_SOURCE[..place].iter();
            assert!(
                below.clone().any(|(room, _)| room == import),
                "{room}: {import}"
            );
        }
    }
}

#[test]
fn nobody_imports_from_the_root() {
    assert_eq!(
        found(&[("src/high.rs", ""), ("src/low.rs", "use crate::Secret;")]),
        ["against the direction: src/low.rs:1 -> src/lib.rs"]
    );
}

#[test]
fn a_room_that_is_not_in_the_table_is_found() {
    let files = [("src/lib.rs", "mod cellar;"), ("src/cellar/mod.rs", "")];
    let found = violations(&Sources::of(&files), ROOMS);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0], "src/cellar is no room that is known");
}

#[test]
fn a_circle_is_found_through_parents_and_children_too() {
    let siblings = [
        ("src/high.rs", ""),
        ("src/low/mod.rs", "mod a;\nmod b;\nmod c;\n"),
        ("src/low/a.rs", "use super::b::B;\npub struct A;"),
        ("src/low/b.rs", "\nuse crate::low::c;\n"),
        ("src/low/c.rs", "pub fn f(_: super::a::A) {}"),
    ];
    assert_eq!(
        found(&siblings),
        ["circle: src/low/a.rs:1 -> src/low/b.rs:2 -> src/low/c.rs:1 -> src/low/a.rs"]
    );
    let parent = [
        ("src/high.rs", ""),
        ("src/low/mod.rs", "mod a;\npub use a::A;\n"),
        ("src/low/a.rs", "pub struct A(super::B);"),
    ];
    assert_eq!(
        found(&parent),
        ["circle: src/low/a.rs:1 -> src/low/mod.rs:2 -> src/low/a.rs"]
    );
    // `mod` alone imports nothing.
    let child = [
        parent[0],
        ("src/low/mod.rs", "mod a;\npub struct B;"),
        parent[2],
    ];
    assert_eq!(imports(&child), ["src/low/a.rs:1 -> src/low/mod.rs"]);
    assert!(found(&child).is_empty());
}

#[test]
fn every_way_to_name_a_path_is_an_import() {
    let low = "pub mod deep;\npub struct Low;\npub mod inner { pub fn f() {} }\n";
    for (line, high) in [
        "use crate::low::{self, deep::D};",
        "use crate::{high, low as l}; fn f() { l::deep::g() }",
        "fn f() { use super::low; let _: Vec<low::deep::D>; }",
        "fn f() { println!(\"{}\", crate::low::deep::g()) }",
        "fn f(x: u8) -> bool { matches!(x, crate::low::deep::ONE | 2) }",
        "#[arg(value_parser = crate::low::deep::g)] struct S;",
        "#[serde(with = \"crate::low::deep\")] struct S;",
        "impl crate::low::deep::T for u8 {}",
        "mod own { use super::super::low::deep::*; }",
        "use ip6drop::low::deep::D;",
    ]
    .iter()
    .enumerate()
    {
        let text = format!("{}{high}", "\n".repeat(line));
        let files = [
            ("src/high.rs", &*text),
            ("src/low/mod.rs", low),
            ("src/low/deep.rs", ""),
        ];
        let wanted = format!("src/high.rs:{} -> src/low/deep.rs", line + 1);
        assert!(
            imports(&files).contains(&wanted),
            "{high}: {:?}",
            imports(&files)
        );
    }
    let inner = [
        ("src/high.rs", "use crate::low::inner::f;"),
        ("src/low.rs", "pub mod inner {}"),
    ];
    assert_eq!(imports(&inner), ["src/high.rs:1 -> src/low.rs"]);
}

#[test]
fn what_only_looks_like_an_import_is_none() {
    let low = "//! See [`crate::high`].\nuse std::high::x;\nuse ::high::y;\n\
        pub(in crate::high) struct Low;\nfn f(high: u8) -> u8 { high.pow(2) }\n";
    assert!(imports(&[("src/high.rs", ""), ("src/low.rs", low)]).is_empty());
}

#[test]
fn tests_are_left_out() {
    let tests = format!(
        "#[cfg(test)]\nmod tests {{\n    use crate::high::High;\n{}}}\n\
         #[cfg(test)]\nmod more;\n#[cfg(test)]\nuse crate::high;\n",
        "    fn f() {}\n".repeat(600)
    );
    let files = [
        ("src/high.rs", ""),
        ("src/low.rs", &*tests),
        ("src/low/more.rs", "?"),
    ];
    assert!(found(&files).is_empty());
}

#[test]
fn long_files_and_functions_are_found() {
    let body = |lines| {
        format!(
            "impl Low {{\n    fn f() {{\n{}    }}\n}}\n",
            "\n".repeat(lines)
        )
    };
    let files = |low: String| found(&[("src/high.rs", ""), ("src/low.rs", &low)]);
    assert!(files(body(78)).is_empty());
    assert_eq!(
        files(body(79)),
        ["too long: src/low.rs:2: f has 81 lines, at most 80"]
    );
    assert!(files("\n".repeat(500)).is_empty());
    assert_eq!(
        files("\n".repeat(501)),
        ["too long: src/low.rs:1: the file has 501 lines, at most 500"]
    );
}
