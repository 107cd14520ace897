//! The evidence that stands in front of a drop, as a small value that can be counted.
//!
//! What a drop is cannot be said when it is seen: the facts after the capture, and whether
//! some function was traced at all, are known at the end. So drops are counted by their
//! evidence, and classified when everything has been read.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::kernel::frames::StackFacts;
use crate::kernel::functions::{Direction, Function, Handler, Origin};

/// What the trace itself says of the outcome of one call of `ip6_dst_gc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Observed {
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
    pub const ALL: [Observed; 6] = [
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
pub struct Attempt {
    /// Its stack says that it was made for a packet that goes the drop's way.
    pub certain: bool,
    /// What the trace says of its outcome.
    pub observed: Observed,
}

impl Attempt {
    fn bit(self) -> u16 {
        1 << (self.observed as u8 * 2 + u8::from(self.certain))
    }
}

/// The attempts between two drops of one CPU and task, for one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Attempts {
    /// The last one.
    pub last: Option<Attempt>,
    /// The one before it.
    pub previous: Option<Attempt>,
    /// All earlier ones, a bit for each kind.
    earlier: u16,
    /// How many, up to [`Attempts::MANY`].
    pub count: u8,
}

impl Attempts {
    /// Counts stop here.
    pub const MANY: u8 = 15;

    /// All of it as one number.
    fn packed(self) -> u32 {
        let attempt = |attempt: Option<Attempt>| {
            attempt.map_or(0, |a| {
                1 + u32::from(a.observed as u8 * 2) + u32::from(a.certain)
            })
        };
        attempt(self.last) << 24
            | attempt(self.previous) << 20
            | u32::from(self.count) << 16
            | u32::from(self.earlier)
    }

    /// Adds one behind the others.
    pub fn push(&mut self, attempt: Attempt) {
        if let Some(previous) = self.previous {
            self.earlier |= previous.bit();
        }
        self.previous = self.last;
        self.last = Some(attempt);
        self.count = (self.count + 1).min(Attempts::MANY);
    }

    /// All kinds of attempts there were.
    pub fn kinds(self) -> impl Iterator<Item = Attempt> {
        self.last
            .into_iter()
            .chain(self.previous)
            .chain(self.earlier())
    }

    /// The kinds of attempts before [`Attempts::previous`].
    pub fn earlier(self) -> impl Iterator<Item = Attempt> {
        Observed::ALL
            .into_iter()
            .flat_map(|observed| [false, true].map(|certain| Attempt { certain, observed }))
            .filter(move |attempt| self.earlier & attempt.bit() != 0)
    }
}

/// How much of what came before the drop on its CPU was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
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
pub enum StackState {
    /// It has frames.
    Present,
    /// It came without frames: the unwinder lost its way.
    Empty,
    /// It did not come.
    Missing,
}

/// How the handler of a drop is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandlerSource {
    /// The caller column of the drop.
    Caller,
    /// The frames of its stack.
    Frames,
    /// The handler's own entry right before it.
    Entry,
}

/// Everything that decides what a drop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// The handler and how it is known.
    pub handler: Option<(Handler, HandlerSource)>,
    /// Which way the packet was going.
    pub direction: Direction,
    /// The packet was received in a list with others.
    pub list: bool,
    /// Frames or a caller show that it was not.
    pub single: bool,
    /// `ip6_dst_gc` had been seen by then, so it was traced.
    pub gc_seen: bool,
    /// The event had no CPU and pid.
    pub without_context: bool,
    /// Attempts for received packets since the previous drop.
    pub receive: Attempts,
    /// Attempts for packets of this host since the previous drop.
    pub output: Attempts,
    /// The attempts are those since the entry of `ip6_route_input` for this very packet.
    pub bounded: bool,
    /// Nothing happened on the CPU between the last receive attempt and the drop.
    pub receive_linked: bool,
    /// The same for the last output attempt.
    pub output_linked: bool,
    /// How much of what came before was recorded.
    pub window: Window,
    /// What is known of its stack.
    pub stack: StackState,
    /// Nothing behind what was read can add to it.
    pub whole: bool,
}

impl Evidence {
    /// What the stack alone says of drops that were counted by their stacks.
    #[must_use]
    pub fn unordered(facts: &StackFacts) -> Self {
        Evidence {
            handler: facts.handler.map(|h| (h, HandlerSource::Frames)),
            direction: facts.direction,
            list: facts.list,
            single: facts.direction == Direction::Receive && !facts.list,
            gc_seen: false,
            without_context: true,
            receive: Attempts::default(),
            output: Attempts::default(),
            bounded: false,
            receive_linked: false,
            output_linked: false,
            window: Window::Unordered,
            stack: StackState::Present,
            whole: true,
        }
    }

    /// All of it as one number, by which it is looked up.
    fn packed(&self) -> u128 {
        let handler = self
            .handler
            .map_or(0, |(handler, source)| 1 + handler as u8 * 3 + source as u8);
        let flags = [
            self.list,
            self.single,
            self.gc_seen,
            self.without_context,
            self.bounded,
            self.receive_linked,
            self.output_linked,
            self.whole,
        ];
        let flags = flags
            .into_iter()
            .fold(0, |bits, flag| bits << 1 | u8::from(flag));
        let small = [
            handler,
            self.direction as u8,
            flags,
            self.window as u8,
            self.stack as u8,
        ];
        // Starts with a one, so that it is never 0.
        let small = small
            .into_iter()
            .fold(1, |bits, part| bits << 8 | u128::from(part));
        small << 64 | u128::from(self.receive.packed()) << 32 | u128::from(self.output.packed())
    }

    /// The attempts for the drop's own direction, and whether the last one is linked to it.
    #[must_use]
    pub fn attempts(&self) -> (Attempts, bool) {
        match self.direction {
            Direction::Output => (self.output, self.output_linked),
            _ => (self.receive, self.receive_linked),
        }
    }
}

/// Distinct evidence that is told apart; of what comes later the attempts are forgotten.
pub const MAX_EVIDENCE: usize = 4096;

/// Evidence that is found without a look into the table. A power of two.
const RECENT: usize = 32;

/// Distinct evidence, numbered by first appearance.
#[derive(Debug, Clone, Default)]
pub struct EvidenceTable {
    /// What was looked up last at each place.
    recent: [(u128, u32); RECENT],
    index: HashMap<u128, u32, FixedState>,
    all: Vec<Evidence>,
}

impl EvidenceTable {
    /// The number of this evidence, or, where the table is full, of what is left of it
    /// without its attempts: as if events had been lost right before the drop.
    pub fn intern(&mut self, evidence: Evidence) -> u32 {
        let key = evidence.packed();
        let mixed = (key >> 64) as u64 ^ (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        let place = mixed as usize % RECENT;
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
    pub fn all(&self) -> &[Evidence] {
        &self.all
    }

    /// The evidence of that number.
    #[must_use]
    pub fn get(&self, at: u32) -> &Evidence {
        &self.all[at as usize]
    }
}

/// Which functions appeared in the trace, or are said to have been traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traced {
    /// `ip6_dst_gc`.
    pub dst_gc: bool,
    /// `fib6_run_gc`.
    pub run_gc: bool,
    /// All of the handlers, or at least those for prohibit routes.
    pub handlers: bool,
}

impl Traced {
    /// Notes that the entry of `function` is recorded.
    pub fn note(&mut self, function: Function) {
        match function {
            Function::DstGc => self.dst_gc = true,
            Function::RunGc => self.run_gc = true,
            Function::Icmp6Send
            | Function::Handler(_)
            | Function::PktDrop
            | Function::DstAlloc
            | Function::RouteInput
            | Function::PacketGoesOn => {}
        }
    }

    /// The functions of a list such as `--traced` takes; unknown names do not matter.
    #[must_use]
    pub fn from_names<'a>(names: impl Iterator<Item = &'a [u8]>) -> Traced {
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

    /// Either.
    #[must_use]
    pub fn or(self, other: Traced) -> Traced {
        Traced {
            dst_gc: self.dst_gc || other.dst_gc,
            run_gc: self.run_gc || other.run_gc,
            handlers: self.handlers || other.handlers,
        }
    }
}

/// Where attempts of that origin are candidates.
#[must_use]
pub fn is_candidate(origin: Origin, direction: Direction) -> bool {
    match origin {
        Origin::Receive => direction != Direction::Output,
        Origin::Output => direction == Direction::Output,
        Origin::Unknown => true,
        Origin::Ndisc | Origin::IcmpError | Origin::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_forgets_attempts_and_nothing_else() {
        let mut table = EvidenceTable::default();
        let mut evidence = Evidence {
            handler: Some((Handler::Discard, HandlerSource::Caller)),
            direction: Direction::Receive,
            list: false,
            single: true,
            gc_seen: true,
            without_context: false,
            receive: Attempts::default(),
            output: Attempts::default(),
            bounded: true,
            receive_linked: true,
            output_linked: true,
            window: Window::Whole,
            stack: StackState::Present,
            whole: true,
        };
        for kinds in 0..1 << 10 {
            for count in 0..=Attempts::MANY {
                evidence.receive = Attempts {
                    earlier: kinds,
                    count,
                    ..Attempts::default()
                };
                table.intern(evidence);
            }
        }
        assert_eq!(table.all().len(), MAX_EVIDENCE + 1);
        let left = table.all()[MAX_EVIDENCE];
        assert_eq!(
            (left.handler, left.window),
            (evidence.handler, Window::Lost)
        );
        assert_eq!((left.receive, left.bounded), (Attempts::default(), false));
    }

    #[test]
    fn attempts_remember_the_last_two_and_the_kinds_before() {
        let kind = |certain, observed| Attempt { certain, observed };
        let mut attempts = Attempts::default();
        attempts.push(kind(true, Observed::Failed));
        attempts.push(kind(false, Observed::Nothing));
        assert_eq!(attempts.earlier().count(), 0);
        attempts.push(kind(true, Observed::Succeeded));
        attempts.push(kind(true, Observed::Collected));
        assert_eq!(attempts.last, Some(kind(true, Observed::Collected)));
        assert_eq!(attempts.previous, Some(kind(true, Observed::Succeeded)));
        let earlier: Vec<_> = attempts.earlier().collect();
        assert_eq!(
            earlier,
            [kind(true, Observed::Failed), kind(false, Observed::Nothing)]
        );
    }
}
