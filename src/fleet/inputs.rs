//! Which inputs are meant: files, those of a directory, those that fit a pattern.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fleet::problem::ProblemKind;
use crate::input::{STDIN, of_pattern};
use crate::order::sort_by;

/// What files with documents are called.
const ENDINGS: [&str; 3] = [".json", ".ndjson", ".jsonl"];

/// What may stand behind that, of a compressed file.
const PACKED: [&str; 4] = [".gz", ".xz", ".zst", ".bz2"];

/// Why a path leads to no input.
pub(crate) type Refusal = (ProblemKind, String);

fn unpacked(name: &str) -> &str {
    let stem = |ending: &&str| name.strip_suffix(*ending);
    PACKED.iter().find_map(stem).unwrap_or(name)
}

fn has_ending(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = unpacked(&name);
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn of_directory(dir: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let failed = |e: std::io::Error| {
        (
            ProblemKind::Unreadable,
            format!("cannot list the directory: {e}"),
        )
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if has_ending(&path) {
            found.push(path);
        }
    }
    if found.is_empty() {
        let text = format!(
            "no file in it ends with {} (or one of these and .gz, .xz, .zst or .bz2); name the files, or a pattern such as '*/report.json'",
            ENDINGS.join(", ")
        );
        return Err((ProblemKind::Empty, text));
    }
    sort_by(&mut found, Ord::cmp);
    Ok(found)
}

/// The inputs that `path` stands for: itself, the documents of a directory in order of their
/// names, or what fits a pattern that the shell left alone. A directory that a pattern finds is
/// an input that cannot be read, and says so later.
///
/// # Errors
/// Says why there is none.
pub(crate) fn expand(path: &Path) -> Result<Vec<PathBuf>, Refusal> {
    if path == Path::new(STDIN) {
        return Ok(vec![path.to_owned()]);
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => of_directory(path),
        Ok(_) => Ok(vec![path.to_owned()]),
        Err(_) => match of_pattern(path) {
            Some(found) => found.map_err(|why| (ProblemKind::Unreadable, why)),
            None => Ok(vec![path.to_owned()]),
        },
    }
}

/// The host that a file is of, by its name: `node7` for `node7.json` and `node7.report.json.gz`.
/// A file that is only called report or status is named after its directory.
#[must_use]
pub(crate) fn host_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut stem = unpacked(&name);
    for ending in ENDINGS.into_iter().chain([".report", ".status"]) {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    let dir = path.parent().and_then(Path::file_name);
    match dir {
        Some(dir) if matches!(stem, "report" | "status") => dir.to_string_lossy().into_owned(),
        _ => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_by_file_name() {
        for (path, host) in [
            ("node7.json", "node7"),
            ("results/node7.example.org.report.json", "node7.example.org"),
            ("node7.status.json.gz", "node7"),
            ("node7.report.json.zst", "node7"),
            ("node7.json.xz", "node7"),
            ("node7.ndjson.bz2", "node7"),
            ("node7.ndjson", "node7"),
            ("night/node7/report.json", "node7"),
            ("report.json", "report"),
            ("node7", "node7"),
            ("-", "-"),
        ] {
            assert_eq!(host_of(Path::new(path)), host, "{path}");
        }
    }
}
