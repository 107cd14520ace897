//! Checked-in files that the program generates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use common::{fixture, ip6drop};

#[test]
fn completions_are_up_to_date() {
    for (shell, name) in [
        ("bash", "ip6drop.bash"),
        ("zsh", "_ip6drop"),
        ("fish", "ip6drop.fish"),
    ] {
        let output = ip6drop(["generate", "completions", shell]);
        assert!(output.status.success());
        let path = fixture("../completions").join(name);
        let saved = std::fs::read(&path).unwrap_or_default();
        assert!(
            saved == output.stdout,
            "{} is old: run `ip6drop generate completions {shell} > completions/{name}`",
            path.display()
        );
    }
}
