//! What tracing needs to know of the host besides tracefs, under roots that a test can replace.

use std::io;
use std::path::{Path, PathBuf};

/// The roots of /proc and /sys.
#[derive(Debug, Clone)]
pub struct Host {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Host {
            proc: PathBuf::from("/proc"),
            sys: PathBuf::from("/sys"),
        }
    }
}

impl Host {
    /// The text of a file under /proc; `None` where it is absent or may not be read.
    #[must_use]
    pub fn proc_text(&self, path: &str) -> Option<String> {
        let bytes = std::fs::read(self.proc.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Kernel release, as `uname -r` prints it.
    #[must_use]
    pub fn kernel(&self) -> Option<String> {
        Some(self.proc_text("sys/kernel/osrelease")?.trim().to_owned())
    }

    /// The host's name, as `uname -n` prints it.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let name = self.proc_text("sys/kernel/hostname")?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    }

    /// CPUs online.
    #[must_use]
    pub fn cpus(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.sys.join("devices/system/cpu/online")).ok()?;
        count_cpus(text.trim())
    }

    /// Memory that can be had without swapping, in KiB.
    #[must_use]
    pub fn available_kb(&self) -> Option<u64> {
        let text = self.proc_text("meminfo")?;
        text.lines().find_map(|line| {
            let rest = line.strip_prefix("MemAvailable:")?.trim();
            rest.strip_suffix("kB")?.trim().parse().ok()
        })
    }

    /// True where `pid` is a living process called ip6drop.
    #[must_use]
    pub fn is_ip6drop(&self, pid: u32) -> bool {
        self.proc_text(&format!("{pid}/comm"))
            .is_some_and(|comm| comm.trim() == "ip6drop")
    }

    /// Reads `/proc/net/rt6_stats`, for the sake of the function that prints it.
    ///
    /// # Errors
    /// What the system answers.
    pub fn touch_rt6_stats(&self) -> io::Result<()> {
        std::fs::read(self.proc.join("net/rt6_stats")).map(|_| ())
    }

    /// Processes that have a file below `dir` open, and which: `(pid, comm, file)`.
    #[must_use]
    pub fn users_of(&self, dir: &Path) -> Vec<(u32, String, String)> {
        let mut users = Vec::new();
        let Ok(processes) = std::fs::read_dir(&self.proc) else {
            return users;
        };
        for process in processes.flatten() {
            let Some(pid) = process
                .file_name()
                .to_str()
                .and_then(|n| n.parse::<u32>().ok())
            else {
                continue;
            };
            if pid == std::process::id() {
                continue;
            }
            let Ok(files) = std::fs::read_dir(process.path().join("fd")) else {
                continue;
            };
            for file in files.flatten() {
                let Ok(target) = std::fs::read_link(file.path()) else {
                    continue;
                };
                if let Ok(inside) = target.strip_prefix(dir) {
                    let comm = self.proc_text(&format!("{pid}/comm")).unwrap_or_default();
                    let inside = inside.display().to_string();
                    users.push((pid, comm.trim().to_owned(), inside));
                }
            }
        }
        users.sort();
        users.dedup();
        users
    }

    /// True where an open `trace_pipe` keeps every buffer with the same tracer busy, not only
    /// its own: so it was before 5.9, which counts readers for each buffer. An unknown kernel
    /// counts as one of these.
    #[must_use]
    pub fn readers_pin_tracers(&self) -> bool {
        self.kernel()
            .as_deref()
            .and_then(version)
            .is_none_or(|version| version < (5, 9))
    }
}

/// Major and minor of `4.19.113-300.el7.x86_64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Counts a CPU list such as `0-3,8`.
fn count_cpus(list: &str) -> Option<u32> {
    let mut count = 0;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        count += last.checked_sub(first)? + 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(version("4.19.113-300.el7.x86_64"), Some((4, 19)));
        assert_eq!(version("6.1.0-56-cloud-amd64"), Some((6, 1)));
        assert_eq!(version("mine"), None);
    }

    #[test]
    fn cpu_lists() {
        assert_eq!(count_cpus("0"), Some(1));
        assert_eq!(count_cpus("0-3,8"), Some(5));
        assert_eq!(count_cpus(""), None);
        assert_eq!(count_cpus("3-1"), None);
    }
}
