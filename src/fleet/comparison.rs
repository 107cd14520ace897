//! The same hosts before and after something was changed.

use std::collections::BTreeMap;

use crate::fleet::hosts::Fleet;
use crate::fleet::row::{Finding, HostRow};
use crate::text::Untrusted;

/// What became of the fault on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Became {
    /// It has it still.
    Still,
    /// It has it now, and had not.
    New,
    /// It had it, and nobody has looked again, or could say.
    Unknown,
    /// It had it.
    Mended,
    /// It has it not, and had not.
    Absent,
}

impl Became {
    /// All of them, in the order of every output.
    pub(crate) const ALL: [Became; 5] = [
        Became::Still,
        Became::New,
        Became::Unknown,
        Became::Mended,
        Became::Absent,
    ];

    /// Its name in every output.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Became::Still => "still",
            Became::New => "new",
            Became::Unknown => "unknown",
            Became::Mended => "mended",
            Became::Absent => "absent",
        }
    }
}

/// One host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<'a> {
    /// Its name.
    pub(crate) host: &'a Untrusted,
    /// What was found before.
    pub(crate) before: Option<&'a HostRow>,
    /// What was found after.
    pub(crate) after: Option<&'a HostRow>,
}

impl Pair<'_> {
    /// What became of the fault.
    #[must_use]
    pub(crate) fn became(&self) -> Became {
        let is_fault = |row: Option<&HostRow>| row.is_some_and(|row| row.finding.is_fault());
        let is_clear = self
            .after
            .is_some_and(|row| row.finding > Finding::Inconclusive);
        match (is_fault(self.before), is_fault(self.after)) {
            (true, true) => Became::Still,
            (false, true) => Became::New,
            (true, false) if is_clear => Became::Mended,
            (true, false) => Became::Unknown,
            (false, false) => Became::Absent,
        }
    }
}

/// All hosts of both, those that need somebody first, and by name.
#[must_use]
pub(crate) fn pairs<'a>(before: &'a Fleet, after: &'a Fleet) -> Vec<Pair<'a>> {
    let mut hosts: BTreeMap<&Untrusted, Pair<'a>> = BTreeMap::new();
    let pair = |host| Pair {
        host,
        before: None,
        after: None,
    };
    for row in before.worst_first() {
        hosts
            .entry(&row.host)
            .or_insert_with_key(|host| pair(host))
            .before = Some(row);
    }
    for row in after.worst_first() {
        hosts
            .entry(&row.host)
            .or_insert_with_key(|host| pair(host))
            .after = Some(row);
    }
    let mut all: Vec<Pair<'a>> = hosts.into_values().collect();
    crate::order::sort_by_key(&mut all, Pair::became);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(hosts: &[(&str, Finding)]) -> Fleet {
        let mut fleet = Fleet::default();
        for (host, finding) in hosts {
            fleet.add(HostRow {
                host: (*host).into(),
                finding: *finding,
                ..HostRow::default()
            });
        }
        fleet
    }

    #[test]
    fn each_host_is_held_against_itself() {
        use Finding::{Clean, Confirmed, Inconclusive, OtherDrops, Suspected};
        let before = fleet(&[
            ("a", Confirmed),
            ("b", Suspected),
            ("c", Confirmed),
            ("d", Clean),
            ("e", Confirmed),
            ("f", Clean),
        ]);
        let after = fleet(&[
            ("a", Clean),
            ("b", Suspected),
            ("c", Inconclusive),
            ("d", Confirmed),
            ("f", OtherDrops),
            ("g", Suspected),
        ]);
        let all = pairs(&before, &after);
        let found: Vec<_> = all
            .iter()
            .map(|pair| (pair.host.raw().as_str(), pair.became()))
            .collect();
        assert_eq!(
            found,
            [
                ("b", Became::Still),
                ("d", Became::New),
                ("g", Became::New),
                ("c", Became::Unknown),
                ("e", Became::Unknown),
                ("a", Became::Mended),
                ("f", Became::Absent),
            ]
        );
    }
}
