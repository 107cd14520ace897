//! One counter or limit of the host, in a line.

use std::fmt;

use crate::host::cpulist::MAX_CPUS;
use crate::host::rt6_stats::{self, Rt6Stats};

const ROUTE_SYSCTL: &str = "net.ipv6.route.";

/// A counter or limit of the host. Display writes it as a capture has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact<'a> {
    /// `/proc/net/rt6_stats`.
    Stats(Rt6Stats),
    /// A counter of `/proc/net/snmp6`.
    Counter(&'a str, u64),
    /// `net.ipv6.route.*`, by the name behind that prefix.
    Route(&'a str, i64),
    /// Online CPUs, as `nproc` prints them.
    Cpus(u32),
}

impl<'a> Fact<'a> {
    /// The fact in a line of what `cat /proc/net/rt6_stats /proc/net/snmp6; sysctl
    /// net.ipv6.route; nproc` prints.
    pub(super) fn parse(line: &'a [u8]) -> Option<Fact<'a>> {
        let text = std::str::from_utf8(line).ok()?.trim();
        if let Some(stats) = rt6_stats::parse(text.as_bytes()) {
            return Some(Fact::Stats(stats));
        }
        if let Some(rest) = text.strip_prefix(ROUTE_SYSCTL) {
            let (name, value) = rest.split_once(|c: char| c == '=' || c.is_whitespace())?;
            let value = value.trim_start_matches([' ', '=', '\t']).trim();
            return Some(Fact::Route(name, value.parse().ok()?));
        }
        if let Some((name, value)) = text.split_once(char::is_whitespace) {
            let value = value.trim().parse().ok()?;
            return name
                .starts_with("Ip6")
                .then_some(Fact::Counter(name, value));
        }
        let cpus = text.parse().ok()?;
        (1..=MAX_CPUS).contains(&cpus).then_some(Fact::Cpus(cpus))
    }

    /// The fact in a capture, which names two kinds that a facts file tells by their form.
    #[must_use]
    pub(crate) fn of_capture(value: &'a [u8]) -> Option<Fact<'a>> {
        let value = value.strip_prefix(b"rt6_stats ").unwrap_or(value);
        Fact::parse(value.strip_prefix(b"nproc ").unwrap_or(value))
    }
}

impl fmt::Display for Fact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Stats(stats) => write!(f, "rt6_stats {stats}"),
            Fact::Counter(name, value) => write!(f, "{name} {value}"),
            Fact::Route(name, value) => write!(f, "{ROUTE_SYSCTL}{name} = {value}"),
            Fact::Cpus(cpus) => write!(f, "nproc {cpus}"),
        }
    }
}
