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
        // As it was listed: by now its recorder may have put a compressed file in its place, which
        // is not in this list.
        let kind = entry.file_type()?;
        let is_file = kind.is_file() || kind.is_symlink() && path.is_file();
        if !hidden && is_file {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A list made while a recorder puts compressed files in place of plain ones.
    #[test]
    fn a_file_that_gets_another_name_is_in_every_list() {
        let dir = tempfile::tempdir().unwrap();
        let [plain, hidden, packed] = ["1", ".1.gz", "1.gz"].map(|name| dir.path().join(name));
        fs::write(&plain, "").unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    fs::write(&hidden, "").unwrap();
                    fs::rename(&hidden, &packed).unwrap();
                    fs::remove_file(&plain).unwrap();
                    fs::write(&plain, "").unwrap();
                    fs::remove_file(&packed).unwrap();
                }
            });
            let lists = (0..20_000).map(|_| of_directory(dir.path()).unwrap().len());
            let least = lists.min();
            is_over.store(true, Ordering::SeqCst);
            assert_eq!(least, Some(1));
        });
    }
}
