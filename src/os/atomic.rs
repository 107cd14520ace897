//! Replaces a file as a whole, so that no reader ever sees half of it.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// Mode of a new file: collectors run as another user and must read it.
const MODE: u32 = 0o644;

/// Writes `bytes` to `path` by way of a temporary file beside it and a rename.
///
/// What is there and no regular file (a pipe, `/dev/stdout`) is written to directly; a
/// symbolic link keeps pointing where it does; a file that is there keeps its mode.
///
/// # Errors
/// Those of the file system; the old file is then as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let existing = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    if existing
        .as_ref()
        .is_some_and(|metadata| !metadata.is_file())
    {
        return fs::OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(bytes);
    }
    let target = match &existing {
        Some(_) => fs::canonicalize(path)?,
        None => path.to_owned(),
    };
    let dir = match target.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    // The collector reads *.prom only, and so never this one.
    let mut file = NamedTempFile::with_prefix_in(".ip6drop-", dir)?;
    let permissions = existing.map_or_else(|| Permissions::from_mode(MODE), |m| m.permissions());
    file.as_file().set_permissions(permissions)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(&target).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn replaces_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.prom");
        replace(&path, b"one").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"one".to_vec(), 0o644)
        );
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let open = fs::File::open(&path).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"two".to_vec(), 0o600)
        );
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        // Whoever had the old file open still reads the old one.
        assert_eq!(io::read_to_string(open).unwrap(), "one");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            2,
            "nothing is left over"
        );
    }

    #[test]
    fn devices_are_written_to() {
        replace(Path::new("/dev/null"), b"x").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().permissions().mode() & 0o170_000 == 0o020_000);
    }
}
