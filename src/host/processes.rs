//! The host's processes, and the files they have open.

use std::path::Path;

use crate::host::roots::Host;

impl Host {
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
    pub(crate) fn users_of(&self, dir: &Path) -> Vec<(u32, String, String)> {
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
                    users.push((pid, self.comm(pid), inside.display().to_string()));
                }
            }
        }
        users.sort();
        users.dedup();
        users
    }
}
