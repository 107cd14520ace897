//! What was found in one input or many: the numbers that every judgement starts from.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::assessment::Assessment;
use crate::diagnosis::class::{Cause, Class, Confidence};
use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::counters::Counters;
use crate::diagnosis::evidence::{Evidence, Observed};
use crate::diagnosis::health::Health;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::proof::Proof;
use crate::diagnosis::rules::rule::Rule;
use crate::host::Facts;
use crate::kernel::functions::Origin;

/// Calls of `ip6_dst_gc` and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GcCounts {
    /// All calls.
    pub calls: u64,
    /// Calls that refused the allocation.
    pub failed: u64,
    /// Calls that agreed to it.
    pub succeeded: u64,
}

impl GcCounts {
    /// Calls whose outcome is not known.
    #[must_use]
    pub fn unknown(self) -> u64 {
        self.calls - self.failed - self.succeeded
    }

    /// Calls that refused, where that is known of any; `None` where of none.
    #[must_use]
    pub fn known_failed(self) -> Option<u64> {
        (self.calls == 0 || self.unknown() < self.calls).then_some(self.failed)
    }

    /// Adds another count.
    pub fn add(&mut self, other: GcCounts) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.succeeded += other.succeeded;
    }
}

/// The control total: the receive-path drops of the trace, held against `Ip6InNoRoutes`, the
/// kernel's own count of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// The counter was not read before and after.
    Unknown,
    /// As many: no drop is missing from the trace.
    Equal,
    /// So many more were counted than are in the trace.
    Missing(u64),
    /// Fewer were counted: some are of another network namespace than the facts, or older.
    Foreign,
}

/// Evidence that was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// `ip6_dst_gc` was not traced.
    DstGc,
    /// Outcomes of attempts: neither probes, nor `fib6_run_gc` and facts.
    Outcomes,
    /// Facts before and after.
    Facts,
    /// Handlers hidden by tail calls.
    Handlers,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Drops.
    pub classes: BTreeMap<(Class, Confidence), u64>,
    /// Drops by the rule that decided.
    pub rules: BTreeMap<(Class, Confidence, &'static Rule), u64>,
    /// Calls of `ip6_dst_gc` by origin.
    pub gc: BTreeMap<Origin, GcCounts>,
    /// Counters and limits of the last input that has them.
    pub counters: Option<Counters>,
    /// Other network namespaces in which packets were dropped; `None` where nobody looked.
    pub elsewhere: Option<Vec<Assessment>>,
    /// Whether the input could be read.
    pub health: Health,
    /// Receive-path drops in the trace, filtered or not: to be held against `in_no_routes`.
    pub receive_drops_seen: u64,
    /// Rise of `Ip6InNoRoutes`; `None` where some input has no such facts.
    pub in_no_routes: Option<u64>,
    /// What was missing to tell causes apart.
    pub missing: BTreeSet<Missing>,
}

impl Findings {
    /// All drops that passed the filters.
    #[must_use]
    pub fn drops(&self) -> u64 {
        self.classes.values().sum()
    }

    fn of(&self, wanted: impl Fn(Class) -> bool) -> u64 {
        let drops = self.classes.iter().filter(|((class, _), _)| wanted(*class));
        drops.map(|(_, n)| n).sum()
    }

    /// Drops of one class.
    #[must_use]
    pub fn of_class(&self, class: Class) -> u64 {
        self.of(|of| of == class)
    }

    /// Drops for one cause, whichever way the packets were going.
    #[must_use]
    pub fn of_cause(&self, cause: Cause) -> u64 {
        self.of(|class| class.cause() == cause)
    }

    /// Drops of one class and confidence.
    #[must_use]
    pub fn count(&self, class: Class, confidence: Confidence) -> u64 {
        self.classes.get(&(class, confidence)).copied().unwrap_or(0)
    }

    /// The highest confidence in one class.
    #[must_use]
    pub fn confidence(&self, class: Class) -> Option<Confidence> {
        self.classes
            .keys()
            .filter(|(c, _)| *c == class)
            .map(|(_, confidence)| *confidence)
            .max()
    }

    /// Confidence, rule and number of a class's drops, most first.
    #[must_use]
    pub fn rules_of(&self, class: Class) -> Vec<(Confidence, &'static Rule, u64)> {
        let of_class = self.rules.iter().filter(|((c, ..), _)| *c == class);
        let mut all: Vec<_> = of_class
            .map(|((_, how, rule), n)| (*how, *rule, *n))
            .collect();
        all.sort_by_key(|(.., n)| std::cmp::Reverse(*n));
        all
    }

    /// All calls of `ip6_dst_gc`.
    #[must_use]
    pub fn gc_total(&self) -> GcCounts {
        let mut total = GcCounts::default();
        self.gc.values().for_each(|counts| total.add(*counts));
        total
    }

    /// What the kernel's own counter says of the drops in the trace.
    #[must_use]
    pub fn control(&self) -> Control {
        match (self.in_no_routes, self.receive_drops_seen) {
            (None, _) => Control::Unknown,
            (Some(rise), seen) if rise == seen => Control::Equal,
            (Some(rise), seen) if rise > seen => Control::Missing(rise - seen),
            _ => Control::Foreign,
        }
    }

    /// Adds what was found in a later input; the `first` one has nothing before it.
    pub fn merge(&mut self, other: Findings, first: bool) {
        for (key, n) in other.classes {
            *self.classes.entry(key).or_default() += n;
        }
        for (key, n) in other.rules {
            *self.rules.entry(key).or_default() += n;
        }
        for (origin, counts) in other.gc {
            self.gc.entry(origin).or_default().add(counts);
        }
        self.counters = other.counters.or(self.counters.take());
        self.health.merge(other.health);
        self.receive_drops_seen += other.receive_drops_seen;
        self.in_no_routes = match (first, self.in_no_routes, other.in_no_routes) {
            (true, _, theirs) => theirs,
            (false, Some(mine), Some(theirs)) => Some(mine + theirs),
            _ => None,
        };
        self.missing.extend(other.missing);
    }
}

/// What was not there that would have told causes apart.
#[must_use]
pub fn missing(
    gathered: &Gathered,
    facts: &Facts,
    knowledge: &Knowledge,
    evidence: &[Evidence],
) -> BTreeSet<Missing> {
    let open = |observed: &Observed| knowledge.failed(*observed).is_none();
    let mut missing = BTreeSet::new();
    if evidence.is_empty() {
        return missing;
    }
    let gc_traced = knowledge.traced.dst_gc || knowledge.seen.dst_gc;
    if !gc_traced && knowledge.proof != Proof::NoneFailed {
        missing.insert(Missing::DstGc);
    }
    if gathered.gc.keys().any(|(_, _, observed)| open(observed)) {
        missing.insert(Missing::Outcomes);
    }
    if facts.before.is_none() || facts.after.is_none() {
        missing.insert(Missing::Facts);
    }
    if evidence.iter().any(|evidence| evidence.handler.is_none()) {
        missing.insert(Missing::Handlers);
    }
    missing
}
