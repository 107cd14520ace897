//! Which files a name on the command line stands for, where it is a directory or a pattern.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::order::sort_by;

/// The files of a directory in order of their names: no hidden ones, and none below it.
///
/// # Errors
/// Where it cannot be listed.
pub(crate) fn of_directory(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let path = entry.path();
        if !hidden && path.is_file() {
            found.push(path);
        }
    }
    sort_by(&mut found, Ord::cmp);
    Ok(found)
}

/// What fits a pattern that the shell left alone; `None` where `path` is none, or there.
pub(crate) fn of_pattern(path: &Path) -> Option<Result<Vec<PathBuf>, String>> {
    let text = path
        .to_str()
        .filter(|text| text.contains(['*', '?', '[']))?;
    if path.exists() {
        return None;
    }
    let found = || {
        let paths = glob::glob(text).map_err(|e| format!("no pattern: {e}"))?;
        paths
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| e.to_string())
    };
    Some(found().and_then(|found| match found.is_empty() {
        true => Err("no file fits this pattern".to_owned()),
        false => Ok(found),
    }))
}
