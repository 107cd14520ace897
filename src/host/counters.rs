//! Reads the counters and limits of the IPv6 route cache, once for each network namespace.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::host::read::{ReadError, read_text};
use crate::host::roots::Host;
use crate::host::rt6_stats::{self, Rt6Stats};
use crate::host::snapshot::Snapshot;

/// The sysctls of the route cache below /proc.
const ROUTE: &str = "sys/net/ipv6/route";

const NO_IPV6: &str = "IPv6 is disabled (ipv6.disable=1 on the kernel's command line) or its module is not loaded (modprobe ipv6); also check --proc";
const NO_SYSCTL: &str = "IPv6 is disabled, its module is not loaded, or this kernel has no such sysctl; also check --proc";

/// What a network namespace gave, and what of it could not be read.
#[derive(Debug, Default)]
pub struct NetNsReading {
    /// Counters and limits; what could not be read is absent.
    pub(crate) snapshot: Snapshot,
    /// Why that is absent.
    pub(crate) errors: Vec<ReadError>,
}

/// Reads `rt6_stats`, `snmp6` and sysctls of one network namespace: of the namespace of
/// whatever `net` belongs to (`PROC/net`, or `PROC/thread-self/net` on a thread that has
/// entered another), and of the calling thread for the sysctls.
#[must_use]
pub(super) fn read_namespace(proc: &Path, net: &Path, sysctls: &[impl AsRef<str>]) -> NetNsReading {
    let mut reading = NetNsReading::default();
    match read_stats(&net.join("rt6_stats")) {
        Ok(stats) => reading.snapshot.rt6_stats = Some(stats),
        Err(error) => reading.errors.push(error),
    }
    match read_snmp6(&net.join("snmp6")) {
        Ok(counters) => reading.snapshot.snmp6 = counters,
        Err(error) => reading.errors.push(error),
    }
    for name in sysctls.iter().map(AsRef::as_ref) {
        match read_sysctl(&proc.join(ROUTE).join(name)) {
            Ok(value) => drop(reading.snapshot.route.insert(name.to_owned(), value)),
            Err(error) => reading.errors.push(error),
        }
    }
    // Without IPv6 all of them are absent, and one error says it.
    let absent = |error: &ReadError| matches!(error, ReadError::Absent { .. });
    if reading.errors.len() == sysctls.len() + 2 && reading.errors.iter().all(absent) {
        reading.errors.truncate(1);
    }
    reading
}

impl Host {
    /// Counters, all sysctls of the route cache and the number of CPUs, as of now and in the
    /// network namespace of the caller. What the host does not have is absent.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Snapshot {
        let dir = std::fs::read_dir(self.proc.join(ROUTE));
        let entries = dir.into_iter().flatten().flatten();
        let sysctls: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        Snapshot {
            cpus: self.cpus().ok().map(|cpus| cpus.online),
            // `flush` can only be written, so that errors say nothing here.
            ..read_namespace(&self.proc, &self.proc.join("net"), &sysctls).snapshot
        }
    }

    /// Reads `/proc/net/rt6_stats`, for the sake of the function that prints it.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn touch_rt6_stats(&self) -> io::Result<()> {
        std::fs::read(self.proc.join("net/rt6_stats")).map(drop)
    }
}

fn read_stats(path: &Path) -> Result<Rt6Stats, ReadError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_makes_a_snapshot() {
        let dir = tempfile::tempdir().unwrap();
        let proc = dir.path().join("proc");
        std::fs::create_dir_all(proc.join("net")).unwrap();
        std::fs::create_dir_all(proc.join(ROUTE)).unwrap();
        let snmp6 = "Ip6InReceives   \t9\nIp6InNoRoutes   \t48\nIcmp6InMsgs 1\n";
        std::fs::write(proc.join("net/snmp6"), snmp6).unwrap();
        // `flush` and the like, and sysctls of other kernels.
        for (name, value) in [
            ("max_size", "200\n"),
            ("mtu_expires", "600\n"),
            ("flush", ""),
        ] {
            std::fs::write(proc.join(ROUTE).join(name), value).unwrap();
        }
        let sys = dir.path().join("sys");
        let state = std::path::PathBuf::new();
        let now = Host { proc, sys, state }.snapshot();
        let facts: Vec<String> = now.facts().map(|fact| fact.to_string()).collect();
        assert_eq!(
            facts,
            [
                "Ip6InNoRoutes 48",
                "net.ipv6.route.max_size = 200",
                "net.ipv6.route.mtu_expires = 600"
            ]
        );
        assert_eq!(now.snmp6.len(), 2);
    }
}
