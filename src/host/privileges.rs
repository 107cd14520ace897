//! What root in a container may lack of what root on the node has, and what is lost without it.

use std::fmt;
use std::fs;

use crate::host::netns;
use crate::host::roots::Host;

/// A privilege that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Its name.
    name: &'static str,
    /// What is lost without it.
    cost: &'static str,
}

/// The number of `CAP_SYSLOG`.
const SYSLOG: u32 = 34;

/// Capabilities by their numbers in include/uapi/linux/capability.h. Tracing itself asks for none,
/// only for the owner of tracefs. Whether `CAP_SYSLOG` is missed depends on sysctls.
const CAPABILITIES: [(u32, Missing); 5] = [
    (
        2,
        Missing {
            name: "CAP_DAC_READ_SEARCH",
            cost: "other users' processes that hold files of tracefs open are not seen",
        },
    ),
    (
        12,
        Missing {
            name: "CAP_NET_ADMIN",
            cost: "packets are not named",
        },
    ),
    (
        13,
        Missing {
            name: "CAP_NET_RAW",
            cost: "packets are not named",
        },
    ),
    (
        19,
        Missing {
            name: "CAP_SYS_PTRACE",
            cost: "other processes' network namespaces are not found",
        },
    ),
    (
        21,
        Missing {
            name: "CAP_SYS_ADMIN",
            cost: "packets are not named, and other network namespaces not read",
        },
    ),
];

/// The kernel's own processes are in it (`PROC_PID_INIT_INO` in include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

const HOST_PID: Missing = Missing {
    name: "hostPID",
    cost: "network namespaces of other processes are not found, and packets not named",
};

const HOST_NETWORK: Missing = Missing {
    name: "hostNetwork",
    cost: "counters, limits and routes around a trace are those of another network namespace than the node's",
};

impl Missing {
    /// What is lost, in words.
    #[must_use]
    pub(crate) fn loss(&self) -> String {
        format!("without {} {}", self.name, self.cost)
    }

    /// What to do about it.
    #[must_use]
    pub(crate) fn advice(&self) -> String {
        match self.name.strip_prefix("CAP_") {
            Some(name) => format!("add {name} to the container's capabilities"),
            None => format!("set {}: true in the pod, or run on the node", self.name),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.loss(), self.advice())
    }
}

/// The mask in the `CapEff` line of `/proc/PID/status`.
fn effective(status: &str) -> Option<u64> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

impl Host {
    fn has_capability(&self, number: u32) -> Option<bool> {
        let mask = effective(&self.proc_text("self/status")?)?;
        Some(mask & (1 << number) != 0)
    }

    /// The privileges that this process lacks, as far as that can be seen.
    #[must_use]
    pub(crate) fn missing_privileges(&self) -> Vec<Missing> {
        let lacks = |number| self.has_capability(number) == Some(false);
        let capabilities = CAPABILITIES.into_iter();
        let mut missing: Vec<Missing> = capabilities
            .filter(|(number, _)| lacks(*number))
            .map(|(_, missing)| missing)
            .collect();
        missing.extend(self.own_processes());
        if netns::own(self).init == Some(false) {
            missing.push(HOST_NETWORK);
        }
        missing
    }

    /// That only processes of a PID namespace of its own are seen.
    #[must_use]
    pub(crate) fn own_processes(&self) -> Option<Missing> {
        let namespace = fs::read_link(self.proc.join("self/ns/pid")).ok()?;
        (namespace.as_os_str() != FIRST_PID_NAMESPACE).then_some(HOST_PID)
    }

    /// True where addresses of the kernel may be hidden for want of a capability.
    #[must_use]
    pub(crate) fn lacks_syslog(&self) -> bool {
        self.has_capability(SYSLOG) == Some(false)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// What a process with this mask and PID namespace is told.
    fn told(mask: &str, namespace: &str) -> (Vec<String>, bool) {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("self/ns");
        fs::create_dir_all(&own).unwrap();
        let status = format!("Name:\tip6drop\nCapEff:\t{mask}\n");
        fs::write(dir.path().join("self/status"), status).unwrap();
        symlink(namespace, own.join("pid")).unwrap();
        // Namespaces are told apart by their inodes.
        for (process, netns) in [("1", "node"), ("self", "pod")] {
            let dir = dir.path().join(process).join("ns");
            fs::create_dir_all(&dir).unwrap();
            let netns = if namespace == FIRST_PID_NAMESPACE {
                "node"
            } else {
                netns
            };
            fs::write(dir.join("../..").join(netns), "").unwrap();
            symlink(format!("../../{netns}"), dir.join("net")).unwrap();
        }
        let host = Host {
            proc: dir.path().to_owned(),
            sys: dir.path().to_owned(),
            state: "".into(),
        };
        let missing = host.missing_privileges();
        let said = missing.iter().map(ToString::to_string).collect();
        (said, host.lacks_syslog())
    }

    #[test]
    fn each_privilege_is_missed_by_name() {
        const ALL: u64 = 1 << 2 | 1 << 12 | 1 << 13 | 1 << 19 | 1 << 21 | 1 << 34;
        let with = |mask: u64| told(&format!("{mask:016x}"), FIRST_PID_NAMESPACE);
        assert_eq!(with(ALL), (vec![], false));
        assert_eq!(with(ALL & !(1 << 34)), (vec![], true));
        for (number, name) in [
            (2, "DAC_READ_SEARCH"),
            (12, "NET_ADMIN"),
            (13, "NET_RAW"),
            (19, "SYS_PTRACE"),
            (21, "SYS_ADMIN"),
        ] {
            let (said, _) = with(ALL & !(1 << number));
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with(&format!("without CAP_{name} ")));
            assert!(said[0].ends_with(&format!("; add {name} to the container's capabilities")));
        }
    }

    #[test]
    fn namespaces_of_a_container() {
        let (said, _) = told("ffffffffffffffff", "pid:[4026532001]");
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("without hostPID network namespaces of other"));
        assert!(said[1].ends_with("set hostNetwork: true in the pod, or run on the node"));
    }

    #[test]
    fn a_status_that_says_nothing() {
        assert_eq!(told("zz", FIRST_PID_NAMESPACE), (vec![], false));
    }
}
