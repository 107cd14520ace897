//! What rules ask of a drop: each condition has a name, a sentence, and one question.

use std::fmt;

use crate::diagnosis::class::Cause;
use crate::diagnosis::evidence::{Attempt, Reverse, Window};
use crate::diagnosis::knowledge::Outcome;
use crate::diagnosis::lookups::told::Told;
use crate::diagnosis::proof::Proof;
use crate::diagnosis::rules::case::Case;
use crate::kernel::functions::Direction;

/// Something that is so for a drop, or is not.
pub(crate) struct Condition {
    /// Its name, in kebab-case.
    pub(crate) name: &'static str,
    /// What is so where it holds.
    pub(crate) sentence: &'static str,
    pub(super) holds: fn(&Case<'_>) -> bool,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn condition(
    name: &'static str,
    sentence: &'static str,
    holds: fn(&Case<'_>) -> bool,
) -> Condition {
    Condition {
        name,
        sentence,
        holds,
    }
}

// The packet and its handler.

pub(super) static RECEIVED: Condition = condition("received", "the packet was received", |case| {
    case.evidence.direction == Direction::Receive
});
pub(super) static SENT: Condition = condition("sent", "the packet was sent by this host", |case| {
    case.evidence.direction == Direction::Output
});
pub(super) static DIRECTION_UNKNOWN: Condition = condition(
    "direction-unknown",
    "nothing shows which way the packet was going",
    |case| case.evidence.direction == Direction::Unknown,
);
pub(super) static ALONE: Condition = condition(
    "received-alone",
    "frames or a caller show that the packet was not received in a list",
    |case| case.evidence.single,
);
pub(super) static IN_A_LIST: Condition = condition(
    "in-a-list",
    "the packet was received in a list with others",
    |case| case.evidence.list,
);
pub(super) static HANDLER_KNOWN: Condition = condition(
    "handler-known",
    "the handler that dropped it is known",
    |case| case.evidence.handler.is_some(),
);
pub(super) static HANDLERS_TRACED: Condition = condition(
    "handlers-traced",
    "the entry of ip6_pkt_prohibit would be in the trace",
    |case| case.knowledge.traced.handlers,
);
pub(super) static PROHIBIT_HANDLER: Condition = condition(
    "prohibit-handler",
    "the handler that dropped it is that of prohibit routes",
    |case| {
        let handler = case.evidence.handler;
        handler.is_some_and(|(handler, _)| handler.prohibits())
    },
);

// What of the trace is there.

pub(super) static WHOLE_WINDOW: Condition = condition(
    "whole-window",
    "everything on its CPU since an earlier packet was recorded",
    |case| case.evidence.window == Window::Whole,
);
pub(super) static LOST_BEFORE: Condition = condition(
    "lost-before",
    "events were lost on its CPU right before it",
    |case| case.evidence.window == Window::Lost,
);
pub(super) static WITHOUT_ORDER: Condition = condition(
    "without-order",
    "it was counted by its stack, without its place among other events",
    |case| case.evidence.window == Window::Unordered,
);
pub(super) static WITHOUT_CONTEXT: Condition = condition(
    "without-context",
    "the trace gives neither its CPU nor its task",
    |case| case.evidence.without_context,
);
pub(super) static AT_FREE: Condition = condition(
    "at-free",
    "it shows only where its packet is freed, behind the ICMPv6 error about it",
    |case| case.evidence.at_free,
);
pub(super) static IN_TASK: Condition = condition(
    "in-task",
    "a task dropped it, or may have, which may have looked it up long before, on any CPU",
    |case| case.evidence.in_task,
);
pub(super) static LOSSES_PLACED: Condition = condition(
    "losses-placed",
    "no event is missing at a place that is not known",
    |case| case.knowledge.losses_are_placed,
);
pub(super) static LOSSES_MARKED: Condition = condition(
    "losses-marked",
    "the text says so wherever events are missing",
    |case| case.knowledge.losses_are_marked,
);
pub(super) static GC_TRACED: Condition = condition(
    "gc-traced",
    "the capture says that ip6_dst_gc was traced",
    |case| case.knowledge.traced.dst_gc,
);
pub(super) static GC_SEEN: Condition =
    condition("gc-seen", "ip6_dst_gc is somewhere in the trace", |case| {
        case.knowledge.seen.dst_gc
    });
pub(super) static GC_SEEN_BEFORE: Condition = condition(
    "gc-seen-before",
    "ip6_dst_gc was seen in the trace before the drop",
    |case| case.evidence.gc_seen,
);

// Attempts before the drop, and whose they are.

pub(super) static SINCE_ROUTE_INPUT: Condition = condition(
    "since-route-input",
    "the attempts are those since the entry of ip6_route_input for this packet",
    |case| case.evidence.bounded,
);
pub(super) static LINKED: Condition = condition(
    "linked",
    "nothing else happened on its CPU between the last attempt and the drop",
    |case| case.linked,
);
pub(super) static LAST_ON_ITS_PATH: Condition = condition(
    "last-on-its-path",
    "the stack of the last attempt shows a lookup of the drop's own path",
    |case| case.attempts.last.is_some_and(|attempt| attempt.certain),
);

// What became of them.

pub(super) static LAST_FAILED: Condition =
    condition("last-failed", "the last attempt was refused", |case| {
        matches!(case.last, Some(Outcome::Failed { .. }))
    });
pub(super) static ATTEMPTED: Condition = condition(
    "attempted",
    "there was an attempt before the drop",
    |case| case.outcomes().next().is_some(),
);
pub(super) static LAST_OPEN: Condition = condition(
    "last-open",
    "there was an attempt, and the outcome of the last is not known",
    |case| case.last == Some(Outcome::Open),
);
pub(super) static PREVIOUS_FAILED: Condition = condition(
    "previous-failed",
    "the attempt before the last was refused",
    |case| matches!(case.previous, Some(Outcome::Failed { .. })),
);
pub(super) static PREVIOUS_OPEN: Condition = condition(
    "previous-open",
    "the outcome of the attempt before the last is not known",
    |case| case.previous == Some(Outcome::Open),
);
pub(super) static ANY_FAILED: Condition =
    condition("any-failed", "an attempt was refused", |case| {
        let mut outcomes = case.outcomes();
        outcomes.any(|outcome| matches!(outcome, Outcome::Failed { .. }))
    });
pub(super) static ANY_PROVEN_FAILED: Condition = condition(
    "any-proven-failed",
    "an attempt was refused, beyond doubt",
    |case| {
        let mut outcomes = case.outcomes();
        outcomes.any(|outcome| outcome == Outcome::Failed { proven: true })
    },
);
pub(super) static ALL_PROVEN_SUCCEEDED: Condition = condition(
    "all-proven-succeeded",
    "every attempt was granted, beyond doubt, or there was none",
    |case| {
        let mut outcomes = case.outcomes();
        outcomes.all(|outcome| outcome == Outcome::Succeeded { proven: true })
    },
);

// The way back to its source.

pub(super) static REVERSE: Condition = condition(
    "way-back-asked",
    "it was freed right behind the lookup of the way back to its source, which found the interface that it came in by",
    |case| case.evidence.reverse.is_some(),
);
pub(super) static REVERSE_REFUSED: Condition = condition(
    "way-back-refused",
    "that lookup was refused, beyond doubt",
    |case| match case.evidence.reverse.map(|way_back| way_back.shown) {
        Some(Reverse::Returned) => true,
        Some(Reverse::Attempted(observed)) => {
            let certain = true;
            let attempt = Attempt { certain, observed };
            case.knowledge.outcome(attempt) == Outcome::Failed { proven: true }
        }
        None => false,
    },
);

pub(super) static FREED_BY_NETFILTER: Condition = condition(
    "freed-by-netfilter",
    "the trace shows that netfilter freed it",
    |case| {
        let way_back = case.evidence.reverse;
        way_back.is_some_and(|way_back| way_back.in_netfilter)
    },
);
pub(super) static WAY_BACK_ALONE: Condition = condition(
    "way-back-alone",
    "that lookup was made for no answer to the packet, whose own would look the same (an ICMPv6 error)",
    |case| {
        let way_back = case.evidence.reverse;
        way_back.is_some_and(|way_back| way_back.is_alone)
    },
);
pub(super) static RECEIVED_SHOWN: Condition = condition(
    "received-shown",
    "every lookup for a received packet would be in the trace, so that none came in between",
    |case| case.knowledge.shows_received,
);

// What the tables said.

pub(super) static TOLD_REFUSED: Condition = condition(
    "lookups-say-refused",
    "however the policy rules led to the answers of its tables, the first that decides is a usable route, whose copy was refused",
    |case| case.told == Told::Sure(Cause::DstAlloc),
);
pub(super) static TOLD_NO_ROUTE: Condition = condition(
    "lookups-say-no-route",
    "however the policy rules led to the answers of its tables, it would have been rejected for want of a route",
    |case| case.told == Told::Sure(Cause::NoRoute),
);
pub(super) static TOLD_PROHIBITED: Condition = condition(
    "lookups-say-prohibited",
    "however the policy rules led to the answers of its tables, it would have been prohibited",
    |case| case.told == Told::Sure(Cause::Prohibited),
);
pub(super) static TOLD_NOT_REFUSED: Condition = condition(
    "lookups-say-not-refused",
    "none of its tables has a usable route, so none was refused; whether a policy rule prohibits is not known",
    |case| case.told == Told::NotRefused,
);
pub(super) static TOLD_FOUND: Condition = condition(
    "lookups-say-found",
    "a table has a usable route, which was refused, or put back by a policy rule",
    |case| case.told == Told::FoundOrPutBack,
);
pub(super) static OF_DESTINATION: Condition = condition(
    "lookups-of-others",
    "those lookups were for other packets to its destination; it had none of its own",
    |case| {
        let lookups = case.evidence.lookups;
        lookups.is_some_and(|lookups| case.knowledge.tellings.is_of_destination(lookups))
    },
);
pub(super) static FILTER_KNOWN: Condition = condition(
    "filter-known",
    "the kernel's filter on lookups is known, so that it is known which would show",
    |case| case.knowledge.lookups_filter_known,
);
pub(super) static HAS_VRF: Condition = condition(
    "has-vrf",
    "a policy rule asks the tables of VRFs, whose packets may get their route elsewhere",
    |case| case.knowledge.has_vrf,
);

// What else is known.

pub(super) static COUNTERS_EXCLUDE_REFUSAL: Condition = condition(
    "counters-exclude-refusal",
    "the counters and limits around the capture leave no room for a refusal",
    |case| case.knowledge.proof == Proof::NoneFailed,
);
pub(super) static REFUSAL_EXCLUDED: Condition = condition(
    "refusal-excluded",
    "this kernel refuses nothing, or the counters of that namespace leave no room for a refusal",
    |case| {
        let known = case.knowledge;
        !known.returns_count || (known.proof == Proof::NoneFailed && known.same_namespace)
    },
);
pub(super) static SAME_NAMESPACE: Condition = condition(
    "same-namespace",
    "those counters are of the network namespace that dropped it",
    |case| case.knowledge.same_namespace,
);
pub(super) static REFUSALS_COUNT: Condition = condition(
    "refusals-count",
    "the policy rules and throw routes of its namespace are known, and none of them passes over a route that was refused",
    |case| case.knowledge.refusals_count,
);
pub(super) static MEMORY_FAILED: Condition = condition(
    "memory-failed",
    "the kernel's log in the same text says that memory could not be allocated",
    |case| case.knowledge.memory_failed,
);
pub(super) static REFUSALS_LOGGED: Condition = condition(
    "refusals-logged",
    "the kernel's log in the same text says that allocations were refused",
    |case| case.knowledge.refusals_logged,
);
