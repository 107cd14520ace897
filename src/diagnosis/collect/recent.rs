//! The lookups of one CPU and context that may be of packets still to be dropped.

use core::net::Ipv6Addr;
use std::collections::VecDeque;
use std::num::{NonZeroU32, NonZeroU64};

use crate::diagnosis::collect::context::is_near;
use crate::diagnosis::collect::wanted::Wanted;
use crate::diagnosis::evidence::{Observed, Reverse};
use crate::diagnosis::lookups::sequence::{LO, MAX_ANSWERS};
use crate::kernel::functions::Origin;
use crate::trace::lookup::Lookup;
use crate::trace::{Packet, Time};

/// Lookups that are kept of one context. Packets received in a list are looked up first and
/// dropped after. One softirq takes 300 packets (net/core/dev.c: `netdev_budget`), each of which
/// asks two tables, and the ICMPv6 error about it another four; with rules of its own some more.
const MAX_RECENT: usize = 2048;
/// The protocol of ICMPv6 (IANA).
const IPPROTO_ICMPV6: u8 = 58;

/// What one context did, as far as it matters for lookups.
#[derive(Debug, Clone, Copy)]
enum Did {
    /// It asked a table.
    Asked(Lookup),
    /// `ip6_dst_gc` was called.
    Attempted(Observed),
    /// `ip6_route_lookup` returned, and whether that was an error.
    Returned(bool),
    /// A packet was freed.
    Freed,
    /// It began to look up a packet, and whether lookups were traced by then.
    Began(NonZeroU64, bool),
}

/// One of these.
#[derive(Debug, Clone, Copy)]
struct Noted {
    time: Option<Time>,
    did: Did,
    /// The packet was dropped that it was for; others may have taken its route.
    is_done: bool,
    /// The number of the one before that is found by the same key.
    before: u64,
}

/// Lookups in the order of the trace.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    all: VecDeque<Noted>,
    /// How many there were before; they are numbered from 1 on, and no number comes twice.
    gone: u64,
    /// The number of the last one that is found by each key, which may be gone.
    last: Vec<u64>,
    /// There is some that began.
    has_began: bool,
    /// The `dst_ops` of the namespace in which `ip6_dst_gc` was called for what was asked last.
    ops: Option<u64>,
}

/// Numbers by which lookups and packets are found.
const KEYS: usize = 1 << u8::BITS;

/// What lookups for a destination are found by.
fn key_of(dst: &Ipv6Addr) -> u8 {
    let bits = u128::from(*dst);
    let words = (bits as u64) ^ ((bits >> 64) as u64).rotate_left(32);
    (words.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// What the beginning of the lookup of a packet is found by.
fn key_of_began(skb: NonZeroU64) -> u8 {
    (skb.get().wrapping_mul(0xd1b5_4a32_d192_ed03) >> 56) as u8
}

/// The lookups for one packet, or for its flow.
#[derive(Debug, Clone, Default)]
pub(super) struct Matched {
    /// The answers, oldest first.
    pub(super) lookups: Vec<Lookup>,
    /// They begin with this packet's own entry.
    pub(super) is_own: bool,
    /// They are of other sources.
    pub(super) of_destination: bool,
    /// Earlier ones may have been left out.
    pub(super) is_cut: bool,
}

/// What must be the same for a lookup to be for a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Flow,
    Destination,
}

/// True where the lookup is one for the received packet, as far as that is known.
#[inline(always)]
fn is_for(lookup: &Lookup, packet: &Packet, by: By) -> bool {
    let incoming = packet.iif.or(packet.ifindex.map(NonZeroU32::get));
    let came_by = match incoming {
        Some(iif) => lookup.iif == iif,
        None => lookup.iif != LO,
    };
    let from = by == By::Destination || packet.src == Some(lookup.src);
    lookup.oif == 0 && came_by && packet.dst == Some(lookup.dst) && from
}

/// Whether the lookup looks like that of rpfilter, or of nft's `fib saddr . iif`, for the packet
/// (net/ipv6/netfilter/ip6t_rpfilter.c and nft_fib_ipv6.c, which both ask as if from `lo`, and for
/// no port); and if so, whether none that was made for an answer to the packet can look the same:
/// an ICMPv6 error asks for no interface where its addresses do without one, and is not sent about
/// a packet for many (net/ipv6/icmp.c: `icmp6_send`), and a TCP reset has ports.
fn way_back(lookup: &Lookup, packet: &Packet) -> Option<bool> {
    let is_to_many = packet.dst.is_some_and(|dst| dst.is_multicast());
    let incoming = packet.iif.or(packet.ifindex.map(NonZeroU32::get));
    let by_interface = lookup.oif != 0 && incoming == Some(lookup.oif);
    let from = packet.dst == Some(lookup.src)
        || (lookup.src.is_unspecified() && is_to_many && by_interface);
    let by = lookup.oif == 0 || by_interface;
    let to_source = packet.src == Some(lookup.dst);
    let is_it = lookup.iif == LO && !lookup.has_ports && to_source && from && by;
    is_it.then(|| {
        let needs_interface = lookup.dst.is_unicast_link_local();
        let is_icmp = lookup.proto.is_none_or(|proto| proto == IPPROTO_ICMPV6);
        is_to_many || !is_icmp || (by_interface && !needs_interface)
    })
}

/// What was asked last, in the context of a packet that is freed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastAsked {
    /// Nothing, or something else than the way back to its source.
    Other,
    /// The way back, and there is none by the interface that it came in by.
    NoWayBack,
    /// The way back, which was found: what shows of it behind that, and whether no lookup for an
    /// answer to the packet looks the same.
    WayBack(Option<Reverse>, bool),
}

impl Recent {
    /// Nothing of before counts any more.
    #[inline]
    pub(super) fn clear(&mut self) {
        // Mostly there is nothing.
        if !self.all.is_empty() {
            self.gone += self.all.len() as u64;
            self.all.clear();
            self.has_began = false;
        }
    }

    /// Notes it, to be found by that key, or by its place alone.
    fn push(&mut self, key: Option<u8>, time: Option<Time>, did: Did) {
        if self.all.len() >= MAX_RECENT {
            self.all.pop_front();
            self.gone += 1;
        }
        self.last.resize(KEYS, 0);
        let number = self.gone + self.all.len() as u64 + 1;
        let last = key.and_then(|key| self.last.get_mut(usize::from(key)));
        self.all.push_back(Noted {
            time,
            did,
            is_done: false,
            before: last.map_or(0, |last| std::mem::replace(last, number)),
        });
    }

    /// A table was asked.
    pub(super) fn asked(&mut self, time: Option<Time>, lookup: Lookup) {
        self.ops = None;
        self.push(Some(key_of(&lookup.dst)), time, Did::Asked(lookup));
    }

    /// Nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// `ip6_dst_gc` is being called, in the namespace with these `dst_ops`.
    pub(super) fn attempts_in(&mut self, ops: u64) {
        self.ops = Some(ops);
    }

    /// The attempt that ends now, for what was asked right before, with nothing else in between.
    pub(super) fn wanted(
        &self,
        now: Option<Time>,
        origin: Origin,
        observed: Observed,
    ) -> Option<Wanted> {
        let last = self.all.back().filter(|noted| is_near(now, noted.time))?;
        match &last.did {
            Did::Asked(lookup) => Wanted::new(lookup, (origin, self.ops), observed),
            _ => None,
        }
    }

    /// `ip6_dst_gc` was called, for what was asked last.
    pub(super) fn attempted(&mut self, time: Option<Time>, observed: Observed) {
        self.push_behind(time, Did::Attempted(observed));
    }

    /// `ip6_route_lookup` returned.
    pub(super) fn returned(&mut self, time: Option<Time>, failed: bool) {
        self.push_behind(time, Did::Returned(failed));
    }

    /// A packet was freed: what is behind has nothing to do with it.
    pub(super) fn freed(&mut self, time: Option<Time>) {
        let last = self.all.back().map(|noted| noted.did);
        if !matches!(last, Some(Did::Freed)) {
            self.push_behind(time, Did::Freed);
        }
    }

    /// Nothing of it is of use where no table was asked.
    fn push_behind(&mut self, time: Option<Time>, did: Did) {
        if !self.all.is_empty() {
            self.push(None, time, did);
        }
    }

    /// What was asked last.
    pub(super) fn last_asked(&self, now: Option<Time>, packet: &Packet) -> LastAsked {
        let mut shown = None;
        for noted in self.all.iter().rev() {
            match noted.did {
                // Of several, the first one behind the lookup was made for it.
                Did::Attempted(observed) if shown != Some(Reverse::Returned) => {
                    shown = Some(Reverse::Attempted(observed));
                }
                Did::Attempted(_) => {}
                Did::Returned(true) => shown = Some(Reverse::Returned),
                Did::Returned(false) | Did::Freed | Did::Began(..) => break,
                Did::Asked(lookup) => {
                    let is_near = is_near(now, noted.time);
                    let Some(is_alone) = way_back(&lookup, packet).filter(|_| is_near) else {
                        break;
                    };
                    let found = lookup.err == 0 && packet.dev == Some(lookup.dev);
                    return if found {
                        LastAsked::WayBack(shown, is_alone)
                    } else {
                        LastAsked::NoWayBack
                    };
                }
            }
        }
        LastAsked::Other
    }

    /// The lookup of a packet begins.
    pub(super) fn began(&mut self, time: Option<Time>, skb: NonZeroU64, lookups_on: bool) {
        self.has_began = true;
        self.push(Some(key_of_began(skb)), time, Did::Began(skb, lookups_on));
    }

    /// The places of those that may be found by that key, the last first.
    fn places(&self, key: u8) -> impl Iterator<Item = usize> + Clone {
        let first = self.gone + 1;
        let place = move |number: u64| number.checked_sub(first).map(|place| place as usize);
        let last = self.last.get(usize::from(key)).copied();
        core::iter::successors(last.and_then(place), move |&at| {
            place(self.all.get(at)?.before)
        })
    }

    /// The lookups between the packet's own entry and the next one's.
    fn own(&self, now: Option<Time>, packet: &Packet) -> Option<(Vec<Lookup>, bool)> {
        let skb = packet.skb.filter(|_| self.has_began)?;
        let is_its = |noted: &Noted| {
            matches!(noted.did, Did::Began(began, _) if began == skb) && is_near(now, noted.time)
        };
        let mut places = self.places(key_of_began(skb));
        let began = places.find(|&at| self.all.get(at).is_some_and(is_its))?;
        let behind = self.all.range(began + 1..);
        let until_next = behind.take_while(|noted| !matches!(noted.did, Did::Began(..)));
        let asked = until_next.filter_map(|noted| match &noted.did {
            Did::Asked(lookup) => Some(lookup),
            _ => None,
        });
        let own = asked.filter(|lookup| is_for(lookup, packet, By::Flow));
        let lookups_on = matches!(self.all[began].did, Did::Began(_, true));
        Some((own.copied().collect(), lookups_on))
    }

    /// The lookups for a packet at these places, the last first, and whether it is done with.
    fn by<'a>(
        &'a self,
        places: impl Iterator<Item = usize> + 'a,
        (now, packet, by): (Option<Time>, &'a Packet, By),
    ) -> impl Iterator<Item = (&'a Lookup, bool)> {
        // The last comes first, and behind what is too old nothing is newer.
        let noted = places.map_while(move |at| {
            let noted = self.all.get(at)?;
            is_near(now, noted.time).then_some(noted)
        });
        noted.filter_map(move |noted| match &noted.did {
            Did::Asked(lookup) if is_for(lookup, packet, by) => Some((lookup, noted.is_done)),
            _ => None,
        })
    }

    /// The lookups that may be of a packet that is dropped now.
    pub(super) fn matching(&self, now: Option<Time>, packet: &Packet) -> Matched {
        let own = self.own(now, packet).filter(|(own, _)| !own.is_empty());
        if let Some((lookups, lookups_on)) = own {
            return Matched {
                lookups,
                is_own: true,
                is_cut: !lookups_on,
                ..Matched::default()
            };
        }
        let places = packet.dst.map(|dst| self.places(key_of(&dst)));
        let places = places.into_iter().flatten();
        // Some lookup of its flow is not that of a packet that was dropped before.
        let mut of_flow = self.by(places.clone(), (now, packet, By::Flow));
        let by = if of_flow.any(|(_, is_done)| !is_done) {
            By::Flow
        } else {
            By::Destination
        };
        // One interface has the packet: where it is not named, that of the last lookup.
        let mut iif = None;
        let all = self.by(places, (now, packet, by)).map(|(lookup, _)| lookup);
        let mut found = all.filter(|lookup| *iif.get_or_insert(lookup.iif) == lookup.iif);
        let last: Vec<_> = found.by_ref().take(MAX_ANSWERS).collect();
        Matched {
            is_own: false,
            of_destination: by == By::Destination && !last.is_empty(),
            is_cut: found.next().is_some() || self.all.len() >= MAX_RECENT,
            lookups: last.into_iter().rev().copied().collect(),
        }
    }

    /// The packet is dropped: the oldest lookups for it are done with, up to the table that was
    /// asked first. Packets of one flow are dropped in the order in which they were looked up;
    /// what is done with still tells what the tables say of the flow.
    pub(super) fn drop_oldest(&mut self, packet: &Packet) {
        let Some(dst) = packet.dst else { return };
        let places: Vec<usize> = self.places(key_of(&dst)).collect();
        let mut first = None;
        for at in places.into_iter().rev() {
            let Some(noted) = self.all.get_mut(at).filter(|noted| !noted.is_done) else {
                continue;
            };
            let Did::Asked(lookup) = &noted.did else {
                continue;
            };
            if !is_for(lookup, packet, By::Flow) {
                continue;
            }
            if first == Some(lookup.table) {
                break;
            }
            first = first.or(Some(lookup.table));
            noted.is_done = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::collect::context::MAX_LINK_NANOSECONDS;
    use crate::trace::lookup::lookup;

    const SRC: &str = "fd00::1";

    fn asks(table: u32, from: &str, iif: u32) -> Lookup {
        let says = format!(
            "table {table} oif 0 iif {iif} proto 58 {from}/0 -> fd00::2/0 tos 0 scope 0 flags 0 \
             ==> dev lo gw :: err -113"
        );
        lookup(says.as_bytes()).unwrap()
    }

    fn packet(from: &str, iif: impl Into<Option<u32>>) -> Packet {
        Packet {
            src: from.parse().ok(),
            dst: "fd00::2".parse().ok(),
            iif: iif.into(),
            skb: NonZeroU64::new(7),
            ..Packet::default()
        }
    }

    fn now() -> Option<Time> {
        Some(Time::nanoseconds(1_000_000_000))
    }

    /// The tables of lookups, and what else is known of them.
    fn tables(recent: &Recent, packet: &Packet) -> (Vec<u32>, bool, bool) {
        let matched = recent.matching(now(), packet);
        let tables = matched.lookups.iter().map(|lookup| lookup.table);
        (tables.collect(), matched.is_own, matched.of_destination)
    }

    fn recent(all: &[Lookup]) -> Recent {
        let mut recent = Recent::default();
        all.iter().for_each(|one| recent.asked(now(), *one));
        recent
    }

    #[test]
    fn lookups_are_a_packets_by_addresses_and_interface() {
        let all = [
            asks(255, SRC, 4),
            asks(255, "fd00::9", 4),
            asks(253, SRC, 5),
            Lookup {
                oif: 3,
                ..asks(252, SRC, 4)
            },
            asks(254, SRC, 4),
        ];
        let recent = recent(&all);
        let both = vec![255, 254];
        assert_eq!(
            tables(&recent, &packet(SRC, 4)),
            (both.clone(), false, false)
        );
        assert_eq!(tables(&recent, &packet(SRC, 5)), (vec![253], false, false));
        // By the interface of the packet where nobody says by which it came.
        let by_device = Packet {
            ifindex: NonZeroU32::new(5),
            ..packet(SRC, None)
        };
        assert_eq!(tables(&recent, &by_device).0, [253]);
        // By any but lo where that is not known either: one interface, that of the last.
        assert_eq!(tables(&recent, &packet(SRC, None)).0, both);
        let mut sent = Recent::default();
        sent.asked(now(), asks(255, SRC, LO));
        assert!(tables(&sent, &packet(SRC, None)).0.is_empty());
        assert!(tables(&recent, &Packet::default()).0.is_empty());
    }

    #[test]
    fn lookups_are_found_among_many_of_others() {
        let other = Lookup {
            dst: "fd00::9".parse().unwrap(),
            ..asks(255, SRC, 4)
        };
        for before in [0, 1, 35] {
            let mut all = vec![other; before];
            all.extend([asks(255, SRC, 4), asks(254, SRC, 4)]);
            all.extend(vec![other; 32]);
            let found = tables(&recent(&all), &packet(SRC, 4)).0;
            assert_eq!(found, [255, 254], "{before}");
        }
    }

    #[test]
    fn lookups_of_long_ago_are_of_others() {
        let mut recent = Recent::default();
        for (table, before) in [(254, MAX_LINK_NANOSECONDS + 1), (255, MAX_LINK_NANOSECONDS)] {
            let then = Time::nanoseconds(1_000_000_000 - before);
            recent.asked(Some(then), asks(table, SRC, 4));
        }
        assert_eq!(tables(&recent, &packet(SRC, 4)).0, [255]);
        recent.clear();
        assert!(tables(&recent, &packet(SRC, 4)).0.is_empty());
    }

    #[test]
    fn a_packets_own_entry_begins_its_lookups() {
        let mut recent = recent(&[asks(255, SRC, 4)]);
        let began = |recent: &mut Recent, skb| {
            recent.began(now(), NonZeroU64::new(skb).unwrap(), true);
            recent.asked(now(), asks(skb as u32, SRC, 4));
        };
        began(&mut recent, 7);
        recent.asked(now(), asks(254, "fd00::9", 4));
        began(&mut recent, 8);
        assert_eq!(tables(&recent, &packet(SRC, 4)), (vec![7], true, false));
        // Of another one there is no entry: its flow is all that is known.
        let other = Packet {
            skb: NonZeroU64::new(9),
            ..packet(SRC, 4)
        };
        assert_eq!(tables(&recent, &other), (vec![255, 7, 8], false, false));
        let mut long_ago = Recent::default();
        let skb = NonZeroU64::new(7).unwrap();
        long_ago.began(Some(Time::nanoseconds(1)), skb, true);
        long_ago.asked(now(), asks(255, SRC, 4));
        assert!(!tables(&long_ago, &packet(SRC, 4)).1);
        // Its first lookups may have been made before any was traced.
        for lookups_on in [false, true] {
            let mut recent = Recent::default();
            recent.began(now(), skb, lookups_on);
            recent.asked(now(), asks(254, SRC, 4));
            let matched = recent.matching(now(), &packet(SRC, 4));
            assert_eq!((matched.is_own, matched.is_cut), (true, !lookups_on));
        }
    }

    #[test]
    fn a_drop_takes_the_oldest_lookups_of_its_flow() {
        let all = [255, 254, 255, 254, 500].map(|table| asks(table, SRC, 4));
        let mut recent = recent(&all);
        recent.drop_oldest(&packet(SRC, 4));
        let all = vec![255, 254, 255, 254, 500];
        assert_eq!(
            tables(&recent, &packet(SRC, 4)),
            (all.clone(), false, false)
        );
        recent.drop_oldest(&packet("fd00::9", 4));
        recent.drop_oldest(&packet(SRC, 4));
        // Others may have taken the route that was found.
        assert_eq!(tables(&recent, &packet(SRC, 4)), (all.clone(), false, true));
        assert_eq!(tables(&recent, &packet("fd00::9", 4)), (all, false, true));
    }

    #[test]
    fn of_many_the_last_are_kept() {
        let of = |count: usize| recent(&vec![asks(254, SRC, 4); count]);
        let matched = |count| of(count).matching(now(), &packet(SRC, 4));
        for (count, kept, is_cut) in [
            (MAX_ANSWERS, MAX_ANSWERS, false),
            (MAX_ANSWERS + 1, MAX_ANSWERS, true),
        ] {
            let matched = matched(count);
            assert_eq!((matched.lookups.len(), matched.is_cut), (kept, is_cut));
        }
        let mut recent = of(0);
        (0..MAX_RECENT - 1).for_each(|_| recent.asked(now(), asks(254, SRC, 9)));
        assert!(!recent.matching(now(), &packet(SRC, 4)).is_cut);
        recent.asked(now(), asks(255, SRC, 4));
        recent.asked(now(), asks(254, SRC, 4));
        let matched = recent.matching(now(), &packet(SRC, 4));
        assert_eq!((matched.lookups.len(), matched.is_cut), (2, true));
        assert_eq!(recent.all.len(), MAX_RECENT);
    }
}
