//! The undo journal: what to put back, on disk before it is changed.
//!
//! One directory (`/run/ip6drop`, 0700) holds `lock`, held by flock while a session lives,
//! and `journal`, one JSON object a line: a header, then every change in order. A journal
//! whose lock is free belongs to a process that died.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::text::shown;
use crate::tracefs::error::TraceError;
use crate::tracefs::undo::change::{Change, OTHER_VERSION, unreadable};

/// Where the journal is kept unless told otherwise.
pub(crate) const DEFAULT_STATE_DIR: &str = "/run/ip6drop";

/// The file that notes a mount of ours.
const MOUNT: &str = "mounted";

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalHeader {
    /// The format's version.
    pub(crate) version: u32,
    /// The boot it belongs to: another boot has nothing to put back.
    pub(crate) boot_id: String,
    /// The process that wrote it.
    pub(crate) pid: u32,
    /// The tracefs it speaks of.
    pub(crate) tracefs: PathBuf,
    /// The line that it was read from, with what only other versions know; none of our own.
    #[serde(skip)]
    line: Option<Vec<u8>>,
}

impl JournalHeader {
    fn line(&self) -> serde_json::Result<Vec<u8>> {
        match &self.line {
            Some(line) => Ok(line.clone()),
            None => serde_json::to_vec(self),
        }
    }
}

/// The journal of a process that died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Who wrote it, and of which tracefs.
    pub header: JournalHeader,
    /// The changes, in the order they were made.
    pub changes: Vec<Change>,
    /// True where the host has booted since: nothing is left to put back.
    pub(crate) rebooted: bool,
}

/// Who is told of changes where none is made, and no journal is kept.
pub(crate) trait Told: std::fmt::Debug {
    /// This change is about to be made.
    fn before(&self, change: &Change);
    /// All changes are about to be taken back.
    fn ending(&self);
}

/// Where journals are kept.
#[derive(Debug)]
enum Kept {
    /// In this directory, on disk.
    In {
        path: PathBuf,
        // Closing the file, by whatever end of the process, frees the lock.
        _lock: File,
    },
    /// Nowhere.
    Told(Rc<dyn Told>),
}

/// The state directory, locked for this process.
#[derive(Debug)]
pub struct StateDir {
    kept: Kept,
    boot_id: String,
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> TraceError {
    let path = path.into();
    move |source| TraceError::Journal {
        path,
        doing,
        source,
    }
}

/// True for a line that was cut short while it was written: it has no end, and is the beginning of
/// one that could be read.
fn is_cut(line: &[u8]) -> bool {
    let read = || serde_json::from_slice::<IgnoredAny>(line);
    !line.ends_with(b"\n") && read().is_err_and(|e| e.is_eof())
}

/// A directory of our own: made here, or one of this user that nobody else can write to, as a
/// container runtime makes it (0755). What lies in it is readable by its owner alone.
fn own_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let metadata = std::fs::symlink_metadata(path)?;
    let own = metadata.is_dir()
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode() & 0o022 == 0;
    if own {
        Ok(())
    } else {
        Err(io::Error::other(
            "not a directory that this user alone can write to; remove it",
        ))
    }
}

impl StateDir {
    /// Makes the directory where it is missing, and takes the lock. Journals of another boot than
    /// `boot_id` have nothing to put back.
    ///
    /// # Errors
    /// [`TraceError::Busy`] where another session lives, [`TraceError::Journal`] otherwise.
    pub fn open(path: &Path, boot_id: &str) -> Result<StateDir, TraceError> {
        own_directory(path).map_err(failed(path, "make the state directory"))?;
        let lock_path = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&lock_path)
            .map_err(failed(&lock_path, "open the lock"))?;
        // `is_stale` may hold it for an instant.
        let mut locked = flock(&lock, FlockOperation::NonBlockingLockExclusive);
        for _ in 0..5 {
            if locked != Err(Errno::WOULDBLOCK) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            locked = flock(&lock, FlockOperation::NonBlockingLockExclusive);
        }
        match locked {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let pid = std::fs::read_to_string(&lock_path).unwrap_or_default();
                let holder = match pid.trim() {
                    "" => String::new(),
                    pid => format!(" (pid {pid})"),
                };
                return Err(TraceError::Busy { holder });
            }
            Err(e) => return Err(failed(&lock_path, "lock")(e.into())),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(failed(&lock_path, "write the lock"))?;
        let path = path.to_owned();
        Ok(StateDir {
            kept: Kept::In { path, _lock: lock },
            boot_id: boot_id.to_owned(),
        })
    }

    /// No directory, for a tracefs of which nothing is changed.
    pub(crate) fn nowhere(told: Rc<dyn Told>) -> StateDir {
        StateDir {
            kept: Kept::Told(told),
            boot_id: String::new(),
        }
    }

    fn journal_path(&self) -> Option<PathBuf> {
        match &self.kept {
            Kept::In { path, .. } => Some(path.join("journal")),
            Kept::Told(_) => None,
        }
    }

    /// The journal as it is, with its path; `None` where there is none.
    fn text(&self) -> Result<Option<(PathBuf, Vec<u8>)>, TraceError> {
        let Some(path) = self.journal_path() else {
            return Ok(None);
        };
        match std::fs::read(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(&path, "read")(e)),
            Ok(text) => Ok(Some((path, text))),
        }
    }

    /// Removes a journal whose first line was cut short: its process died before any change. True
    /// where there was one.
    ///
    /// # Errors
    /// What the disk answers.
    pub(crate) fn clear_unbegun(&self) -> Result<bool, TraceError> {
        match self.text()? {
            Some((_, text)) if is_cut(&text) => self.remove().map(|()| true),
            _ => Ok(false),
        }
    }

    /// The journal of a process that died, where there is one.
    ///
    /// A line is on disk with its end before its change is made. So a last line that was cut short
    /// is of a change that was never made, and is passed over; any other line that cannot be read
    /// is a change of which nobody here knows how to take it back.
    ///
    /// # Errors
    /// Fails where a journal cannot be read, or not its first line: [`TraceError::Left`].
    pub fn stale(&self) -> Result<Option<Stale>, TraceError> {
        let Some((path, text)) = self.text()?.filter(|(_, text)| !is_cut(text)) else {
            return Ok(None);
        };
        let mut lines = (1..).zip(text.split_inclusive(|&b| b == b'\n'));
        let first = lines.next().map_or(&b""[..], |(_, line)| line);
        let first = first.strip_suffix(b"\n").unwrap_or(first);
        let mut header: JournalHeader = serde_json::from_slice(first).map_err(|_| {
            let (why, path) = (unreadable(first), shown(&path));
            TraceError::Left(format!(
                "not put back: all of {path}, for its line 1 ({why}); mend it with: {OTHER_VERSION}, or do by hand what it says, then rm {path}"
            ))
        })?;
        header.line = Some(first.to_owned());
        let mut changes: Vec<Change> = Vec::new();
        for (number, line) in lines.filter(|(_, line)| !is_cut(line)) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let change = Change::read(&path, number, line);
            changes.pop_if(|earlier| change.amends(earlier));
            changes.push(change);
        }
        let rebooted = header.boot_id != self.boot_id;
        Ok(Some(Stale {
            header,
            changes,
            rebooted,
        }))
    }

    /// Starts a journal for changes of the tracefs at `tracefs`.
    ///
    /// # Errors
    /// Fails where a stale journal is in the way, or the disk refuses.
    pub(crate) fn begin(&self, tracefs: &Path) -> Result<Journal, TraceError> {
        let dir = match &self.kept {
            Kept::In { path, .. } => path,
            Kept::Told(told) => return Ok(Journal::Told(Rc::clone(told))),
        };
        let path = dir.join("journal");
        let file = JournalFile::create(path, "make the journal", &self.header(tracefs))?;
        // The name has to last as well as the content.
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(failed(dir, "sync"))?;
        Ok(Journal::File(file))
    }

    /// Replaces the journal by what is left of it, or removes it where nothing is.
    ///
    /// # Errors
    /// What the disk answers.
    pub fn settle(&self, header: &JournalHeader, left: &[Change]) -> Result<(), TraceError> {
        if left.is_empty() {
            return self.remove();
        }
        let Some(path) = self.journal_path() else {
            return Ok(());
        };
        let fresh = path.with_extension("new");
        let _ = std::fs::remove_file(&fresh);
        let mut journal = JournalFile::create(fresh.clone(), "rewrite the journal", header)?;
        journal.lines(left.iter().map(Change::line))?;
        std::fs::rename(&fresh, &path).map_err(failed(&path, "replace"))
    }

    fn remove(&self) -> Result<(), TraceError> {
        self.journal_path().map_or(Ok(()), |path| remove(&path))
    }

    /// The header a journal of this process carries.
    #[must_use]
    pub(crate) fn header(&self, tracefs: &Path) -> JournalHeader {
        JournalHeader {
            version: 1,
            boot_id: self.boot_id.clone(),
            pid: std::process::id(),
            tracefs: tracefs.to_owned(),
            line: None,
        }
    }
}

/// An open journal.
#[derive(Debug)]
pub(crate) enum Journal {
    /// On disk.
    File(JournalFile),
    /// None is kept.
    Told(Rc<dyn Told>),
}

impl Journal {
    /// Writes changes that are made together, and waits until they are on disk.
    ///
    /// # Errors
    /// What the disk answers; none of them must be made then.
    pub(crate) fn push(&mut self, changes: &[Change]) -> Result<(), TraceError> {
        match self {
            Journal::File(file) => file.lines(changes.iter().map(Change::line)),
            Journal::Told(told) => {
                changes.iter().for_each(|change| told.before(change));
                Ok(())
            }
        }
    }

    /// What was changed is about to be taken back.
    pub(crate) fn ending(&self) {
        if let Journal::Told(told) = self {
            told.ending();
        }
    }
}

/// A journal on disk.
#[derive(Debug)]
pub(crate) struct JournalFile {
    file: File,
    path: PathBuf,
    /// How long it is without what could not be written whole.
    length: u64,
}

impl JournalFile {
    /// Makes the file, for its owner alone, with its first line.
    fn create(
        path: PathBuf,
        doing: &'static str,
        header: &JournalHeader,
    ) -> Result<JournalFile, TraceError> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(failed(&path, doing))?;
        let length = 0;
        let mut journal = JournalFile { file, path, length };
        journal.lines([header.line()])?;
        Ok(journal)
    }

    /// Writes these lines and waits until they are on disk.
    fn lines(
        &mut self,
        lines: impl IntoIterator<Item = serde_json::Result<Vec<u8>>>,
    ) -> Result<(), TraceError> {
        let mut text = Vec::new();
        for line in lines {
            text.extend(
                line.map_err(io::Error::from)
                    .map_err(failed(&self.path, "write"))?,
            );
            text.push(b'\n');
        }
        // Also what an earlier writing left half done: a line behind it would be part of it.
        let written = (self.file.set_len(self.length))
            .and_then(|()| self.file.write_all(&text))
            .and_then(|()| self.file.sync_all());
        written.map_err(failed(&self.path, "write"))?;
        self.length += text.len() as u64;
        Ok(())
    }
}

/// Notes on disk that tracefs is about to be mounted at `at`, for `restore` to find.
///
/// # Errors
/// What the disk answers; nothing must be mounted then.
pub(crate) fn note_mount(state: &Path, at: &Path) -> Result<(), TraceError> {
    own_directory(state).map_err(failed(state, "make the state directory"))?;
    let path = state.join(MOUNT);
    let written = std::fs::write(&path, at.as_os_str().as_encoded_bytes())
        .and_then(|()| File::open(&path)?.sync_all());
    written.map_err(failed(&path, "write"))
}

/// Where a killed run left tracefs mounted.
#[must_use]
pub(crate) fn noted_mount(state: &Path) -> Option<PathBuf> {
    let bytes = std::fs::read(state.join(MOUNT)).ok()?;
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

/// Forgets the mount; it is gone.
///
/// # Errors
/// What the disk answers.
pub(crate) fn forget_mount(state: &Path) -> Result<(), TraceError> {
    remove(&state.join(MOUNT))
}

/// Removes a file, where there is one.
fn remove(path: &Path) -> Result<(), TraceError> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(path, "remove")(e)),
        _ => Ok(()),
    }
}

/// True where a journal lies in `path` and nobody holds its lock: a killed run left tracing
/// state behind, and `ip6drop restore` puts it back. Needs no privilege; where the directory
/// may not be read the answer is no.
#[must_use]
pub(crate) fn is_stale(path: &Path) -> bool {
    if !path.join("journal").exists() {
        return false;
    }
    let Ok(lock) = File::open(path.join("lock")) else {
        return false;
    };
    flock(&lock, FlockOperation::NonBlockingLockShared).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn change(path: &str) -> Change {
        Change::Value {
            path: path.to_owned(),
            before: "0".to_owned(),
            after: "1".to_owned(),
            read_back: None,
            between: Vec::new(),
        }
    }

    #[test]
    fn a_journal_outlives_its_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let state = StateDir::open(&path, "one").unwrap();
        assert_eq!(state.stale().unwrap(), None);
        let mut journal = state.begin(Path::new("/t")).unwrap();
        journal.push(&[change("a"), change("b")]).unwrap();
        assert!(!is_stale(&path), "its session is alive");
        drop((journal, state));
        assert!(is_stale(&path));

        // A line cut off by the end of the process is passed over.
        let mut file = OpenOptions::new()
            .append(true)
            .open(path.join("journal"))
            .unwrap();
        file.write_all(b"{\"change\":\"val").unwrap();
        let state = StateDir::open(&path, "one").unwrap();
        let stale = state.stale().unwrap().unwrap();
        assert_eq!(stale.changes, [change("a"), change("b")]);
        assert!(!stale.rebooted);
        state.settle(&stale.header, &stale.changes[..1]).unwrap();
        assert_eq!(state.stale().unwrap().unwrap().changes, [change("a")]);
        state.settle(&stale.header, &[]).unwrap();
        assert_eq!(state.stale().unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path(), "one").unwrap();
        let path = dir.path().join("journal");
        let newer = r#"{"version":2,"boot_id":"one","pid":7,"tracefs":"/t","netns":4}"#;
        let known = |name: &str| String::from_utf8(change(name).line().unwrap()).unwrap();
        let (a, b) = (known("a"), known("b"));
        let text = format!("{newer}\n{a}\n{{\"change\":\"cpus\"}}\n{b}\n\0\u{1}\n{{\"cha");
        std::fs::write(&path, text).unwrap();
        let stale = state.stale().unwrap().unwrap();
        let whats: Vec<String> = stale.changes.iter().map(Change::what).collect();
        let line = |number: usize| format!("line {number} of {}", shown(&path));
        assert_eq!(whats, ["a back to 0", &line(3), "b back to 0", &line(5)]);
        state.settle(&stale.header, &stale.changes[1..]).unwrap();
        let kept = std::fs::read_to_string(&path).unwrap();
        let lines = format!("{newer}\n{{\"change\":\"cpus\"}}\n{b}\n\0\u{1}\n");
        assert_eq!(kept, lines);
    }

    #[test]
    fn a_full_disk_leaves_no_half_line_in_front_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let none = rustix::mount::MountFlags::empty();
        let size = c"size=12k";
        if rustix::mount::mount("none", dir.path(), "tmpfs", none, size).is_err() {
            return;
        }
        std::fs::set_permissions(
            dir.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )
        .unwrap();
        let state = StateDir::open(dir.path(), "one").unwrap();
        let mut journal = state.begin(Path::new("/t")).unwrap();
        let other = dir.path().join("other");
        std::fs::write(&other, "something").unwrap();
        let mut pushed = 0;
        while journal.push(&[change(&"x".repeat(100))]).is_ok() {
            pushed += 1;
        }
        std::fs::remove_file(&other).unwrap();
        journal.push(&[change("y")]).unwrap();
        let read = state.stale();
        drop((journal, state));
        rustix::mount::unmount(dir.path(), rustix::mount::UnmountFlags::empty()).unwrap();
        let changes = read.unwrap().unwrap().changes;
        assert_eq!(changes.len(), pushed + 1);
        assert_eq!(changes.last(), Some(&change("y")));
    }

    #[test]
    fn another_boot_has_nothing_to_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let state = StateDir::open(&path, "one").unwrap();
        state.begin(Path::new("/t")).unwrap();
        drop(state);
        let state = StateDir::open(&path, "two").unwrap();
        assert!(state.stale().unwrap().unwrap().rebooted);
    }

    #[test]
    fn one_session_at_a_time_and_only_where_nobody_else_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let first = StateDir::open(&path, "one").unwrap();
        let busy = StateDir::open(&path, "one").unwrap_err();
        assert!(matches!(&busy, TraceError::Busy { holder } if holder.contains("pid")));
        assert_eq!(busy.exit(), Exit::CannotTrace);
        drop(first);
        StateDir::open(&path, "one").unwrap();

        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(StateDir::open(&link, "one").is_err());
        for (mode, taken) in [(0o755, true), (0o775, false), (0o757, false)] {
            let mut open = std::fs::metadata(&path).unwrap().permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut open, mode);
            std::fs::set_permissions(&path, open).unwrap();
            assert_eq!(StateDir::open(&path, "one").is_ok(), taken, "{mode:o}");
        }
        let lock = std::fs::metadata(path.join("lock")).unwrap();
        assert_eq!(lock.mode() & 0o777, 0o600);
    }
}
