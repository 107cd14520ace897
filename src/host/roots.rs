//! Where a host is looked at, and what it says of itself as a whole.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::host::cpulist;
use crate::host::read::{ReadError, read_text};
use crate::kernel::release::Release;
use crate::text::Untrusted;

const NO_CPUS: &str =
    "sysfs is not mounted there; name it with --sys, or mount it (mount -t sysfs sysfs /sys)";

/// A host, by the roots of its /proc and /sys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
    /// The state directory, in which is kept what its kernel was asked.
    pub state: PathBuf,
}

/// CPUs of the host, in numbers of CPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CpuCount {
    /// CPUs that are online: the parts of a per-CPU counter.
    pub(crate) online: u32,
    /// CPUs that are there, online or not: with all of them online the batch was larger,
    /// and a CPU keeps what it held then.
    pub(crate) present: u32,
}

impl Host {
    /// The text of a file under /proc; `None` where it is absent or may not be read.
    #[must_use]
    pub(crate) fn proc_text(&self, path: &str) -> Option<String> {
        read_text(&self.proc.join(path), "").ok()
    }

    /// The kernel's release and, where they are there, its version lines.
    ///
    /// # Errors
    /// See [`ReadError`]; only the release is required.
    pub(crate) fn release(&self) -> Result<Release, ReadError> {
        let line = |name| {
            let text = self.proc_text(name).unwrap_or_default();
            text.trim().to_owned()
        };
        let path = self.proc.join("sys/kernel/osrelease");
        let release = read_text(&path, "check --proc")?.trim().to_owned();
        if release.is_empty() {
            return Err(ReadError::of_text(&path, "", "a kernel release", true));
        }
        Ok(Release {
            release: release.into(),
            version: line("version").into(),
            signature: line("version_signature").into(),
            new_max_size: self.new_max_size(),
        })
    }

    /// The host's name, as `uname -n` prints it.
    #[must_use]
    pub(crate) fn name(&self) -> Option<Untrusted> {
        let name = Untrusted::from(self.proc_text("sys/kernel/hostname")?.trim());
        (!name.is_empty()).then_some(name)
    }

    /// What the kernel drew at random when it booted; empty where it cannot be read.
    #[must_use]
    pub(crate) fn boot_id(&self) -> String {
        let id = self.proc_text("sys/kernel/random/boot_id");
        id.unwrap_or_default().trim().to_owned()
    }

    /// How long the host has been up, in seconds.
    #[must_use]
    pub(crate) fn uptime(&self) -> Option<f64> {
        let text = self.proc_text("uptime")?;
        text.split_ascii_whitespace().next()?.parse().ok()
    }

    /// How many CPUs are online and present.
    ///
    /// # Errors
    /// See [`ReadError`]. Where only the list of present CPUs cannot be read, those online are
    /// taken for all.
    pub(crate) fn cpus(&self) -> Result<CpuCount, ReadError> {
        let online = self.count_cpus("online")?;
        let present = self.count_cpus("present").unwrap_or(online);
        Ok(CpuCount {
            online,
            present: present.max(online),
        })
    }

    /// Those that are there, online or not; `None` where nobody says.
    #[must_use]
    pub(crate) fn present_cpus(&self) -> Option<BTreeSet<u32>> {
        let path = self.sys.join("devices/system/cpu/present");
        cpulist::parse(read_text(&path, NO_CPUS).ok()?.trim()).ok()
    }

    /// Those that were set apart for other work than the kernel's own and what comes by chance
    /// (`isolcpus`, `nohz_full`).
    #[must_use]
    pub(crate) fn isolated_cpus(&self) -> BTreeSet<u32> {
        let list = |which| {
            let path = self.sys.join("devices/system/cpu").join(which);
            let text = read_text(&path, NO_CPUS).unwrap_or_default();
            cpulist::parse(text.trim()).unwrap_or_default()
        };
        let mut cpus = list("isolated");
        cpus.append(&mut list("nohz_full"));
        cpus
    }

    fn count_cpus(&self, which: &str) -> Result<u32, ReadError> {
        let path = self.sys.join("devices/system/cpu").join(which);
        let text = read_text(&path, NO_CPUS)?;
        let list = cpulist::parse(text.trim()).ok();
        let count = list.and_then(|list| u32::try_from(list.len()).ok());
        count.ok_or_else(|| {
            let short = text.trim().is_empty();
            ReadError::of_text(&path, &text, "a list of CPUs such as 0-3", short)
        })
    }

    /// Memory that can be had without swapping, in KiB.
    #[must_use]
    pub(crate) fn available_kb(&self) -> Option<u64> {
        let text = self.proc_text("meminfo")?;
        text.lines().find_map(|line| {
            let rest = line.strip_prefix("MemAvailable:")?.trim();
            rest.strip_suffix("kB")?.trim().parse().ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_set_apart_by_either_list() {
        let root = tempfile::tempdir().unwrap();
        let host = Host {
            proc: root.path().to_owned(),
            sys: root.path().to_owned(),
            state: "".into(),
        };
        let isolated = || Vec::from_iter(host.isolated_cpus());
        assert_eq!(isolated(), [0; 0]);
        assert_eq!(host.present_cpus(), None);
        let cpus = root.path().join("devices/system/cpu");
        std::fs::create_dir_all(&cpus).unwrap();
        std::fs::write(cpus.join("present"), "0-3\n").unwrap();
        assert_eq!(host.present_cpus(), cpulist::parse("0-3").ok());
        std::fs::write(cpus.join("isolated"), "2-3\n").unwrap();
        // Where there are none, the kernel prints that.
        std::fs::write(cpus.join("nohz_full"), "  (null)\n").unwrap();
        assert_eq!(isolated(), [2, 3]);
        std::fs::write(cpus.join("nohz_full"), "3,5\n").unwrap();
        std::fs::write(cpus.join("isolated"), "\n").unwrap();
        assert_eq!(isolated(), [3, 5]);
    }
}
