//! The rules and caps themselves: the only place that says what makes a drop what it is.
//!
//! A condition that a later rule shares with an earlier one is not repeated where the earlier
//! rule has decided it by then: the order is part of the rules.

use crate::diagnosis::class::{Cause, Confidence};
use crate::diagnosis::rules::condition::{
    ALL_PROVEN_SUCCEEDED, ALONE, ANY_FAILED, ANY_PROVEN_FAILED, AT_FREE, ATTEMPTED,
    COUNTERS_EXCLUDE_REFUSAL, DIRECTION_UNKNOWN, FILTER_KNOWN, FREED_BY_NETFILTER, GC_SEEN,
    GC_SEEN_BEFORE, GC_TRACED, HANDLER_KNOWN, HANDLERS_TRACED, HAS_VRF, IN_A_LIST, IN_TASK,
    LAST_FAILED, LAST_ON_ITS_PATH, LAST_OPEN, LINKED, LOSSES_MARKED, LOSSES_PLACED, LOST_BEFORE,
    MEMORY_FAILED, OF_DESTINATION, PREVIOUS_FAILED, PREVIOUS_OPEN, PROHIBIT_HANDLER, RECEIVED,
    RECEIVED_SHOWN, REFUSAL_EXCLUDED, REFUSALS_COUNT, REFUSALS_LOGGED, REVERSE, REVERSE_REFUSED,
    SAME_NAMESPACE, SENT, SINCE_ROUTE_INPUT, TOLD_FOUND, TOLD_NO_ROUTE, TOLD_NOT_REFUSED,
    TOLD_PROHIBITED, TOLD_REFUSED, WAY_BACK_ALONE, WHOLE_WINDOW, WITHOUT_CONTEXT, WITHOUT_ORDER,
};
use crate::diagnosis::rules::rule::Need::{Is, Not, OneOf};
use crate::diagnosis::rules::rule::{Cap, Grounds, Need, Rule};

// What several rules need.

const AN_ATTEMPT_WOULD_SHOW: Need = OneOf(&[&[Is(&GC_TRACED)], &[Is(&GC_SEEN_BEFORE)]]);
const ALL_OF_IT_WAS_RECORDED: Need = OneOf(&[
    &[Is(&WHOLE_WINDOW)],
    &[Is(&SINCE_ROUTE_INPUT), Is(&RECEIVED)],
]);
const ITS_LOOKUP_IS_ITS_OWN: Need =
    OneOf(&[&[Is(&SENT), Not(&IN_TASK)], &[Is(&RECEIVED), Is(&ALONE)]]);

/// The rules, most telling first; the first that applies decides, and the last always does.
pub(crate) static RULES: &[Rule] = &[
    Rule {
        name: "way-back-refused",
        cause: Cause::ReverseDstAlloc,
        confidence: Confidence::Confirmed,
        reason: "the way back to its source was looked up and found, the copy of that route was refused, and netfilter dropped the packet as one without a way back",
        kernel: "rpfilter and nft's fib ask for a dst of their own for each packet (net/ipv6/netfilter/ip6t_rpfilter.c: rpfilter_lookup_reverse6; net/ipv6/netfilter/nft_fib_ipv6.c: nft_fib6_eval)",
        grounds: Grounds {
            needs: &[
                Is(&REVERSE_REFUSED),
                Is(&FREED_BY_NETFILTER),
                Is(&WAY_BACK_ALONE),
                Is(&RECEIVED_SHOWN),
                Is(&LOSSES_PLACED),
                Is(&REFUSALS_COUNT),
            ],
            unless: &[],
        },
    },
    Rule {
        name: "way-back-perhaps-refused",
        cause: Cause::ReverseDstAlloc,
        confidence: Confidence::Probable,
        reason: "it was freed right behind the lookup of the way back to its source, for which an allocation was attempted; its outcome, who freed it (a probe on the call inside nf_hook_slow would tell), whether the lookup was not that of an ICMPv6 error, other lookups in between, or the policy rules are not known",
        kernel: "a rule other than the reverse-path filter may drop a packet as well (net/netfilter/core.c: nf_hook_slow)",
        grounds: Grounds {
            needs: &[Is(&REVERSE)],
            unless: &[],
        },
    },
    Rule {
        name: "found-then-refused",
        cause: Cause::DstAlloc,
        confidence: Confidence::Confirmed,
        reason: "a table has a usable route for this packet, and yet it was dropped: the copy of that route was refused",
        kernel: "fib6_table_lookup prints what a table has before the dst is allocated, and a lookup whose dst_alloc returned NULL falls back to ip6_null_entry (net/ipv6/route.c: ip6_pol_route, rt6_make_pcpu_route)",
        grounds: Grounds {
            needs: &[
                Is(&TOLD_REFUSED),
                Is(&RECEIVED),
                Is(&FILTER_KNOWN),
                Is(&LOSSES_PLACED),
            ],
            unless: &[&OF_DESTINATION, &HAS_VRF, &REFUSAL_EXCLUDED],
        },
    },
    Rule {
        name: "no-route-in-any-table",
        cause: Cause::NoRoute,
        confidence: Confidence::Confirmed,
        reason: "no table that was asked for this packet has a usable route",
        kernel: "without a route ip6_null_entry is left, and its handler drops the packet (net/ipv6/fib6_rules.c: fib6_rule_lookup; net/ipv6/route.c: ip6_pkt_discard)",
        grounds: Grounds {
            needs: &[
                Is(&TOLD_NO_ROUTE),
                Is(&RECEIVED),
                Is(&FILTER_KNOWN),
                Is(&LOSSES_PLACED),
            ],
            unless: &[&OF_DESTINATION, &HAS_VRF],
        },
    },
    Rule {
        name: "prohibited-by-table",
        cause: Cause::Prohibited,
        confidence: Confidence::Confirmed,
        reason: "a table, or a policy rule, prohibits this packet",
        kernel: "a prohibit route and a rule that prohibits both lead to ip6_pkt_prohibit (net/ipv6/fib6_rules.c: fib6_rule_action; net/ipv6/route.c: ip6_pkt_prohibit)",
        grounds: Grounds {
            needs: &[
                Is(&TOLD_PROHIBITED),
                Is(&RECEIVED),
                Is(&FILTER_KNOWN),
                Is(&LOSSES_PLACED),
            ],
            unless: &[&OF_DESTINATION, &HAS_VRF],
        },
    },
    Rule {
        name: "refused-in-between",
        cause: Cause::DstAlloc,
        confidence: Confidence::Confirmed,
        reason: "ip6_dst_gc refused an allocation between this packet's own ip6_route_input and its drop, and no policy rule or throw route would have passed over the route that it was for",
        kernel: "ip6_route_input looks up one received packet, and a lookup whose dst_alloc returned NULL falls back to ip6_null_entry (net/ipv6/route.c: ip6_route_input, rt6_make_pcpu_route)",
        grounds: Grounds {
            needs: &[
                Is(&SINCE_ROUTE_INPUT),
                Is(&RECEIVED),
                Is(&ALONE),
                Is(&ANY_PROVEN_FAILED),
                Is(&LOSSES_PLACED),
                Is(&REFUSALS_COUNT),
            ],
            unless: &[&IN_A_LIST],
        },
    },
    Rule {
        name: "refused-perhaps-passed-over",
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "ip6_dst_gc refused an allocation between this packet's own ip6_route_input and its drop; the policy rules and throw routes, which are not known for its namespace, may have passed over that route in any case",
        kernel: "a throw route, and one that suppress_prefixlength or suppress_ifgroup puts back, leaves the packet to the next rule (net/ipv6/fib6_rules.c: fib6_rule_action, fib6_rule_suppress)",
        grounds: Grounds {
            needs: &[
                Is(&SINCE_ROUTE_INPUT),
                Is(&RECEIVED),
                Is(&ALONE),
                Is(&ANY_PROVEN_FAILED),
            ],
            unless: &[&IN_A_LIST],
        },
    },
    // The handler does not acquit: a refused lookup is passed over, and a later rule prohibits.
    Rule {
        name: "refused-then-prohibited",
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "the last attempt right before was refused, and what dropped the packet is a prohibit route that the rules come to after a refused lookup",
        kernel: "a refused lookup gives ip6_null_entry, which the policy rules pass over as if that table had no route (net/ipv6/fib6_rules.c: fib6_rule_action)",
        grounds: Grounds {
            needs: &[Is(&PROHIBIT_HANDLER), Is(&LAST_FAILED), Is(&LINKED)],
            unless: &[],
        },
    },
    Rule {
        name: "prohibited",
        cause: Cause::Prohibited,
        confidence: Confidence::Confirmed,
        reason: "the handler of a prohibit route dropped it, and no allocation was refused before",
        kernel: "the handlers of a prohibit route, or of a rule that prohibits, end in ip6_pkt_drop (net/ipv6/route.c: ip6_pkt_prohibit, ip6_pkt_prohibit_out)",
        grounds: Grounds {
            needs: &[
                Is(&PROHIBIT_HANDLER),
                AN_ATTEMPT_WOULD_SHOW,
                ALL_OF_IT_WAS_RECORDED,
                Is(&LOSSES_PLACED),
                Is(&ALL_PROVEN_SUCCEEDED),
                ITS_LOOKUP_IS_ITS_OWN,
            ],
            unless: &[&IN_A_LIST, &MEMORY_FAILED, &TOLD_REFUSED],
        },
    },
    Rule {
        name: "prohibited-perhaps-refused",
        cause: Cause::Prohibited,
        confidence: Confidence::Probable,
        reason: "it went through the handler of a prohibit route; whether a refused lookup in an earlier table sent it there, only that attempt would show (trace ip6_dst_gc and ip6_route_input)",
        kernel: "a refused lookup gives ip6_null_entry, which the policy rules pass over as if that table had no route (net/ipv6/fib6_rules.c: fib6_rule_action)",
        grounds: Grounds {
            needs: &[Is(&PROHIBIT_HANDLER)],
            unless: &[],
        },
    },
    Rule {
        name: "refused-last",
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "the last attempt before the drop was refused, but the trace does not prove that it was made for this packet (an entry of ip6_route_input in between would, with the policy rules known)",
        kernel: "where ip6_dst_gc returns anything but 0, dst_alloc returns NULL (net/core/dst.c: dst_alloc)",
        grounds: Grounds {
            needs: &[Is(&LAST_FAILED)],
            unless: &[],
        },
    },
    Rule {
        name: "refused-before-last",
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "an attempt was refused and the next one granted, as when the local table's lookup is refused and the main table's finds a reject route",
        kernel: "a refused lookup gives ip6_null_entry, and the next table's answer takes its place (net/ipv6/fib6_rules.c: fib6_rule_action)",
        grounds: Grounds {
            needs: &[Is(&PREVIOUS_FAILED)],
            unless: &[],
        },
    },
    Rule {
        name: "counters-exclude-refusal",
        cause: Cause::NoRoute,
        confidence: Confidence::Confirmed,
        reason: "slow never exceeded max_size, so no allocation can have been refused",
        kernel: "dst_alloc asks above gc_thresh alone, and ip6_dst_gc refuses exactly if slow is above max_size (net/core/dst.c: dst_alloc; net/ipv6/route.c: ip6_dst_gc)",
        grounds: Grounds {
            needs: &[
                Is(&RECEIVED),
                Is(&COUNTERS_EXCLUDE_REFUSAL),
                Is(&SAME_NAMESPACE),
                OneOf(&[
                    &[Is(&HANDLER_KNOWN)],
                    &[Is(&HANDLERS_TRACED), Is(&WHOLE_WINDOW)],
                    &[Is(&HANDLERS_TRACED), Is(&SINCE_ROUTE_INPUT)],
                ]),
            ],
            unless: &[&ANY_FAILED, &MEMORY_FAILED, &TOLD_REFUSED],
        },
    },
    Rule {
        name: "no-attempt-traced",
        cause: Cause::NoRoute,
        confidence: Confidence::Confirmed,
        reason: "ip6_dst_gc was traced, and no allocation was refused since the previous packet",
        kernel: "dst_alloc refuses only where ip6_dst_gc did, memory failure aside (net/core/dst.c: dst_alloc)",
        grounds: Grounds {
            needs: &[
                AN_ATTEMPT_WOULD_SHOW,
                ALL_OF_IT_WAS_RECORDED,
                Is(&LOSSES_PLACED),
                Is(&ALL_PROVEN_SUCCEEDED),
                OneOf(&[
                    &[Is(&HANDLER_KNOWN)],
                    // Of the handlers of received packets, that is.
                    &[Is(&HANDLERS_TRACED), Is(&RECEIVED)],
                ]),
                ITS_LOOKUP_IS_ITS_OWN,
            ],
            unless: &[&IN_A_LIST, &MEMORY_FAILED, &TOLD_REFUSED],
        },
    },
    Rule {
        name: "found-perhaps-refused",
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "a table has a usable route for such packets, and yet this one was dropped; whether other lookups for it were left out is not known (the filter on lookups, and the policy rules, would tell)",
        kernel: "a lookup whose dst_alloc returned NULL falls back to ip6_null_entry (net/ipv6/route.c: ip6_pol_route)",
        grounds: Grounds {
            needs: &[Is(&TOLD_REFUSED)],
            unless: &[],
        },
    },
    Rule {
        name: "no-route-as-far-as-shown",
        cause: Cause::NoRoute,
        confidence: Confidence::Probable,
        reason: "no table that is seen to be asked for such packets has a usable route",
        kernel: "a packet may take the route of the one before it in its list, and a filter may leave lookups out (net/ipv6/ip6_input.c: ip6_list_rcv_finish)",
        grounds: Grounds {
            needs: &[OneOf(&[&[Is(&TOLD_NO_ROUTE)], &[Is(&TOLD_NOT_REFUSED)]])],
            unless: &[],
        },
    },
    Rule {
        name: "prohibited-as-far-as-shown",
        cause: Cause::Prohibited,
        confidence: Confidence::Probable,
        reason: "what is seen of the lookups for such packets ends at a prohibit route or rule",
        kernel: "a filter may leave lookups out, that of a refused route among them (net/ipv6/fib6_rules.c: fib6_rule_action)",
        grounds: Grounds {
            needs: &[Is(&TOLD_PROHIBITED)],
            unless: &[],
        },
    },
    Rule {
        name: "counters-exclude-refusal-here",
        cause: Cause::NoRoute,
        confidence: Confidence::Probable,
        reason: "slow never exceeded max_size; a prohibit route behind a hidden handler, or another namespace, is not excluded",
        kernel: "each network namespace has a counter and a limit of its own (net/ipv6/route.c: ip6_route_net_init)",
        grounds: Grounds {
            needs: &[Is(&COUNTERS_EXCLUDE_REFUSAL)],
            unless: &[&ANY_FAILED],
        },
    },
    Rule {
        name: "attempted-for-packet",
        cause: Cause::DstAlloc,
        confidence: Confidence::Probable,
        reason: "an allocation was attempted for this packet; its outcome was not recorded",
        kernel: "dst_alloc calls ip6_dst_gc above gc_thresh, and what that returns decides (net/core/dst.c: dst_alloc)",
        grounds: Grounds {
            needs: &[Is(&LAST_OPEN), Is(&LAST_ON_ITS_PATH), Is(&LINKED)],
            unless: &[&IN_A_LIST],
        },
    },
    Rule {
        name: "attempted-before",
        cause: Cause::DstAlloc,
        confidence: Confidence::Possible,
        reason: "an allocation was attempted before the drop; neither its outcome nor its owner was recorded",
        kernel: "ICMPv6 errors, neighbour discovery and other packets need entries on the same CPU (net/ipv6/icmp.c: icmp6_send; net/ipv6/route.c: icmp6_dst_alloc)",
        grounds: Grounds {
            needs: &[Is(&LAST_OPEN)],
            unless: &[],
        },
    },
    Rule {
        name: "open-before-last",
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "the last attempt was granted, the outcome of the one before it was not recorded",
        kernel: "with policy rules one packet is looked up in the local table and then in main (net/ipv6/fib6_rules.c: fib6_rule_lookup)",
        grounds: Grounds {
            needs: &[Is(&PREVIOUS_OPEN)],
            unless: &[],
        },
    },
    Rule {
        name: "refusals-logged",
        cause: Cause::DstAlloc,
        confidence: Confidence::Possible,
        reason: "the kernel's log says that dst_alloc refused entries; nothing shows whether this packet's was among them",
        kernel: "since 5.1, and where that was backported, dst_alloc logs that the route cache is full right before it returns NULL (net/core/dst.c: dst_alloc)",
        grounds: Grounds {
            needs: &[
                Is(&REFUSALS_LOGGED),
                OneOf(&[&[Is(&WITHOUT_ORDER)], &[Not(&GC_TRACED), Not(&GC_SEEN)]]),
            ],
            unless: &[],
        },
    },
    Rule {
        name: "received-in-list",
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "packets received in a list are looked up before the first is dropped, so attempts and drops cannot be paired",
        kernel: "all packets of a list are looked up before the first one's handler runs (net/ipv6/ip6_input.c: ip6_list_rcv_finish)",
        grounds: Grounds {
            needs: &[Is(&IN_A_LIST)],
            unless: &[],
        },
    },
    Rule {
        name: "counted-without-order",
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "drops were counted without their order, so no attempt can be paired with them, and a missing route and a full cache end in the same stack",
        kernel: "a map of counts keeps one number for each stack (kernel/bpf/stackmap.c: bpf_get_stackid)",
        grounds: Grounds {
            needs: &[Is(&WITHOUT_ORDER)],
            unless: &[],
        },
    },
    Rule {
        name: "no-refusal-seen",
        cause: Cause::NoRoute,
        confidence: Confidence::Probable,
        reason: "no refused allocation of this packet was seen; a prohibit route behind a hidden handler, or a batch of packets, is not excluded",
        kernel: "ip6_pkt_prohibit calls ip6_pkt_drop last, and a tail call leaves no frame of it (net/ipv6/route.c: ip6_pkt_prohibit)",
        grounds: Grounds {
            needs: &[
                AN_ATTEMPT_WOULD_SHOW,
                OneOf(&[
                    &[Is(&WHOLE_WINDOW)],
                    &[Is(&SINCE_ROUTE_INPUT), Is(&RECEIVED), Is(&ALONE)],
                ]),
                Is(&LOSSES_PLACED),
            ],
            unless: &[],
        },
    },
    Rule {
        name: "no-refusal-since-start",
        cause: Cause::NoRoute,
        confidence: Confidence::Probable,
        reason: "no refused allocation was seen, but not everything before the drop is in the trace, or it is not known to be",
        kernel: "a packet is looked up and dropped in one go, so its attempts stand right before its drop (net/ipv6/ip6_input.c: ip6_rcv_finish)",
        grounds: Grounds {
            needs: &[
                OneOf(&[&[Is(&GC_TRACED)], &[Is(&GC_SEEN)]]),
                OneOf(&[
                    &[Is(&ATTEMPTED)],
                    &[Is(&WHOLE_WINDOW)],
                    &[Is(&SINCE_ROUTE_INPUT)],
                ]),
            ],
            unless: &[&LOST_BEFORE, &ANY_FAILED],
        },
    },
    Rule {
        name: "starts-at-drop",
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "the trace, or the part of it where an attempt would show, starts right before the drop, so that nothing tells a full cache from a missing route",
        kernel: "a packet is looked up and dropped in one go, so its attempts stand right before its drop (net/ipv6/ip6_input.c: ip6_rcv_finish)",
        grounds: Grounds {
            needs: &[OneOf(&[&[Is(&GC_TRACED)], &[Is(&GC_SEEN)]])],
            unless: &[&LOST_BEFORE, &ANY_FAILED],
        },
    },
    Rule {
        name: "found-or-put-back",
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "a table has a usable route for this packet; its copy was refused, or a policy rule put the route back (`ip -6 rule` tells whether one does)",
        kernel: "suppress_prefixlength and suppress_ifgroup put back a route that was found (net/ipv6/fib6_rules.c: fib6_rule_suppress)",
        grounds: Grounds {
            needs: &[Is(&TOLD_FOUND)],
            unless: &[],
        },
    },
    Rule {
        name: "events-lost",
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "events were lost on this CPU right before the drop",
        kernel: "a full ring buffer overwrites its oldest events, or takes no new ones (kernel/trace/ring_buffer.c: rb_move_tail)",
        grounds: Grounds {
            needs: &[Is(&LOST_BEFORE)],
            unless: &[],
        },
    },
    Rule {
        name: "gc-not-traced",
        cause: Cause::Undetermined,
        confidence: Confidence::Possible,
        reason: "ip6_dst_gc was not traced, and a missing route and a full cache end in the same stack",
        kernel: "a missing route and a refused entry both give ip6_null_entry, and its handler drops the packet (net/ipv6/route.c: ip6_pkt_discard)",
        grounds: Grounds {
            needs: &[],
            unless: &[],
        },
    },
];

/// What lowers the confidence, whichever rule decided; all that apply count.
pub(crate) static CAPS: &[Cap] = &[
    Cap {
        name: "linked-by-order",
        at_most: Confidence::Probable,
        reason: "linked by order alone: another CPU's event may stand in between",
        grounds: Grounds {
            needs: &[Is(&WITHOUT_CONTEXT)],
            unless: &[],
        },
    },
    Cap {
        name: "shown-at-free",
        at_most: Confidence::Probable,
        reason: "what stands before it may be of the ICMPv6 error about the packet",
        grounds: Grounds {
            needs: &[Is(&AT_FREE)],
            unless: &[],
        },
    },
    Cap {
        name: "losses-not-marked",
        at_most: Confidence::Probable,
        reason: "what looks as if it was right before the drop may have had others behind it",
        grounds: Grounds {
            needs: &[OneOf(&[
                &[Not(&COUNTERS_EXCLUDE_REFUSAL)],
                &[Is(&ANY_FAILED)],
            ])],
            unless: &[&LOSSES_MARKED],
        },
    },
    Cap {
        name: "direction-not-known",
        at_most: Confidence::Possible,
        reason: "a drop on neither way has no class to be sure of",
        grounds: Grounds {
            needs: &[Is(&DIRECTION_UNKNOWN)],
            unless: &[],
        },
    },
];
