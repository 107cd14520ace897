//! What makes new entries of the route cache: attempts, by the route that they were made for.

use core::net::Ipv6Addr;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::diagnosis::collect::wanted::{Route, Wanted};
use crate::diagnosis::evidence::Observed;
use crate::order::sort_by_key;
use crate::report::rows::Rows;
use crate::trace::DevName;

/// Routes that have a row of their own; whoever sends packets chooses where to.
pub(crate) const MAX_ROUTES: usize = 65_536;

/// A row of attempts, for one outcome; without a route that of further ones.
type Key = (Option<Route>, bool, Observed);

/// Counts attempts.
#[derive(Clone)]
pub(crate) struct WantedTally(Rows<Key, u64>);

impl WantedTally {
    pub(super) fn new() -> Self {
        WantedTally(Rows::new())
    }

    pub(super) fn count(&mut self, wanted: &Wanted) {
        let Wanted {
            route,
            counts,
            observed,
        } = *wanted;
        let room = self.0.all().len() < MAX_ROUTES;
        let own = self.0.place((Some(route), counts, observed), room);
        let place = own.or_else(|| self.0.place((None, counts, observed), true));
        if let Some(place) = place {
            *self.0.value(place) += 1;
        }
    }
}

/// A network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The one that was traced.
    Host,
    /// Another one, by its `dst_ops`.
    Other(u64),
    /// The trace does not tell.
    Unknown,
}

/// A route and its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct To {
    /// Where to.
    pub(crate) dst: Ipv6Addr,
    /// By which interface.
    pub(crate) dev: DevName,
    /// In which namespace.
    pub(crate) place: Place,
}

/// What became of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Became {
    /// New entries.
    pub(crate) new: u64,
    /// Those that were refused.
    pub(crate) refused: u64,
}

impl Became {
    pub(crate) fn add(&mut self, other: Became) {
        self.new += other.new;
        self.refused += other.refused;
    }
}

/// New entries by their routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    rows: BTreeMap<To, Became>,
    /// Those of further routes.
    pub(crate) beyond: Became,
    /// New ones for addresses of the host itself: the kernel does not count them.
    pub(crate) uncounted: u64,
}

impl Entries {
    /// What was counted, by what each observation was found to mean; `None` where no new entry
    /// has a route.
    #[must_use]
    pub(super) fn new(
        tally: &WantedTally,
        failed: impl Fn(Observed) -> Option<bool>,
        own: Option<u64>,
    ) -> Option<Entries> {
        let place = |ops: Option<u64>| match ops {
            Some(ops) if Some(ops) == own => Place::Host,
            Some(ops) => Place::Other(ops),
            None => Place::Unknown,
        };
        let mut entries = Entries::default();
        for &((route, counts, observed), attempts) in tally.0.all() {
            let became = match failed(observed) {
                Some(true) => Became {
                    refused: attempts,
                    ..Became::default()
                },
                Some(false) if counts => Became {
                    new: attempts,
                    ..Became::default()
                },
                Some(false) => {
                    entries.uncounted += attempts;
                    continue;
                }
                None => continue,
            };
            let to = route.map(|Route { dst, dev, ops }| To {
                dst,
                dev,
                place: place(ops),
            });
            entries.row(to).add(became);
        }
        (entries.named() > 0).then_some(entries)
    }

    /// Those of these attempts.
    #[cfg(test)]
    pub(crate) fn of(
        wanted: impl Iterator<Item = Wanted>,
        failed: impl Fn(Observed) -> Option<bool>,
        own: Option<u64>,
    ) -> Option<Entries> {
        let mut tally = WantedTally::new();
        wanted.for_each(|wanted| tally.count(&wanted));
        Entries::new(&tally, failed, own)
    }

    /// The row of that route where there is room for it, else that of further ones.
    fn row(&mut self, to: Option<To>) -> &mut Became {
        let has_room = self.rows.len() < MAX_ROUTES;
        match to.filter(|to| has_room || self.rows.contains_key(to)) {
            Some(to) => self.rows.entry(to).or_default(),
            None => &mut self.beyond,
        }
    }

    /// New entries whose route is known.
    #[must_use]
    pub(crate) fn named(&self) -> u64 {
        let rows = self.rows.values().chain([&self.beyond]);
        rows.map(|became| became.new).sum()
    }

    /// All rows, most new entries first.
    #[must_use]
    pub(crate) fn by_number(&self) -> Vec<(To, Became)> {
        let mut all: Vec<_> = self
            .rows
            .iter()
            .map(|(to, became)| (*to, *became))
            .collect();
        sort_by_key(&mut all, |(to, became)| {
            (Reverse((became.new, became.refused)), *to)
        });
        all
    }

    /// Adds those of a later input.
    pub(super) fn merge(&mut self, other: Entries) {
        for (to, became) in other.rows {
            self.row(Some(to)).add(became);
        }
        self.beyond.add(other.beyond);
        self.uncounted += other.uncounted;
    }

    /// The same with other addresses and interfaces, and without a number for namespaces.
    #[must_use]
    pub(crate) fn renamed(
        self,
        address: impl Fn(Ipv6Addr) -> Ipv6Addr,
        device: impl Fn(&DevName) -> DevName,
    ) -> Entries {
        let mut renamed = Entries {
            rows: BTreeMap::new(),
            ..self
        };
        for (To { dst, dev, place }, became) in self.rows {
            let to = To {
                dst: address(dst),
                dev: device(&dev),
                place: match place {
                    Place::Other(_) => Place::Other(0),
                    place => place,
                },
            };
            renamed.row(Some(to)).add(became);
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(dst: u128, ops: Option<u64>, counts: bool, observed: Observed) -> Wanted {
        let route = Route {
            dst: Ipv6Addr::from(dst),
            dev: DevName::new(b"cali1"),
            ops,
        };
        Wanted {
            route,
            counts,
            observed,
        }
    }

    fn entries(all: &[Wanted]) -> Option<Entries> {
        let failed = |observed| match observed {
            Observed::Failed => Some(true),
            Observed::Succeeded => Some(false),
            _ => None,
        };
        Entries::of(all.iter().copied(), failed, Some(7))
    }

    const NEW: Observed = Observed::Succeeded;
    const REFUSED: Observed = Observed::Failed;

    fn became(new: u64, refused: u64) -> Became {
        Became { new, refused }
    }

    fn rows(entries: &Entries) -> Vec<(u128, Place, Became)> {
        let rows = entries.by_number().into_iter();
        rows.map(|(to, became)| (to.dst.to_bits(), to.place, became))
            .collect()
    }

    #[test]
    fn attempts_are_new_entries_or_refusals() {
        let own = Some(7);
        let all = [
            wanted(1, own, true, NEW),
            wanted(2, own, true, REFUSED),
            wanted(2, own, true, NEW),
            wanted(2, own, true, NEW),
            wanted(3, own, true, Observed::Cut),
            wanted(1, Some(9), true, NEW),
            wanted(1, None, true, NEW),
        ];
        let entries = entries(&all).unwrap();
        let wanted = [
            (2, Place::Host, became(2, 1)),
            (1, Place::Host, became(1, 0)),
            (1, Place::Other(9), became(1, 0)),
            (1, Place::Unknown, became(1, 0)),
        ];
        assert_eq!(rows(&entries), wanted);
        assert_eq!((entries.named(), entries.uncounted), (5, 0));
    }

    #[test]
    fn entries_that_do_not_count_are_no_row_and_their_refusals_are() {
        let all = [
            wanted(1, None, false, NEW),
            wanted(1, None, false, REFUSED),
            wanted(2, None, true, NEW),
        ];
        let entries = entries(&all).unwrap();
        let wanted = [
            (2, Place::Unknown, became(1, 0)),
            (1, Place::Unknown, became(0, 1)),
        ];
        assert_eq!(rows(&entries), wanted);
        assert_eq!((entries.named(), entries.uncounted), (1, 1));
    }

    #[test]
    fn there_is_nothing_without_a_new_entry_that_counts() {
        assert_eq!(entries(&[]), None);
        assert_eq!(entries(&[wanted(1, None, true, REFUSED)]), None);
        assert_eq!(entries(&[wanted(1, None, false, NEW)]), None);
        assert_eq!(entries(&[wanted(1, None, true, Observed::Collected)]), None);
    }

    #[test]
    fn routes_beyond_the_cap_are_counted_together() {
        let all: Vec<_> = (0..MAX_ROUTES as u128 + 3)
            .chain([0])
            .map(|dst| wanted(dst, None, true, NEW))
            .collect();
        let mut sum = entries(&all).unwrap();
        assert_eq!(sum.rows.len(), MAX_ROUTES);
        assert_eq!(
            (sum.beyond, sum.by_number()[0].1),
            (became(3, 0), became(2, 0))
        );
        sum.merge(
            entries(&[wanted(1 << 70, None, true, NEW), wanted(0, None, true, NEW)]).unwrap(),
        );
        assert_eq!(sum.rows.len(), MAX_ROUTES);
        assert_eq!(
            (sum.beyond, sum.by_number()[0].1),
            (became(4, 0), became(3, 0))
        );
        assert_eq!(sum.named(), all.len() as u64 + 2);
    }

    #[test]
    fn what_becomes_one_name_is_counted_together() {
        let all = [
            wanted(1, Some(9), true, NEW),
            wanted(2, Some(8), true, NEW),
            wanted(2, Some(7), true, NEW),
        ];
        let renamed = entries(&all)
            .unwrap()
            .renamed(|_| Ipv6Addr::LOCALHOST, |_| DevName::new(b"dev"));
        let wanted = [
            (1, Place::Other(0), became(2, 0)),
            (1, Place::Host, became(1, 0)),
        ];
        assert_eq!(rows(&renamed), wanted);
    }
}
