//! `diagnose` where nothing can be traced, and how it takes its arguments. What it does on a
//! host that can be traced is proved in tests/vm.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/tree.rs"]
mod tree;

use common::{ip6drop, stderr, stdout};
use tree::Tree;

#[test]
fn a_host_that_cannot_be_traced_is_still_looked_at() {
    let tree = Tree::new(200, 64);
    tree.set("empty/README", "");
    let marker = tree.path("marker");
    let path = |name: &str| tree.path(name).display().to_string();
    let output = ip6drop([
        "diagnose",
        "--format=json",
        &format!("--tracefs={}", path("empty")),
        &format!("--proc={}", path("proc")),
        &format!("--sys={}", path("sys")),
        &format!("--state-dir={}", path("run")),
        &format!("--trigger=touch {}", marker.display()),
        &format!("--keep={}", path("capture.txt")),
    ]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    let said = stderr(&output);
    assert!(
        said.contains("the counters say: IPv6 route cache exhausted: over its limit"),
        "{said}"
    );
    assert!(!marker.exists(), "the trigger runs only while tracing");
    assert!(!tree.path("capture.txt").exists());
}

#[test]
fn arguments_that_make_no_sense_are_named() {
    for (args, word) in [
        (&["--spread"][..], "--trigger"),
        (&["--keep", "-"], "standard output is the report's"),
        (&["--stop-after", "0"], "--stop-after"),
        (&["--duration", "soon"], "soon"),
        (&["--format", "folded"], "folded"),
        (&["--dst", "192.0.2.1"], "write an IPv6 address"),
        // The pseudonyms are in the text before it is looked at.
        (&["--dst", "fd00::1", "--anonymize"], "--anonymize"),
        (&["--anonymize=key", "--port", "53"], "--port"),
    ] {
        let output = ip6drop(["diagnose"].iter().chain(args));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).contains(word),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}
