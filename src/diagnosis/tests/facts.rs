//! What facts beside a trace prove: for each guard a trace that passes it, and one that it stops.

use crate::diagnosis::class::Class::{RcvDstAlloc, RcvNoRoute};
use crate::diagnosis::class::Confidence::{Confirmed, Probable};
use crate::diagnosis::tests::trace::{
    DROP_FRAMES, Decided, GC, GC_FRAMES, GRANTED, LOOKUP, REFUSED, STACK, attempted, dropped,
    drops_between, handed, is, last, report, trace,
};

/// Counters before and after, with so many drops in between.
fn counted(slow: u64, allocations: u64, max_size: i64, drops: u64) -> [String; 2] {
    let reading = |allocations: u64, drops: u64| {
        format!(
            "0032 0028 {allocations:04x} 001e 0000 {slow:04x} 0000\nIp6InNoRoutes {drops}\n\
             net.ipv6.route.gc_thresh = 64\nnet.ipv6.route.max_size = {max_size}\n4\n"
        )
    };
    [reading(1000, 100), reading(1000 + allocations, 100 + drops)]
}

/// An attempt of some other task in that namespace.
fn asked_by(ops: u64) -> String {
    format!("9/2@gc_enter: (ip6_dst_gc+0x0/0xd0) ops={ops:#x} family=10 gc_thresh=64 fast=448")
}

#[test]
fn counters_count_in_the_same_namespace_alone() {
    // Two drops, and an attempt without an outcome: the counters exclude a refusal.
    let attempt = [&[GC, STACK][..], &GC_FRAMES].concat();
    let events = [dropped(), attempt, dropped()].concat();
    let with = |before: &[&str], drops: u64| {
        let events = [before, &events].concat();
        let facts = counted(500, 0, 4096, drops);
        drops_between(&events, facts.each_ref().map(String::as_str))
            .pop()
            .unwrap()
    };
    let sure = "counters-exclude-refusal";
    let unsure = "counters-exclude-refusal-here";
    let (one, other) = (asked_by(1), asked_by(2));
    is(with(&[&one], 2), RcvNoRoute, Confirmed, sure);
    is(with(&[&one, &one], 2), RcvNoRoute, Confirmed, sure);
    // Another namespace asks as well, or nobody knows which one does.
    is(with(&[&one, &other], 2), RcvNoRoute, Probable, unsure);
    is(with(&[], 2), RcvNoRoute, Probable, unsure);
    let ops = |ops: u64| format!("raw # ip6drop: ops {ops:#x}");
    is(with(&[&ops(1), &one], 2), RcvNoRoute, Confirmed, sure);
    is(with(&[&ops(2), &one], 2), RcvNoRoute, Probable, unsure);
    // More than the trace shows: some are of another namespace, or were not traced.
    is(with(&[&one], 3), RcvNoRoute, Probable, unsure);
    // Fewer: these drops are not, or not all, of the namespace of the counters.
    let foreign = with(&[&one], 1);
    assert_eq!(foreign.class, RcvDstAlloc, "{}", foreign.rule);
    for lost in [
        "raw CPU:1 [LOST 3 EVENTS]",
        "raw CPU:2 [LOST EVENTS]",
        "raw # ip6drop: lost 3 1",
    ] {
        is(with(&[&one, lost], 2), RcvNoRoute, Probable, unsure);
    }
    // The same facts from elsewhere may be equal by chance.
    let request = handed(&counted(500, 0, 4096, 2).concat());
    let text = trace(&[&[one.as_str()][..], &events].concat());
    let drop = report(&text, &request).1.pop().unwrap();
    is(drop, RcvNoRoute, Probable, unsure);
}

#[test]
fn the_counters_decide_outcomes_of_their_own_namespace() {
    // No allocation succeeded, so every attempt was refused.
    let asked = asked_by(1);
    let own = [
        dropped(),
        [&[LOOKUP, GC, STACK][..], &GC_FRAMES].concat(),
        dropped(),
    ]
    .concat();
    let with = |before: &[&str], drops| {
        let facts = counted(500, 0, 200, drops);
        drops_between(
            &[before, &own].concat(),
            facts.each_ref().map(String::as_str),
        )
        .pop()
        .unwrap()
    };
    let sure = with(&[&asked], 2);
    is(sure, RcvDstAlloc, Probable, "refused-perhaps-passed-over");
    is(with(&[&asked], 3), RcvDstAlloc, Probable, "refused-last");
    is(with(&[], 2), RcvDstAlloc, Probable, "refused-last");
}

/// A refusal between the packet's own lookup and its drop, one namespace, and these facts.
fn refused_by(facts: &str, before: &[&str]) -> Decided {
    let enter = "9/2@gc_enter: (ip6_dst_gc+0x0/0xd0) ops=0x7 family=10 gc_thresh=64 fast=288";
    let own = [vec![LOOKUP], attempted(REFUSED), dropped()].concat();
    let text = trace(&[&[enter][..], before, &dropped(), &own].concat());
    report(&text, &handed(facts)).1.pop().unwrap()
}

const RULES: &str = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n";

/// The refusal may be that of the ICMPv6 error about the packet, whose own lookup found nothing: both
/// stand in front of the event by which such a drop shows.
#[test]
fn a_drop_that_shows_where_its_packet_is_freed_is_never_sure() {
    let enter = "9/2@gc_enter: (ip6_dst_gc+0x0/0xd0) ops=0x7 family=10 gc_thresh=64 fast=288";
    let freed = "kfree_skb: skbaddr=0000000000000001 protocol=34525 location=0000000000000002";
    let stack = [&[STACK, "=> kfree_skb"], &DROP_FRAMES[..]].concat();
    let error = [GC, REFUSED];
    let events = [&[enter][..], &[LOOKUP], &error, &[freed], &stack].concat();
    let facts = format!("{RULES}throw_routes 0\n");
    let drop = report(&trace(&events), &handed(&facts)).1.pop().unwrap();
    is(drop, RcvDstAlloc, Probable, "refused-in-between");
    let shown = [&[enter][..], &[LOOKUP], &error, &dropped()].concat();
    let drop = report(&trace(&shown), &handed(&facts)).1.pop().unwrap();
    is(drop, RcvDstAlloc, Confirmed, "refused-in-between");
}

#[test]
fn rules_and_throw_routes_say_whether_a_refusal_counts() {
    let with = |facts: &str| refused_by(facts, &[]);
    let none = "throw_routes 0\n";
    let all = format!("{RULES}{none}");
    is(with(&all), RcvDstAlloc, Confirmed, "refused-in-between");
    let suppress = "100:\tfrom all lookup main suppress_prefixlength 0\n";
    let group = "100:\tfrom all lookup main suppress_ifgroup 7\n";
    let main = "32766:\tfrom all lookup main\n";
    for unsure in [
        RULES.to_owned(),
        none.to_owned(),
        format!("{RULES}throw_routes 1\n"),
        format!("{suppress}{main}{none}"),
        format!("{group}{main}{none}"),
        format!("{RULES}70000:\tfrom all lookup [l3mdev-table]\n{none}"),
        format!("{RULES}70000:\tfrom all lookup some_name\n{none}"),
        // They changed meanwhile.
        format!("# before\n{RULES}{none}# after\n{main}{none}"),
    ] {
        let drop = with(&unsure);
        is(drop, RcvDstAlloc, Probable, "refused-perhaps-passed-over");
    }
}

#[test]
fn rules_count_in_their_own_namespace_alone() {
    let facts = |more: &str| format!("{RULES}throw_routes 0\n{more}");
    let is_sure = |facts: &str, before: &[&str]| refused_by(facts, before).confidence == Confirmed;
    let other = "9/2@gc_enter: (ip6_dst_gc+0x0/0xd0) ops=0x8 family=10 gc_thresh=64 fast=288";
    assert!(is_sure(&facts(""), &[]));
    assert!(!is_sure(&facts(""), &[other]));
    assert!(is_sure(&facts("ops 0x7\n"), &[]));
    assert!(!is_sure(&facts("ops 0x8\n"), &[]));
    assert!(!is_sure(&facts("ops 0x7\n"), &[other]));
    // Counters that the attempts cannot be of.
    let counters = |slow: u64, gc_thresh: u64, drops: u64| {
        let reading = |drops: u64| {
            format!(
                "0032 0028 03e8 001e 0000 {slow:04x} 0000\nIp6InNoRoutes {drops}\n\
                 net.ipv6.route.gc_thresh = {gc_thresh}\nnet.ipv6.route.max_size = 200\n4\n"
            )
        };
        facts(&(reading(10) + &reading(10 + drops)))
    };
    assert!(is_sure(&counters(300, 64, 2), &[]));
    assert!(!is_sure(&counters(3000, 64, 2), &[]));
    assert!(!is_sure(&counters(300, 65, 2), &[]));
    assert!(!is_sure(&counters(300, 64, 1), &[]));
    // Nobody says which namespace asked.
    let text = trace(&[dropped(), vec![LOOKUP], attempted(REFUSED), dropped()].concat());
    let drop = report(&text, &handed(&facts(""))).1.pop().unwrap();
    is(drop, RcvDstAlloc, Probable, "refused-perhaps-passed-over");
}

/// Memory failure refuses without any `ip6_dst_gc`: the log tells.
#[test]
fn a_log_of_memory_failure_takes_certainty_away() {
    let with = |line: &'static str| last(&[vec![line], attempted(GRANTED), dropped(), dropped()]);
    is(with("raw "), RcvNoRoute, Confirmed, "no-attempt-traced");
    for line in [
        "raw [  123.456789] kworker/0:1: page allocation failure: order:0, mode:0x480020",
        "raw [  123.456789] SLUB: Unable to allocate memory on node -1, gfp=0x480020",
    ] {
        is(with(line), RcvNoRoute, Probable, "no-refusal-seen");
    }
}

/// What the trace shows goes before the counters that exclude it.
#[test]
fn counters_that_the_trace_contradicts_prove_nothing() {
    let asked = asked_by(1);
    let attempt = [&[GC, STACK][..], &GC_FRAMES].concat();
    let with = |outcome: &[&'static str], max_size: i64| {
        let first = [&attempt[..], outcome].concat();
        let events = [
            &[asked.as_str()][..],
            &first,
            &dropped(),
            &attempt,
            &dropped(),
        ]
        .concat();
        let facts = counted(500, 0, max_size, 2);
        let found = drops_between(&events, facts.each_ref().map(String::as_str));
        found[1].class
    };
    assert_eq!(with(&[], 4096), RcvNoRoute);
    assert_eq!(with(&[REFUSED], 4096), RcvDstAlloc);
    let is_refused = |outcome| with(outcome, 200) == RcvDstAlloc;
    assert!(is_refused(&[]) && is_refused(&[GRANTED]));
}
