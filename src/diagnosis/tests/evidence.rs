//! Traces that tempt to more certainty than they hold, each in its smallest form.

use crate::diagnosis::class::Class::{RcvDstAlloc, RcvNoRoute, RcvProhibited};
use crate::diagnosis::class::Confidence::{Confirmed, Probable};
use crate::diagnosis::evidence::Observed;
use crate::diagnosis::tests::trace::{
    DROP, DROP_FRAMES, GC, GC_FRAMES, GRANTED, LOOKUP, RAN, REFUSED, STACK, attempted, dropped,
    drops, is, last, report, trace,
};
use crate::host::Facts;
use crate::report::build::Request;

#[test]
fn its_own_refused_lookup_convicts() {
    let parts = [dropped(), vec![LOOKUP], attempted(REFUSED), dropped()];
    is(
        last(&parts),
        RcvDstAlloc,
        Probable,
        "refused-perhaps-passed-over",
    );
    let parts = [
        dropped(),
        vec![LOOKUP],
        attempted(REFUSED),
        attempted(GRANTED),
        dropped(),
    ];
    is(
        last(&parts),
        RcvDstAlloc,
        Probable,
        "refused-perhaps-passed-over",
    );
    let parts = [
        attempted(REFUSED),
        vec![LOOKUP],
        attempted(GRANTED),
        dropped(),
    ];
    is(last(&parts), RcvNoRoute, Confirmed, "no-attempt-traced");
}

#[test]
fn a_refusal_may_be_of_a_packet_that_went_on() {
    is(
        last(&[dropped(), attempted(REFUSED), dropped()]),
        RcvDstAlloc,
        Probable,
        "refused-last",
    );
    let went_on = vec!["ip6_forward <-ip6_rcv_finish"];
    is(
        last(&[dropped(), attempted(REFUSED), went_on, dropped()]),
        RcvNoRoute,
        Confirmed,
        "no-attempt-traced",
    );
}

#[test]
fn a_function_that_returns_nothing_has_no_return_value() {
    let garbage = "gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=0xffffffff82a4c0c0";
    let parts = [dropped(), vec![LOOKUP], attempted(garbage), dropped()];
    assert_ne!(last(&parts).confidence, Confirmed);
}

#[test]
fn a_short_stack_hides_whose_attempt_it_was() {
    for frames in [
        &["=> ip6_dst_gc"][..],
        &["=> ip6_dst_gc", "=> kretprobe_trampoline"],
        &["=> ip6_dst_gc", "=> 0xffffffffc02bd083"],
        &["=> ip6_dst_gc", "=> dst_alloc", "=> ip6_dst_alloc"],
    ] {
        let attempt = [&[GC, STACK][..], frames, &[REFUSED]].concat();
        is(
            last(&[dropped(), attempt, dropped()]),
            RcvDstAlloc,
            Probable,
            "refused-last",
        );
    }
}

#[test]
fn a_question_is_no_packet() {
    let frames = [
        "=> ip6_dst_gc",
        "=> dst_alloc",
        "=> ip6_pol_route_input",
        "=> inet6_rtm_getroute",
    ];
    let question = [&[GC, STACK][..], &frames, &[REFUSED]].concat();
    assert_eq!(last(&[dropped(), question, dropped()]).class, RcvNoRoute);
}

#[test]
fn events_of_one_moment_are_in_order() {
    let parts = [dropped(), vec![LOOKUP], attempted(REFUSED), dropped()].concat();
    let mut text = trace(&parts);
    for step in 1..parts.len() {
        text = text.replace(&format!("100.{:06}:", step * 10), "100.000000:");
    }
    let (_, all) = report(&text, &Request::default());
    let apart = drops(&parts);
    assert_eq!(all.len(), 2);
    for (one, apart) in all.iter().zip(&apart) {
        is(*one, apart.class, apart.confidence, apart.rule);
    }
}

#[test]
fn what_is_traced_later_was_not_there_before() {
    let parts = [dropped(), dropped(), attempted(GRANTED), dropped()].concat();
    let all = drops(&parts);
    is(all[1], RcvNoRoute, Probable, "no-refusal-since-start");
    is(all[2], RcvNoRoute, Confirmed, "no-attempt-traced");
    // fib6_run_gc shows up after an attempt without it: that one's outcome stays open.
    let silent = [&[GC, STACK][..], &GC_FRAMES].concat();
    let later = [&silent[..], &[RAN]].concat();
    let parts = [dropped(), silent, dropped(), later].concat();
    assert_ne!(drops(&parts)[1].confidence, Confirmed);
}

#[test]
fn gaps_cut_evidence() {
    let before = [attempted(GRANTED), dropped()].concat();
    for gap in [
        "raw CPU:1 [LOST 3 EVENTS]",
        "raw <idl garbled",
        "raw # tracer: function",
    ] {
        assert_ne!(
            last(&[before.clone(), vec![gap], dropped()]).confidence,
            Confirmed,
            "{gap}"
        );
    }
    is(
        last(&[before, dropped()]),
        RcvNoRoute,
        Confirmed,
        "no-attempt-traced",
    );
}

/// A task that was preempted in a call goes on with it later, perhaps on another CPU.
#[test]
fn a_call_split_by_another_task_is_not_whole() {
    let task = |event: &str| format!("7/1/...1@{event}");
    let (gc, drop) = (task(GC), task(DROP));
    let observed = |between: &[&str]| {
        let all = [&[GC, RAN, &gc][..], between, &[&drop]].concat();
        let evidence = drops(&all).pop().unwrap().evidence;
        evidence.receive.last.unwrap().observed
    };
    assert_eq!(observed(&[]), Observed::Uncollected);
    let softirq = "7/1/..s1@icmp6_send <-icmpv6_send";
    assert_eq!(observed(&[softirq]), Observed::Uncollected);
    let other = "9/1/...1@schedule <-do_idle";
    assert_eq!(observed(&[other]), Observed::Cut);
}

#[test]
fn packets_received_in_a_list_are_not_told_apart() {
    let frames = [
        "=> ip6_pkt_drop",
        "=> ip6_pkt_discard",
        "=> ip6_sublist_rcv_finish",
        "=> ip6_list_rcv_finish",
    ];
    let one = [&[DROP, STACK][..], &frames].concat();
    let all = drops(
        &[
            dropped(),
            vec![LOOKUP, LOOKUP],
            attempted(REFUSED),
            one.clone(),
            one,
        ]
        .concat(),
    );
    assert!(
        all[1..].iter().all(|drop| drop.confidence != Confirmed),
        "{all:?}"
    );
    // Without a stack and with the handler for a caller it is not known either.
    let all = drops(
        &[
            dropped(),
            vec![LOOKUP, LOOKUP],
            attempted(REFUSED),
            vec![DROP, DROP],
        ]
        .concat(),
    );
    assert!(
        all[1..].iter().all(|drop| drop.confidence != Confirmed),
        "{all:?}"
    );
}

#[test]
fn a_prohibit_behind_a_refusal_is_not_sure() {
    let prohibited = vec![
        "ip6_pkt_prohibit <-process_backlog",
        "ip6_pkt_drop <-process_backlog",
    ];
    let granted = [attempted(GRANTED), dropped()].concat();
    is(
        last(&[granted.clone(), prohibited.clone()]),
        RcvProhibited,
        Confirmed,
        "prohibited",
    );
    is(
        last(&[granted.clone(), attempted(REFUSED), prohibited.clone()]),
        RcvDstAlloc,
        Probable,
        "refused-then-prohibited",
    );
    // ip6_dst_gc was not traced, or not from the start: a refusal would not show.
    for before in [dropped(), vec![GC, GRANTED]] {
        let drop = last(&[before, prohibited.clone()]);
        is(drop, RcvProhibited, Probable, "prohibited-perhaps-refused");
    }
}

#[test]
fn several_events_about_one_drop_are_one_drop() {
    let handler = "ip6_pkt_discard <-ip6_rcv_finish";
    let handler_probe = "h: (ip6_pkt_discard+0x0/0x40)";
    let probe = "drop: (ip6_pkt_drop+0x0/0xe0)";
    let stack = [&[STACK][..], &DROP_FRAMES].concat();
    for one in [
        vec![handler, handler_probe, DROP],
        vec![handler_probe, handler, probe],
        [&[probe][..], &stack, &[DROP], &stack].concat(),
        [&[DROP, probe][..], &stack, &stack].concat(),
        [&stack[..], &[DROP]].concat(),
        vec![handler],
    ] {
        assert_eq!(drops(&one.repeat(3)).len(), 3, "{one:?}");
    }
}

#[test]
fn the_entry_probe_beside_a_kprobe_on_the_same_function_is_one_call() {
    // As `record --method kprobe` writes it: each event with a stack of its own.
    let gc = [
        &["ip6_dst_gc: (ip6_dst_gc+0x0/0xd0)", STACK][..],
        &GC_FRAMES,
    ]
    .concat();
    let enter =
        "gc_enter: (ip6_dst_gc+0x0/0xd0) ops=0xffffffff892b8e40 family=10 gc_thresh=64 fast=288";
    let enter = [&[enter, STACK][..], &GC_FRAMES].concat();
    let drop = [
        &["ip6_pkt_drop: (ip6_pkt_drop+0x0/0xe0)", STACK][..],
        &DROP_FRAMES,
    ]
    .concat();
    for call in [[&gc[..], &enter].concat(), [&enter[..], &gc].concat()] {
        let text = trace(&[call, drop.clone()].concat().repeat(3));
        let (summary, drops) = report(&text, &Request::default());
        assert_eq!((drops.len(), summary.findings.gc_total().calls), (3, 3));
    }
}

/// What was lost before a prohibit may have been a refused lookup in an earlier table.
#[test]
fn a_prohibit_behind_a_loss_is_not_certain() {
    let prohibit = "ip6_pkt_drop <-ip6_pkt_prohibit";
    let parts = [vec![GC, RAN, "raw CPU:1 [LOST 5 EVENTS]", prohibit]];
    is(
        last(&parts),
        RcvProhibited,
        Probable,
        "prohibited-perhaps-refused",
    );
}

/// Calls that bpftrace has counted were made at no known time: nothing follows from their number.
#[test]
fn counted_calls_prove_no_refusal() {
    let reading = |allocations: u64, slow: u64, drops: u64| {
        format!(
            "0032 0028 {allocations:04x} 001e 0000 {slow:04x} 0000\nIp6InNoRoutes {drops}\n\
             net.ipv6.route.gc_thresh = 1024\nnet.ipv6.route.max_size = 4096\n4\n"
        )
    };
    let facts = reading(1000, 4000, 100) + &reading(1200, 4050, 108);
    let mut text = String::from("@[\n    ip6_dst_gc+1\n    dst_alloc+109\n]: 5000\n");
    let collected = attempted(RAN);
    text.push_str(&trace(
        &[collected.clone(), collected, dropped()].concat().repeat(8),
    ));
    let request = Request {
        facts: Some(Facts::parse(facts.as_bytes()).unwrap()),
        ..Request::default()
    };
    let (summary, drops) = report(&text, &request);
    assert_eq!(drops.len(), 8);
    assert_eq!(summary.findings.gc_total().unknown(), 5016);
}
