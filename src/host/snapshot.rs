//! Counters and limits of the host at one moment.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::host::fact::Fact;
use crate::host::rt6_stats::Rt6Stats;

/// Counters and sysctls that one reading keeps of each kind; `snmp6` has some hundred.
const MAX_NAMES: usize = 1024;
/// The counters of drops, in the order of `/proc/net/snmp6`.
const DROP_COUNTERS: [&str; 3] = ["Ip6InNoRoutes", "Ip6InAddrErrors", "Ip6OutNoRoutes"];

/// What one reading of the host's counters and limits gave. Absent is `None`, not an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Snapshot {
    /// `/proc/net/rt6_stats`.
    pub(crate) rt6_stats: Option<Rt6Stats>,
    /// `Ip6*` counters of `/proc/net/snmp6`.
    pub(crate) snmp6: BTreeMap<String, u64>,
    /// `net.ipv6.route.*`, by the name behind that prefix.
    pub(crate) route: BTreeMap<String, i64>,
    /// Online CPUs, as `nproc` prints them.
    pub(crate) cpus: Option<u32>,
}

impl Snapshot {
    /// True where nothing has been recognised yet.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        *self == Snapshot::default()
    }

    /// `Ip6InNoRoutes`: receive-path discards and prohibits, counted by `ip6_pkt_drop`.
    #[must_use]
    pub(crate) fn in_no_routes(&self) -> Option<u64> {
        self.snmp6.get("Ip6InNoRoutes").copied()
    }

    /// `net.ipv6.route.max_size`.
    #[must_use]
    pub(crate) fn max_size(&self) -> Option<i64> {
        self.route.get("max_size").copied()
    }

    /// `net.ipv6.route.gc_thresh`.
    #[must_use]
    pub(crate) fn gc_thresh(&self) -> Option<i64> {
        self.route.get("gc_thresh").copied()
    }

    /// The exact number of dst entries.
    #[must_use]
    pub(crate) fn slow(&self) -> Option<i64> {
        i64::try_from(self.rt6_stats?.dst_entries).ok()
    }

    /// What a capture holds of it, in this order: of the counters only those of drops.
    pub(crate) fn facts(&self) -> impl Iterator<Item = Fact<'_>> {
        let counters = DROP_COUNTERS.iter();
        let counter = |name: &&'static str| Some(Fact::Counter(name, *self.snmp6.get(*name)?));
        let route = self.route.iter();
        let stats = self.rt6_stats.map(Fact::Stats).into_iter();
        stats
            .chain(counters.filter_map(counter))
            .chain(route.map(|(name, value)| Fact::Route(name, *value)))
            .chain(self.cpus.map(Fact::Cpus))
    }

    /// Takes one line; false where it says nothing that is known.
    pub(crate) fn take_line(&mut self, line: &[u8]) -> bool {
        let fact = Fact::parse(line);
        if let Some(fact) = &fact {
            self.take(fact);
        }
        fact.is_some()
    }

    /// Takes one fact.
    pub(crate) fn take(&mut self, fact: &Fact<'_>) {
        match *fact {
            Fact::Stats(stats) => self.rt6_stats = Some(stats),
            Fact::Counter(name, value) if self.snmp6.len() < MAX_NAMES => {
                self.snmp6.insert(name.to_owned(), value);
            }
            Fact::Route(name, value) if self.route.len() < MAX_NAMES => {
                self.route.insert(name.to_owned(), value);
            }
            Fact::Counter(..) | Fact::Route(..) => {}
            Fact::Cpus(cpus) => self.cpus = Some(cpus),
        }
    }

    pub(super) fn has(&self, fact: &Fact<'_>) -> bool {
        match *fact {
            Fact::Stats(_) => self.rt6_stats.is_some(),
            Fact::Counter(name, _) => self.snmp6.contains_key(name),
            Fact::Route(name, _) => self.route.contains_key(name),
            Fact::Cpus(_) => self.cpus.is_some(),
        }
    }
}
