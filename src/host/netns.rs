//! Network namespaces of the node: which there are, whose they are, and reading inside one.
//!
//! A namespace is known by device and inode of its `/proc/PID/ns/net`. Its counters and
//! sysctls are those of the thread that reads them, so a helper thread enters it, reads, and
//! ends.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::host::counters::{NetNsReading, read_namespace};
use crate::host::read::read_text;
use crate::host::roots::Host;
use crate::kernel::sysctls::SYSCTLS;
use crate::order::sort_by_key;
use crate::text::Untrusted;

/// Where `ip netns` and container runtimes keep names of namespaces.
pub(crate) const RUN_DIRS: [&str; 2] = ["/run/netns", "/run/docker/netns"];

/// Most processes and names looked at.
const MAX_ENTRIES: usize = 1 << 20;

/// Device and inode of a namespace file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Device; that of nsfs, unless the file is something else.
    pub device: u64,
    /// Inode; the number in `net:[…]`.
    pub inode: u64,
}

/// A process that names a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Process id: the lowest in the namespace.
    pub pid: u32,
    /// Its name, as chosen by whoever runs it.
    pub comm: Vec<u8>,
    /// The UID of the pod whose cgroup it is in.
    pub pod: Option<Untrusted>,
}

/// A network namespace, and how to find it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetNs {
    /// Which it is; `None` where the procfs given has no namespace files.
    pub id: Option<Id>,
    /// Whether it is the node's own, that of process 1; `None` where that may not be seen.
    pub init: Option<bool>,
    /// Whether it is the one this program runs in.
    pub own: bool,
    /// Its name in `/run/netns` and the like.
    pub name: Option<Untrusted>,
    /// A file to enter it by.
    pub(crate) path: Untrusted<PathBuf>,
    /// A process in it.
    pub owner: Option<Owner>,
}

impl NetNs {
    /// Enters it with the calling thread, which stays in it.
    ///
    /// # Errors
    /// Says that it is gone, or may not be entered.
    pub(crate) fn enter(&self) -> Result<(), NetNsError> {
        let fail = |source| NetNsError::from_io(self.path.raw(), source);
        let file = File::open(self.path.raw()).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        let id = Id {
            device: metadata.dev(),
            inode: metadata.ino(),
        };
        // The process ended and another one has its number now.
        if self.id.is_some_and(|known| known != id) {
            return Err(NetNsError::Vanished(self.path.clone()));
        }
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|e| fail(e.into()))
    }
}

/// Why a namespace could not be found or entered.
#[derive(Debug, thiserror::Error)]
pub enum NetNsError {
    /// The name, process or path leads nowhere.
    #[error(
        "{what}: no such network namespace; `ip netns list`, `lsns -t net` or `ip6drop status --all-netns` show which there are"
    )]
    Unknown {
        /// What the user named.
        what: Untrusted,
    },
    /// It was there a moment ago.
    #[error(
        "{0}: the network namespace has vanished: its last process ended, or its name was deleted"
    )]
    Vanished(Untrusted<PathBuf>),
    /// It may not be looked at or entered.
    #[error(
        "{0}: permission denied; entering another network namespace needs root (CAP_SYS_ADMIN)"
    )]
    Denied(Untrusted<PathBuf>),
    /// The file is no network namespace.
    #[error(
        "{0}: is no network namespace; a file without a namespace mounted on it is left behind when one ends (ip netns delete removes it)"
    )]
    NotOne(Untrusted<PathBuf>),
    /// Any other failure.
    #[error("{path}: cannot enter the network namespace: {source}")]
    Io {
        /// The file.
        path: Untrusted<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
}

impl NetNsError {
    /// The kind of failure, as outputs name it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            NetNsError::Unknown { .. } => "unknown",
            NetNsError::Vanished(_) => "vanished",
            NetNsError::Denied(_) => "denied",
            NetNsError::NotOne(_) => "not-a-namespace",
            NetNsError::Io { .. } => "io",
        }
    }

    fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.into();
        // A process that is ending answers ESRCH, setns on another file EINVAL.
        match source.raw_os_error() {
            Some(2 | 3 | 20) => NetNsError::Vanished(path),
            Some(1 | 13) => NetNsError::Denied(path),
            Some(22) => NetNsError::NotOne(path),
            _ => NetNsError::Io { path, source },
        }
    }
}

fn id_of(path: &Path) -> io::Result<Id> {
    let metadata = fs::metadata(path)?;
    Ok(Id {
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

/// The UID of the pod in the text of a `/proc/PID/cgroup`: the cgroup drivers write it as
/// `kubepods/burstable/podUID/…` or `kubepods-burstable-podU_I_D.slice/…`.
fn pod_of(cgroup: &str) -> Option<String> {
    cgroup
        .lines()
        .filter(|line| line.contains("kubepods"))
        .find_map(|line| {
            let mut rest = line;
            while let Some(at) = rest.find("pod") {
                rest = &rest[at + 3..];
                let uid: String = rest
                    .chars()
                    .take_while(|c| c.is_ascii_hexdigit() || matches!(c, '-' | '_'))
                    .map(|c| if c == '_' { '-' } else { c })
                    .collect();
                if uid.chars().filter(char::is_ascii_hexdigit).count() == 32 {
                    return Some(uid);
                }
            }
            None
        })
}

fn owner(proc: &Path, pid: u32) -> Owner {
    let dir = proc.join(pid.to_string());
    let comm = fs::read(dir.join("comm")).unwrap_or_default();
    let cgroup = read_text(&dir.join("cgroup"), "").unwrap_or_default();
    Owner {
        pid,
        comm: comm.trim_ascii_end().to_vec(),
        pod: pod_of(&cgroup).map(Untrusted::from),
    }
}

/// Ids of this program's own namespace and of process 1's, where they may be seen.
#[derive(Debug, Clone, Copy)]
struct KnownIds {
    own: Option<Id>,
    init: Option<Id>,
}

/// The node's own namespace: that of process 1, or of the kernel's threads where process 1
/// may not be looked at.
fn init_id(proc: &Path) -> Option<Id> {
    id_of(&proc.join("1/ns/net")).ok().or_else(|| {
        let comm = fs::read(proc.join("2/comm")).ok()?;
        (comm.trim_ascii_end() == b"kthreadd").then(|| id_of(&proc.join("2/ns/net")).ok())?
    })
}

impl KnownIds {
    fn new(proc: &Path) -> Self {
        KnownIds {
            own: id_of(&proc.join("self/ns/net")).ok(),
            init: init_id(proc),
        }
    }

    fn netns(&self, id: Id, path: PathBuf) -> NetNs {
        NetNs {
            id: Some(id),
            init: self.init.map(|init| init == id),
            own: self.own == Some(id),
            name: None,
            path: path.into(),
            owner: None,
        }
    }
}

/// The namespace this program runs in.
#[must_use]
pub(crate) fn own(host: &Host) -> NetNs {
    let known = KnownIds::new(&host.proc);
    let path = host.proc.join("self/ns/net");
    match known.own {
        Some(id) => NetNs {
            own: true,
            ..known.netns(id, path)
        },
        None => unidentified(path),
    }
}

/// The namespace somebody stands in, of which nothing else is known.
#[must_use]
pub(crate) fn unidentified(path: PathBuf) -> NetNs {
    NetNs {
        id: None,
        init: None,
        own: true,
        name: None,
        path: path.into(),
        owner: None,
    }
}

/// Finds a namespace by what the user typed: a path, a process id, or a name in `/run/netns`.
///
/// # Errors
/// Says that there is none of that name, or that it may not be looked at.
pub(crate) fn find(host: &Host, what: &str) -> Result<NetNs, NetNsError> {
    let proc = host.proc.as_path();
    let known = KnownIds::new(proc);
    let mut candidates: Vec<(PathBuf, Option<u32>)> = Vec::new();
    if what.contains('/') {
        candidates.push((PathBuf::from(what), None));
    } else {
        if let Ok(pid) = what.parse::<u32>() {
            candidates.push((proc.join(pid.to_string()).join("ns/net"), Some(pid)));
        }
        if !matches!(what, "" | "." | "..") {
            candidates.extend(RUN_DIRS.map(|dir| (Path::new(dir).join(what), None)));
        }
    }
    for (path, pid) in candidates {
        match id_of(&path) {
            Ok(id) => {
                let by_name = pid.is_none() && !what.contains('/');
                return Ok(NetNs {
                    name: by_name.then(|| what.into()),
                    owner: pid.map(|pid| owner(proc, pid)),
                    ..known.netns(id, path)
                });
            }
            Err(error) if matches!(error.raw_os_error(), Some(2 | 3 | 20)) => {}
            Err(error) => return Err(NetNsError::from_io(&path, error)),
        }
    }
    Err(NetNsError::Unknown { what: what.into() })
}

/// Every namespace that could be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct All {
    /// Each once: process 1's first, then in the order of their inodes.
    pub namespaces: Vec<NetNs>,
    /// Processes whose namespace may not be looked at.
    pub hidden: usize,
}

/// Finds every network namespace of the node that has a process or a name.
///
/// # Errors
/// Fails where the directory of processes cannot be read.
pub fn all(host: &Host, run_dirs: &[&Path]) -> Result<All, NetNsError> {
    let proc = host.proc.as_path();
    let known = KnownIds::new(proc);
    let mut pids: Vec<u32> = fs::read_dir(proc)
        .map_err(|e| NetNsError::from_io(proc, e))?
        .take(MAX_ENTRIES)
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    let mut found: BTreeMap<Id, NetNs> = BTreeMap::new();
    let mut hidden = 0;
    for pid in pids {
        let path = proc.join(pid.to_string()).join("ns/net");
        match id_of(&path) {
            Ok(id) => {
                found.entry(id).or_insert_with(|| NetNs {
                    owner: Some(owner(proc, pid)),
                    ..known.netns(id, path)
                });
            }
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => hidden += 1,
            // A process that has ended since.
            Err(_) => {}
        }
    }
    for dir in run_dirs {
        let Ok(entries) = fs::read_dir(dir) else {
            continue;
        };
        for entry in entries.take(MAX_ENTRIES).flatten() {
            let path = entry.path();
            let Ok(id) = id_of(&path) else { continue };
            let netns = found
                .entry(id)
                .or_insert_with(|| known.netns(id, path.clone()));
            netns.name = Some(Untrusted::name(entry.file_name()));
        }
    }
    let mut namespaces: Vec<NetNs> = found.into_values().collect();
    sort_by_key(&mut namespaces, |netns| {
        (
            netns.init != Some(true),
            netns.id.map(|id| (id.inode, id.device)),
        )
    });
    Ok(All { namespaces, hidden })
}

/// Reads the counters and limits of a namespace.
///
/// # Errors
/// Fails where the namespace cannot be entered; files that cannot be read are in the reading.
pub fn read(host: &Host, netns: &NetNs) -> Result<NetNsReading, NetNsError> {
    let proc = host.proc.as_path();
    if netns.own {
        return Ok(read_namespace(proc, &proc.join("net"), &SYSCTLS));
    }
    let path = netns.path.raw().as_path();
    let inside = || {
        netns.enter()?;
        Ok(read_namespace(
            proc,
            &proc.join("thread-self/net"),
            &SYSCTLS,
        ))
    };
    thread::scope(|scope| {
        let helper = thread::Builder::new().name("netns".to_owned());
        let handle = helper
            .spawn_scoped(scope, inside)
            .map_err(|source| NetNsError::Io {
                path: path.into(),
                source,
            })?;
        handle.join().unwrap_or_else(|_| {
            Err(NetNsError::Io {
                path: path.into(),
                source: io::Error::other("the reading thread ended early"),
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "0b5c3a9e-1f2d-4c6b-8a7e-9d0c1b2a3f4e";

    #[test]
    fn pods() {
        for (cgroup, pod) in [
            (
                format!("12:cpu:/kubepods/besteffort/pod{POD}/abc"),
                Some(POD),
            ),
            (
                format!("0::/../../kubepods-pod{}.slice", POD.replace('-', "_")),
                Some(POD),
            ),
            (
                "1:name=systemd:/kubepods/pod0123456789abcdef0123456789abcdef/x".to_owned(),
                Some("0123456789abcdef0123456789abcdef"),
            ),
            (format!("0::/user.slice/pod{POD}"), None),
            ("0::/kubepods/burstable".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(pod_of(&cgroup).as_deref(), pod, "{cgroup}");
        }
    }
}
