//! Drops counted by the packet: where it was going, where it came from, and by which interface.

use core::net::Ipv6Addr;
use std::hash::Hash;

use crate::report::rows::{RECENT, Rows, recent};
use crate::trace::{DevName, Packet};

/// Rows of one kind; whoever sends packets chooses their addresses.
pub(crate) const MAX_ROWS: usize = 65_536;

/// Drops by one word of the packet and by the number of their evidence; with no word those of
/// further ones.
pub(crate) type By<K> = Rows<(Option<K>, u32), u64>;

/// What decides in which rows a drop counts.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flow {
    src: Option<Ipv6Addr>,
    dst: Option<Ipv6Addr>,
    dev: Option<DevName>,
    evidence: u32,
}

/// These rows.
#[derive(Clone, Copy)]
struct Places {
    identified: Option<u32>,
    destination: Option<u32>,
    source: Option<u32>,
    device: Option<u32>,
}

impl Packet {
    /// Something is known that tells it from others.
    pub(super) fn is_named(&self) -> bool {
        self.src.is_some() || self.dst.is_some() || self.dev.is_some()
    }
}

/// Counts drops of packets that the trace names.
#[derive(Clone)]
pub(crate) struct PacketTally {
    /// All of them, by the number of their evidence.
    pub(crate) identified: Rows<u32, u64>,
    /// By destination.
    pub(crate) destinations: By<Ipv6Addr>,
    /// By source.
    pub(crate) sources: By<Ipv6Addr>,
    /// By interface.
    pub(crate) devices: By<DevName>,
    /// Empty until there is a packet.
    recent: Vec<Option<(Flow, Places)>>,
}

/// The row of that word, or that of further ones.
fn place<K: Copy + Eq + Hash>(rows: &mut By<K>, word: Option<K>, evidence: u32) -> Option<u32> {
    let word = word?;
    let room = rows.all().len() < MAX_ROWS;
    let own = rows.place((Some(word), evidence), room);
    own.or_else(|| rows.place((None, evidence), true))
}

/// The half of an address that tells neighbours apart.
fn lower(address: Option<Ipv6Addr>) -> usize {
    address.map_or(0, |address| address.to_bits() as usize)
}

impl PacketTally {
    pub(super) fn new() -> Self {
        PacketTally {
            identified: Rows::new(),
            destinations: Rows::new(),
            sources: Rows::new(),
            devices: Rows::new(),
            recent: Vec::new(),
        }
    }

    /// The rows of a flow. Once they are found they stay the same.
    fn places(&mut self, flow: Flow) -> Places {
        let evidence = flow.evidence;
        let at = recent([lower(flow.dst), lower(flow.src), evidence as usize]);
        if self.recent.is_empty() {
            self.recent = vec![None; RECENT];
        }
        if let Some((known, places)) = self.recent[at]
            && known == flow
        {
            return places;
        }
        let places = Places {
            identified: self.identified.place(evidence, true),
            destination: place(&mut self.destinations, flow.dst, evidence),
            source: place(&mut self.sources, flow.src, evidence),
            device: place(&mut self.devices, flow.dev, evidence),
        };
        self.recent[at] = Some((flow, places));
        places
    }

    /// Counts drops of a packet.
    pub(super) fn count(&mut self, packet: &Packet, evidence: u32, drops: u64) {
        if !packet.is_named() {
            return;
        }
        let flow = Flow {
            src: packet.src,
            dst: packet.dst,
            dev: packet.dev,
            evidence,
        };
        let places = self.places(flow);
        if let Some(place) = places.identified {
            *self.identified.value(place) += drops;
        }
        if let Some(place) = places.destination {
            *self.destinations.value(place) += drops;
        }
        if let Some(place) = places.source {
            *self.sources.value(place) += drops;
        }
        if let Some(place) = places.device {
            *self.devices.value(place) += drops;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(src: u128, dst: u128, dev: &[u8]) -> Packet {
        Packet {
            src: Some(Ipv6Addr::from(src)),
            dst: Some(Ipv6Addr::from(dst)),
            dev: DevName::of_device(dev),
            ..Packet::default()
        }
    }

    #[test]
    fn each_word_has_rows_of_its_own() {
        let mut tally = PacketTally::new();
        for (src, dst, dev, evidence) in [
            (1, 7, "a", 0),
            (1, 7, "b", 0),
            (2, 7, "b", 0),
            (1, 8, "a", 3),
            (1, 7, "a", 0),
        ] {
            tally.count(&packet(src, dst, dev.as_bytes()), evidence, 10);
        }
        assert_eq!(tally.identified.all(), [(0, 40), (3, 10)]);
        let address = |n: u128| Some(Ipv6Addr::from(n));
        assert_eq!(
            tally.destinations.all(),
            [((address(7), 0), 40), ((address(8), 3), 10)]
        );
        assert_eq!(
            tally.sources.all(),
            [
                ((address(1), 0), 30),
                ((address(2), 0), 10),
                ((address(1), 3), 10)
            ]
        );
        let device = |name: &[u8]| DevName::of_device(name);
        assert_eq!(
            tally.devices.all(),
            [
                ((device(b"a"), 0), 20),
                ((device(b"b"), 0), 20),
                ((device(b"a"), 3), 10)
            ]
        );
    }

    #[test]
    fn a_packet_without_words_is_not_named() {
        let mut tally = PacketTally::new();
        let nothing = Packet {
            code: Some(0),
            ..Packet::default()
        };
        tally.count(&nothing, 0, 1);
        assert!(tally.identified.all().is_empty());
        let only_dev = Packet {
            dev: DevName::of_device(b"a"),
            ..nothing
        };
        tally.count(&only_dev, 0, 1);
        assert_eq!(tally.identified.all(), [(0, 1)]);
        assert!(tally.destinations.all().is_empty() && tally.sources.all().is_empty());
    }

    #[test]
    fn what_is_beyond_the_rows_is_counted_together() {
        let mut tally = PacketTally::new();
        let rows = MAX_ROWS as u128;
        (0..rows + 3).for_each(|n| tally.count(&packet(1, n, b"a"), 0, 1));
        tally.count(&packet(1, 0, b"a"), 0, 1);
        let all = tally.destinations.all();
        assert_eq!(all.len(), MAX_ROWS + 1);
        assert_eq!(all[0].1, 2);
        assert_eq!(all[MAX_ROWS], ((None, 0), 3));
        assert_eq!(tally.sources.all().len(), 1);
    }
}
