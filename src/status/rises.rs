//! In which network namespaces of the node packets were dropped: the rise of their counters.

use crate::order::sort_by_key;
use crate::status::sampler::{NetNsStatus, Status};

/// A namespace whose drop counters rose between two readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Rise {
    /// The namespace as it was read last.
    pub(crate) row: NetNsStatus,
    /// Rise of `Ip6InNoRoutes`, in packets.
    pub(crate) in_no_routes: u64,
    /// Rise of `Ip6OutNoRoutes`, in packets.
    pub(crate) out_no_routes: u64,
}

/// The namespaces whose `Ip6InNoRoutes` or `Ip6OutNoRoutes` rose, most drops first. One that
/// was not there before began with counters of zero.
#[must_use]
pub fn rises(before: Option<&Status>, after: Option<Status>) -> Vec<Rise> {
    let (Some(before), Some(after)) = (before, after) else {
        return Vec::new();
    };
    let rise = |row: NetNsStatus| {
        let same = |old: &&NetNsStatus| old.netns.id.is_some() && old.netns.id == row.netns.id;
        let old = before.rows.iter().find(same);
        let in_before = old.and_then(|old| old.snapshot.in_no_routes());
        let out_before = old.and_then(NetNsStatus::out_no_routes);
        let in_no_routes = row.snapshot.in_no_routes()?;
        let out_no_routes = row.out_no_routes()?;
        let rise = Rise {
            in_no_routes: in_no_routes.saturating_sub(in_before.unwrap_or(0)),
            out_no_routes: out_no_routes.saturating_sub(out_before.unwrap_or(0)),
            row,
        };
        (rise.in_no_routes + rise.out_no_routes > 0).then_some(rise)
    };
    let mut rises: Vec<Rise> = after.rows.into_iter().filter_map(rise).collect();
    sort_by_key(&mut rises, |rise| {
        std::cmp::Reverse((rise.in_no_routes, rise.out_no_routes))
    });
    rises
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::diagnosis::assessment::{Behaviour, assess};
    use crate::host::Snapshot;
    use crate::host::netns::{Id, unidentified};
    use crate::kernel::release::{Release, judge};
    use crate::status::sampler::Selection;

    pub(crate) fn row(inode: u64, counters: Option<(u64, u64)>) -> NetNsStatus {
        let mut netns = unidentified(PathBuf::new());
        netns.id = Some(Id { device: 4, inode });
        let mut snapshot = Snapshot::default();
        if let Some((received, sent)) = counters {
            let names = [("Ip6InNoRoutes", received), ("Ip6OutNoRoutes", sent)];
            snapshot
                .snmp6
                .extend(names.map(|(name, n)| (name.to_owned(), n)));
        }
        let kernel = judge(&Release::default());
        NetNsStatus {
            assessment: assess(&snapshot, None, &kernel, &netns, &Behaviour::default()),
            netns,
            snapshot,
            problems: Vec::new(),
            rates: None,
        }
    }

    pub(crate) fn status(rows: Vec<NetNsStatus>) -> Status {
        Status {
            log: None,
            host: None,
            time: 0.0,
            kernel: judge(&Release::default()),
            cpus: None,
            matches: Default::default(),
            selection: Selection::All,
            rows,
            hidden: 0,
            problems: Vec::new(),
        }
    }

    #[test]
    fn only_namespaces_with_drops_and_the_most_first() {
        let before = status(vec![
            row(1, Some((5, 0))),
            row(2, Some((7, 1))),
            row(3, Some((2, 2))),
            row(4, Some((9, 9))),
        ]);
        let after = status(vec![
            row(1, Some((5, 0))),
            row(2, Some((8, 1))),
            row(3, Some((2, 6))),
            row(5, Some((3, 0))),
            row(6, None),
        ]);
        let found: Vec<_> = rises(Some(&before), Some(after))
            .iter()
            .map(|rise| {
                (
                    rise.row.netns.id.map(|id| id.inode),
                    rise.in_no_routes,
                    rise.out_no_routes,
                )
            })
            .collect();
        assert_eq!(found, [(Some(5), 3, 0), (Some(2), 1, 0), (Some(3), 0, 4)]);
    }
}
