//! Sums over all hosts, and over those with the same kernel or the same limit.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::fleet::classes::ClassCounts;
use crate::fleet::row::{Finding, HostRow};
use crate::order::sort_by_key;
use crate::text::Untrusted;

/// Hosts by finding, and their drops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// Hosts, in the order of [`Finding::ALL`].
    pub(crate) by_finding: [u64; Finding::ALL.len()],
    /// Drops of their rows by class.
    pub(crate) by_class: ClassCounts,
    /// All drops of their rows.
    pub(crate) drops: u64,
}

impl Group {
    fn add(&mut self, row: &HostRow) {
        self.by_finding[row.finding as usize] += 1;
        self.drops = self.drops.saturating_add(row.drops);
        self.by_class.add(&row.by_class);
    }

    /// Hosts in it.
    #[must_use]
    pub(crate) fn hosts(&self) -> u64 {
        self.by_finding.iter().sum()
    }

    /// Hosts of a finding.
    #[must_use]
    pub(crate) fn of(&self, finding: Finding) -> u64 {
        self.by_finding[finding as usize]
    }

    /// Hosts whose route cache is full or may be.
    #[must_use]
    pub(crate) fn with_fault(&self) -> u64 {
        self.of(Finding::Confirmed) + self.of(Finding::Suspected)
    }
}

/// Sums over the hosts of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Totals<'a> {
    /// Over all.
    pub(crate) all: Group,
    /// By kernel release, most hosts with the fault first.
    pub(crate) by_kernel: Vec<(Option<&'a Untrusted>, Group)>,
    /// By `net.ipv6.route.max_size`, most hosts with the fault first.
    pub(crate) by_max_size: Vec<(Option<i64>, Group)>,
}

fn most_faults_first<K: Ord>(groups: BTreeMap<K, Group>) -> Vec<(K, Group)> {
    let mut groups: Vec<(K, Group)> = groups.into_iter().collect();
    sort_by_key(&mut groups, |(_, group)| {
        Reverse((group.with_fault(), group.hosts()))
    });
    groups
}

impl<'a> Totals<'a> {
    /// Of these rows.
    #[must_use]
    pub(crate) fn of(rows: &[&'a HostRow]) -> Totals<'a> {
        let mut all = Group::default();
        let mut by_kernel: BTreeMap<Option<&Untrusted>, Group> = BTreeMap::new();
        let mut by_max_size: BTreeMap<Option<i64>, Group> = BTreeMap::new();
        for row in rows {
            all.add(row);
            by_kernel.entry(row.kernel.as_ref()).or_default().add(row);
            by_max_size.entry(row.limits.max_size).or_default().add(row);
        }
        Totals {
            all,
            by_kernel: most_faults_first(by_kernel),
            by_max_size: most_faults_first(by_max_size),
        }
    }
}
