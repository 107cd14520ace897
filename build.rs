//! What `--version` shows besides the version: commit and target. And the schema, packed.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::DeflateEncoder;

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

/// Packs the schema, 60 KB of text in which much is alike.
fn pack_schema() -> std::io::Result<()> {
    const SCHEMA: &str = "schema/ip6drop.json";
    println!("cargo::rerun-if-changed={SCHEMA}");
    let out = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&std::fs::read(SCHEMA)?)?;
    std::fs::write(
        Path::new(&out).join("ip6drop.json.deflate"),
        packed.finish()?,
    )
}

fn main() -> std::io::Result<()> {
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
    // Tables of addresses take a tenth of the room. Where the C library is linked in, no older one
    // than the one it was built with has to read them.
    let features = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if features.split(',').any(|feature| feature == "crt-static") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    println!("cargo::rerun-if-changed=build.rs");
    pack_schema()
}
