//! The host's processes, and the files they have open.

use std::path::Path;

use crate::host::roots::Host;
use crate::order::sort_by;
use crate::text::Untrusted;

impl Host {
    /// The thread of the kernel's that takes over what a CPU receives when that is much, by its
    /// name; `None` where the processes of the host are not seen.
    #[must_use]
    pub(crate) fn ksoftirqd(&self, cpu: usize) -> Option<u32> {
        let entries = std::fs::read_dir(&self.proc).ok()?;
        let names = entries
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok());
        let mut pids: Vec<u32> = names.filter_map(|name| name.parse().ok()).collect();
        // Made when the host booted, before all but a few.
        pids.sort_unstable();
        let wanted = format!("ksoftirqd/{cpu}");
        pids.into_iter().find(|&pid| self.comm(pid) == wanted)
    }

    /// True where `pid` is a living process called ip6drop.
    #[must_use]
    pub(crate) fn is_ip6drop(&self, pid: u32) -> bool {
        self.comm(pid) == "ip6drop"
    }

    /// The name of a process; empty where there is none.
    fn comm(&self, pid: u32) -> String {
        let comm = self.proc_text(&format!("{pid}/comm")).unwrap_or_default();
        comm.trim().to_owned()
    }

    /// Processes other than this one that have a file below `dir` open, and which:
    /// `(pid, comm, file)`.
    #[must_use]
    pub(crate) fn users_of(&self, dir: &Path) -> Vec<(u32, Untrusted, Untrusted)> {
        let mut users = Vec::new();
        for process in std::fs::read_dir(&self.proc)
            .into_iter()
            .flatten()
            .flatten()
        {
            let pid = process.file_name().to_str().and_then(|n| n.parse().ok());
            let Some(pid) = pid.filter(|pid| *pid != std::process::id()) else {
                continue;
            };
            let files = std::fs::read_dir(process.path().join("fd"));
            for file in files.into_iter().flatten().flatten() {
                if let Ok(target) = std::fs::read_link(file.path())
                    && let Ok(inside) = target.strip_prefix(dir)
                {
                    users.push((pid, self.comm(pid).into(), Untrusted::name(inside)));
                }
            }
        }
        sort_by(&mut users, Ord::cmp);
        users.dedup();
        users
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_that_receives_on_a_cpu() {
        let dir = tempfile::tempdir().unwrap();
        for (pid, comm) in [
            (9, "ksoftirqd/0"),
            (16, "ksoftirqd/1"),
            (160, "ksoftirqd/10"),
        ] {
            let process = dir.path().join(pid.to_string());
            std::fs::create_dir(&process).unwrap();
            std::fs::write(process.join("comm"), format!("{comm}\n")).unwrap();
        }
        std::fs::create_dir(dir.path().join("self")).unwrap();
        let host = Host {
            proc: dir.path().to_owned(),
            sys: dir.path().to_owned(),
            state: "".into(),
        };
        let found = [0, 1, 10, 2].map(|cpu| host.ksoftirqd(cpu));
        assert_eq!(found, [Some(9), Some(16), Some(160), None]);
    }
}
