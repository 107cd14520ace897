//! What became of each packet, held against what was said of it.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use crate::diagnosis::class::{Class, Confidence};
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::trace::Packet;

/// UDP, as IPv6 numbers it.
const UDP: u8 = 17;

/// What tells a packet of the lab from every other: its addresses, and of a datagram ports and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    /// Where it comes from.
    pub(crate) src: Ipv6Addr,
    /// Where it goes to.
    pub(crate) dst: Ipv6Addr,
    /// Ports and length of a datagram; zero of anything else.
    pub(crate) udp: [u16; 3],
}

impl Flow {
    /// That of a packet in a trace, where it says enough.
    fn of(packet: &Packet) -> Option<Flow> {
        let word = |at: usize| {
            let upper = packet.upper.filter(|_| packet.next_header == Some(UDP))?;
            Some(u16::from_be_bytes([upper[at], upper[at + 1]]))
        };
        Some(Flow {
            src: packet.src?,
            dst: packet.dst?,
            udp: [0, 2, 4].map(|at| word(at).unwrap_or(0)),
        })
    }
}

/// What must become of a packet, by how it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is lost.
    Lost,
    /// It arrives.
    Arrives,
    /// Either.
    Either,
}

/// A packet that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Which.
    pub(crate) flow: Flow,
    /// What must become of it.
    pub(crate) fate: Fate,
    /// What became of it.
    pub(crate) lost: bool,
    /// What a loss of it may be called; nothing where it is no loss of routing.
    pub(crate) names: &'static [Class],
    /// It was sent while the recording surely ran.
    pub(crate) within: bool,
}

/// A drop as it was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    /// Which packet, where the trace says it.
    pub(crate) flow: Option<Flow>,
    /// What it was called.
    pub(crate) class: Class,
    /// How surely.
    pub(crate) confidence: Confidence,
}

/// Takes drops of a report.
#[derive(Debug, Default)]
pub(crate) struct Drops(pub(crate) Vec<Named>);

impl DecidedSink for Drops {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        let named = Named {
            flow: drop.packet().and_then(Flow::of),
            class: drop.classification.class,
            confidence: drop.classification.confidence,
        };
        let count = usize::try_from(drop.count).unwrap_or_default();
        self.0.extend(std::iter::repeat_n(named, count));
    }
}

/// How well losses were named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Score {
    /// Packets that were sent.
    pub(crate) packets: u64,
    /// Those of them that were lost.
    pub(crate) lost: u64,
    /// Losses by the class that they are of.
    pub(crate) rightly: u64,
    /// Losses by another class, and packets that were not lost at all.
    pub(crate) wrongly: u64,
    /// Losses of which nothing was said, or that nothing told.
    pub(crate) unnamed: u64,
    /// Of those named rightly, the confirmed ones.
    pub(crate) confirmed: u64,
    /// Of those named wrongly, the confirmed ones.
    pub(crate) confirmed_wrongly: u64,
    /// Packets of which not that became which had to.
    pub(crate) unexpected: u64,
    /// Drops of other packets than the lab's own.
    pub(crate) others: u64,
}

impl Score {
    /// Holds what was said against what became of them; so many drops were counted as none of routing.
    #[must_use]
    pub(crate) fn of(sent: &[Sent], drops: &[Named], mut of_rules: u64) -> Score {
        let mut said: HashMap<Flow, Vec<&Named>> = HashMap::new();
        let mut nameless = Vec::new();
        for drop in drops {
            match drop.flow {
                Some(flow) => said.entry(flow).or_default().push(drop),
                None => nameless.push(drop),
            }
        }
        let mut score = Score::default();
        // What all losses without a name may be called, where that is the same.
        let mut open: Vec<&Sent> = Vec::new();
        for packet in sent {
            let found = said.remove(&packet.flow).unwrap_or_default();
            if found.is_empty() && !packet.within {
                continue;
            }
            score.packets += 1;
            score.lost += u64::from(packet.lost);
            let as_it_must = match packet.fate {
                Fate::Lost => packet.lost,
                Fate::Arrives => !packet.lost,
                Fate::Either => true,
            };
            score.unexpected += u64::from(!as_it_must);
            match found.as_slice() {
                [] if !packet.lost => {}
                [] if packet.names.is_empty() && of_rules > 0 => {
                    of_rules -= 1;
                    score.rightly += 1;
                    score.confirmed += 1;
                }
                [] if packet.names.is_empty() => score.unnamed += 1,
                [] => open.push(packet),
                all => score.take(packet, all),
            }
        }
        score.others = said.values().map(|drops| drops.len() as u64).sum();
        score.take_nameless(&open, &nameless);
        score
    }

    fn take(&mut self, packet: &Sent, drops: &[&Named]) {
        let is_right = |drop: &&Named| packet.lost && packet.names.contains(&drop.class);
        let wrong = |drop: &&&Named| !is_right(drop) && !tells_nothing(drop.class);
        let is_confirmed = |drop: &&Named| drop.confidence == Confidence::Confirmed;
        if drops.iter().any(|drop| wrong(&drop)) {
            self.wrongly += 1;
            let confirmed = drops.iter().filter(wrong).any(&is_confirmed);
            self.confirmed_wrongly += u64::from(confirmed);
        } else if drops.iter().any(is_right) {
            self.rightly += 1;
            self.confirmed += u64::from(drops.iter().any(is_confirmed));
        } else {
            // Without a loss nothing is left unsaid, and yet a drop was seen.
            self.unnamed += u64::from(packet.lost);
            self.wrongly += u64::from(!packet.lost);
        }
    }

    /// Drops that the trace does not tell apart name losses that are all of one kind.
    fn take_nameless(&mut self, open: &[&Sent], drops: &[&Named]) {
        let names = open.first().map_or(&[][..], |packet| packet.names);
        let are_of_one_kind = open.iter().all(|packet| packet.names == names);
        let mut left = open.len() as u64;
        for drop in drops {
            let is_right = names.contains(&drop.class);
            let is_confirmed = u64::from(drop.confidence == Confidence::Confirmed);
            if !are_of_one_kind || left == 0 || tells_nothing(drop.class) {
                self.others += 1;
            } else if is_right {
                left -= 1;
                self.rightly += 1;
                self.confirmed += is_confirmed;
            } else {
                left -= 1;
                self.wrongly += 1;
                self.confirmed_wrongly += is_confirmed;
            }
        }
        self.unnamed += left;
    }

    /// Adds that of other packets.
    pub(crate) fn add(&mut self, other: Score) {
        self.packets += other.packets;
        self.lost += other.lost;
        self.rightly += other.rightly;
        self.wrongly += other.wrongly;
        self.unnamed += other.unnamed;
        self.confirmed += other.confirmed;
        self.confirmed_wrongly += other.confirmed_wrongly;
        self.unexpected += other.unexpected;
        self.others += other.others;
    }
}

/// A class that says no cause.
fn tells_nothing(class: Class) -> bool {
    matches!(class, Class::RcvUndetermined | Class::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &[Class] = &[Class::RcvDstAlloc];

    fn flow(n: u16) -> Flow {
        Flow {
            src: Ipv6Addr::LOCALHOST,
            dst: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n),
            udp: [0; 3],
        }
    }

    fn sent(n: u16, lost: bool, names: &'static [Class]) -> Sent {
        Sent {
            flow: flow(n),
            fate: Fate::Either,
            lost,
            names,
            within: true,
        }
    }

    fn named(n: impl Into<Option<u16>>, class: Class, confidence: Confidence) -> Named {
        Named {
            flow: n.into().map(flow),
            class,
            confidence,
        }
    }

    #[test]
    fn each_loss_is_named_rightly_wrongly_or_not() {
        let all: Vec<Sent> = (1..=6).map(|n| sent(n, n != 6, FULL)).collect();
        let drops = [
            named(1, Class::RcvDstAlloc, Confidence::Confirmed),
            named(2, Class::RcvDstAlloc, Confidence::Probable),
            named(3, Class::RcvNoRoute, Confidence::Confirmed),
            named(4, Class::RcvUndetermined, Confidence::Possible),
            named(77, Class::RcvNoRoute, Confidence::Confirmed),
        ];
        let wanted = Score {
            packets: 6,
            lost: 5,
            rightly: 2,
            wrongly: 1,
            unnamed: 2,
            confirmed: 1,
            confirmed_wrongly: 1,
            unexpected: 0,
            others: 1,
        };
        assert_eq!(Score::of(&all, &drops, 0), wanted);
        let mut twice = wanted;
        twice.add(wanted);
        assert_eq!((twice.packets, twice.confirmed_wrongly), (12, 2));
    }

    #[test]
    fn a_drop_of_what_arrived_is_wrong() {
        for class in [Class::RcvDstAlloc, Class::RcvUndetermined] {
            let drop = named(1, class, Confidence::Probable);
            let score = Score::of(&[sent(1, false, FULL)], &[drop], 0);
            assert_eq!((score.wrongly, score.lost), (1, 0), "{class:?}");
        }
    }

    #[test]
    fn fates_are_kept() {
        let with = |fate, lost| {
            let packet = Sent {
                fate,
                ..sent(1, lost, FULL)
            };
            Score::of(&[packet], &[], 0).unexpected
        };
        assert_eq!((with(Fate::Lost, true), with(Fate::Lost, false)), (0, 1));
        assert_eq!(
            (with(Fate::Arrives, true), with(Fate::Arrives, false)),
            (1, 0)
        );
        assert_eq!(
            (with(Fate::Either, true), with(Fate::Either, false)),
            (0, 0)
        );
    }

    #[test]
    fn what_was_sent_at_the_edges_counts_where_it_was_seen() {
        let edge = |n| Sent {
            within: false,
            ..sent(n, true, FULL)
        };
        let drop = named(1, Class::RcvDstAlloc, Confidence::Confirmed);
        let score = Score::of(&[edge(1), edge(2)], &[drop], 0);
        assert_eq!((score.packets, score.rightly, score.unnamed), (1, 1, 0));
    }

    #[test]
    fn what_is_no_loss_of_routing_is_rightly_not_named() {
        let both = [sent(1, true, &[]), sent(2, true, &[])];
        let score = Score::of(&both, &[], 1);
        assert_eq!((score.rightly, score.confirmed, score.unnamed), (1, 1, 1));
        let drop = named(1, Class::RcvDstAlloc, Confidence::Confirmed);
        let score = Score::of(&[sent(1, true, &[])], &[drop], 0);
        assert_eq!((score.wrongly, score.confirmed_wrongly), (1, 1));
    }

    #[test]
    fn drops_without_packets_name_losses_of_one_kind() {
        let drops = [
            named(None, Class::RcvDstAlloc, Confidence::Confirmed),
            named(None, Class::RcvNoRoute, Confidence::Probable),
        ];
        let all = [1, 2, 3].map(|n| sent(n, true, FULL));
        let score = Score::of(&all, &drops, 0);
        assert_eq!((score.rightly, score.wrongly, score.unnamed), (1, 1, 1));
        let mixed = [sent(1, true, FULL), sent(2, true, &[Class::RcvNoRoute])];
        let score = Score::of(&mixed, &drops, 0);
        assert_eq!((score.rightly, score.unnamed, score.others), (0, 2, 2));
    }

    #[test]
    fn a_packet_is_known_by_its_words() {
        let mut packet = Packet {
            src: Some(Ipv6Addr::LOCALHOST),
            dst: Some(flow(3).dst),
            next_header: Some(58),
            upper: Some([1, 2, 3, 4, 5, 6, 7, 8]),
            ..Packet::default()
        };
        assert_eq!(Flow::of(&packet), Some(flow(3)));
        packet.next_header = Some(UDP);
        assert_eq!(Flow::of(&packet).unwrap().udp, [0x102, 0x304, 0x506]);
        packet.dst = None;
        assert_eq!(Flow::of(&packet), None);
    }
}
