//! Which packets were dropped, as numbers that can be merged.

use core::net::Ipv6Addr;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::Hash;

use crate::diagnosis::class::Class;
use crate::order::sort_by_key;
use crate::report::packet_tally::{By, MAX_ROWS, PacketTally};
use crate::trace::DevName;

/// Drops by class.
pub(crate) type ByClass = BTreeMap<Class, u64>;

/// Drops by one word of the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted<K> {
    rows: BTreeMap<K, ByClass>,
    /// Those of further ones.
    beyond: ByClass,
}

/// One row of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row<'a, K> {
    /// The word.
    pub(crate) key: &'a K,
    /// Its drops.
    pub(crate) drops: u64,
    /// The same by class.
    pub(crate) by_class: &'a ByClass,
}

impl<K> Default for Counted<K> {
    fn default() -> Self {
        Counted {
            rows: BTreeMap::new(),
            beyond: ByClass::new(),
        }
    }
}

fn add(sum: &mut ByClass, more: &ByClass) {
    for (class, drops) in more {
        *sum.entry(*class).or_default() += drops;
    }
}

impl<K: Copy + Ord + Hash> Counted<K> {
    /// Takes the rows of an input, by the class that each evidence was found to be.
    fn take(&mut self, tallied: &By<K>, class: &impl Fn(u32) -> Option<Class>) {
        for &((key, evidence), drops) in tallied.all() {
            if let Some(class) = class(evidence) {
                *self.row(key).entry(class).or_default() += drops;
            }
        }
    }

    /// The row of that word where there is room for it, else that of further ones.
    fn row(&mut self, key: Option<K>) -> &mut ByClass {
        let has_room = self.rows.len() < MAX_ROWS;
        match key.filter(|key| has_room || self.rows.contains_key(key)) {
            Some(key) => self.rows.entry(key).or_default(),
            None => &mut self.beyond,
        }
    }

    fn merge(&mut self, other: Counted<K>) {
        for (key, by_class) in other.rows {
            add(self.row(Some(key)), &by_class);
        }
        add(&mut self.beyond, &other.beyond);
    }

    /// The same by other words; those that become one are counted together.
    fn renamed(self, name: impl Fn(&K) -> K) -> Counted<K> {
        let mut renamed = Counted {
            beyond: self.beyond,
            ..Counted::default()
        };
        for (key, by_class) in self.rows {
            add(renamed.rows.entry(name(&key)).or_default(), &by_class);
        }
        renamed
    }

    /// Their keys, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.rows.keys()
    }

    /// Drops of which the word is known, and that have no row.
    #[must_use]
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond.values().sum()
    }

    /// All rows, most drops first.
    #[must_use]
    pub(crate) fn by_drops(&self) -> Vec<Row<'_, K>> {
        let rows = self.rows.iter().map(|(key, by_class)| Row {
            key,
            drops: by_class.values().sum(),
            by_class,
        });
        let mut all: Vec<_> = rows.collect();
        sort_by_key(&mut all, |row| (Reverse(row.drops), *row.key));
        all
    }

    /// Drops behind the first rows, and those that have none.
    #[must_use]
    pub(crate) fn behind(&self, rows: usize) -> ByClass {
        let mut sum = self.beyond.clone();
        for row in self.by_drops().iter().skip(rows) {
            add(&mut sum, row.by_class);
        }
        sum
    }

    /// The first rows, and how many drops are in none of them.
    #[must_use]
    pub(crate) fn first(&self, rows: usize) -> (Vec<Row<'_, K>>, u64) {
        let mut all = self.by_drops();
        all.truncate(rows);
        (all, self.behind(rows).values().sum())
    }
}

/// Drops of packets that the trace names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packets {
    /// All of them.
    pub(crate) identified: ByClass,
    /// By where they were going.
    pub(crate) by_destination: Counted<Ipv6Addr>,
    /// By where they came from.
    pub(crate) by_source: Counted<Ipv6Addr>,
    /// By the interface that they came in by.
    pub(crate) by_device: Counted<DevName>,
}

impl Packets {
    /// What was counted, by the class that each evidence was found to be, where the filters let
    /// that through; `None` where no packet is named.
    #[must_use]
    pub(crate) fn new(
        tally: &PacketTally,
        class: impl Fn(u32) -> Option<Class>,
    ) -> Option<Packets> {
        let mut packets = Packets::default();
        for &(evidence, drops) in tally.identified.all() {
            if let Some(class) = class(evidence) {
                *packets.identified.entry(class).or_default() += drops;
            }
        }
        packets.by_destination.take(&tally.destinations, &class);
        packets.by_source.take(&tally.sources, &class);
        packets.by_device.take(&tally.devices, &class);
        (!packets.identified.is_empty()).then_some(packets)
    }

    /// The same with other addresses and interfaces.
    #[must_use]
    pub(crate) fn renamed(
        self,
        address: impl Fn(&Ipv6Addr) -> Ipv6Addr,
        device: impl Fn(&DevName) -> DevName,
    ) -> Packets {
        Packets {
            identified: self.identified,
            by_destination: self.by_destination.renamed(&address),
            by_source: self.by_source.renamed(&address),
            by_device: self.by_device.renamed(device),
        }
    }

    /// How many they are.
    #[must_use]
    pub(crate) fn drops(&self) -> u64 {
        self.identified.values().sum()
    }

    /// Adds those of a later input.
    pub(crate) fn merge(&mut self, other: Packets) {
        add(&mut self.identified, &other.identified);
        self.by_destination.merge(other.by_destination);
        self.by_source.merge(other.by_source);
        self.by_device.merge(other.by_device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Packet;

    /// One drop of each: a destination and the number of its evidence.
    fn tally(drops: &[(u128, u32)]) -> PacketTally {
        let mut tally = PacketTally::new();
        for &(dst, evidence) in drops {
            let packet = Packet {
                dst: Some(Ipv6Addr::from(dst)),
                ..Packet::default()
            };
            tally.count(&packet, evidence, 1);
        }
        tally
    }

    /// Evidence 0 is of one class, 1 of another, and what filters leave out has none.
    fn packets(drops: &[(u128, u32)]) -> Option<Packets> {
        Packets::new(&tally(drops), |evidence| match evidence {
            0 => Some(Class::RcvDstAlloc),
            1 => Some(Class::RcvNoRoute),
            _ => None,
        })
    }

    #[test]
    fn rows_by_drops_and_what_is_left() {
        let packets = packets(&[(9, 0), (3, 0), (3, 1), (4, 1), (4, 2)]).unwrap();
        assert_eq!(packets.drops(), 4);
        assert_eq!(packets.identified[&Class::RcvNoRoute], 2);
        let rows = packets.by_destination.by_drops();
        let drops: Vec<_> = rows
            .iter()
            .map(|row| (row.key.to_bits(), row.drops))
            .collect();
        assert_eq!(drops, [(3, 2), (4, 1), (9, 1)]);
        assert_eq!(rows[0].by_class[&Class::RcvDstAlloc], 1);
        let (first, beyond) = packets.by_destination.first(1);
        assert_eq!((first.len(), beyond), (1, 2));
    }

    #[test]
    fn what_is_renamed_is_counted_as_before() {
        let packets = packets(&[(9, 0), (3, 0), (3, 1)]).unwrap();
        let turned = |n: &Ipv6Addr| Ipv6Addr::from(!n.to_bits());
        let renamed = packets.clone().renamed(turned, |dev| *dev);
        let rows = renamed.by_destination.by_drops();
        let drops: Vec<_> = rows
            .iter()
            .map(|row| (!row.key.to_bits(), row.drops))
            .collect();
        assert_eq!(drops, [(3, 2), (9, 1)]);
        assert_eq!(renamed.drops(), packets.drops());
        let one = packets.renamed(|_| Ipv6Addr::LOCALHOST, |dev| *dev);
        assert_eq!(one.by_destination.by_drops()[0].drops, 3);
    }

    #[test]
    fn nothing_is_shown_where_no_packet_passes() {
        assert_eq!(packets(&[]), None);
        assert_eq!(packets(&[(1, 2)]), None);
    }

    #[test]
    fn inputs_are_added_up_to_the_cap() {
        let mut sum = packets(&[(1, 0)]).unwrap();
        sum.merge(packets(&[(1, 1), (2, 0)]).unwrap());
        assert_eq!(sum.by_destination.rows.len(), 2);
        assert_eq!(sum.by_destination.by_drops()[0].drops, 2);
        let many: Vec<(u128, u32)> = (0..MAX_ROWS as u128).map(|n| (n, 0)).collect();
        sum.merge(packets(&many).unwrap());
        assert_eq!(sum.by_destination.rows.len(), MAX_ROWS);
        sum.merge(packets(&[(1 << 70, 0), (5, 0)]).unwrap());
        let (rows, beyond) = sum.by_destination.first(MAX_ROWS);
        assert_eq!((rows.len(), beyond), (MAX_ROWS, 1));
        assert_eq!(sum.drops(), 3 + many.len() as u64 + 2);
    }
}
