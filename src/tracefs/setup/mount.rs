//! Where tracefs is mounted.

use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;
use rustix::mount::{MountFlags, UnmountFlags};

use crate::host::Host;
use crate::order::sort_by_key;
use crate::text::shown;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::patiently;

/// Where tracefs belongs.
pub(crate) const USUAL: &str = "/sys/kernel/tracing";

/// What the mount table calls a tracefs that was mounted here: a name of our own, so that
/// nobody else's is ever unmounted.
const SOURCE: &str = "ip6drop";

/// `TRACEFS_MAGIC` and `DEBUGFS_MAGIC` of `linux/magic.h`; before 4.1 tracing was in debugfs.
const MAGICS: [u64; 2] = [0x7472_6163, 0x6462_6720];

/// tracefs as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// Its mount point.
    pub(crate) at: PathBuf,
    /// True where the mount allows no writing.
    pub(crate) read_only: bool,
}

/// One line of the mount table.
#[derive(Debug, PartialEq, Eq)]
struct MountEntry {
    source: String,
    at: PathBuf,
    kind: String,
}

/// The mount table writes space, tab, newline and backslash as octal.
fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes
            .get(at + 1..at + 4)
            .filter(|_| bytes[at] == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = octal {
            out.push(byte);
            at += 4;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(out))
}

fn parse(table: &str) -> Vec<MountEntry> {
    table
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let source = words.next()?.to_owned();
            let at = unescape(words.next()?);
            let kind = words.next()?.to_owned();
            Some(MountEntry { source, at, kind })
        })
        .collect()
}

/// Candidates in the order in which they are tried: the usual place, any other tracefs, and
/// the directory inside debugfs where the kernel mounts it by itself on first use.
pub fn candidates(table: &str) -> Vec<PathBuf> {
    let lines = parse(table);
    let of = |kind: &str| -> Vec<PathBuf> {
        lines
            .iter()
            .filter(|line| line.kind == kind)
            .map(|line| line.at.clone())
            .collect()
    };
    let mut found = of("tracefs");
    sort_by_key(&mut found, |at| at != Path::new(USUAL));
    found.extend(of("debugfs").into_iter().map(|at| at.join("tracing")));
    found.dedup();
    found
}

fn is_tracefs(at: &Path) -> bool {
    rustix::fs::statfs(at)
        .is_ok_and(|stat| MAGICS.contains(&u64::try_from(stat.f_type).unwrap_or_default()))
}

fn mounted(at: &Path) -> Mounted {
    let stat = rustix::fs::statvfs(at);
    Mounted {
        at: at.to_owned(),
        read_only: stat.is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY)),
    }
}

/// Finds tracefs: `given` where the user names it, else by the mount table, verified by
/// file-system type.
///
/// # Errors
/// [`TraceError::Untraceable`] where it is not mounted or something else covers it.
pub(crate) fn find(host: &Host, given: Option<&Path>) -> Result<Mounted, TraceError> {
    if let Some(at) = given {
        if !at.is_dir() {
            return Err(TraceError::untraceable(
                format!("{} is not a directory", shown(at)),
                format!("mount it: mount -t tracefs tracefs {}", shown(at)),
            ));
        }
        return Ok(mounted(at));
    }
    let table = host
        .proc_text("self/mounts")
        .or_else(|| host.proc_text("mounts"))
        .unwrap_or_default();
    let candidates = candidates(&table);
    // One that can be written comes first.
    let there = candidates.iter().filter(|at| is_tracefs(at));
    if let Some(found) = there.map(|at| mounted(at)).min_by_key(|m| m.read_only) {
        return Ok(found);
    }
    let covered = candidates
        .iter()
        .find(|at| parse(&table).iter().any(|line| line.at == **at));
    Err(match covered {
        Some(at) => TraceError::untraceable(
            format!("tracefs at {} is covered by another mount", shown(at)),
            "run on the host, or give the container the host's /sys/kernel/tracing",
        ),
        None => TraceError::untraceable(
            "tracefs is not mounted",
            format!(
                "mount it with: mount -t tracefs tracefs {USUAL}, or let --mount do it; a container can be given the host's {USUAL}"
            ),
        ),
    })
}

/// Mounts tracefs at `at`.
///
/// # Errors
/// What the kernel answers.
pub(crate) fn mount(at: &Path) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    Ok(rustix::mount::mount(SOURCE, at, "tracefs", flags, None)?)
}

/// True where what is mounted at `at` is one that [`mount`] mounted, in this run or another.
#[must_use]
pub(crate) fn is_own(host: &Host, at: &Path) -> bool {
    is_ours(&host.proc_text("self/mounts").unwrap_or_default(), at)
}

/// True where the mount on top at `at` is one of ours.
fn is_ours(table: &str, at: &Path) -> bool {
    let mut there = parse(table).into_iter().filter(|line| line.at == at);
    there.next_back().is_some_and(|line| line.source == SOURCE)
}

/// What became of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmounted {
    /// It is gone.
    Gone,
    /// There is none of ours.
    NotOurs,
    /// This other run uses it, and it stays.
    UsedBy(u32),
}

/// Unmounts the tracefs at `at`, if it is one that [`mount`] mounted: after a run in another
/// mount namespace there is somebody else's, or none. While another run lives on it, the kernel
/// keeps it: each holds it open.
///
/// # Errors
/// What the kernel answers, after a few tries.
pub(crate) fn unmount(host: &Host, at: &Path) -> io::Result<Unmounted> {
    if !is_own(host, at) {
        return Ok(Unmounted::NotOurs);
    }
    let gone = patiently(|| Ok(rustix::mount::unmount(at, UnmountFlags::empty())?));
    let is_busy = gone
        .as_ref()
        .is_err_and(|e| e.kind() == io::ErrorKind::ResourceBusy);
    let users = if is_busy {
        host.users_of(at)
    } else {
        Vec::new()
    };
    let other = users.iter().find(|(pid, ..)| host.is_ip6drop(*pid));
    match (gone, other) {
        (Ok(()), _) => Ok(Unmounted::Gone),
        (Err(_), Some((pid, ..))) => Ok(Unmounted::UsedBy(*pid)),
        // Another run that ended at the same moment was faster.
        (Err(_), None) if !is_own(host, at) => Ok(Unmounted::NotOurs),
        (Err(e), None) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::tracefs::files::RealFs;

    #[test]
    fn the_mount_table_is_read() {
        let table = "proc /proc proc rw 0 0\ndebugfs /sys/kernel/debug debugfs rw 0 0\ntracefs /with\\040space tracefs rw 0 0\ntracefs /sys/kernel/tracing tracefs rw 0 0\n";
        assert_eq!(
            candidates(table),
            [
                PathBuf::from(USUAL),
                PathBuf::from("/with space"),
                PathBuf::from("/sys/kernel/debug/tracing"),
            ]
        );
    }

    #[test]
    fn only_a_mount_of_our_own_is_ours() {
        let at = Path::new(USUAL);
        let theirs = "tracefs /sys/kernel/tracing tracefs rw 0 0\n";
        let ours = "ip6drop /sys/kernel/tracing tracefs rw 0 0\n";
        assert!(is_ours(ours, at));
        assert!(is_ours(&format!("{theirs}{ours}"), at));
        assert!(!is_ours(&format!("{ours}{theirs}"), at));
        assert!(!is_ours(theirs, at));
        assert!(!is_ours(ours, Path::new("/elsewhere")));
    }

    #[test]
    fn a_mount_stays_as_long_as_somebody_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("at");
        let proc = dir.path().join("proc");
        let (fds, own) = (proc.join("77/fd"), proc.join("self"));
        for dir in [&at, &fds, &own] {
            std::fs::create_dir_all(dir).unwrap();
        }
        // Any file system will do.
        let flags = MountFlags::empty();
        if rustix::mount::mount(SOURCE, &at, "tmpfs", flags, None).is_err() {
            return;
        }
        let line = format!("{SOURCE} {} tmpfs rw 0 0\n", at.display());
        std::fs::write(own.join("mounts"), line).unwrap();
        let host = Host {
            proc: proc.clone(),
            sys: dir.path().join("sys"),
            state: "".into(),
        };
        let fs = RealFs::new(at.clone());
        let busy = unmount(&host, &at).unwrap_err();
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        // Another run, seen by the file that it has open.
        std::fs::write(proc.join("77/comm"), "ip6drop\n").unwrap();
        std::os::unix::fs::symlink(&at, fds.join("3")).unwrap();
        assert_eq!(unmount(&host, &at).unwrap(), Unmounted::UsedBy(77));
        drop(fs);
        assert_eq!(unmount(&host, &at).unwrap(), Unmounted::Gone);
        std::fs::write(own.join("mounts"), "").unwrap();
        assert_eq!(unmount(&host, &at).unwrap(), Unmounted::NotOurs);
    }

    #[test]
    fn something_else_over_tracefs_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let proc = dir.path().join("proc/self");
        std::fs::create_dir_all(&proc).unwrap();
        let host = Host {
            proc: dir.path().join("proc"),
            sys: dir.path().join("sys"),
            state: "".into(),
        };
        let unmounted = find(&host, None).unwrap_err();
        assert_eq!(unmounted.exit(), Exit::CannotTrace);
        assert!(unmounted.to_string().contains("mount -t tracefs"));
        let line = format!("tracefs {} tracefs rw 0 0\n", dir.path().display());
        std::fs::write(proc.join("mounts"), line).unwrap();
        let covered = find(&host, None).unwrap_err().to_string();
        assert!(covered.contains("covered"), "{covered}");
    }
}
