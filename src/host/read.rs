//! Reads the counters and limits of this host, or of a directory tree that stands for one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::host::rt6_stats;
use crate::host::snapshot::Snapshot;

/// Longest file that is read, in bytes; all of them are a few KiB.
const MAX_FILE: u64 = 256 * 1024;

/// The sysctls of `net.ipv6.route` that decide about refusals.
pub const SYSCTLS: [&str; 6] = [
    "max_size",
    "gc_thresh",
    "gc_min_interval_ms",
    "gc_elasticity",
    "gc_timeout",
    "gc_interval",
];

/// Why a file of the host told nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is not there.
    #[error("{}: no such file; {hint}", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// What that means, and what to try.
        hint: &'static str,
    },
    /// The file may not be read.
    #[error("{}: permission denied; run as root, or in a container with the host's {} mounted and readable", path.display(), root_of(path))]
    Denied {
        /// The file.
        path: PathBuf,
    },
    /// The file ends too early.
    #[error("{}: too short: {found}; expected {expected}; check that it is the kernel's own file", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The file holds something else.
    #[error("{}: malformed: {found:?}; expected {expected}; check that it is the kernel's own file", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is there, cut short.
        found: String,
    },
    /// Any other failure.
    #[error("{}: {source}; try to read it with cat", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn root_of(path: &Path) -> &'static str {
    if path.starts_with("/sys") {
        "/sys"
    } else {
        "/proc"
    }
}

impl ReadError {
    /// The kind of failure, as outputs name it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            ReadError::Absent { .. } => "absent",
            ReadError::Denied { .. } => "denied",
            ReadError::Short { .. } => "short",
            ReadError::Malformed { .. } => "malformed",
            ReadError::Io { .. } => "io",
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            ReadError::Absent { path, .. }
            | ReadError::Denied { path }
            | ReadError::Short { path, .. }
            | ReadError::Malformed { path, .. }
            | ReadError::Io { path, .. } => path,
        }
    }

    fn from_io(path: &Path, source: io::Error, hint: &'static str) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                ReadError::Absent { path, hint }
            }
            io::ErrorKind::PermissionDenied => ReadError::Denied { path },
            _ => ReadError::Io { path, source },
        }
    }

    fn of_text(path: &Path, text: &str, expected: &'static str, short: bool) -> Self {
        let path = path.to_owned();
        let text = text.trim_end();
        let mut found: String = text.chars().take(60).collect();
        if found.len() < text.len() {
            found.push('…');
        }
        if !short {
            return ReadError::Malformed {
                path,
                expected,
                found,
            };
        }
        let found = if text.is_empty() {
            "it is empty".to_owned()
        } else {
            format!("{found:?}")
        };
        ReadError::Short {
            path,
            expected,
            found,
        }
    }
}

/// What one reading gave, and what could not be read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Counters and limits; what could not be read is absent.
    pub snapshot: Snapshot,
    /// Why that is absent.
    pub errors: Vec<ReadError>,
}

const NO_IPV6: &str = "IPv6 is disabled (ipv6.disable=1 on the kernel's command line) or its module is not loaded (modprobe ipv6); also check --proc";
const NO_SYSCTL: &str = "IPv6 is disabled, its module is not loaded, or this kernel has no such sysctl; also check --proc";
const NO_CPUS: &str =
    "sysfs is not mounted there; name it with --sys, or mount it (mount -t sysfs sysfs /sys)";

/// Reads a whole file of procfs or sysfs.
///
/// # Errors
/// See [`ReadError`]; a file that is not there is explained with `hint`.
pub fn read_text(path: &Path, hint: &'static str) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(|e| ReadError::from_io(path, e, hint))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads `rt6_stats`, `snmp6` and the sysctls of one network namespace: of the namespace of
/// whatever `net` belongs to (`PROC/net`, or `PROC/thread-self/net` on a thread that has
/// entered another), and of the calling thread for the sysctls.
#[must_use]
pub fn read_namespace(proc: &Path, net: &Path) -> Reading {
    let mut reading = Reading::default();
    match read_stats(&net.join("rt6_stats")) {
        Ok(stats) => reading.snapshot.rt6_stats = Some(stats),
        Err(error) => reading.errors.push(error),
    }
    match read_snmp6(&net.join("snmp6")) {
        Ok(counters) => reading.snapshot.snmp6 = counters,
        Err(error) => reading.errors.push(error),
    }
    for name in SYSCTLS {
        match read_sysctl(&proc.join("sys/net/ipv6/route").join(name)) {
            Ok(value) => drop(reading.snapshot.route.insert(name.to_owned(), value)),
            Err(error) => reading.errors.push(error),
        }
    }
    // Without IPv6 all of them are absent, and one error says it.
    let absent = |error: &ReadError| matches!(error, ReadError::Absent { .. });
    if reading.errors.len() == SYSCTLS.len() + 2 && reading.errors.iter().all(absent) {
        reading.errors.truncate(1);
    }
    reading
}

fn read_stats(path: &Path) -> Result<rt6_stats::Rt6Stats, ReadError> {
    let text = read_text(path, NO_IPV6)?;
    rt6_stats::parse(text.as_bytes()).ok_or_else(|| {
        let short = text.split_ascii_whitespace().count() < 7;
        ReadError::of_text(path, &text, "seven hexadecimal fields", short)
    })
}

fn read_snmp6(path: &Path) -> Result<BTreeMap<String, u64>, ReadError> {
    let text = read_text(path, NO_IPV6)?;
    let mut counters = Snapshot::default();
    for line in text.lines() {
        // Icmp6 and Udp6 counters follow; only those of IPv6 itself are kept.
        if line.starts_with("Ip6") && !counters.take_line(line.as_bytes()) {
            return Err(ReadError::of_text(
                path,
                line,
                "a name and a number a line",
                false,
            ));
        }
    }
    if !counters.snmp6.contains_key("Ip6InNoRoutes") {
        let short = counters.snmp6.is_empty() || text.lines().count() < 4;
        return Err(ReadError::of_text(
            path,
            &text,
            "a line Ip6InNoRoutes",
            short,
        ));
    }
    Ok(counters.snmp6)
}

fn read_sysctl(path: &Path) -> Result<i64, ReadError> {
    let text = read_text(path, NO_SYSCTL)?;
    let value = text.trim().parse::<i32>().map_err(|_| {
        let short = text.trim().is_empty();
        ReadError::of_text(path, &text, "one number that fits an int", short)
    })?;
    Ok(i64::from(value))
}

/// CPUs of the host, in numbers of CPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpus {
    /// CPUs that are online: the parts of a per-CPU counter.
    pub online: u32,
    /// CPUs that are there, online or not: with all of them online the batch was larger,
    /// and a CPU keeps what it held then.
    pub present: u32,
}

fn read_cpu_list(path: &Path) -> Result<u32, ReadError> {
    let text = read_text(path, NO_CPUS)?;
    let count = crate::report::filter::cpu_list(text.trim())
        .ok()
        .and_then(|list| u32::try_from(list.len()).ok());
    count.ok_or_else(|| {
        let short = text.trim().is_empty();
        ReadError::of_text(path, &text, "a list of CPUs such as 0-3", short)
    })
}

/// Reads how many CPUs are online (`SYS/devices/system/cpu/online`) and present.
///
/// # Errors
/// See [`ReadError`]. Where only the list of present CPUs cannot be read, those online are
/// taken for all.
pub fn read_cpus(sys: &Path) -> Result<Cpus, ReadError> {
    let dir = sys.join("devices/system/cpu");
    let online = read_cpu_list(&dir.join("online"))?;
    let present = read_cpu_list(&dir.join("present")).unwrap_or(online);
    Ok(Cpus {
        online,
        present: present.max(online),
    })
}

/// What the kernel says of its version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// What `uname -r` prints.
    pub release: String,
    /// `/proc/version`, where it can be read.
    pub version: String,
    /// `/proc/version_signature`, which Ubuntu's kernels have.
    pub signature: String,
}

/// Reads the kernel's release and, where they are there, its version lines.
///
/// # Errors
/// See [`ReadError`]; only the release is required.
pub fn read_release(proc: &Path) -> Result<Release, ReadError> {
    let text = |name: &str| {
        read_text(&proc.join(name), "").map_or_else(|_| String::new(), |t| t.trim().to_owned())
    };
    let path = proc.join("sys/kernel/osrelease");
    let release = read_text(&path, "check --proc")?.trim().to_owned();
    if release.is_empty() {
        return Err(ReadError::of_text(&path, "", "a kernel release", true));
    }
    Ok(Release {
        release,
        version: text("version"),
        signature: text("version_signature"),
    })
}

/// The host's name, as `uname -n` prints it, from a procfs mounted at `proc`.
#[must_use]
pub fn read_host_name(proc: &Path) -> Option<String> {
    let text = read_text(&proc.join("sys/kernel/hostname"), "").ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// A sysctl whose value no one can have meant, and what the kernel makes of it.
#[must_use]
pub fn absurd(name: &str, value: i64) -> Option<&'static str> {
    match (name, value) {
        ("max_size", ..0) => Some(
            "every count of entries is above a negative limit, so every collection ends in a refusal",
        ),
        ("max_size", 0) => Some(
            "the first entry is already above the limit, so every collection ends in a refusal",
        ),
        ("gc_thresh", ..0) => Some(
            "the kernel compares it as an unsigned number, a threshold of billions, so the limit is never checked",
        ),
        ("gc_elasticity", ..0 | 32..) => {
            Some("the kernel shifts a 32-bit number by it, which is only defined from 0 to 31")
        }
        ("gc_min_interval_ms" | "gc_timeout" | "gc_interval", ..0) => {
            Some("a time cannot be negative; the kernel's timers treat it as already over")
        }
        _ => None,
    }
}
