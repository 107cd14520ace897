//! The answers that the tables gave for one flow before its packet was dropped.

use std::collections::HashMap;

use crate::hash::Seeded;
use crate::host::rules::{TABLE_LOCAL, TABLE_MAIN};
use crate::trace::DevName;
use crate::trace::lookup::Lookup;

/// Answers of one flow that are looked at, the last ones.
pub(crate) const MAX_ANSWERS: usize = 24;
/// Sequences that are told apart; drops behind further ones are judged without their lookups.
pub(crate) const MAX_SEQUENCES: usize = 4096;

/// Namespaces that drop packets and are told apart.
const MAX_NAMESPACES: usize = 256;

/// The interface that lookups for packets of this host come by.
pub(crate) const LO: u32 = 1;

// Errors of routes by their type (net/ipv6/ip6_fib.c and route.c: `fib6_prop`).
const ENETUNREACH: i32 = -101;
const EHOSTUNREACH: i32 = -113;
const EAGAIN: i32 = -11;
const EACCES: i32 = -13;
const EINVAL: i32 = -22;

/// What a table answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    /// A route that a packet can take.
    Usable,
    /// The same in table 255, for this very destination: a local route of 4.19.
    Local,
    /// What looks like a local route, or like a route through `lo` in table 255.
    PerhapsLocal,
    /// A route through `lo`, which rejects (net/ipv6/route.c: `ip6_route_info_create`).
    ThroughLo,
    /// No route, or an unreachable one: `fib6_null_entry` is of that type itself.
    Nothing,
    /// A throw route.
    Throw,
    /// A prohibit route.
    Prohibit,
    /// A blackhole.
    Blackhole,
    /// Something else.
    Unknown,
}

impl Answer {
    /// All answers that are understood.
    pub(crate) const ALL: [Answer; 8] = [
        Answer::Usable,
        Answer::Local,
        Answer::PerhapsLocal,
        Answer::ThroughLo,
        Answer::Nothing,
        Answer::Throw,
        Answer::Prohibit,
        Answer::Blackhole,
    ];

    /// What a lookup says.
    #[must_use]
    pub(crate) fn of(lookup: &Lookup) -> Answer {
        let through_lo = lookup.dev == DevName::new(b"lo") && !lookup.has_gateway;
        let is_unnamed = lookup.dev == DevName::default() && !lookup.has_gateway;
        match lookup.err {
            0 if is_unnamed && lookup.table != TABLE_LOCAL => Answer::Unknown,
            0 if lookup.is_to_itself && lookup.table == TABLE_LOCAL => Answer::Local,
            0 if !through_lo => Answer::Usable,
            0 if lookup.table == TABLE_LOCAL => Answer::PerhapsLocal,
            0 => Answer::ThroughLo,
            ENETUNREACH | EHOSTUNREACH => Answer::Nothing,
            EAGAIN => Answer::Throw,
            EACCES => Answer::Prohibit,
            EINVAL => Answer::Blackhole,
            _ => Answer::Unknown,
        }
    }

    /// A packet may go on with it.
    #[must_use]
    pub(crate) fn lets_pass(self) -> bool {
        matches!(self, Answer::Usable | Answer::Local | Answer::PerhapsLocal)
    }

    /// The error that is printed of it.
    #[must_use]
    pub(crate) fn err(self) -> Option<i32> {
        Some(match self {
            Answer::Usable | Answer::Local | Answer::PerhapsLocal | Answer::ThroughLo => 0,
            Answer::Nothing => EHOSTUNREACH,
            Answer::Throw => EAGAIN,
            Answer::Prohibit => EACCES,
            Answer::Blackhole => EINVAL,
            Answer::Unknown => return None,
        })
    }

    /// The only interface that it can name, where it is only one: `Some(true)` is `lo`, and
    /// `Some(false)` is any other.
    #[must_use]
    pub(crate) fn names_lo(self, table: u32) -> Option<bool> {
        match self {
            Answer::Usable if table != TABLE_LOCAL => Some(false),
            Answer::Usable | Answer::Local | Answer::Unknown => None,
            _ => Some(true),
        }
    }

    /// Whether a table gives it where nobody has put anything strange there: the local one holds
    /// what the kernel itself puts there, local, anycast and multicast routes.
    #[must_use]
    pub(crate) fn is_of(self, table: u32) -> bool {
        match self {
            Answer::Usable | Answer::Nothing => true,
            Answer::Local | Answer::PerhapsLocal => table == TABLE_LOCAL,
            _ => table != TABLE_LOCAL,
        }
    }
}

/// A table and its answer.
pub(crate) type Asked = (u32, Answer);

/// The answers for one flow, oldest first: those for the dropped packet are the last ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Sequence {
    /// Tables and their answers.
    pub(crate) answers: Vec<Asked>,
    /// All of them are for this very packet: it begins with its own `ip6_route_input`.
    pub(crate) is_own: bool,
    /// Nothing that was printed for the packet is missing at its start.
    pub(crate) is_whole: bool,
    /// The answers are for packets to the same destination, from elsewhere.
    pub(crate) of_destination: bool,
    /// The namespace that dropped the packet, as a place among [`Sequences::ops`].
    pub(crate) namespace: Option<u16>,
    /// The incoming interface, where it is known.
    pub(crate) iif: Option<u32>,
}

/// Distinct sequences, numbered by first appearance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequences {
    index: HashMap<Sequence, u16, Seeded>,
    all: Vec<Sequence>,
    ops: Vec<u64>,
    /// Some lookup asked another table than local and main.
    pub(crate) has_other_tables: bool,
    /// Some lookup found a route in another table than local.
    pub(super) has_found: bool,
    /// Some lookup was for what this host sends, by whatever interface.
    pub(super) has_sent: bool,
    /// Some lookup in the local table found nothing.
    pub(super) has_failed: bool,
    /// Local routes print their own address as gateway, as on 4.19.
    pub(crate) names_local: bool,
}

impl Sequences {
    /// The number of a sequence; `None` where there are too many.
    pub(crate) fn intern(&mut self, sequence: Sequence) -> Option<u16> {
        if let Some(&known) = self.index.get(&sequence) {
            return Some(known);
        }
        let number = self.all.len();
        (number < MAX_SEQUENCES).then(|| {
            self.all.push(sequence.clone());
            self.index.insert(sequence, number as u16);
            number as u16
        })
    }

    /// All of them, in the order of their numbers.
    #[must_use]
    pub(crate) fn all(&self) -> &[Sequence] {
        &self.all
    }

    /// The place of a namespace; `None` where there are too many.
    pub(crate) fn namespace(&mut self, ops: u64) -> Option<u16> {
        let known = self.ops.iter().position(|&known| known == ops);
        let place = known.or_else(|| {
            (self.ops.len() < MAX_NAMESPACES).then(|| {
                self.ops.push(ops);
                self.ops.len() - 1
            })
        });
        place.map(|place| place as u16)
    }

    /// The `dst_ops` of the namespaces that dropped packets, as far as they are told.
    #[must_use]
    pub(crate) fn ops(&self) -> &[u64] {
        &self.ops
    }

    /// Nothing looks as if a filter left lookups out: tables failed first, and others found.
    #[must_use]
    pub(crate) fn look_complete(&self) -> bool {
        self.has_found && self.has_failed
    }

    /// Takes what a lookup says of the whole trace.
    pub(crate) fn note(&mut self, lookup: &Lookup) {
        let is_local = lookup.table == TABLE_LOCAL;
        self.has_other_tables |= !is_local && lookup.table != TABLE_MAIN;
        self.has_found |= !is_local && lookup.err == 0;
        self.has_sent |= lookup.iif == LO && lookup.oif == 0;
        self.has_failed |= is_local && lookup.err != 0;
        self.names_local |= is_local && lookup.err == 0 && lookup.has_gateway;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::lookup::lookup;

    /// What the kernel printed of a route: its interface, its gateway, and its error.
    fn asked(table: u32, route: &str) -> Lookup {
        let says = format!(
            "table {table} oif 0 iif 4 proto 17 fd00::1/0 -> fd00::2/0 tos 0 scope 0 flags 0 ==> dev {route}"
        );
        lookup(says.as_bytes()).unwrap()
    }

    #[test]
    fn there_are_caps() {
        let mut sequences = Sequences::default();
        let places: Vec<_> = (0..=MAX_NAMESPACES as u64)
            .map(|ops| sequences.namespace(ops))
            .collect();
        let known = |n: usize| (0..n).map(|place| Some(place as u16));
        assert!(places.into_iter().eq(known(MAX_NAMESPACES).chain([None])));
        let numbers: Vec<_> = (0..=MAX_SEQUENCES)
            .map(|n| {
                sequences.intern(Sequence {
                    namespace: Some(n as u16),
                    ..Sequence::default()
                })
            })
            .collect();
        assert!(numbers.into_iter().eq(known(MAX_SEQUENCES).chain([None])));
    }

    #[test]
    fn what_each_table_may_answer() {
        let unnamed = Lookup {
            dev: DevName::default(),
            ..asked(254, "eth0 gw :: err 0")
        };
        let of = |lookup: &Lookup, table| Answer::of(&Lookup { table, ..*lookup });
        for (route, local, main) in [
            ("lo gw fd00::2 err 0", Answer::Local, Answer::Usable),
            ("eth0 gw fd00::2 err 0", Answer::Local, Answer::Usable),
            ("lo gw fd00::3 err 0", Answer::Usable, Answer::Usable),
            ("lo gw :: err 0", Answer::PerhapsLocal, Answer::ThroughLo),
            ("eth0 gw :: err 0", Answer::Usable, Answer::Usable),
            ("lo gw :: err -113", Answer::Nothing, Answer::Nothing),
            ("lo gw :: err -101", Answer::Nothing, Answer::Nothing),
            ("lo gw :: err -11", Answer::Throw, Answer::Throw),
            ("lo gw :: err -13", Answer::Prohibit, Answer::Prohibit),
            ("lo gw :: err -22", Answer::Blackhole, Answer::Blackhole),
            ("lo gw :: err -5", Answer::Unknown, Answer::Unknown),
            ("lo gw :: err 113", Answer::Unknown, Answer::Unknown),
        ] {
            let lookup = asked(254, route);
            assert_eq!(
                (of(&lookup, 255), of(&lookup, 254)),
                (local, main),
                "{route}"
            );
        }
        // An interface without a name is not known: only the local table has nothing but routes.
        assert_eq!(
            (of(&unnamed, 255), of(&unnamed, 254)),
            (Answer::Usable, Answer::Unknown)
        );
        let elsewhere = Lookup {
            has_gateway: true,
            ..unnamed
        };
        assert_eq!(of(&elsewhere, 254), Answer::Usable);
    }

    #[test]
    fn the_local_table_holds_what_the_kernel_puts_there() {
        for answer in Answer::ALL {
            let tables = [TABLE_LOCAL, TABLE_MAIN, 7].map(|table| answer.is_of(table));
            let wanted = match answer {
                Answer::Usable | Answer::Nothing => [true; 3],
                Answer::Local | Answer::PerhapsLocal => [true, false, false],
                _ => [false, true, true],
            };
            assert_eq!(tables, wanted, "{answer:?}");
        }
    }

    #[test]
    fn what_lookups_say_of_the_whole_trace() {
        let noted = |all: &[(u32, &str)]| {
            let mut sequences = Sequences::default();
            for (table, route) in all {
                sequences.note(&asked(*table, route));
            }
            [
                sequences.has_other_tables,
                sequences.has_found,
                sequences.has_failed,
                sequences.names_local,
                sequences.look_complete(),
            ]
            .map(u8::from)
        };
        let (found, failed, itself) = (
            "eth0 gw :: err 0",
            "lo gw :: err -113",
            "lo gw fd00::2 err 0",
        );
        assert_eq!(noted(&[]), [0, 0, 0, 0, 0]);
        assert_eq!(noted(&[(254, failed)]), [0, 0, 0, 0, 0]);
        assert_eq!(noted(&[(254, found)]), [0, 1, 0, 0, 0]);
        assert_eq!(noted(&[(254, itself)]), [0, 1, 0, 0, 0]);
        assert_eq!(noted(&[(255, found)]), [0, 0, 0, 0, 0]);
        assert_eq!(noted(&[(255, failed)]), [0, 0, 1, 0, 0]);
        assert_eq!(noted(&[(255, itself)]), [0, 0, 0, 1, 0]);
        assert_eq!(noted(&[(255, "lo gw fd00::2 err -113")]), [0, 0, 1, 0, 0]);
        assert_eq!(noted(&[(7, failed)]), [1, 0, 0, 0, 0]);
        let mut sequences = Sequences::default();
        for (iif, oif, has_sent) in [(4, 0, false), (1, 4, false), (1, 0, true), (4, 0, true)] {
            let lookup = asked(254, found);
            sequences.note(&Lookup { iif, oif, ..lookup });
            assert_eq!(sequences.has_sent, has_sent);
        }
        // What was once seen is not forgotten.
        let all = [
            (7, found),
            (255, failed),
            (255, itself),
            (254, failed),
            (255, found),
        ];
        assert_eq!(noted(&all), [1, 1, 1, 1, 1]);
    }
}
