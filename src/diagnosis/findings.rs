//! What was found in one input or many: the numbers that every judgement starts from.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::assessment::Assessment;
use crate::diagnosis::cache::RefusedAll;
use crate::diagnosis::class::{Cause, Class, Confidence, Weight};
use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::counters::{Counters, Refused};
use crate::diagnosis::evidence::{Evidence, Observed};
use crate::diagnosis::health::Health;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::proof::Proof;
use crate::diagnosis::rules::rule::Rule;
use crate::host::Facts;
use crate::kernel::functions::Origin;
use crate::order::sort_by_key;

/// Calls of `ip6_dst_gc` and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct GcCounts {
    /// All calls.
    pub(crate) calls: u64,
    /// Calls that refused the allocation.
    pub(crate) failed: u64,
    /// Calls that agreed to it.
    pub(crate) succeeded: u64,
}

impl GcCounts {
    /// Calls whose outcome is not known.
    #[must_use]
    pub(crate) fn unknown(self) -> u64 {
        self.calls - self.failed - self.succeeded
    }

    /// Calls that refused, where that is known of any; `None` where of none.
    #[must_use]
    pub(crate) fn known_failed(self) -> Option<u64> {
        (self.calls == 0 || self.unknown() < self.calls).then_some(self.failed)
    }

    /// Adds another count.
    pub(crate) fn add(&mut self, other: GcCounts) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.succeeded += other.succeeded;
    }
}

/// The control total: the receive-path drops of the trace, held against `Ip6InNoRoutes`, the
/// kernel's own count of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// The counter was not read before and after.
    Unknown,
    /// As many: no drop is missing from the trace.
    Equal,
    /// So many more were counted than are in the trace.
    Missing(u64),
    /// Fewer were counted: some are of another network namespace than the facts, or older.
    Foreign,
}

/// Drops that the kernel counted in any network namespace from before tracing was set up to
/// after it was put back, and that are not in the trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Around {
    /// How many.
    pub(crate) drops: u64,
    /// From the one reading to the other, in seconds.
    pub(crate) seconds: f64,
    /// Some namespace in which they were counted is over its limit.
    pub(crate) is_over: bool,
}

/// Evidence that was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// `ip6_dst_gc` was not traced.
    DstGc,
    /// Outcomes of attempts: neither probes, nor `fib6_run_gc` and facts.
    Outcomes,
    /// The same where `fib6_run_gc` was traced: only the return of `ip6_dst_gc` tells.
    Returns,
    /// Facts before and after.
    Facts,
    /// Policy rules and throw routes, to tell whether a packet's own refusal decided.
    Policy,
    /// The kernel's filter on lookups, of which the trace has some.
    LookupsFilter,
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
    pub(crate) gc: BTreeMap<Origin, GcCounts>,
    /// Counters and limits of the last input that has them.
    pub(crate) counters: Option<Counters>,
    /// Other network namespaces in which packets were dropped; `None` where nobody looked.
    pub(crate) elsewhere: Option<Vec<Assessment>>,
    /// What was counted around the trace; `None` where that is nothing, or nobody looked.
    pub(crate) around: Option<Around>,
    /// What rules of netfilter that ask for the way back dropped around the trace, and the trace does
    /// not show; `None` where that is nothing, or nobody looked.
    pub(crate) unseen_by_rules: Option<Around>,
    /// Whether the input could be read.
    pub health: Health,
    /// Drops of packets that may be those which were asked for, and of which the trace does not
    /// say enough.
    pub(crate) nameless: u64,
    /// Receive-path drops in the trace, filtered or not: to be held against `in_no_routes`.
    pub(crate) receive_drops_seen: u64,
    /// Drops behind a lookup of the way back in the trace, filtered or not: to be held against what
    /// rules of netfilter count.
    pub(crate) way_back_drops_seen: u64,
    /// What is proven of the cache while all inputs were recorded.
    pub(crate) refused_all: Option<RefusedAll>,
    /// Rise of `Ip6InNoRoutes`; `None` where some input has no such facts.
    pub(crate) in_no_routes: Option<u64>,
    /// What was missing to tell causes apart.
    pub(crate) missing: BTreeSet<Missing>,
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
    pub(crate) fn of_class(&self, class: Class) -> u64 {
        self.of(|of| of == class)
    }

    /// Drops of one class of which nothing tells the cause, for the trace starts right before them.
    #[must_use]
    pub(crate) fn at_start(&self, class: Class) -> u64 {
        let at_start = |rule: &Rule| rule.name == "starts-at-drop";
        let rules = self.rules.iter();
        let rules = rules.filter(|((of, _, rule), _)| *of == class && at_start(rule));
        rules.map(|(_, n)| n).sum()
    }

    /// True where all drops of a class are of it for an allocation that was attempted alone, and
    /// nothing in the trace shows that any was refused: a healthy cache looks the same.
    #[must_use]
    pub(crate) fn is_only_attempted(&self, class: Class) -> bool {
        const ATTEMPTED: [&str; 2] = ["attempted-for-packet", "attempted-before"];
        let mut rules = self.rules.keys().filter(|(of, ..)| *of == class);
        let refused = self.gc_total().failed > 0 || self.health.log.refusals() > 0;
        !refused
            && rules.clone().next().is_some()
            && rules.all(|(.., rule)| ATTEMPTED.contains(&rule.name))
    }

    /// Drops for one cause, whichever way the packets were going.
    #[must_use]
    pub(crate) fn of_cause(&self, cause: Cause) -> u64 {
        self.of(|class| class.cause() == cause)
    }

    /// Drops of one class and confidence.
    #[must_use]
    pub fn count(&self, class: Class, confidence: Confidence) -> u64 {
        self.classes.get(&(class, confidence)).copied().unwrap_or(0)
    }

    /// What was refused.
    #[must_use]
    pub(crate) fn refused(&self) -> Refused {
        let is_refusal =
            |class: Class| matches!(class.cause(), Cause::DstAlloc | Cause::ReverseDstAlloc);
        Refused {
            calls: self.gc_total().failed > 0,
            confirmed: self.classes.iter().any(|((class, confidence), drops)| {
                is_refusal(*class) && *confidence == Confidence::Confirmed && *drops > 0
            }),
        }
    }

    /// True where the fault dropped packets, and each of them is confirmed by itself: what is proven
    /// of the cache says no more.
    #[must_use]
    pub(crate) fn confirms_each(&self) -> bool {
        let of_fault = self.classes.keys();
        let mut of_fault = of_fault.filter(|(class, _)| class.weight() == Weight::Fault);
        let has_any = of_fault.clone().next().is_some();
        has_any && of_fault.all(|(_, confidence)| *confidence == Confidence::Confirmed)
    }

    /// The highest confidence in one class.
    #[must_use]
    pub(crate) fn confidence(&self, class: Class) -> Option<Confidence> {
        self.classes
            .keys()
            .filter(|(c, _)| *c == class)
            .map(|(_, confidence)| *confidence)
            .max()
    }

    /// Confidence, rule and number of a class's drops, most first.
    #[must_use]
    pub(crate) fn rules_of(&self, class: Class) -> Vec<(Confidence, &'static Rule, u64)> {
        let of_class = self.rules.iter().filter(|((c, ..), _)| *c == class);
        let mut all: Vec<_> = of_class
            .map(|((_, how, rule), n)| (*how, *rule, *n))
            .collect();
        sort_by_key(&mut all, |(.., n)| std::cmp::Reverse(*n));
        all
    }

    /// All calls of `ip6_dst_gc`.
    #[must_use]
    pub(crate) fn gc_total(&self) -> GcCounts {
        let mut total = GcCounts::default();
        self.gc.values().for_each(|counts| total.add(*counts));
        total
    }

    /// True where it is confirmed that the cache refused every allocation.
    #[must_use]
    pub(crate) fn proves_cache(&self) -> bool {
        let sure = |proven: &RefusedAll| proven.confidence == Confidence::Confirmed;
        self.refused_all.as_ref().is_some_and(sure)
    }

    /// What the kernel's own counter says of the drops in the trace.
    #[must_use]
    pub(crate) fn control(&self) -> Control {
        let Some(rise) = self.in_no_routes else {
            return Control::Unknown;
        };
        match rise.checked_sub(self.receive_drops_seen) {
            None => Control::Foreign,
            Some(0) => Control::Equal,
            Some(missing) => Control::Missing(missing),
        }
    }

    /// What was counted around the trace: the rise of `Ip6InNoRoutes` in each network namespace,
    /// and what its cache is like. Nothing but `ip6_pkt_drop` counts there; in `Ip6OutNoRoutes`
    /// are lookups of sockets, too.
    #[must_use]
    pub(crate) fn around<'a>(
        &self,
        counted: impl Iterator<Item = (u64, &'a Assessment)>,
        seconds: f64,
    ) -> Option<Around> {
        let (mut drops, mut is_over) = (0, false);
        for (rise, cache) in counted.filter(|(rise, _)| *rise > 0) {
            drops += rise;
            is_over |= cache.is_over();
        }
        let drops = drops.checked_sub(self.receive_drops_seen)?;
        (drops > 0).then_some(Around {
            drops,
            seconds,
            is_over,
        })
    }

    /// The packets of those that rules for the way back met in so many seconds, from before
    /// anything was set up to after all was put back, which are not in the trace: neither as lost to
    /// the cache, nor as without a way back.
    #[must_use]
    pub(crate) fn unseen_by_rules(&self, met: u64, seconds: f64) -> Option<Around> {
        let seen = self.way_back_drops_seen + self.health.netfilter.no_way_back;
        let drops = met.saturating_sub(seen);
        let is_over = self.counters.as_ref().is_some_and(Counters::is_over);
        (drops > 0).then_some(Around {
            drops,
            seconds,
            is_over,
        })
    }

    /// Adds what was found in a later input; the `first` one has nothing before it.
    pub(crate) fn merge(&mut self, other: Findings, first: bool) {
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
        self.nameless += other.nameless;
        self.receive_drops_seen += other.receive_drops_seen;
        self.way_back_drops_seen += other.way_back_drops_seen;
        self.in_no_routes = match (first, self.in_no_routes, other.in_no_routes) {
            (true, _, theirs) => theirs,
            (false, Some(mine), Some(theirs)) => Some(mine + theirs),
            _ => None,
        };
        let cache = self.refused_all.zip(other.refused_all);
        self.refused_all = if first {
            other.refused_all
        } else {
            cache.map(|(mine, theirs)| mine.and(theirs))
        };
        self.missing.extend(other.missing);
    }
}

/// What was not there that would have told causes apart.
#[must_use]
pub(crate) fn missing(
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
        missing.insert(match knowledge.traced.run_gc {
            true => Missing::Returns,
            false => Missing::Outcomes,
        });
    }
    let own_attempts = |evidence: &Evidence| evidence.bounded && evidence.receive.count > 0;
    let looked_up = gathered.lookups > 0;
    let rules_known = facts.policy.rules().is_some();
    if (!knowledge.refusals_count && evidence.iter().any(own_attempts))
        || (looked_up && !rules_known)
    {
        missing.insert(Missing::Policy);
    }
    if looked_up && !knowledge.lookups_filter_known {
        missing.insert(Missing::LookupsFilter);
    }
    if facts.before.is_none() || facts.after.is_none() {
        missing.insert(Missing::Facts);
    }
    if evidence.iter().any(|evidence| evidence.handler.is_none()) {
        missing.insert(Missing::Handlers);
    }
    missing
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::diagnosis::assessment::{Behaviour, assess};
    use crate::diagnosis::class::Class::{OutNoRoute, RcvDstAlloc, RcvNoRoute};
    use crate::diagnosis::class::Confidence::{Confirmed, Possible, Probable};
    use crate::diagnosis::rules::registry::RULES;
    use crate::diagnosis::rules::witnesses::Given;
    use crate::diagnosis::state::State;
    use crate::host::Snapshot;
    use crate::host::netns::unidentified;
    use crate::kernel::limits::Regime;
    use crate::kernel::release::{Release, judge};

    fn counts(calls: u64, failed: u64, succeeded: u64) -> GcCounts {
        GcCounts {
            calls,
            failed,
            succeeded,
        }
    }

    #[test]
    fn calls_without_an_outcome_are_unknown() {
        assert_eq!(counts(9, 4, 3).unknown(), 2);
        assert_eq!(counts(0, 0, 0).known_failed(), Some(0));
        assert_eq!(counts(9, 0, 0).known_failed(), None);
        assert_eq!(counts(9, 0, 1).known_failed(), Some(0));
        assert_eq!(counts(9, 2, 0).known_failed(), Some(2));
        assert_eq!(counts(9, 4, 5).known_failed(), Some(4));
    }

    #[test]
    fn attempts_alone_are_no_refusal() {
        let attempted = RULES.iter().find(|rule| rule.name == "attempted-before");
        let attempted = attempted.unwrap();
        let found = |rule, failed, logged| {
            let mut found = Findings {
                rules: BTreeMap::from([((RcvDstAlloc, Probable, rule), 3)]),
                gc: BTreeMap::from([(Origin::Receive, counts(9, failed, 0))]),
                ..Findings::default()
            };
            found.health.log.failed = logged;
            found.is_only_attempted(RcvDstAlloc)
        };
        assert!(found(attempted, 0, 0));
        assert!(!found(attempted, 1, 0));
        assert!(!found(attempted, 0, 1));
        assert!(!found(&RULES[0], 0, 0));
        assert!(!Findings::default().is_only_attempted(RcvDstAlloc));
    }

    #[test]
    fn refusals_are_calls_or_confirmed_drops() {
        let refused = |failed, class, confidence, drops| {
            let found = Findings {
                classes: BTreeMap::from([((class, confidence), drops)]),
                gc: BTreeMap::from([(Origin::Receive, counts(9, failed, 0))]),
                ..Findings::default()
            };
            let Refused { calls, confirmed } = found.refused();
            (calls, confirmed)
        };
        assert_eq!(refused(1, RcvNoRoute, Confirmed, 1), (true, false));
        assert_eq!(refused(0, RcvDstAlloc, Confirmed, 1), (false, true));
        assert_eq!(refused(0, RcvDstAlloc, Probable, 1), (false, false));
        assert_eq!(refused(0, RcvDstAlloc, Confirmed, 0), (false, false));
    }

    #[test]
    fn each_drop_of_the_fault_is_confirmed_or_some_are_not() {
        let confirms = |classes: &[(Class, Confidence)]| {
            let found = Findings {
                classes: classes.iter().map(|class| (*class, 1)).collect(),
                ..Findings::default()
            };
            found.confirms_each()
        };
        let (sure, likely) = ((RcvDstAlloc, Confirmed), (RcvDstAlloc, Probable));
        assert!(confirms(&[sure]));
        // Drops of other causes do not matter.
        assert!(confirms(&[sure, (RcvNoRoute, Possible)]));
        assert!(!confirms(&[sure, likely]));
        assert!(!confirms(&[likely]));
        assert!(!confirms(&[(RcvNoRoute, Confirmed)]));
        assert!(!confirms(&[]));
    }

    #[test]
    fn what_was_counted_around_the_trace() {
        let netns = unidentified(PathBuf::new());
        let (snapshot, kernel) = (Snapshot::default(), judge(&Release::default()));
        let fine = assess(&snapshot, None, &kernel, &netns, &Behaviour::default());
        let full = Assessment {
            is_unread: false,
            state: State::Regimes(vec![Regime::Exhausted]),
            ..fine.clone()
        };
        let around = |receive_drops_seen: u64, counted: &[(u64, &Assessment)]| {
            let found = Findings {
                receive_drops_seen,
                ..Findings::default()
            };
            let around = found.around(counted.iter().copied(), 2.5);
            around.map(|around| (around.drops, around.seconds, around.is_over))
        };
        assert_eq!(around(0, &[]), None);
        let two = [(200, &fine), (56, &full)];
        assert_eq!(around(0, &two), Some((256, 2.5, true)));
        assert_eq!(around(255, &two), Some((1, 2.5, true)));
        // All of it is in the trace, or more.
        assert_eq!(around(256, &two), None);
        assert_eq!(around(257, &two), None);
        // A full cache explains nothing where no received packet was dropped.
        assert_eq!(around(0, &[(0, &full), (1, &fine)]), Some((1, 2.5, false)));
    }

    #[test]
    fn what_rules_met_is_held_against_what_the_trace_shows() {
        let mut found = Findings::default();
        let unseen = |found: &Findings, met| {
            let unseen = found.unseen_by_rules(met, 2.5);
            unseen.map(|unseen| (unseen.drops, unseen.seconds, unseen.is_over))
        };
        assert_eq!(unseen(&found, 0), None);
        assert_eq!(unseen(&found, 9), Some((9, 2.5, false)));
        found.way_back_drops_seen = 3;
        found.receive_drops_seen = 50;
        found.health.netfilter.no_way_back = 4;
        found.health.netfilter.other_rule = 50;
        assert_eq!(unseen(&found, 9), Some((2, 2.5, false)));
        assert_eq!(unseen(&found, 7), None);
        assert_eq!(unseen(&found, 6), None);
    }

    fn found() -> Findings {
        let [first, second] = [&RULES[0], &RULES[1]];
        Findings {
            classes: BTreeMap::from([
                ((RcvDstAlloc, Probable), 3),
                ((RcvDstAlloc, Confirmed), 2),
                ((RcvDstAlloc, Possible), 4),
                ((RcvNoRoute, Probable), 5),
            ]),
            rules: BTreeMap::from([
                ((RcvDstAlloc, Probable, first), 3),
                ((RcvDstAlloc, Confirmed, first), 2),
                ((RcvDstAlloc, Possible, second), 4),
                ((RcvNoRoute, Probable, second), 5),
            ]),
            gc: BTreeMap::from([
                (Origin::Receive, counts(9, 4, 3)),
                (Origin::Ndisc, counts(5, 2, 1)),
            ]),
            nameless: 5,
            receive_drops_seen: 7,
            way_back_drops_seen: 6,
            in_no_routes: Some(7),
            missing: BTreeSet::from([Missing::Facts]),
            ..Findings::default()
        }
    }

    #[test]
    fn drops_are_counted_by_class_and_confidence() {
        let found = found();
        assert_eq!(found.drops(), 14);
        let class = |class| (found.of_class(class), found.confidence(class));
        assert_eq!(class(RcvDstAlloc), (9, Some(Confirmed)));
        assert_eq!(class(RcvNoRoute), (5, Some(Probable)));
        assert_eq!(class(OutNoRoute), (0, None));
        assert_eq!(found.count(RcvDstAlloc, Possible), 4);
        assert_eq!(found.count(RcvNoRoute, Possible), 0);
        assert_eq!(found.gc_total(), counts(14, 6, 4));
    }

    #[test]
    fn rules_of_a_class_come_most_drops_first() {
        let [first, second] = [&RULES[0], &RULES[1]];
        assert_eq!(
            found().rules_of(RcvDstAlloc),
            [
                (Possible, second, 4),
                (Probable, first, 3),
                (Confirmed, first, 2)
            ]
        );
        assert_eq!(found().rules_of(OutNoRoute), []);
    }

    #[test]
    fn the_control_total_compares_the_counter_with_the_trace() {
        let control = |in_no_routes, receive_drops_seen| {
            let found = Findings {
                in_no_routes,
                receive_drops_seen,
                ..Findings::default()
            };
            found.control()
        };
        assert_eq!(control(None, 0), Control::Unknown);
        assert_eq!(control(Some(0), 0), Control::Equal);
        assert_eq!(control(Some(7), 7), Control::Equal);
        assert_eq!(control(Some(9), 7), Control::Missing(2));
        assert_eq!(control(Some(6), 7), Control::Foreign);
    }

    #[test]
    fn a_later_input_is_added() {
        let mut all = Findings::default();
        all.merge(found(), true);
        assert_eq!(all, found());
        let second = Findings {
            in_no_routes: Some(3),
            receive_drops_seen: 2,
            missing: BTreeSet::from([Missing::DstGc]),
            ..found()
        };
        all.merge(second, false);
        assert_eq!(all.drops(), 28);
        assert_eq!(all.count(RcvNoRoute, Probable), 10);
        assert_eq!(all.rules_of(RcvNoRoute)[0].2, 10);
        assert_eq!(all.gc[&Origin::Ndisc], counts(10, 4, 2));
        assert_eq!((all.in_no_routes, all.receive_drops_seen), (Some(10), 9));
        assert_eq!((all.nameless, all.way_back_drops_seen), (10, 12));
        assert_eq!(all.missing.len(), 2);
        let without = Findings {
            in_no_routes: None,
            ..found()
        };
        all.merge(without.clone(), false);
        assert_eq!(all.in_no_routes, None);
        all.merge(found(), false);
        assert_eq!(all.in_no_routes, None);
        let mut all = Findings::default();
        all.merge(without, true);
        assert_eq!(all.in_no_routes, None);
    }

    /// What is missing where a drop is as usual but for the change.
    fn missing_with(
        change: impl FnOnce(&mut Given, &mut Gathered, &mut Facts),
    ) -> BTreeSet<Missing> {
        let mut given = Given::usual();
        let mut gathered = Gathered::default();
        let mut facts = Facts {
            before: Some(Snapshot::default()),
            after: Some(Snapshot::default()),
            ..Facts::default()
        };
        change(&mut given, &mut gathered, &mut facts);
        missing(&gathered, &facts, &given.knowledge, &[given.evidence])
    }

    #[test]
    fn what_would_tell_causes_apart_is_named() {
        let none = BTreeSet::new();
        assert_eq!(missing_with(|_, _, _| ()), none);
        let not_traced = |given: &mut Given| {
            given.knowledge.traced.dst_gc = false;
            given.knowledge.seen.dst_gc = false;
        };
        let gc = BTreeSet::from([Missing::DstGc]);
        assert_eq!(missing_with(|given, _, _| not_traced(given)), gc);
        let excluded = missing_with(|given, _, _| {
            not_traced(given);
            given.knowledge.proof = Proof::NoneFailed;
        });
        assert_eq!(excluded, none);
        let traced = missing_with(|given, _, _| given.knowledge.seen.dst_gc = false);
        assert_eq!(traced, none);
        let seen = missing_with(|given, _, _| given.knowledge.traced.dst_gc = false);
        assert_eq!(seen, none);
        let called = |observed| {
            missing_with(|_, gathered, _| {
                gathered.gc.insert((Some(1), Origin::Receive, observed), 1);
            })
        };
        assert_eq!(called(Observed::Succeeded), none);
        let returns = BTreeSet::from([Missing::Returns]);
        assert_eq!(called(Observed::Collected), returns);
        let untraced = missing_with(|given, gathered, _| {
            given.knowledge.traced.run_gc = false;
            let at = (Some(1), Origin::Receive, Observed::Collected);
            gathered.gc.insert(at, 1);
        });
        assert_eq!(untraced, BTreeSet::from([Missing::Outcomes]));
        let asked = missing_with(|given, gathered, _| {
            gathered.lookups = 1;
            given.knowledge.lookups_filter_known = false;
        });
        let both = BTreeSet::from([Missing::Policy, Missing::LookupsFilter]);
        assert_eq!(asked, both);
        let own = |is_bounded: bool, attempts: u8, count: bool| {
            missing_with(|given, _, _| {
                given.evidence.bounded = is_bounded;
                given.evidence.receive.count = attempts;
                given.knowledge.refusals_count = count;
            })
        };
        assert_eq!(own(true, 1, false), BTreeSet::from([Missing::Policy]));
        assert_eq!(own(true, 1, true), none);
        assert_eq!(own(true, 0, false), none);
        assert_eq!(own(false, 1, false), none);
        let told = missing_with(|_, gathered, facts| {
            gathered.lookups = 1;
            *facts = Facts::parse(b"0:\tfrom all lookup local\n").unwrap();
        });
        assert_eq!(told, BTreeSet::from([Missing::Facts]));
        let unasked = missing_with(|given, _, _| given.knowledge.lookups_filter_known = false);
        assert_eq!(unasked, none);
        let no_facts = BTreeSet::from([Missing::Facts]);
        assert_eq!(missing_with(|_, _, facts| facts.before = None), no_facts);
        assert_eq!(missing_with(|_, _, facts| facts.after = None), no_facts);
        let hidden = missing_with(|given, _, _| given.evidence.handler = None);
        assert_eq!(hidden, BTreeSet::from([Missing::Handlers]));
        // Without a drop nothing is.
        let knowledge = Given::usual().knowledge;
        let facts = Facts::default();
        assert_eq!(missing(&Gathered::default(), &facts, &knowledge, &[]), none);
    }
}
