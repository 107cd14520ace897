//! The rules that turn evidence into a class: data, tried in order, each with its reason.

use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::evidence::{Attempt, Evidence, HandlerSource, Observed, Window};
use crate::diagnosis::knowledge::{Knowledge, Outcome};
use crate::diagnosis::proof::Proof;
use crate::kernel::functions::Direction;

/// A drop's evidence, seen with all the knowledge there is.
struct Case<'a> {
    evidence: &'a Evidence,
    knowledge: &'a Knowledge,
    last: Option<(Attempt, Outcome)>,
    previous: Option<(Attempt, Outcome)>,
    linked: bool,
}

impl Case<'_> {
    fn prohibits(&self) -> bool {
        self.evidence
            .handler
            .is_some_and(|(handler, _)| handler.prohibits())
    }

    /// Nothing that would have been refused came before this prohibit.
    fn prohibits_plainly(&self) -> bool {
        let succeeded =
            |attempt| matches!(self.knowledge.outcome(attempt), Outcome::Succeeded { .. });
        let seen = self.evidence.window != Window::Lost && self.knowledge.losses_are_placed;
        self.prohibits() && seen && self.evidence.attempts().0.kinds().all(succeeded)
    }

    /// The packet was received alone, and is told apart from others on its CPU.
    fn is_single(&self) -> bool {
        self.evidence.single && !self.evidence.list && self.evidence.direction == Direction::Receive
    }

    fn last_failed(&self) -> bool {
        matches!(self.last, Some((_, Outcome::Failed { .. })))
    }

    /// Between the entry of `ip6_route_input` and the drop there is this packet alone.
    fn failed_in_its_own_lookup(&self) -> bool {
        let failed = |attempt| self.knowledge.outcome(attempt) == Outcome::Failed { proven: true };
        self.bounded() && self.evidence.receive.kinds().any(failed)
    }

    fn bounded(&self) -> bool {
        self.evidence.bounded && self.is_single()
    }

    /// The refused lookup is this packet's own: same way, proven, and nothing in between.
    ///
    /// A packet that is refused in the local table can still be forwarded, or silently
    /// discarded, by a route of the main table, and leaves its refusal before another
    /// packet's drop. So every table must have refused this one, and that is taken from the
    /// whole capture: each drop with refusals before it has the same number of them, at
    /// least two. Packets that go on after a refusal would upset that, unless they come as
    /// regularly as the drops.
    fn refusal_is_its_own(&self) -> bool {
        let attempts = self.evidence.receive;
        let failed = |attempt: Attempt| {
            attempt.certain && self.knowledge.outcome(attempt) == Outcome::Failed { proven: true }
        };
        self.linked
            && self.is_single()
            && self.knowledge.lookups_per_drop == Some(attempts.count)
            && attempts.kinds().all(failed)
    }

    fn failed_before_last(&self) -> bool {
        matches!(self.previous, Some((_, Outcome::Failed { .. })))
    }

    fn last_open(&self) -> Option<Attempt> {
        match self.last {
            Some((attempt, Outcome::Open)) => Some(attempt),
            _ => None,
        }
    }

    fn nothing_failed(&self) -> bool {
        matches!(self.knowledge.proof, Proof::NoneFailed(_)) && !self.any_failed()
    }

    fn any_failed(&self) -> bool {
        let failed = |attempt| matches!(self.knowledge.outcome(attempt), Outcome::Failed { .. });
        self.evidence.attempts().0.kinds().any(failed)
    }

    fn all_succeeded(&self) -> bool {
        let succeeded =
            |attempt| self.knowledge.outcome(attempt) == Outcome::Succeeded { proven: true };
        self.evidence.attempts().0.kinds().all(succeeded)
    }

    /// Everything that could have been refused since the previous packet is in the trace.
    fn complete(&self) -> bool {
        let whole = self.evidence.window == Window::Whole || self.bounded();
        (self.knowledge.traced.dst_gc || self.evidence.gc_seen)
            && whole
            && self.knowledge.losses_are_placed
    }

    fn is_single_or_output(&self) -> bool {
        self.is_single() || self.evidence.direction == Direction::Output
    }

    /// Nothing but the kernel's log says anything of allocations.
    fn failed_by_the_log(&self) -> bool {
        let silent = self.evidence.window == Window::Unordered || !self.gc_traced();
        self.knowledge.refusals_logged && silent
    }

    fn gc_traced(&self) -> bool {
        self.knowledge.traced.dst_gc || self.knowledge.seen.dst_gc
    }

    /// `ip6_pkt_prohibit` is ruled out: another handler is known, or its entry would show.
    fn not_prohibited(&self) -> bool {
        self.evidence.handler.is_some() || self.knowledge.traced.handlers
    }
}

/// What a rule says a drop is, whichever way the packet was going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    DstAlloc,
    NoRoute,
    Prohibited,
    Undetermined,
}

impl Cause {
    fn class(self, direction: Direction) -> Class {
        match (direction, self) {
            (Direction::Receive, Cause::DstAlloc) => Class::RcvDstAlloc,
            (Direction::Receive, Cause::NoRoute) => Class::RcvNoRoute,
            (Direction::Receive, Cause::Prohibited) => Class::RcvProhibited,
            (Direction::Receive, Cause::Undetermined) => Class::RcvUndetermined,
            (Direction::Output, Cause::DstAlloc) => Class::OutDstAlloc,
            (Direction::Output, Cause::NoRoute) => Class::OutNoRoute,
            (Direction::Output, Cause::Prohibited) => Class::OutProhibited,
            (Direction::Output, Cause::Undetermined) | (Direction::Unknown, _) => Class::Unknown,
        }
    }
}

/// One rule: where it applies, what it says, and why.
struct Rule {
    applies: fn(&Case<'_>) -> bool,
    cause: Cause,
    confidence: Confidence,
    reason: &'static str,
}

/// The rules, most telling first; the first that applies decides.
const RULES: &[Rule] = &[
    Rule {
        applies: |case| case.prohibits_plainly(),
        cause: Cause::Prohibited,
        confidence: Confidence::Confirmed,
        reason: "the handler of a prohibit route dropped it, and no allocation was refused before",
    },
    Rule {
        applies: |case| case.prohibits(),
        cause: Cause::Prohibited,
        confidence: Confidence::Probable,
        reason: "the handler of a prohibit route dropped it; a refused lookup in an earlier table is not excluded",
    },
    Rule {
        applies: |case| case.failed_in_its_own_lookup(),
        cause: Cause::DstAlloc,
        confidence: Confidence::Confirmed,
        reason: "ip6_dst_gc refused an allocation between this packet's own ip6_route_input and its drop",
    },
    Rule {
        applies: |case| case.refusal_is_its_own(),
        cause: Cause::DstAlloc,
        confidence: Confidence::Confirmed,
        reason: "ip6_dst_gc refused the lookup of this received packet, dst_alloc returned NULL, and the lookup fell back to ip6_null_entry",
    },
    Rule {
        applies: |case| case.last_failed(),
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "the last attempt before the drop was refused, but the trace does not prove that it was made for this packet (an entry of ip6_route_input would)",
    },
    Rule {
        applies: |case| case.failed_before_last(),
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "an attempt was refused and the next one granted, as when the local table's lookup is refused and the main table's finds a reject route",
    },
    Rule {
        applies: |case| {
            case.nothing_failed() && case.knowledge.same_namespace && case.not_prohibited()
        },
        cause: Cause::NoRoute,
        confidence: Confidence::Confirmed,
        reason: "slow never exceeded max_size, so no allocation can have been refused",
    },
    Rule {
        applies: |case| case.nothing_failed(),
        cause: Cause::NoRoute,
        confidence: Confidence::Probable,
        reason: "slow never exceeded max_size; a prohibit route behind a hidden handler, or another namespace, is not excluded",
    },
    Rule {
        applies: |case| {
            case.last_open().is_some_and(|attempt| attempt.certain)
                && case.linked
                && !case.evidence.list
        },
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "an allocation was attempted for this packet; its outcome was not recorded",
    },
    Rule {
        applies: |case| case.last_open().is_some(),
        cause: Cause::DstAlloc,
        confidence: Confidence::Possible,
        reason: "an allocation was attempted before the drop; neither its outcome nor its owner was recorded",
    },
    Rule {
        applies: |case| matches!(case.previous, Some((_, Outcome::Open))),
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "the last attempt was granted, the outcome of the one before it was not recorded",
    },
    Rule {
        applies: |case| case.failed_by_the_log(),
        cause: Cause::DstAlloc,
        confidence: Confidence::Possible,
        reason: "the kernel's log says that dst_alloc refused entries; nothing shows whether this packet's was among them",
    },
    Rule {
        applies: |case| case.evidence.list,
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "packets received in a list are looked up before the first is dropped, so attempts and drops cannot be paired",
    },
    Rule {
        applies: |case| case.evidence.window == Window::Unordered,
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "drops were counted without their order, so no attempt can be paired with them, and a missing route and a full cache end in the same stack",
    },
    Rule {
        applies: |case| {
            case.complete()
                && case.all_succeeded()
                && case.not_prohibited()
                && case.is_single_or_output()
        },
        cause: Cause::NoRoute,
        confidence: Confidence::Confirmed,
        reason: "ip6_dst_gc was traced, and no allocation was refused since the previous packet",
    },
    Rule {
        applies: |case| case.complete(),
        cause: Cause::NoRoute,
        confidence: Confidence::Probable,
        reason: "no refused allocation of this packet was seen; a prohibit route behind a hidden handler, or a batch of packets, is not excluded",
    },
    Rule {
        applies: |case| {
            case.gc_traced() && case.evidence.window != Window::Lost && !case.any_failed()
        },
        cause: Cause::NoRoute,
        confidence: Confidence::Probable,
        reason: "no refused allocation was seen, but the trace, or the part of it where that would show, starts right before the drop",
    },
    Rule {
        applies: |case| case.evidence.window == Window::Lost,
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "events were lost on this CPU right before the drop",
    },
    Rule {
        applies: |_| true,
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "ip6_dst_gc was not traced, and a missing route and a full cache end in the same stack",
    },
];

/// A classification and its grounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classification {
    /// What the drop is.
    pub class: Class,
    /// How sure.
    pub confidence: Confidence,
    /// The reason of the rule that decided.
    pub reason: &'static str,
}

/// Classifies one drop.
#[must_use]
pub fn classify(evidence: &Evidence, knowledge: &Knowledge) -> Classification {
    let (attempts, linked) = evidence.attempts();
    let with_outcome = |attempt: Attempt| (attempt, knowledge.outcome(attempt));
    let case = Case {
        evidence,
        knowledge,
        last: attempts.last.map(with_outcome),
        previous: attempts.previous.map(with_outcome),
        linked,
    };
    // The last rule always applies.
    let rule = RULES
        .iter()
        .find(|rule| (rule.applies)(&case))
        .unwrap_or(&RULES[RULES.len() - 1]);
    let class = rule.cause.class(evidence.direction);
    let mut confidence = rule.confidence;
    if evidence.without_context {
        // Linked by order alone: another CPU's event may stand in between.
        confidence = confidence.min(Confidence::Probable);
    }
    if !knowledge.losses_are_marked && !case.nothing_failed() {
        // What looks as if it was right before the drop may have had others behind it.
        confidence = confidence.min(Confidence::Probable);
    }
    if class == Class::Unknown {
        confidence = Confidence::Possible;
    }
    Classification {
        class,
        confidence,
        reason: rule.reason,
    }
}

fn outcome_words(outcome: Outcome, observed: Observed, knowledge: &Knowledge) -> &'static str {
    match (outcome, observed) {
        (Outcome::Failed { .. }, Observed::Failed) => "refused (return probe)",
        (Outcome::Succeeded { .. }, Observed::Succeeded) => "granted (return probe)",
        (Outcome::Succeeded { .. }, Observed::Uncollected) => "granted (no fib6_run_gc in it)",
        (Outcome::Succeeded { .. }, Observed::Nothing) if knowledge.traced.run_gc => {
            "granted (no fib6_run_gc in it)"
        }
        (Outcome::Failed { .. }, Observed::Collected) => "refused (fib6_run_gc in it, and facts)",
        (Outcome::Failed { .. }, _) => "refused (facts)",
        (Outcome::Succeeded { .. }, _) => "granted (facts)",
        (Outcome::Open, Observed::Collected) => "outcome not recorded (fib6_run_gc in it)",
        (Outcome::Open, _) => "outcome not recorded",
    }
}

/// The evidence of one drop in words, most telling first.
#[must_use]
pub fn explain(
    evidence: &Evidence,
    knowledge: &Knowledge,
    decided: &Classification,
) -> Vec<String> {
    let mut words = vec![decided.reason.to_owned()];
    match evidence.handler {
        Some((handler, source)) => {
            let source = match source {
                HandlerSource::Caller => "caller column",
                HandlerSource::Frames => "stack",
                HandlerSource::Entry => "its own entry",
            };
            words.push(format!("handler {} ({source})", handler.name()));
        }
        None => words.push("handler hidden".to_owned()),
    }
    let (attempts, linked) = evidence.attempts();
    for (place, attempt) in [("last", attempts.last), ("previous", attempts.previous)] {
        let Some(attempt) = attempt else { continue };
        let outcome = knowledge.outcome(attempt);
        let owner = if attempt.certain {
            "of the drop's own path"
        } else {
            "of unknown origin"
        };
        let words_of = outcome_words(outcome, attempt.observed, knowledge);
        words.push(format!("{place} ip6_dst_gc {owner}: {words_of}"));
    }
    if attempts.last.is_none() {
        words.push("no ip6_dst_gc since the previous drop of this CPU and task".to_owned());
    } else if !linked {
        words.push(
            "something else happened on this CPU between the attempt and the drop".to_owned(),
        );
    }
    match evidence.window {
        Window::Whole => {}
        Window::Start => words.push("the trace starts right before".to_owned()),
        Window::Lost => words.push("events were lost right before".to_owned()),
        Window::Unordered => words.push("counted by its stack, without order".to_owned()),
    }
    if evidence.without_context && evidence.window != Window::Unordered {
        words.push("no CPU and pid: linked by order alone".to_owned());
    }
    words
}
