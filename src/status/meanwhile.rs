//! What happened in the network namespaces of the node between two readings, whether or not a trace
//! shows it: counters of lost packets that rose, and caches that grew.

use crate::diagnosis::state::State;
use crate::host::netns::NetNs;
use crate::status::sampler::{NetNsStatus, Status};

/// Counters of packets that were lost, or refused a route (`/proc/net/snmp6`).
const LOST: [&str; 12] = [
    "Ip6InNoRoutes",
    "Ip6OutNoRoutes",
    "Ip6InDiscards",
    "Ip6OutDiscards",
    "Ip6InAddrErrors",
    "Ip6InHdrErrors",
    "Ip6InTruncatedPkts",
    "Ip6InTooBigErrors",
    "Ip6InUnknownProtos",
    "Ip6ReasmFails",
    "Ip6FragFails",
    "Icmp6InErrors",
];

/// Namespaces that are kept, those with most lost packets first.
const MAX_CHANGES: usize = 100;

/// What happened in one namespace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// Which.
    pub(crate) netns: NetNs,
    /// Counters of lost packets that rose, and by how much.
    pub(crate) lost: Vec<(&'static str, u64)>,
    /// Entries of its cache at the end.
    pub(crate) slow: Option<i64>,
    /// Its limit, on a kernel that minds.
    pub(crate) max_size: Option<i64>,
    /// By how many entries the cache grew.
    pub(crate) grown: Option<i64>,
}

/// The same of all namespaces where something did, and of the program's own in any case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meanwhile {
    /// From the one reading to the other, in seconds.
    pub(crate) seconds: f64,
    /// The namespaces, the own first.
    pub(crate) changes: Vec<Change>,
}

impl Change {
    fn of(old: Option<&NetNsStatus>, new: &NetNsStatus) -> Change {
        let rise = |name: &&'static str| {
            let now = *new.snapshot.snmp6.get(*name)?;
            let then = old.and_then(|old| old.snapshot.snmp6.get(*name));
            let rise = now.saturating_sub(then.copied().unwrap_or(0));
            (rise > 0).then_some((*name, rise))
        };
        let minds = new.assessment.state != State::Unaffected;
        let slow = new.snapshot.slow();
        Change {
            netns: new.netns.clone(),
            lost: LOST.iter().filter_map(rise).collect(),
            slow,
            max_size: new.snapshot.max_size().filter(|_| minds),
            grown: slow
                .zip(old.and_then(|old| old.snapshot.slow()))
                .map(|(now, then)| now - then),
        }
    }

    /// In how many seconds the cache is at its limit, if it goes on growing like that.
    #[must_use]
    pub(crate) fn full_in(&self, seconds: f64) -> Option<f64> {
        let (left, grown) = (self.max_size? - self.slow?, self.grown?);
        (left >= 0 && grown > 0 && seconds > 0.0).then(|| left as f64 / (grown as f64 / seconds))
    }
}

impl Meanwhile {
    /// What happened between two readings.
    #[must_use]
    pub(crate) fn between(before: &Status, after: &Status) -> Meanwhile {
        let change = |new: &NetNsStatus| {
            let same = |old: &&NetNsStatus| old.netns.id.is_some() && old.netns.id == new.netns.id;
            Change::of(before.rows.iter().find(same), new)
        };
        let is_of_note = |change: &Change| change.netns.own || !change.lost.is_empty();
        let mut changes: Vec<Change> = after.rows.iter().map(change).filter(is_of_note).collect();
        let lost = |change: &Change| change.lost.iter().map(|(_, n)| n).sum::<u64>();
        crate::order::sort_by_key(&mut changes, |change| {
            (!change.netns.own, std::cmp::Reverse(lost(change)))
        });
        changes.truncate(MAX_CHANGES);
        Meanwhile {
            seconds: after.time - before.time,
            changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::rises::tests::{row, status};

    fn counted(inode: u64, counters: &[(&str, u64)], slow: u64, max_size: i64) -> NetNsStatus {
        let mut row = row(inode, None);
        row.netns.own = inode == 1;
        let snmp6 = &mut row.snapshot.snmp6;
        snmp6.extend(counters.iter().map(|(name, n)| ((*name).to_owned(), *n)));
        let stats = format!("0001 0001 0001 0001 0000 {slow:04x} 0000");
        assert!(row.snapshot.take_line(stats.as_bytes()));
        row.snapshot.route.insert("max_size".to_owned(), max_size);
        row
    }

    fn between(before: Vec<NetNsStatus>, after: Vec<NetNsStatus>) -> Meanwhile {
        let mut after = status(after);
        after.time = 10.0;
        Meanwhile::between(&status(before), &after)
    }

    #[test]
    fn counters_that_rose_are_named_where_they_did() {
        let before = vec![
            counted(1, &[("Ip6InDiscards", 5), ("Ip6InReceives", 1)], 7, 100),
            counted(2, &[("Ip6InDiscards", 5)], 7, 100),
            counted(3, &[("Ip6InAddrErrors", 2)], 7, 100),
        ];
        let after = vec![
            counted(3, &[("Ip6InAddrErrors", 6)], 7, 100),
            counted(2, &[("Ip6InDiscards", 5)], 9, 100),
            counted(1, &[("Ip6InDiscards", 5), ("Ip6InReceives", 9)], 7, 100),
            // It was not there before.
            counted(4, &[("Ip6InTruncatedPkts", 9)], 7, 100),
        ];
        let found = between(before, after).changes;
        let found: Vec<_> = found
            .into_iter()
            .map(|change| (change.netns.own, change.lost))
            .collect();
        assert_eq!(
            found,
            [
                (true, vec![]),
                (false, vec![("Ip6InTruncatedPkts", 9)]),
                (false, vec![("Ip6InAddrErrors", 4)]),
            ]
        );
    }

    #[test]
    fn a_cache_that_grows_is_full_at_some_time() {
        let change = |then, now, max_size| {
            let found = between(
                vec![counted(1, &[], then, max_size)],
                vec![counted(1, &[], now, max_size)],
            );
            let change = &found.changes[0];
            (change.grown, change.full_in(found.seconds))
        };
        // 20 entries in 10 s, and 60 are left.
        assert_eq!(change(20, 40, 100), (Some(20), Some(30.0)));
        assert_eq!(change(40, 40, 100), (Some(0), None));
        assert_eq!(change(40, 20, 100), (Some(-20), None));
        // It is over its limit already.
        assert_eq!(change(20, 140, 100), (Some(120), None));
    }

    #[test]
    fn where_the_limit_does_not_count_it_is_never_full() {
        let mut after = counted(1, &[], 40, 100);
        after.assessment.state = State::Unaffected;
        let found = between(vec![counted(1, &[], 20, 100)], vec![after]);
        let change = &found.changes[0];
        assert_eq!((change.max_size, change.full_in(10.0)), (None, None));
    }
}
