//! What `--version` shows besides the version: commit and target. And the schema, packed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

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

/// The commit of a source without git: an archive of a commit says it, and so does what `cargo package`
/// has made, unless that held changes that were in no commit.
fn noted_commit() -> Option<String> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (archived, packaged) = (read("packaging/commit"), read(".cargo_vcs_info.json"));
    if packaged.contains("\"dirty\": true") {
        return None;
    }
    let (_, packaged) = packaged.split_once("\"sha1\": \"").unwrap_or_default();
    let is_hash = |text: &&str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut first = [&*archived, packaged].into_iter();
    let hash = first.find_map(|text| text.get(..12).filter(is_hash))?;
    Some(hash.to_owned())
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

/// True where the C library of this machine goes into the binary and reads packed relocations:
/// glibc can since 2.36.
fn reads_packed_relocations() -> Option<bool> {
    let of = |name| std::env::var(name).ok();
    let is_static = of("CARGO_CFG_TARGET_FEATURE")?.contains("crt-static");
    if !is_static || of("CARGO_CFG_TARGET_ENV")? != "gnu" || of("TARGET")? != of("HOST")? {
        return None;
    }
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?) >= (2, 36))
}

/// True where the linker keeps one of functions that are the same: lld does, and others do not know
/// the option. Tried where the file that is shipped is made, for it takes a moment.
fn folds_functions() -> Option<bool> {
    let of = |name| std::env::var(name).ok();
    if !of("CARGO_CFG_TARGET_FEATURE")?.contains("crt-static") {
        return None;
    }
    let mut rustc = Command::new(of("RUSTC")?);
    rustc.args(["--target", &of("TARGET")?, "--crate-name=folds", "-"]);
    rustc.args(["--out-dir", &of("OUT_DIR")?, "-Clink-arg=-Wl,--icf=all"]);
    rustc.args(of("RUSTC_LINKER").map(|linker| format!("-Clinker={linker}")));
    let flags = of("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    let rustc = rustc.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut rustc = rustc.stderr(Stdio::null()).spawn().ok()?;
    rustc.stdin.take()?.write_all(b"fn main() {}").ok()?;
    Some(rustc.wait().ok()?.success())
}

fn main() -> std::io::Result<()> {
    let own = is_own_repository();
    let git = |arguments: &[&str]| own.then(|| git(arguments)).flatten();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).or_else(noted_commit);
    let commit = commit.unwrap_or_else(|| "unknown".to_owned());
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=IP6DROP_COMMIT={commit}");
    println!("cargo::rustc-env=IP6DROP_TARGET={target}");
    // A commit, a checkout and a rebase each write the log.
    for path in ["logs/HEAD", "HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    if reads_packed_relocations() == Some(true) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    if folds_functions() == Some(true) {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
    println!("cargo::rerun-if-changed=build.rs");
    pack_schema()
}
