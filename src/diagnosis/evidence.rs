//! The evidence that stands in front of a drop, as a small value that can be counted.
//!
//! What a drop is cannot be said when it is seen: the facts after the capture, and whether
//! some function was traced at all, are known at the end. So drops are counted by their
//! evidence, and classified when everything has been read.

use std::collections::HashMap;

use crate::hash::Seeded;
use crate::kernel::frames::StackFacts;
use crate::kernel::functions::{Direction, Function, Handler, Origin};

/// What the trace itself says of the outcome of one call of `ip6_dst_gc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Observed {
    /// A return probe saw it refuse.
    Failed,
    /// A return probe saw it agree.
    Succeeded,
    /// `fib6_run_gc` ran inside, so the exact count was checked against `max_size`.
    Collected,
    /// `fib6_run_gc` was traced by then, and did not run.
    Uncollected,
    /// None of these.
    Nothing,
    /// The call is not whole: events were lost in it, or the trace ends there.
    Cut,
}

impl Observed {
    /// All of them, in the order of their definition.
    pub(crate) const ALL: [Observed; 6] = [
        Observed::Failed,
        Observed::Succeeded,
        Observed::Collected,
        Observed::Uncollected,
        Observed::Nothing,
        Observed::Cut,
    ];
}

/// One call of `ip6_dst_gc` that may belong to a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    /// Its stack says that it was made for a packet that goes the drop's way.
    pub(crate) certain: bool,
    /// What the trace says of its outcome.
    pub(crate) observed: Observed,
}

impl Attempt {
    /// A small number for each kind.
    fn number(self) -> u8 {
        self.observed as u8 * 2 + u8::from(self.certain)
    }

    fn bit(self) -> u16 {
        1 << self.number()
    }
}

/// The attempts between two drops of one CPU and task, for one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Attempts {
    /// The last one.
    pub(crate) last: Option<Attempt>,
    /// The one before it.
    pub(crate) previous: Option<Attempt>,
    /// All earlier ones, a bit for each kind.
    earlier: u16,
    /// How many, up to [`Attempts::MANY`].
    pub(crate) count: u8,
}

impl Attempts {
    /// Counts stop here.
    pub(crate) const MANY: u8 = 15;
    /// Twelve kinds of earlier ones, and three numbers below 16.
    const BITS: u32 = 24;

    /// All of it as a number of [`Attempts::BITS`] bits.
    #[inline(always)]
    fn packed(self) -> u64 {
        let attempt = |attempt: Option<Attempt>| attempt.map_or(0, |a| 1 + a.number());
        [attempt(self.last), attempt(self.previous), self.count]
            .into_iter()
            .fold(u64::from(self.earlier), |packed, part| {
                packed << 4 | u64::from(part)
            })
    }

    /// Adds one behind the others.
    #[inline(always)]
    pub(crate) fn push(&mut self, attempt: Attempt) {
        if let Some(previous) = self.previous {
            self.earlier |= previous.bit();
        }
        self.previous = self.last;
        self.last = Some(attempt);
        self.count = (self.count + 1).min(Attempts::MANY);
    }

    /// All kinds of attempts there were.
    pub(crate) fn kinds(self) -> impl Iterator<Item = Attempt> {
        self.last
            .into_iter()
            .chain(self.previous)
            .chain(self.earlier())
    }

    /// The kinds of attempts before [`Attempts::previous`].
    fn earlier(self) -> impl Iterator<Item = Attempt> {
        Observed::ALL
            .into_iter()
            .flat_map(|observed| [false, true].map(|certain| Attempt { certain, observed }))
            .filter(move |attempt| self.earlier & attempt.bit() != 0)
    }
}

/// How much of what came before the drop on its CPU was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Window {
    /// Everything since an earlier packet.
    Whole,
    /// The trace starts here.
    Start,
    /// Events were lost here.
    Lost,
    /// Drops were counted without their order: nothing can come before them.
    Unordered,
}

/// What is known of a drop's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StackState {
    /// It has frames.
    Present,
    /// It came without frames: the unwinder lost its way.
    Empty,
    /// It did not come.
    Missing,
}

/// How the handler of a drop is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HandlerSource {
    /// The caller column of the drop.
    Caller,
    /// The arguments of `ip6_pkt_drop`.
    Arguments,
    /// The frames of its stack.
    Frames,
    /// The handler's own entry right before it.
    Entry,
}

/// What shows that a lookup of the way back, which found the right interface, was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reverse {
    /// `ip6_route_lookup` returned an error.
    Returned,
    /// A call of `ip6_dst_gc` for it.
    Attempted(Observed),
}

/// A packet was freed right behind a lookup of the way back to its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WayBack {
    /// What became of that lookup.
    pub(crate) shown: Reverse,
    /// Netfilter freed it; else it may have been anybody.
    pub(crate) in_netfilter: bool,
    /// No lookup for an answer to the packet looks the same.
    pub(crate) is_alone: bool,
}

impl WayBack {
    /// A number below 32, and not 0.
    fn packed(self) -> u64 {
        let shown = match self.shown {
            Reverse::Returned => 1,
            Reverse::Attempted(observed) => 2 + observed as u64,
        };
        shown << 2 | u64::from(self.in_netfilter) << 1 | u64::from(self.is_alone)
    }
}

/// Everything that decides what a drop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Evidence {
    /// The handler and how it is known.
    pub(crate) handler: Option<(Handler, HandlerSource)>,
    /// Which way the packet was going.
    pub(crate) direction: Direction,
    /// The packet was received in a list with others.
    pub(crate) list: bool,
    /// Frames or a caller show that it was not.
    pub(crate) single: bool,
    /// `ip6_dst_gc` had been seen by then, so it was traced.
    pub(crate) gc_seen: bool,
    /// The event had no CPU and pid.
    pub(crate) without_context: bool,
    /// A task did it, not a softirq, or the text does not tell.
    pub(crate) in_task: bool,
    /// It shows only where its packet is freed, which is behind the ICMPv6 error about it.
    pub(crate) at_free: bool,
    /// Attempts for received packets since the previous drop.
    pub(crate) receive: Attempts,
    /// Attempts for packets of this host since the previous drop.
    pub(crate) output: Attempts,
    /// The attempts are those since the entry of `ip6_route_input` for this very packet.
    pub(crate) bounded: bool,
    /// Nothing happened on the CPU between the last receive attempt and the drop.
    pub(crate) receive_linked: bool,
    /// The same for the last output attempt.
    pub(crate) output_linked: bool,
    /// How much of what came before was recorded.
    pub(crate) window: Window,
    /// What is known of its stack.
    pub(crate) stack: StackState,
    /// Nothing behind what was read can add to it.
    pub(crate) whole: bool,
    /// The number of the answers that tables gave for the packet, or for its flow.
    pub(crate) lookups: Option<u16>,
    /// It was freed, right behind a lookup of the way back to its source.
    pub(crate) reverse: Option<WayBack>,
}

impl Evidence {
    /// What the stack alone says of drops that were counted by their stacks.
    #[must_use]
    pub(crate) fn unordered(facts: &StackFacts) -> Self {
        Evidence {
            handler: facts.handler.map(|h| (h, HandlerSource::Frames)),
            direction: facts.direction,
            list: facts.list,
            single: facts.direction == Direction::Receive && !facts.list,
            gc_seen: false,
            without_context: true,
            in_task: true,
            at_free: false,
            receive: Attempts::default(),
            output: Attempts::default(),
            bounded: false,
            receive_linked: false,
            output_linked: false,
            window: Window::Unordered,
            stack: StackState::Present,
            whole: true,
            lookups: None,
            reverse: None,
        }
    }

    /// All of it as one number, by which it is looked up.
    fn packed(&self) -> u128 {
        let handler = self
            .handler
            .map_or(0, |(handler, source)| 1 + handler as u8 * 4 + source as u8);
        let flags = [
            self.list,
            self.single,
            self.gc_seen,
            self.without_context,
            self.in_task,
            self.at_free,
            self.bounded,
            self.receive_linked,
            self.output_linked,
            self.whole,
        ];
        // Starts with a one, so that it is never 0.
        let flags = flags
            .into_iter()
            .fold(1, |number, flag| number << 1 | u64::from(flag));
        let parts = [
            handler,
            self.direction as u8,
            self.window as u8,
            self.stack as u8,
        ];
        let number = parts
            .into_iter()
            .fold(flags, |number, part| number << 8 | u64::from(part));
        let lookups = self.lookups.map_or(0, |lookups| 1 + u64::from(lookups));
        let number = number << 16 | lookups;
        // 64 bits by now.
        let number = number << 5 | self.reverse.map_or(0, WayBack::packed);
        let attempts = self.receive.packed() << Attempts::BITS | self.output.packed();
        u128::from(number) << 64 | u128::from(attempts)
    }

    /// The attempts for the drop's own direction, and whether the last one is linked to it.
    #[must_use]
    pub(crate) fn attempts(&self) -> (Attempts, bool) {
        match self.direction {
            Direction::Output => (self.output, self.output_linked),
            _ => (self.receive, self.receive_linked),
        }
    }
}

/// Distinct evidence that is told apart; of what comes later the attempts are forgotten.
pub(crate) const MAX_EVIDENCE: usize = 4096;

/// Evidence that is found without a look into the table: two to the power of this.
const RECENT_BITS: u32 = 5;

/// Distinct evidence, numbered by first appearance.
#[derive(Debug, Clone, Default)]
pub(crate) struct EvidenceTable {
    /// What was looked up last at each place.
    recent: [(u128, u32); 1 << RECENT_BITS],
    index: HashMap<u128, u32, Seeded>,
    all: Vec<Evidence>,
}

impl EvidenceTable {
    /// The number of this evidence, or, where the table is full, of what is left of it
    /// without its attempts: as if events had been lost right before the drop.
    pub(crate) fn intern(&mut self, evidence: Evidence) -> u32 {
        let key = evidence.packed();
        let folded = (key >> 64) as u64 ^ key as u64;
        // The upper bits of the product depend on all of the key.
        let place = (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT_BITS)) as usize;
        let (known, at) = self.recent[place];
        if known == key {
            return at;
        }
        let at = self.intern_packed(evidence, key);
        self.recent[place] = (key, at);
        at
    }

    fn intern_packed(&mut self, evidence: Evidence, key: u128) -> u32 {
        let full = self.all.len() >= MAX_EVIDENCE && !self.index.contains_key(&key);
        let evidence = if full {
            Evidence {
                receive: Attempts::default(),
                output: Attempts::default(),
                bounded: false,
                receive_linked: false,
                output_linked: false,
                window: Window::Lost,
                lookups: None,
                ..evidence
            }
        } else {
            evidence
        };
        let next = self.all.len() as u32;
        let at = *self.index.entry(evidence.packed()).or_insert(next);
        if at == next {
            self.all.push(evidence);
        }
        at
    }

    /// All evidence, in the order of its numbers.
    #[must_use]
    pub(crate) fn all(&self) -> &[Evidence] {
        &self.all
    }

    /// The evidence of that number.
    #[must_use]
    pub(crate) fn get(&self, at: u32) -> &Evidence {
        &self.all[at as usize]
    }
}

/// Which functions appeared in the trace, or are said to have been traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traced {
    /// `ip6_dst_gc`.
    pub(crate) dst_gc: bool,
    /// `fib6_run_gc`.
    pub(crate) run_gc: bool,
    /// All of the handlers, or at least those for prohibit routes.
    pub(crate) handlers: bool,
    /// `ip6_pkt_drop`: a drop would have shown.
    pub(crate) drops: bool,
}

impl Traced {
    /// Notes that the entry of `function` is recorded.
    pub(crate) fn note(&mut self, function: Function) {
        match function {
            Function::DstGc => self.dst_gc = true,
            Function::RunGc => self.run_gc = true,
            Function::PktDrop => self.drops = true,
            Function::Icmp6Send
            | Function::Handler(_)
            | Function::DstAlloc
            | Function::RouteInput
            | Function::RouteLookup
            | Function::PacketGoesOn => {}
        }
    }

    /// The functions of a list such as `--traced` takes; unknown names do not matter.
    #[must_use]
    pub(crate) fn from_names<'a>(names: impl Iterator<Item = &'a [u8]>) -> Traced {
        let mut traced = Traced::default();
        let mut prohibit = false;
        let mut discard = false;
        for name in names {
            let Some(function) = crate::kernel::functions::function(name.trim_ascii()) else {
                continue;
            };
            traced.note(function);
            prohibit |= function == Function::Handler(Handler::Prohibit);
            discard |= function == Function::Handler(Handler::Discard);
        }
        traced.handlers = prohibit && discard;
        traced
    }

    /// Both.
    #[must_use]
    pub(crate) fn and(self, other: Traced) -> Traced {
        Traced {
            dst_gc: self.dst_gc && other.dst_gc,
            run_gc: self.run_gc && other.run_gc,
            handlers: self.handlers && other.handlers,
            drops: self.drops && other.drops,
        }
    }

    /// Either.
    #[must_use]
    pub(crate) fn or(self, other: Traced) -> Traced {
        Traced {
            dst_gc: self.dst_gc || other.dst_gc,
            run_gc: self.run_gc || other.run_gc,
            handlers: self.handlers || other.handlers,
            drops: self.drops || other.drops,
        }
    }
}

/// Where attempts of that origin are candidates.
#[must_use]
pub(crate) fn is_candidate(origin: Origin, direction: Direction) -> bool {
    match origin {
        Origin::Receive => direction != Direction::Output,
        Origin::Output => direction == Direction::Output,
        Origin::Unknown => true,
        Origin::Ndisc | Origin::IcmpError | Origin::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::diagnosis::rules::witnesses::Given;
    use crate::kernel::frames::read_stack;

    fn all_kinds() -> Vec<Attempt> {
        let of = |observed| [false, true].map(|certain| Attempt { certain, observed });
        Observed::ALL.into_iter().flat_map(of).collect()
    }

    #[test]
    fn a_full_table_forgets_attempts_and_nothing_else() {
        let mut table = EvidenceTable::default();
        let mut evidence = Evidence {
            bounded: true,
            receive_linked: true,
            output_linked: true,
            lookups: Some(7),
            ..Given::usual().evidence
        };
        evidence.output.push(all_kinds()[0]);
        let mut first = None;
        for kinds in 0..1 << 10 {
            for count in 0..=Attempts::MANY {
                evidence.receive = Attempts {
                    earlier: kinds,
                    count,
                    ..Attempts::default()
                };
                table.intern(evidence);
                first.get_or_insert(evidence);
            }
        }
        assert_eq!(table.all().len(), MAX_EVIDENCE + 1);
        let left = Evidence {
            receive: Attempts::default(),
            output: Attempts::default(),
            bounded: false,
            receive_linked: false,
            output_linked: false,
            window: Window::Lost,
            lookups: None,
            ..evidence
        };
        assert_eq!(*table.get(MAX_EVIDENCE as u32), left);
        // What is in it is found as before.
        let first = first.unwrap();
        assert_eq!(table.intern(first), 0);
        assert_eq!(table.intern(left), MAX_EVIDENCE as u32);
        assert_eq!(table.all().len(), MAX_EVIDENCE + 1);
    }

    #[test]
    fn the_same_evidence_has_the_same_number() {
        let mut table = EvidenceTable::default();
        let mut all = Vec::new();
        for attempt in all_kinds() {
            for count in 1..=Attempts::MANY {
                let mut evidence = Given::usual().evidence;
                (0..count).for_each(|_| evidence.receive.push(attempt));
                all.push(evidence);
            }
        }
        for _ in 0..2 {
            for (number, evidence) in all.iter().enumerate() {
                for _ in 0..2 {
                    assert_eq!(table.intern(*evidence), number as u32);
                }
                assert_eq!(table.get(number as u32), evidence);
            }
        }
        assert_eq!(table.all(), all);
    }

    /// Every combination of the parts that are small.
    fn all_small() -> impl Iterator<Item = Evidence> {
        let sources = [
            HandlerSource::Caller,
            HandlerSource::Frames,
            HandlerSource::Entry,
        ];
        let handlers = [
            Handler::Discard,
            Handler::Prohibit,
            Handler::DiscardOut,
            Handler::ProhibitOut,
        ];
        let known = handlers
            .into_iter()
            .flat_map(move |handler| sources.map(|source| Some((handler, source))));
        let handlers = known.chain([None]);
        let directions = [Direction::Receive, Direction::Output, Direction::Unknown];
        let windows = [
            Window::Whole,
            Window::Start,
            Window::Lost,
            Window::Unordered,
        ];
        let stacks = [StackState::Present, StackState::Empty, StackState::Missing];
        let with_handler = handlers.flat_map(move |handler| {
            directions.map(|direction| Evidence {
                handler,
                direction,
                ..Given::usual().evidence
            })
        });
        let with_window = with_handler.flat_map(move |evidence| {
            windows
                .into_iter()
                .flat_map(move |window| stacks.map(|stack| (window, stack)))
                .map(move |(window, stack)| Evidence {
                    window,
                    stack,
                    ..evidence
                })
        });
        with_window.flat_map(|evidence| {
            (0..1u16 << 10).map(move |flags| {
                let flag = |bit: u16| flags >> bit & 1 == 1;
                Evidence {
                    list: flag(0),
                    single: flag(1),
                    gc_seen: flag(2),
                    without_context: flag(3),
                    bounded: flag(4),
                    receive_linked: flag(5),
                    output_linked: flag(6),
                    whole: flag(7),
                    in_task: flag(8),
                    at_free: flag(9),
                    ..evidence
                }
            })
        })
    }

    #[test]
    fn different_evidence_is_packed_differently() {
        let small: HashSet<u128> = all_small().map(|evidence| evidence.packed()).collect();
        assert_eq!(small.len(), 13 * 3 * 4 * 3 * 1024);
        assert!(!small.contains(&0));
        let kinds = all_kinds();
        let some = || kinds.iter().copied().map(Some).chain([None]);
        let mut attempts: Vec<Attempts> = Vec::new();
        for last in some() {
            for previous in some() {
                let two = Attempts {
                    last,
                    previous,
                    ..Attempts::default()
                };
                attempts.push(two);
                for count in 1..=Attempts::MANY {
                    attempts.push(Attempts { count, ..two });
                }
                attempts.extend(kinds.iter().map(|kind| Attempts {
                    earlier: kind.bit(),
                    ..two
                }));
            }
        }
        let mut packed = HashSet::new();
        for attempts in &attempts {
            let evidence = Given::usual().evidence;
            let receive = Evidence {
                receive: *attempts,
                ..evidence
            };
            assert!(packed.insert(receive.packed()), "{attempts:?}");
            let output = Evidence {
                output: *attempts,
                ..evidence
            };
            let is_new = packed.insert(output.packed());
            assert_eq!(is_new, *attempts != Attempts::default(), "{attempts:?}");
        }
    }

    #[test]
    fn lookups_and_ways_back_are_packed_beside_the_rest() {
        let lookups = [None, Some(0), Some(1), Some(u16::MAX - 1)];
        let reverse = [false, true].map(|is_alone| {
            Some(WayBack {
                shown: Reverse::Returned,
                in_netfilter: true,
                is_alone,
            })
        });
        let reverse = [None, reverse[0], reverse[1]];
        let mut packed = HashSet::new();
        for flags in 0..8 {
            for lookups in lookups {
                for reverse in reverse {
                    let evidence = Evidence {
                        whole: flags & 1 == 1,
                        list: flags & 2 == 2,
                        single: flags & 4 == 4,
                        lookups,
                        reverse,
                        ..Given::usual().evidence
                    };
                    assert!(packed.insert(evidence.packed()), "{evidence:?}");
                }
            }
        }
    }

    #[test]
    fn ways_back_are_packed_differently_in_five_bits() {
        let attempted = Observed::ALL.map(Reverse::Attempted);
        let shown = attempted.into_iter().chain([Reverse::Returned]);
        let all = shown.flat_map(|shown| {
            [(false, false), (false, true), (true, false), (true, true)].map(
                |(in_netfilter, is_alone)| WayBack {
                    shown,
                    in_netfilter,
                    is_alone,
                },
            )
        });
        let packed: HashSet<u64> = all.map(WayBack::packed).collect();
        assert_eq!(packed.len(), 4 * (Observed::ALL.len() + 1));
        assert!(packed.iter().all(|number| (1..32).contains(number)));
    }

    #[test]
    fn attempts_remember_the_last_two_and_the_kinds_before() {
        let all = all_kinds();
        let mut attempts = Attempts::default();
        assert_eq!(attempts.kinds().count(), 0);
        for (n, attempt) in all.iter().enumerate() {
            attempts.push(*attempt);
            assert_eq!(attempts.last, Some(*attempt));
            assert_eq!(attempts.previous, n.checked_sub(1).map(|n| all[n]));
            let earlier: Vec<_> = attempts.earlier().collect();
            assert_eq!(earlier, all[..n.saturating_sub(1)]);
            let kinds: HashSet<Attempt> = attempts.kinds().collect();
            assert_eq!(kinds, all[..=n].iter().copied().collect());
            assert_eq!(usize::from(attempts.count), n + 1);
        }
        (0..5).for_each(|_| attempts.push(all[3]));
        assert_eq!(attempts.count, Attempts::MANY);
        assert_eq!(attempts.earlier().count(), all.len());
    }

    #[test]
    fn attempts_are_those_of_the_drops_own_way() {
        let mut evidence = Given::usual().evidence;
        evidence.output.push(all_kinds()[1]);
        evidence.receive_linked = true;
        for direction in [Direction::Receive, Direction::Unknown] {
            evidence.direction = direction;
            assert_eq!(evidence.attempts(), (evidence.receive, true));
        }
        evidence.direction = Direction::Output;
        assert_eq!(evidence.attempts(), (evidence.output, false));
    }

    #[test]
    fn what_is_counted_by_its_stack_is_alone_where_the_stack_says_so() {
        let read = |frames: &[&str]| Evidence::unordered(&read_stack(frames));
        let received = read(&["ip6_pkt_drop", "ip6_pkt_discard", "ipv6_rcv"]);
        let handler = Some((Handler::Discard, HandlerSource::Frames));
        let wanted = Evidence {
            handler,
            direction: Direction::Receive,
            list: false,
            single: true,
            gc_seen: false,
            without_context: true,
            in_task: true,
            at_free: false,
            receive: Attempts::default(),
            output: Attempts::default(),
            bounded: false,
            receive_linked: false,
            output_linked: false,
            window: Window::Unordered,
            stack: StackState::Present,
            whole: true,
            lookups: None,
            reverse: None,
        };
        assert_eq!(received, wanted);
        let list = read(&["ip6_pkt_drop", "ip6_pkt_discard", "ipv6_list_rcv"]);
        assert_eq!((list.single, list.list), (false, true));
        let sent = read(&["ip6_pkt_drop", "ip6_pkt_discard_out", "ip6_xmit"]);
        assert_eq!((sent.single, sent.list), (false, false));
    }

    #[test]
    fn what_is_traced_is_told_by_names_and_by_entries() {
        let names = |names: &str| Traced::from_names(names.split(',').map(str::as_bytes));
        let traced = |dst_gc, run_gc, handlers| Traced {
            dst_gc,
            run_gc,
            handlers,
            drops: false,
        };
        let with_drops = |traced| Traced {
            drops: true,
            ..traced
        };
        assert_eq!(names("ip6_dst_gc"), traced(true, false, false));
        assert_eq!(names(" fib6_run_gc,no_such"), traced(false, true, false));
        assert_eq!(names("ip6_pkt_prohibit"), traced(false, false, false));
        assert_eq!(names("ip6_pkt_discard"), traced(false, false, false));
        let both = "ip6_pkt_prohibit,ip6_pkt_discard,ip6_pkt_drop";
        assert_eq!(names(both), with_drops(traced(false, false, true)));
        let both = "ip6_pkt_discard,ip6_pkt_prohibit,ip6_pkt_discard_out";
        assert_eq!(names(both), traced(false, false, true));
        let none = traced(false, false, false);
        for one in [
            traced(true, false, false),
            traced(false, true, false),
            traced(false, false, true),
            with_drops(none),
        ] {
            assert_eq!((one.or(none), none.or(one)), (one, one));
            assert_eq!((one.and(none), none.and(one)), (none, none));
            assert_eq!(one.and(one), one);
        }
        let mut noted = none;
        noted.note(Function::PktDrop);
        assert_eq!(noted, with_drops(none));
        noted.note(Function::RunGc);
        noted.note(Function::DstGc);
        assert_eq!(noted, with_drops(traced(true, true, false)));
    }

    #[test]
    fn candidates_are_of_the_drops_own_way_or_of_unknown_origin() {
        use Direction::{Output, Receive, Unknown};
        let directions =
            |origin| [Receive, Output, Unknown].map(|direction| is_candidate(origin, direction));
        assert_eq!(directions(Origin::Receive), [true, false, true]);
        assert_eq!(directions(Origin::Output), [false, true, false]);
        assert_eq!(directions(Origin::Unknown), [true; 3]);
        for origin in [Origin::Ndisc, Origin::IcmpError, Origin::Other] {
            assert_eq!(directions(origin), [false; 3]);
        }
    }
}
