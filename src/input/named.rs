//! Which files a name on the command line stands for, where it is a directory or a pattern.

use std::fs::{self, FileType};
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
        if !hidden && may_be_file(entry.file_type(), &path) {
            found.push(path);
        }
    }
    sort_by(&mut found, Ord::cmp);
    Ok(found)
}

/// As it was listed: by now its recorder may have put a compressed file in its place, which is not
/// in the list. A file system that lists no kinds (XFS with `ftype=0`) is asked for each by its
/// name, and may not find it any more.
fn may_be_file(listed: io::Result<FileType>, path: &Path) -> bool {
    listed.map_or(true, |kind| {
        kind.is_file() || kind.is_symlink() && path.is_file()
    })
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
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_name_without_a_kind_stays_in_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("dir")).unwrap();
        symlink("file", at("link")).unwrap();
        symlink("nothing", at("broken")).unwrap();
        let kind = |name: &str| at(name).symlink_metadata().map(|m| m.file_type());
        let names = ["file", "link", "gone", "dir", "broken"];
        let may_be = names.map(|name| may_be_file(kind(name), &at(name)));
        assert_eq!(may_be, [true, true, true, false, false]);
        let listed = of_directory(dir.path()).unwrap();
        assert_eq!(listed, [at("file"), at("link")]);
    }

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
