//! What one policy rule can have done with a packet: every way that the kernel has, in one table.

use crate::diagnosis::lookups::sequence::{Answer, Asked};
use crate::host::rules::{Action, Rule, TABLE_LOCAL};

/// What the first answer that decides says would have become of the packet, had no allocation
/// been refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Decided {
    /// It would have gone on.
    Usable,
    /// It would have been rejected for want of a route.
    NoRoute,
    /// It would have been prohibited.
    Prohibited,
    /// It would have been swallowed.
    Swallowed,
}

/// What comes of one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next rule is asked, for this one had nothing to say.
    GoesOn,
    /// The next rule is asked, for the copy of a route was refused that would have decided.
    Refused(Decided),
    /// `ip6_pkt_discard` drops the packet.
    Discards,
    /// `ip6_pkt_prohibit` drops it.
    Prohibits,
}

/// Where a way is open: an answer of a rule's table, or a rule that asks none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    /// The rule; `None` where the rules are not known.
    pub(crate) rule: Option<&'a Rule>,
    /// Its table and what that answered; `None` where it asked none.
    pub(crate) answer: Option<Asked>,
    /// The kernel prints no gateway of local routes.
    pub(crate) local_without_gateway: bool,
}

impl At<'_> {
    fn is(&self, answers: &[Answer]) -> bool {
        let answer = self.answer.map(|(_, answer)| answer);
        answer.is_some_and(|answer| answers.contains(&answer))
    }

    fn does(&self, action: Action) -> bool {
        let known = |rule: &Rule| rule.action == action;
        self.answer.is_none() && self.rule.is_none_or(known)
    }

    fn suppresses(&self) -> bool {
        // Nobody puts back the route to one address.
        let unknown = || !self.is(&[Answer::Local]);
        self.rule.map_or_else(unknown, |rule| rule.suppresses)
    }

    fn is_usable(&self) -> bool {
        self.is(&[Answer::Usable, Answer::Local, Answer::PerhapsLocal])
    }

    /// What may be an unreachable route. Table 255 holds what the kernel puts there itself: local,
    /// anycast and multicast routes.
    fn may_be_unreachable(&self) -> bool {
        let is_local = self.answer.is_some_and(|(table, _)| table == TABLE_LOCAL);
        self.is(&[Answer::Nothing]) && !is_local
    }

    /// A route through `lo`, as far as the text tells.
    fn is_through_lo(&self) -> bool {
        self.is(&[Answer::ThroughLo])
            || (self.is(&[Answer::PerhapsLocal]) && !self.local_without_gateway)
    }
}

/// One way.
pub(crate) struct Step {
    /// Its name, in kebab-case.
    pub(crate) name: &'static str,
    /// What happens.
    pub(crate) sentence: &'static str,
    /// Where the kernel does it, in Linux 4.19.
    pub(crate) kernel: &'static str,
    /// Whether it is open.
    pub(super) is_open: fn(&At<'_>) -> bool,
    /// What comes of it.
    pub(crate) next: Next,
}

const RULE_ACTION: &str = "net/ipv6/fib6_rules.c: fib6_rule_action";
const RULE_SUPPRESS: &str = "net/ipv6/fib6_rules.c: fib6_rule_suppress";
const COPY: &str = "net/ipv6/route.c: rt6_make_pcpu_route, ip6_rt_cache_alloc";

/// All of them.
pub(crate) static STEPS: &[Step] = &[
    Step {
        name: "not-for-this-packet",
        sentence: "the rule is for other packets, and passes this one over",
        kernel: "net/core/fib_rules.c: fib_rule_match",
        is_open: |at| at.answer.is_none() && at.rule.is_some_and(|rule| rule.is_conditional),
        next: Next::GoesOn,
    },
    Step {
        name: "does-nothing",
        sentence: "the rule does nothing",
        kernel: "net/core/fib_rules.c: fib_rules_lookup",
        is_open: |at| at.rule.is_some() && at.does(Action::Nop),
        next: Next::GoesOn,
    },
    Step {
        name: "has-no-route",
        sentence: "its table has no route",
        kernel: RULE_ACTION,
        is_open: |at| at.is(&[Answer::Nothing]),
        next: Next::GoesOn,
    },
    Step {
        name: "unreachable-route",
        sentence: "its table has an unreachable route, which prints what no route prints",
        kernel: "net/ipv6/route.c: ip6_rt_init_dst_reject",
        is_open: |at| at.may_be_unreachable(),
        next: Next::Discards,
    },
    Step {
        name: "unreachable-route-refused",
        sentence: "the copy of such a route was refused, and the next rule is asked",
        kernel: COPY,
        is_open: |at| at.may_be_unreachable(),
        next: Next::Refused(Decided::NoRoute),
    },
    Step {
        name: "throw-route",
        sentence: "a throw route sends the packet on to the next rule",
        kernel: RULE_ACTION,
        is_open: |at| at.is(&[Answer::Throw]),
        next: Next::GoesOn,
    },
    Step {
        name: "prohibit-route",
        sentence: "a prohibit route drops the packet",
        kernel: "net/ipv6/route.c: ip6_pkt_prohibit",
        is_open: |at| at.is(&[Answer::Prohibit]),
        next: Next::Prohibits,
    },
    Step {
        name: "prohibit-route-refused",
        sentence: "the copy of a prohibit route was refused, and the next rule is asked",
        kernel: COPY,
        is_open: |at| at.is(&[Answer::Prohibit]),
        next: Next::Refused(Decided::Prohibited),
    },
    Step {
        name: "blackhole-refused",
        sentence: "the copy of a blackhole was refused, and the next rule is asked; had it been granted, ip6_pkt_drop would not have been called",
        kernel: COPY,
        is_open: |at| at.is(&[Answer::Blackhole]),
        next: Next::Refused(Decided::Swallowed),
    },
    Step {
        name: "usable-route-refused",
        sentence: "the copy of a usable route was refused, and the next rule is asked",
        kernel: COPY,
        is_open: |at| at.is_usable(),
        next: Next::Refused(Decided::Usable),
    },
    Step {
        name: "put-back",
        sentence: "suppress_prefixlength or suppress_ifgroup puts the route back, and the next rule is asked, whether or not its copy was refused",
        kernel: RULE_SUPPRESS,
        is_open: |at| (at.is_usable() || at.is_through_lo()) && at.suppresses(),
        next: Next::GoesOn,
    },
    Step {
        name: "route-through-lo",
        sentence: "a route through lo is a reject route, though it prints err 0",
        kernel: "net/ipv6/route.c: ip6_route_info_create, ip6_rt_init_dst_reject",
        is_open: |at| at.is_through_lo(),
        next: Next::Discards,
    },
    Step {
        name: "route-through-lo-refused",
        sentence: "the copy of such a route was refused, and the next rule is asked",
        kernel: COPY,
        is_open: |at| at.is_through_lo(),
        next: Next::Refused(Decided::NoRoute),
    },
    Step {
        name: "rule-prohibits",
        sentence: "a policy rule prohibits; it asks no table and prints no line",
        kernel: RULE_ACTION,
        is_open: |at| at.does(Action::Prohibit),
        next: Next::Prohibits,
    },
    Step {
        name: "rule-unreachable",
        sentence: "a policy rule says unreachable; it asks no table and prints no line",
        kernel: RULE_ACTION,
        is_open: |at| at.does(Action::Unreachable),
        next: Next::Discards,
    },
];
