//! For each condition of each rule and cap drops in which it decides for, and against.
//!
//! A row starts from [`Given::usual`], which `no-attempt-traced` confirms, and changes what
//! it must. Answering one of the row's conditions the other way changes what is said.

use std::sync::Arc;

use crate::diagnosis::class::Cause;
use crate::diagnosis::class::Class::{
    self, OutDstAlloc, OutNoRoute, OutProhibited, RcvDstAlloc, RcvNoRoute, RcvProhibited,
    RcvRpfilterDstAlloc, RcvUndetermined, Unknown,
};
use crate::diagnosis::class::Confidence::{self, Confirmed, Possible, Probable};
use crate::diagnosis::evidence::{
    Attempt, Attempts, Evidence, HandlerSource, Observed, Reverse, StackState, Traced, WayBack,
    Window,
};
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::lookups::told::{Tellings, Told};
use crate::diagnosis::proof::Proof;
use crate::kernel::functions::{Direction, Handler};

/// What a drop is classified from.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) evidence: Evidence,
    pub(crate) knowledge: Knowledge,
}

/// What became of an attempt, and whether it was made on the drop's own path.
type Made = (bool, Observed);

const FAILED: Made = (true, Observed::Failed);
const SUCCEEDED: Made = (true, Observed::Succeeded);
/// Of its outcome the trace says nothing, but facts may.
const OPEN: Made = (true, Observed::Cut);

impl Given {
    /// A received packet, alone, its handler known, without an attempt in a trace of all.
    pub(crate) fn usual() -> Given {
        let all = Traced {
            dst_gc: true,
            run_gc: true,
            handlers: true,
            drops: true,
        };
        Given {
            evidence: Evidence {
                handler: Some((Handler::Discard, HandlerSource::Caller)),
                direction: Direction::Receive,
                list: false,
                single: true,
                gc_seen: true,
                without_context: false,
                at_free: false,
                in_task: false,
                receive: Attempts::default(),
                output: Attempts::default(),
                bounded: false,
                receive_linked: false,
                output_linked: false,
                window: Window::Whole,
                stack: StackState::Present,
                whole: true,
                lookups: None,
                reverse: None,
            },
            knowledge: Knowledge {
                traced: all,
                seen: all,
                returns_count: true,
                losses_are_placed: true,
                proof: Proof::Nothing,
                losses_are_marked: true,
                losses_outstanding: false,
                refusals_logged: false,
                same_namespace: true,
                counts_agree: true,
                refusals_count: true,
                memory_failed: false,
                lookups_filter_known: true,
                shows_received: true,
                has_vrf: false,
                tellings: Arc::default(),
            },
        }
    }

    /// Its lookups tell this, and no attempt was traced.
    pub(crate) fn told(&mut self, told: Told) {
        self.evidence.lookups = Some(0);
        self.knowledge.tellings = Arc::new(Tellings::only(told, false));
        self.gc(false, false, false);
    }

    /// The same of lookups for others.
    fn told_of_others(&mut self, told: Told) {
        self.told(told);
        self.knowledge.tellings = Arc::new(Tellings::only(told, true));
    }

    /// Netfilter freed it behind a lookup of the way back that came to this.
    pub(crate) fn freed(&mut self, shown: Reverse) {
        self.evidence.reverse = Some(WayBack {
            shown,
            in_netfilter: true,
            is_alone: true,
        });
    }

    /// These attempts before it, oldest first.
    fn after(&mut self, attempts: &[Made]) {
        let mut all = Attempts::default();
        for &(certain, observed) in attempts {
            all.push(Attempt { certain, observed });
        }
        match self.evidence.direction {
            Direction::Output => self.evidence.output = all,
            _ => self.evidence.receive = all,
        }
    }

    /// Sent by this host, by this handler.
    fn sent(&mut self) {
        self.evidence.direction = Direction::Output;
        self.evidence.handler = Some((Handler::DiscardOut, HandlerSource::Caller));
    }

    /// Dropped by the handler of prohibit routes.
    fn prohibited(&mut self) {
        self.evidence.handler = Some((Handler::Prohibit, HandlerSource::Entry));
    }

    /// No handler in sight, and none was traced.
    fn hide_handler(&mut self) {
        self.evidence.handler = None;
        self.knowledge.traced.handlers = false;
    }

    /// Whether `ip6_dst_gc` is said to be traced, is in the trace, and is there before it.
    fn gc(&mut self, traced: bool, seen: bool, before: bool) {
        self.knowledge.traced.dst_gc = traced;
        self.knowledge.seen.dst_gc = seen;
        self.evidence.gc_seen = before;
    }

    fn window(&mut self, window: Window) {
        self.evidence.window = window;
    }

    /// The lookup's start was traced.
    fn bounded_after(&mut self, attempts: &[Made]) {
        self.evidence.bounded = true;
        self.after(attempts);
    }

    fn excluded(&mut self) {
        self.knowledge.proof = Proof::NoneFailed;
    }

    /// Every attempt was refused, if the counters are this namespace's, which is not known.
    fn refused_perhaps(&mut self) {
        self.knowledge.proof = Proof::AllFailed;
        self.knowledge.same_namespace = false;
    }
}

/// A drop that speaks for or against a rule or cap.
#[derive(Debug)]
pub(crate) struct Row {
    /// Whose conditions they are.
    pub(crate) rule: &'static str,
    /// Conditions of which each decides it.
    pub(crate) conditions: &'static [&'static str],
    change: fn(&mut Given),
    /// What is said of it, and by which rule.
    pub(crate) answer: (Class, Confidence, &'static str),
}

impl Row {
    pub(crate) fn given(&self) -> Given {
        let mut given = Given::usual();
        (self.change)(&mut given);
        given
    }
}

const fn row(
    rule: &'static str,
    conditions: &'static [&'static str],
    change: fn(&mut Given),
    answer: (Class, Confidence, &'static str),
) -> Row {
    Row {
        rule,
        conditions,
        change,
        answer,
    }
}

/// Drops to which the rule applies, and would not without each of the conditions.
pub(crate) const FOR: &[Row] = &[
    row(
        "way-back-refused",
        &[
            "way-back-refused",
            "freed-by-netfilter",
            "way-back-alone",
            "received-shown",
            "losses-placed",
            "refusals-count",
        ],
        |g| g.freed(Reverse::Returned),
        (RcvRpfilterDstAlloc, Confirmed, "way-back-refused"),
    ),
    row(
        "way-back-refused",
        &["way-back-refused"],
        |g| g.freed(Reverse::Attempted(Observed::Failed)),
        (RcvRpfilterDstAlloc, Confirmed, "way-back-refused"),
    ),
    row(
        "way-back-perhaps-refused",
        &["way-back-asked"],
        |g| g.freed(Reverse::Attempted(Observed::Collected)),
        (RcvRpfilterDstAlloc, Probable, "way-back-perhaps-refused"),
    ),
    row(
        "found-then-refused",
        &[
            "lookups-say-refused",
            "received",
            "filter-known",
            "losses-placed",
            "lookups-of-others",
            "has-vrf",
            "refusal-excluded",
        ],
        |g| g.told(Told::Sure(Cause::DstAlloc)),
        (RcvDstAlloc, Confirmed, "found-then-refused"),
    ),
    row(
        "found-perhaps-refused",
        &["lookups-say-refused"],
        |g| g.told_of_others(Told::Sure(Cause::DstAlloc)),
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "no-route-in-any-table",
        &[
            "lookups-say-no-route",
            "received",
            "filter-known",
            "losses-placed",
            "lookups-of-others",
            "has-vrf",
        ],
        |g| g.told(Told::Sure(Cause::NoRoute)),
        (RcvNoRoute, Confirmed, "no-route-in-any-table"),
    ),
    row(
        "no-route-as-far-as-shown",
        &["lookups-say-no-route"],
        |g| g.told_of_others(Told::Sure(Cause::NoRoute)),
        (RcvNoRoute, Probable, "no-route-as-far-as-shown"),
    ),
    row(
        "prohibited-by-table",
        &[
            "lookups-say-prohibited",
            "received",
            "filter-known",
            "losses-placed",
            "lookups-of-others",
            "has-vrf",
        ],
        |g| g.told(Told::Sure(Cause::Prohibited)),
        (RcvProhibited, Confirmed, "prohibited-by-table"),
    ),
    row(
        "prohibited-as-far-as-shown",
        &["lookups-say-prohibited"],
        |g| g.told_of_others(Told::Sure(Cause::Prohibited)),
        (RcvProhibited, Probable, "prohibited-as-far-as-shown"),
    ),
    row(
        "no-route-as-far-as-shown",
        &["lookups-say-not-refused"],
        |g| g.told(Told::NotRefused),
        (RcvNoRoute, Probable, "no-route-as-far-as-shown"),
    ),
    row(
        "found-or-put-back",
        &["lookups-say-found"],
        |g| g.told(Told::FoundOrPutBack),
        (RcvUndetermined, Possible, "found-or-put-back"),
    ),
    row(
        "prohibited",
        &[
            "prohibit-handler",
            "gc-traced",
            "whole-window",
            "losses-placed",
            "all-proven-succeeded",
            "received",
            "received-alone",
            "in-a-list",
            "memory-failed",
            "lookups-say-refused",
        ],
        |g| {
            g.prohibited();
            g.gc(true, false, false);
        },
        (RcvProhibited, Confirmed, "prohibited"),
    ),
    row(
        "prohibited",
        &["gc-seen-before", "all-proven-succeeded"],
        |g| {
            g.prohibited();
            g.gc(false, true, true);
            g.after(&[(false, Observed::Uncollected), SUCCEEDED]);
        },
        (RcvProhibited, Confirmed, "prohibited"),
    ),
    row(
        "prohibited",
        &["since-route-input", "received"],
        |g| {
            g.prohibited();
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (RcvProhibited, Confirmed, "prohibited"),
    ),
    row(
        "prohibited",
        &["sent", "in-task"],
        |g| {
            g.sent();
            g.evidence.handler = Some((Handler::ProhibitOut, HandlerSource::Entry));
        },
        (OutProhibited, Confirmed, "prohibited"),
    ),
    row(
        "refused-then-prohibited",
        &["prohibit-handler", "last-failed", "linked"],
        |g| {
            g.prohibited();
            g.after(&[FAILED]);
            g.evidence.receive_linked = true;
        },
        (RcvDstAlloc, Probable, "refused-then-prohibited"),
    ),
    row(
        "refused-perhaps-passed-over",
        &[
            "since-route-input",
            "received",
            "received-alone",
            "any-proven-failed",
            "in-a-list",
        ],
        |g| {
            g.bounded_after(&[FAILED, SUCCEEDED, SUCCEEDED]);
            g.knowledge.refusals_count = false;
        },
        (RcvDstAlloc, Probable, "refused-perhaps-passed-over"),
    ),
    row(
        "prohibited-perhaps-refused",
        &["prohibit-handler"],
        |g| {
            g.prohibited();
            g.window(Window::Lost);
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "refused-in-between",
        &[
            "since-route-input",
            "received",
            "received-alone",
            "any-proven-failed",
            "losses-placed",
            "refusals-count",
            "in-a-list",
        ],
        |g| g.bounded_after(&[FAILED]),
        (RcvDstAlloc, Confirmed, "refused-in-between"),
    ),
    row(
        "refused-in-between",
        &["any-proven-failed"],
        |g| g.bounded_after(&[FAILED, SUCCEEDED, SUCCEEDED]),
        (RcvDstAlloc, Confirmed, "refused-in-between"),
    ),
    row(
        "refused-last",
        &["last-failed"],
        |g| g.after(&[(false, Observed::Failed)]),
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-last",
        &["last-failed"],
        |g| {
            g.after(&[OPEN]);
            g.refused_perhaps();
        },
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-before-last",
        &["previous-failed"],
        |g| g.after(&[FAILED, SUCCEEDED]),
        (RcvDstAlloc, Probable, "refused-before-last"),
    ),
    row(
        "counters-exclude-refusal",
        &[
            "received",
            "counters-exclude-refusal",
            "same-namespace",
            "handler-known",
            "any-failed",
            "memory-failed",
            "lookups-say-refused",
        ],
        |g| {
            g.excluded();
            g.knowledge.traced.handlers = false;
        },
        (RcvNoRoute, Confirmed, "counters-exclude-refusal"),
    ),
    row(
        "counters-exclude-refusal",
        &["handlers-traced", "whole-window"],
        |g| {
            g.excluded();
            g.evidence.handler = None;
        },
        (RcvNoRoute, Confirmed, "counters-exclude-refusal"),
    ),
    row(
        "counters-exclude-refusal",
        &["handlers-traced", "since-route-input"],
        |g| {
            g.excluded();
            g.evidence.handler = None;
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (RcvNoRoute, Confirmed, "counters-exclude-refusal"),
    ),
    row(
        "counters-exclude-refusal-here",
        &["counters-exclude-refusal", "any-failed"],
        |g| {
            g.excluded();
            g.hide_handler();
        },
        (RcvNoRoute, Probable, "counters-exclude-refusal-here"),
    ),
    row(
        "attempted-for-packet",
        &["last-open", "last-on-its-path", "linked", "in-a-list"],
        |g| {
            g.after(&[OPEN]);
            g.evidence.receive_linked = true;
        },
        (RcvDstAlloc, Probable, "attempted-for-packet"),
    ),
    row(
        "attempted-for-packet",
        &["linked"],
        |g| {
            g.sent();
            g.after(&[OPEN]);
            g.evidence.output_linked = true;
        },
        (OutDstAlloc, Probable, "attempted-for-packet"),
    ),
    row(
        "attempted-before",
        &["last-open"],
        |g| g.after(&[(false, Observed::Cut)]),
        (RcvDstAlloc, Possible, "attempted-before"),
    ),
    row(
        "open-before-last",
        &["previous-open"],
        |g| g.after(&[OPEN, SUCCEEDED]),
        (RcvUndetermined, Possible, "open-before-last"),
    ),
    row(
        "refusals-logged",
        &["refusals-logged", "without-order"],
        |g| {
            g.knowledge.refusals_logged = true;
            g.window(Window::Unordered);
        },
        (RcvDstAlloc, Possible, "refusals-logged"),
    ),
    row(
        "refusals-logged",
        &["refusals-logged", "gc-traced", "gc-seen"],
        |g| {
            g.knowledge.refusals_logged = true;
            g.gc(false, false, false);
        },
        (RcvDstAlloc, Possible, "refusals-logged"),
    ),
    row(
        "received-in-list",
        &["in-a-list"],
        |g| g.evidence.list = true,
        (RcvUndetermined, Possible, "received-in-list"),
    ),
    row(
        "counted-without-order",
        &["without-order"],
        |g| g.window(Window::Unordered),
        (RcvUndetermined, Possible, "counted-without-order"),
    ),
    row(
        "no-attempt-traced",
        &[
            "gc-traced",
            "whole-window",
            "losses-placed",
            "all-proven-succeeded",
            "handler-known",
            "received",
            "received-alone",
            "in-a-list",
            "memory-failed",
            "lookups-say-refused",
        ],
        |g| {
            g.gc(true, false, false);
            g.knowledge.traced.handlers = false;
        },
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "no-attempt-traced",
        &["gc-seen-before"],
        |g| g.gc(false, true, true),
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "no-attempt-traced",
        &["since-route-input", "received"],
        |g| {
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "no-attempt-traced",
        &["handlers-traced", "received"],
        |g| g.evidence.handler = None,
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "no-attempt-traced",
        &["sent", "in-task", "all-proven-succeeded"],
        |g| {
            g.sent();
            g.after(&[SUCCEEDED, SUCCEEDED, SUCCEEDED]);
        },
        (OutNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "no-refusal-seen",
        &["gc-traced", "whole-window", "losses-placed"],
        |g| {
            g.hide_handler();
            g.gc(true, false, false);
        },
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "no-refusal-seen",
        &["gc-seen-before"],
        |g| {
            g.hide_handler();
            g.gc(false, true, true);
        },
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "no-refusal-seen",
        &["since-route-input", "received", "received-alone"],
        |g| {
            g.hide_handler();
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "no-refusal-since-start",
        &["gc-traced", "attempted", "lost-before", "any-failed"],
        |g| {
            g.gc(true, false, false);
            g.window(Window::Start);
            g.after(&[SUCCEEDED]);
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-refusal-since-start",
        &["gc-seen"],
        |g| {
            g.gc(false, true, false);
            g.after(&[SUCCEEDED]);
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-refusal-since-start",
        &["whole-window"],
        |g| g.knowledge.losses_are_placed = false,
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-refusal-since-start",
        &["since-route-input"],
        |g| {
            g.evidence.single = false;
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "starts-at-drop",
        &["gc-traced", "lost-before", "any-failed"],
        |g| {
            g.gc(true, false, false);
            g.window(Window::Start);
        },
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "starts-at-drop",
        &["gc-seen"],
        |g| {
            g.gc(false, true, false);
            g.window(Window::Start);
        },
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "events-lost",
        &["lost-before"],
        |g| g.window(Window::Lost),
        (RcvUndetermined, Possible, "events-lost"),
    ),
    row(
        "gc-not-traced",
        &[],
        |g| g.gc(false, false, false),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "linked-by-order",
        &["without-context"],
        |g| g.evidence.without_context = true,
        (RcvNoRoute, Probable, "no-attempt-traced"),
    ),
    row(
        "shown-at-free",
        &["at-free"],
        |g| g.evidence.at_free = true,
        (RcvNoRoute, Probable, "no-attempt-traced"),
    ),
    row(
        "losses-not-marked",
        &["counters-exclude-refusal", "losses-marked"],
        |g| g.knowledge.losses_are_marked = false,
        (RcvNoRoute, Probable, "no-attempt-traced"),
    ),
    row(
        "losses-not-marked",
        &["any-failed", "losses-marked"],
        |g| {
            g.knowledge.losses_are_marked = false;
            g.excluded();
            g.bounded_after(&[FAILED]);
        },
        (RcvDstAlloc, Probable, "refused-in-between"),
    ),
    row(
        "direction-not-known",
        &["direction-unknown"],
        |g| {
            g.evidence.direction = Direction::Unknown;
            g.after(&[FAILED]);
        },
        (Unknown, Possible, "refused-last"),
    ),
];

/// Drops to which the rule does not apply, and would but for each of the conditions.
pub(crate) const AGAINST: &[Row] = &[
    row(
        "found-then-refused",
        &["refusal-excluded"],
        |g| {
            g.told(Told::Sure(Cause::DstAlloc));
            g.knowledge.returns_count = false;
        },
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "found-then-refused",
        &["refusal-excluded"],
        |g| {
            g.told(Told::Sure(Cause::DstAlloc));
            g.excluded();
        },
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "prohibited",
        &["lookups-say-refused"],
        |g| {
            g.told_of_others(Told::Sure(Cause::DstAlloc));
            g.gc(true, true, true);
            g.prohibited();
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "counters-exclude-refusal",
        &["lookups-say-refused"],
        |g| {
            g.told_of_others(Told::Sure(Cause::DstAlloc));
            g.excluded();
        },
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "no-attempt-traced",
        &["lookups-say-refused"],
        |g| {
            g.told_of_others(Told::Sure(Cause::DstAlloc));
            g.gc(true, true, true);
        },
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "way-back-refused",
        &["way-back-refused"],
        |g| g.freed(Reverse::Attempted(Observed::Collected)),
        (RcvRpfilterDstAlloc, Probable, "way-back-perhaps-refused"),
    ),
    row(
        "way-back-refused",
        &["received-shown"],
        |g| {
            g.freed(Reverse::Returned);
            g.knowledge.shows_received = false;
        },
        (RcvRpfilterDstAlloc, Probable, "way-back-perhaps-refused"),
    ),
    row(
        "way-back-refused",
        &["freed-by-netfilter"],
        |g| {
            g.evidence.reverse = Some(WayBack {
                shown: Reverse::Returned,
                in_netfilter: false,
                is_alone: true,
            });
        },
        (RcvRpfilterDstAlloc, Probable, "way-back-perhaps-refused"),
    ),
    row(
        "way-back-refused",
        &["way-back-alone"],
        |g| {
            g.evidence.reverse = Some(WayBack {
                shown: Reverse::Returned,
                in_netfilter: true,
                is_alone: false,
            });
        },
        (RcvRpfilterDstAlloc, Probable, "way-back-perhaps-refused"),
    ),
    row(
        "way-back-refused",
        &["losses-placed"],
        |g| {
            g.freed(Reverse::Returned);
            g.knowledge.losses_are_placed = false;
        },
        (RcvRpfilterDstAlloc, Probable, "way-back-perhaps-refused"),
    ),
    row(
        "way-back-refused",
        &["refusals-count"],
        |g| {
            g.freed(Reverse::Returned);
            g.knowledge.refusals_count = false;
        },
        (RcvRpfilterDstAlloc, Probable, "way-back-perhaps-refused"),
    ),
    row(
        "way-back-perhaps-refused",
        &["way-back-asked"],
        |_| (),
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "found-then-refused",
        &["lookups-say-refused"],
        |g| g.told(Told::Nothing),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "found-then-refused",
        &["received"],
        |g| {
            g.told(Told::Sure(Cause::DstAlloc));
            g.evidence.direction = Direction::Output;
        },
        (OutDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "found-then-refused",
        &["filter-known"],
        |g| {
            g.told(Told::Sure(Cause::DstAlloc));
            g.knowledge.lookups_filter_known = false;
        },
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "found-then-refused",
        &["losses-placed"],
        |g| {
            g.told(Told::Sure(Cause::DstAlloc));
            g.knowledge.losses_are_placed = false;
        },
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "found-then-refused",
        &["lookups-of-others"],
        |g| g.told_of_others(Told::Sure(Cause::DstAlloc)),
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "found-then-refused",
        &["has-vrf"],
        |g| {
            g.told(Told::Sure(Cause::DstAlloc));
            g.knowledge.has_vrf = true;
        },
        (RcvDstAlloc, Probable, "found-perhaps-refused"),
    ),
    row(
        "found-perhaps-refused",
        &["lookups-say-refused"],
        |g| g.told_of_others(Told::Nothing),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "no-route-in-any-table",
        &["lookups-say-no-route"],
        |g| g.told(Told::Nothing),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "no-route-in-any-table",
        &["received"],
        |g| {
            g.told(Told::Sure(Cause::NoRoute));
            g.evidence.direction = Direction::Output;
        },
        (OutNoRoute, Probable, "no-route-as-far-as-shown"),
    ),
    row(
        "no-route-in-any-table",
        &["filter-known"],
        |g| {
            g.told(Told::Sure(Cause::NoRoute));
            g.knowledge.lookups_filter_known = false;
        },
        (RcvNoRoute, Probable, "no-route-as-far-as-shown"),
    ),
    row(
        "no-route-in-any-table",
        &["losses-placed"],
        |g| {
            g.told(Told::Sure(Cause::NoRoute));
            g.knowledge.losses_are_placed = false;
        },
        (RcvNoRoute, Probable, "no-route-as-far-as-shown"),
    ),
    row(
        "no-route-in-any-table",
        &["lookups-of-others"],
        |g| g.told_of_others(Told::Sure(Cause::NoRoute)),
        (RcvNoRoute, Probable, "no-route-as-far-as-shown"),
    ),
    row(
        "no-route-in-any-table",
        &["has-vrf"],
        |g| {
            g.told(Told::Sure(Cause::NoRoute));
            g.knowledge.has_vrf = true;
        },
        (RcvNoRoute, Probable, "no-route-as-far-as-shown"),
    ),
    row(
        "no-route-as-far-as-shown",
        &["lookups-say-no-route"],
        |g| g.told_of_others(Told::Nothing),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "prohibited-by-table",
        &["lookups-say-prohibited"],
        |g| g.told(Told::Nothing),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "prohibited-by-table",
        &["received"],
        |g| {
            g.told(Told::Sure(Cause::Prohibited));
            g.evidence.direction = Direction::Output;
        },
        (OutProhibited, Probable, "prohibited-as-far-as-shown"),
    ),
    row(
        "prohibited-by-table",
        &["filter-known"],
        |g| {
            g.told(Told::Sure(Cause::Prohibited));
            g.knowledge.lookups_filter_known = false;
        },
        (RcvProhibited, Probable, "prohibited-as-far-as-shown"),
    ),
    row(
        "prohibited-by-table",
        &["losses-placed"],
        |g| {
            g.told(Told::Sure(Cause::Prohibited));
            g.knowledge.losses_are_placed = false;
        },
        (RcvProhibited, Probable, "prohibited-as-far-as-shown"),
    ),
    row(
        "prohibited-by-table",
        &["lookups-of-others"],
        |g| g.told_of_others(Told::Sure(Cause::Prohibited)),
        (RcvProhibited, Probable, "prohibited-as-far-as-shown"),
    ),
    row(
        "prohibited-by-table",
        &["has-vrf"],
        |g| {
            g.told(Told::Sure(Cause::Prohibited));
            g.knowledge.has_vrf = true;
        },
        (RcvProhibited, Probable, "prohibited-as-far-as-shown"),
    ),
    row(
        "prohibited-as-far-as-shown",
        &["lookups-say-prohibited"],
        |g| g.told_of_others(Told::Nothing),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "no-route-as-far-as-shown",
        &["lookups-say-not-refused"],
        |g| g.told(Told::FoundOrPutBack),
        (RcvUndetermined, Possible, "found-or-put-back"),
    ),
    row(
        "found-or-put-back",
        &["lookups-say-found"],
        |g| g.told(Told::Nothing),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "no-attempt-traced",
        &["received"],
        |g| {
            g.sent();
            g.evidence.handler = None;
        },
        (OutNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "prohibited",
        &["in-a-list"],
        |g| {
            g.prohibited();
            g.evidence.list = true;
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "no-attempt-traced",
        &["in-a-list"],
        |g| g.evidence.list = true,
        (RcvUndetermined, Possible, "received-in-list"),
    ),
    row(
        "prohibited",
        &["in-task"],
        |g| {
            g.sent();
            g.evidence.handler = Some((Handler::ProhibitOut, HandlerSource::Entry));
            g.evidence.in_task = true;
        },
        (OutProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "no-attempt-traced",
        &["in-task"],
        |g| {
            g.sent();
            g.evidence.in_task = true;
        },
        (OutNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "counters-exclude-refusal",
        &["received"],
        |g| {
            g.sent();
            g.evidence.in_task = true;
            g.excluded();
        },
        (OutNoRoute, Probable, "counters-exclude-refusal-here"),
    ),
    row(
        "prohibited",
        &["prohibit-handler"],
        |_| {},
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "prohibited",
        &["gc-traced", "gc-seen-before"],
        |g| {
            g.prohibited();
            g.gc(false, true, false);
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "prohibited",
        &["whole-window", "since-route-input"],
        |g| {
            g.prohibited();
            g.window(Window::Start);
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "prohibited",
        &["received"],
        |g| {
            g.sent();
            g.evidence.handler = Some((Handler::ProhibitOut, HandlerSource::Entry));
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (OutProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "prohibited",
        &["losses-placed"],
        |g| {
            g.prohibited();
            g.knowledge.losses_are_placed = false;
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "prohibited",
        &["all-proven-succeeded"],
        |g| {
            g.prohibited();
            g.after(&[FAILED, SUCCEEDED, SUCCEEDED]);
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "prohibited",
        &["sent", "received-alone"],
        |g| {
            g.prohibited();
            g.evidence.single = false;
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "prohibited",
        &["received"],
        |g| {
            g.prohibited();
            g.evidence.direction = Direction::Unknown;
        },
        (Unknown, Possible, "prohibited-perhaps-refused"),
    ),
    row(
        "prohibited",
        &["memory-failed"],
        |g| {
            g.prohibited();
            g.knowledge.memory_failed = true;
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "refused-then-prohibited",
        &["prohibit-handler"],
        |g| {
            g.after(&[FAILED]);
            g.evidence.receive_linked = true;
        },
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-then-prohibited",
        &["last-failed"],
        |g| {
            g.prohibited();
            g.after(&[FAILED, SUCCEEDED]);
            g.evidence.receive_linked = true;
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "refused-then-prohibited",
        &["linked"],
        |g| {
            g.prohibited();
            g.after(&[FAILED]);
        },
        (RcvProhibited, Probable, "prohibited-perhaps-refused"),
    ),
    row(
        "refused-in-between",
        &["losses-placed"],
        |g| {
            g.bounded_after(&[FAILED]);
            g.knowledge.losses_are_placed = false;
        },
        (RcvDstAlloc, Probable, "refused-perhaps-passed-over"),
    ),
    row(
        "refused-in-between",
        &["refusals-count"],
        |g| {
            g.bounded_after(&[FAILED]);
            g.knowledge.refusals_count = false;
        },
        (RcvDstAlloc, Probable, "refused-perhaps-passed-over"),
    ),
    row(
        "refused-perhaps-passed-over",
        &["since-route-input"],
        |g| g.after(&[FAILED]),
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-perhaps-passed-over",
        &["received"],
        |g| {
            g.sent();
            g.bounded_after(&[FAILED]);
        },
        (OutDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-perhaps-passed-over",
        &["received-alone"],
        |g| {
            g.bounded_after(&[FAILED]);
            g.evidence.single = false;
        },
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-perhaps-passed-over",
        &["in-a-list"],
        |g| {
            g.bounded_after(&[FAILED]);
            g.evidence.list = true;
        },
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-perhaps-passed-over",
        &["any-proven-failed"],
        |g| {
            g.bounded_after(&[OPEN]);
            g.refused_perhaps();
        },
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "no-attempt-traced",
        &["memory-failed"],
        |g| g.knowledge.memory_failed = true,
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "counters-exclude-refusal",
        &["memory-failed"],
        |g| {
            g.excluded();
            g.knowledge.memory_failed = true;
        },
        (RcvNoRoute, Probable, "counters-exclude-refusal-here"),
    ),
    row(
        "prohibited-perhaps-refused",
        &["prohibit-handler"],
        |g| g.window(Window::Lost),
        (RcvUndetermined, Possible, "events-lost"),
    ),
    row(
        "refused-in-between",
        &["since-route-input"],
        |g| g.after(&[FAILED]),
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-in-between",
        &["received"],
        |g| {
            g.sent();
            g.bounded_after(&[FAILED]);
        },
        (OutDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-in-between",
        &["received-alone"],
        |g| {
            g.bounded_after(&[FAILED]);
            g.evidence.single = false;
        },
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-in-between",
        &["in-a-list"],
        |g| {
            g.bounded_after(&[FAILED]);
            g.evidence.list = true;
        },
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-in-between",
        &["any-proven-failed"],
        |g| {
            g.bounded_after(&[OPEN]);
            g.refused_perhaps();
        },
        (RcvDstAlloc, Probable, "refused-last"),
    ),
    row(
        "refused-in-between",
        &["any-proven-failed"],
        |g| g.bounded_after(&[SUCCEEDED]),
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "refused-last",
        &["last-failed"],
        |g| g.after(&[OPEN]),
        (RcvDstAlloc, Possible, "attempted-before"),
    ),
    row(
        "refused-last",
        &["last-failed"],
        |g| g.after(&[FAILED, SUCCEEDED]),
        (RcvDstAlloc, Probable, "refused-before-last"),
    ),
    row(
        "refused-before-last",
        &["previous-failed"],
        |g| g.after(&[SUCCEEDED, SUCCEEDED]),
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "refused-before-last",
        &["previous-failed"],
        |g| g.after(&[OPEN, SUCCEEDED]),
        (RcvUndetermined, Possible, "open-before-last"),
    ),
    row(
        "counters-exclude-refusal",
        &["counters-exclude-refusal"],
        |_| {},
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "counters-exclude-refusal",
        &["same-namespace"],
        |g| {
            g.excluded();
            g.window(Window::Start);
            g.knowledge.same_namespace = false;
        },
        (RcvNoRoute, Probable, "counters-exclude-refusal-here"),
    ),
    row(
        "counters-exclude-refusal",
        &["handler-known", "handlers-traced"],
        |g| {
            g.excluded();
            g.hide_handler();
            g.bounded_after(&[]);
        },
        (RcvNoRoute, Probable, "counters-exclude-refusal-here"),
    ),
    row(
        "counters-exclude-refusal",
        &["whole-window", "since-route-input"],
        |g| {
            g.excluded();
            g.evidence.handler = None;
            g.window(Window::Start);
        },
        (RcvNoRoute, Probable, "counters-exclude-refusal-here"),
    ),
    row(
        "counters-exclude-refusal",
        &["any-failed"],
        |g| {
            g.excluded();
            g.after(&[FAILED, SUCCEEDED, SUCCEEDED]);
        },
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "counters-exclude-refusal-here",
        &["counters-exclude-refusal"],
        |g| g.hide_handler(),
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "counters-exclude-refusal-here",
        &["any-failed"],
        |g| {
            g.excluded();
            g.hide_handler();
            g.after(&[FAILED, SUCCEEDED, SUCCEEDED]);
        },
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "attempted-for-packet",
        &["last-open"],
        |g| {
            g.window(Window::Start);
            g.after(&[SUCCEEDED]);
            g.evidence.receive_linked = true;
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "attempted-for-packet",
        &["last-on-its-path"],
        |g| {
            g.after(&[OPEN, (false, Observed::Cut)]);
            g.evidence.receive_linked = true;
        },
        (RcvDstAlloc, Possible, "attempted-before"),
    ),
    row(
        "attempted-for-packet",
        &["linked"],
        |g| {
            g.after(&[OPEN]);
            g.evidence.output_linked = true;
        },
        (RcvDstAlloc, Possible, "attempted-before"),
    ),
    row(
        "attempted-for-packet",
        &["in-a-list"],
        |g| {
            g.after(&[OPEN]);
            g.evidence.receive_linked = true;
            g.evidence.list = true;
        },
        (RcvDstAlloc, Possible, "attempted-before"),
    ),
    row(
        "attempted-before",
        &["last-open"],
        |g| {
            g.window(Window::Start);
            g.after(&[SUCCEEDED]);
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "open-before-last",
        &["previous-open"],
        |g| g.after(&[OPEN, SUCCEEDED, SUCCEEDED]),
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "refusals-logged",
        &["refusals-logged"],
        |g| g.gc(false, false, false),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "refusals-logged",
        &["without-order"],
        |g| {
            g.window(Window::Start);
            g.knowledge.refusals_logged = true;
        },
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "refusals-logged",
        &["gc-traced"],
        |g| {
            g.window(Window::Start);
            g.knowledge.refusals_logged = true;
            g.gc(true, false, false);
        },
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "refusals-logged",
        &["gc-seen"],
        |g| {
            g.knowledge.refusals_logged = true;
            g.gc(false, true, false);
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "received-in-list",
        &["in-a-list"],
        |g| {
            g.window(Window::Start);
        },
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "counted-without-order",
        &["without-order"],
        |g| {
            g.window(Window::Start);
        },
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "no-attempt-traced",
        &["gc-traced", "gc-seen-before"],
        |g| g.gc(false, true, false),
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-attempt-traced",
        &["whole-window", "since-route-input"],
        |g| g.window(Window::Start),
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "no-attempt-traced",
        &["received"],
        |g| {
            g.sent();
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (OutNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-attempt-traced",
        &["losses-placed"],
        |g| g.knowledge.losses_are_placed = false,
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-attempt-traced",
        &["all-proven-succeeded"],
        |g| {
            g.knowledge.traced.run_gc = false;
            g.after(&[(true, Observed::Nothing)]);
        },
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "no-attempt-traced",
        &["all-proven-succeeded"],
        |g| g.after(&[FAILED, SUCCEEDED, SUCCEEDED]),
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "no-attempt-traced",
        &["handler-known", "handlers-traced"],
        |g| g.hide_handler(),
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "no-attempt-traced",
        &["sent", "received-alone"],
        |g| g.evidence.single = false,
        (RcvNoRoute, Probable, "no-refusal-seen"),
    ),
    row(
        "no-attempt-traced",
        &["received"],
        |g| g.evidence.direction = Direction::Unknown,
        (Unknown, Possible, "no-refusal-seen"),
    ),
    row(
        "no-refusal-seen",
        &["gc-traced", "gc-seen-before"],
        |g| {
            g.hide_handler();
            g.gc(false, true, false);
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-refusal-seen",
        &["whole-window", "since-route-input"],
        |g| {
            g.hide_handler();
            g.window(Window::Start);
        },
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "no-refusal-seen",
        &["received"],
        |g| {
            g.evidence.direction = Direction::Unknown;
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (Unknown, Possible, "no-refusal-since-start"),
    ),
    row(
        "no-refusal-seen",
        &["received-alone"],
        |g| {
            g.evidence.single = false;
            g.window(Window::Start);
            g.bounded_after(&[]);
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-refusal-seen",
        &["losses-placed"],
        |g| {
            g.hide_handler();
            g.knowledge.losses_are_placed = false;
        },
        (RcvNoRoute, Probable, "no-refusal-since-start"),
    ),
    row(
        "no-refusal-since-start",
        &["attempted", "whole-window", "since-route-input"],
        |g| g.window(Window::Start),
        (RcvUndetermined, Possible, "starts-at-drop"),
    ),
    row(
        "starts-at-drop",
        &["gc-traced", "gc-seen"],
        |g| g.gc(false, false, false),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "starts-at-drop",
        &["lost-before"],
        |g| g.window(Window::Lost),
        (RcvUndetermined, Possible, "events-lost"),
    ),
    row(
        "starts-at-drop",
        &["any-failed"],
        |g| {
            g.window(Window::Start);
            g.after(&[FAILED, SUCCEEDED, SUCCEEDED]);
        },
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "no-refusal-since-start",
        &["gc-traced", "gc-seen"],
        |g| {
            g.gc(false, false, false);
            g.after(&[SUCCEEDED]);
        },
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "no-refusal-since-start",
        &["lost-before"],
        |g| {
            g.window(Window::Lost);
            g.after(&[SUCCEEDED]);
        },
        (RcvUndetermined, Possible, "events-lost"),
    ),
    row(
        "no-refusal-since-start",
        &["any-failed"],
        |g| {
            g.window(Window::Start);
            g.after(&[FAILED, SUCCEEDED, SUCCEEDED]);
        },
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "events-lost",
        &["lost-before"],
        |g| g.gc(false, false, false),
        (RcvUndetermined, Possible, "gc-not-traced"),
    ),
    row(
        "linked-by-order",
        &["without-context"],
        |_| {},
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "shown-at-free",
        &["at-free"],
        |_| {},
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "losses-not-marked",
        &["counters-exclude-refusal", "any-failed"],
        |g| {
            g.knowledge.losses_are_marked = false;
            g.excluded();
        },
        (RcvNoRoute, Confirmed, "counters-exclude-refusal"),
    ),
    row(
        "losses-not-marked",
        &["losses-marked"],
        |_| {},
        (RcvNoRoute, Confirmed, "no-attempt-traced"),
    ),
    row(
        "direction-not-known",
        &["direction-unknown"],
        |g| g.after(&[FAILED]),
        (RcvDstAlloc, Probable, "refused-last"),
    ),
];
