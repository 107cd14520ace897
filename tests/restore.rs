//! `restore` where it cannot read all of a journal, or finds no tracefs: it does what it can, keeps
//! the rest, and says so with status 4.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/tree.rs"]
mod tree;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{command, stderr, stdout};
use tree::Tree;

const BOOT: &str = "6f1ed002-ab5d-4c2e-9c4d-0c1a2b3c4d5e";
const NEWER: &str = r#"{"change":"cpus","path":"tracing_cpumask","before":"f"}"#;

/// A host on which a run was killed after these changes, and what it changed.
fn killed(changes: &[&str]) -> Tree {
    let tree = Tree::traceable();
    tree.set("proc/sys/kernel/random/boot_id", &format!("{BOOT}\n"));
    tree.set("tracefs/tracing_on", "0\n");
    tree.set("tracefs/buffer_size_kb", "512\n");
    let header = format!(
        r#"{{"version":1,"boot_id":"{BOOT}","pid":77,"tracefs":"{}"}}"#,
        tree.path("tracefs").display()
    );
    let lines = [&[&*header], changes].concat().join("\n") + "\n";
    tree.set("state/journal", &lines);
    fs::set_permissions(tree.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
    tree
}

/// The journal of a run that set two values, with a change in between that is not known.
fn newer() -> Tree {
    let value = |path: &str, before: &str, after: &str| {
        format!(r#"{{"change":"value","path":"{path}","before":"{before}","after":"{after}"}}"#)
    };
    let [size, on] = [
        value("buffer_size_kb", "7", "512"),
        value("tracing_on", "1", "0"),
    ];
    killed(&[&size, NEWER, &on])
}

/// What a command ends with and says; `None` where it takes another user.
fn run(tree: &Tree, name: &str) -> Option<(i32, String)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let mut command = command();
    let output = command
        .arg(name)
        .args(tree.tracing_roots())
        .output()
        .unwrap();
    let said = stdout(&output) + &stderr(&output);
    Some((output.status.code().unwrap(), said))
}

fn text(tree: &Tree, name: &str) -> String {
    fs::read_to_string(tree.path(name)).unwrap_or_default()
}

#[test]
fn a_change_that_is_not_known_is_named_and_kept_and_the_others_are_put_back() {
    let tree = newer();
    let Some((status, said)) = run(&tree, "restore") else {
        return;
    };
    assert_eq!(status, 4, "{said}");
    let [on, size] = ["tracing_on back to 1", "buffer_size_kb back to 7"];
    assert!(said.find(on).unwrap() < said.find(size).unwrap(), "{said}");
    assert_eq!(text(&tree, "tracefs/tracing_on"), "1\n");
    assert_eq!(text(&tree, "tracefs/buffer_size_kb"), "7\n");
    // The number is that of the line in the file as it is now.
    let journal = tree.path("state/journal");
    let line = format!("not put back: line 2 of {} (", journal.display());
    assert!(said.contains(&line) && said.contains(NEWER), "{said}");
    assert_eq!(text(&tree, "state/journal").lines().nth(1), Some(NEWER));
    // Nothing is traced on top of that.
    let (status, said) = run(&tree, "check").unwrap();
    assert_eq!(status, 4, "{said}");
    assert!(said.contains(&line), "{said}");
    // What is advised ends it.
    let sed = format!("sed -i 2d {}", journal.display());
    assert!(said.contains(&sed), "{said}");
    tree.set(
        "state/journal",
        text(&tree, "state/journal").lines().next().unwrap(),
    );
    assert_eq!(run(&tree, "restore").unwrap().0, 0);
    assert!(!journal.exists());
}

#[test]
fn a_journal_that_begins_with_something_else_stays_as_it_is() {
    let tree = newer();
    let other = text(&tree, "state/journal").replace("boot_id", "boot");
    tree.set("state/journal", &other);
    for name in ["restore", "check"] {
        let Some((status, said)) = run(&tree, name) else {
            return;
        };
        assert_eq!(status, 4, "{said}");
        let line = format!("{}, for its line 1 (", tree.path("state/journal").display());
        assert!(said.contains(&line), "{said}");
        assert_eq!(text(&tree, "state/journal"), other);
        assert_eq!(text(&tree, "tracefs/buffer_size_kb"), "512\n");
    }
}

#[test]
fn where_tracefs_is_gone_nothing_counts_as_put_back() {
    let tree = newer();
    let lines: Vec<String> = text(&tree, "state/journal")
        .lines()
        .map(str::to_owned)
        .collect();
    tree.set("state/journal", &format!("{}\n{}\n", lines[0], lines[1]));
    fs::rename(tree.path("tracefs"), tree.path("elsewhere")).unwrap();
    fs::create_dir(tree.path("tracefs")).unwrap();
    let Some((status, said)) = run(&tree, "restore") else {
        return;
    };
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("holds no tracing files any more"), "{said}");
    assert!(said.contains("mend it with: mount -t tracefs"), "{said}");
    assert!(text(&tree, "state/journal").contains(&lines[1]), "{said}");
    // A kernel has one tracefs, wherever it is mounted.
    let mut roots = tree.tracing_roots();
    roots[1] = tree.path("elsewhere").into();
    let output = command().arg("restore").args(roots).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(text(&tree, "elsewhere/buffer_size_kb"), "7\n");
    assert!(!tree.path("state/journal").exists());
}

#[test]
fn a_journal_that_had_only_begun_is_removed_and_it_is_said() {
    let tree = newer();
    let begun = text(&tree, "state/journal")[..20].to_owned();
    tree.set("state/journal", &begun);
    let Some((status, said)) = run(&tree, "restore") else {
        return;
    };
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("had only begun its undo journal"), "{said}");
    assert!(!tree.path("state/journal").exists());
    assert_eq!(text(&tree, "tracefs/buffer_size_kb"), "512\n");
}

#[test]
fn a_journal_that_cannot_be_rewritten_is_kept_and_what_is_left_is_said() {
    let tree = newer();
    let before = text(&tree, "state/journal");
    fs::create_dir(tree.path("state/journal.new")).unwrap();
    let Some((status, said)) = run(&tree, "restore") else {
        return;
    };
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("not put back: line 2 of"), "{said}");
    assert!(said.contains("rewrite the journal: File exists"), "{said}");
    assert_eq!(text(&tree, "state/journal"), before);
}
