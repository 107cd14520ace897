//! What `--version` shows besides the version: commit and target.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// True where the repository is this project's own, and not one that the source lies in.
fn is_own_repository() -> bool {
    let top = git(&["rev-parse", "--show-toplevel"]);
    let here = std::env::var("CARGO_MANIFEST_DIR").ok();
    top.is_some() && top == here
}

fn main() {
    // Without git, as in a packaged source, the commit is not known.
    let own = is_own_repository();
    let git = |arguments: &[&str]| own.then(|| git(arguments)).flatten();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=IP6DROP_COMMIT={commit}");
    println!("cargo::rustc-env=IP6DROP_TARGET={target}");
    // A commit, a checkout and a rebase each write the log.
    for path in ["logs/HEAD", "HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
}
