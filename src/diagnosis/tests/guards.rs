//! The guards behind "confirmed" that stand in the way from a line to its evidence: for each
//! a trace that passes it, and one that it stops.

use crate::diagnosis::class::Class::{
    OutDstAlloc, OutNoRoute, RcvDstAlloc, RcvNoRoute, RcvProhibited, RcvUndetermined,
};
use crate::diagnosis::class::Confidence::{Confirmed, Possible, Probable};
use crate::diagnosis::evidence::{Observed, Window};
use crate::diagnosis::tests::trace::{
    DROP, DROP_FRAMES, Decided, GC, GC_FRAMES, GRANTED, LOOKUP, RAN, REFUSED, STACK, attempted,
    dropped, drops, is, last, report, trace,
};
use crate::kernel::functions::{Direction, Handler, Origin};
use crate::report::build::Request;

const PROBE: &str = "d: (ip6_pkt_drop+0x0/0xe0)";

/// An attempt with another stack, granted.
fn attempted_by(frames: &[&'static str]) -> Vec<&'static str> {
    [&[GC, STACK, "=> ip6_dst_gc"][..], frames, &[GRANTED]].concat()
}

const NDISC: [&str; 2] = ["=> icmp6_dst_alloc", "=> ndisc_send_ns"];
const ICMP_ERROR: [&str; 3] = [
    "=> ip6_route_output_flags",
    "=> icmp6_send",
    "=> ip6_pkt_drop",
];
const OUTPUT: [&str; 2] = ["=> ip6_route_output_flags", "=> udpv6_sendmsg"];

/// A drop behind a refusal; before the drop stands something.
fn refused_and_then(between: &[&'static str]) -> Decided {
    last(&[dropped(), attempted(REFUSED), between.to_vec(), dropped()])
}

#[test]
fn attempts_are_linked_to_the_drop_right_behind_them() {
    for between in [
        &[][..],
        &["9/2@icmp6_send <-icmpv6_send", "9/2@schedule <-do_idle"],
        &["__fib6_clean_all <-fib6_run_gc"],
        // An interrupt goes, and the softirq goes on.
        &["7/1/d.h1@ip6_dst_gc <-dst_alloc"],
    ] {
        let drop = refused_and_then(between);
        is(drop, RcvDstAlloc, Probable, "refused-last");
        assert!(drop.evidence.receive_linked, "{between:?}");
    }
}

#[test]
fn an_error_and_a_call_of_something_else_unlink() {
    let error = vec!["icmp6_send <-icmpv6_send"];
    for between in [
        error,
        attempted_by(&NDISC),
        attempted_by(&ICMP_ERROR),
        attempted_by(&OUTPUT),
    ] {
        let drop = refused_and_then(&between);
        is(drop, RcvDstAlloc, Probable, "refused-last");
        assert!(!drop.evidence.receive_linked, "{between:?}");
    }
}

/// A softirq that was left is over, and its packets with it: what comes later is another one's.
#[test]
fn another_task_ends_what_a_softirq_did() {
    for other in [
        "9@schedule <-do_idle",
        "9@icmp6_send <-icmpv6_send",
        "9@ip6_dst_gc <-dst_alloc",
        "9/1/...1@schedule <-do_idle",
        "7/1/...1@schedule <-do_idle",
    ] {
        let drop = refused_and_then(&[other]);
        is(drop, RcvNoRoute, Confirmed, "no-attempt-traced");
        assert_eq!(drop.evidence.receive.count, 0, "{other}");
    }
    // A task that was left may go on where it was.
    let task = |event: &str| format!("7/1/...1@{event}");
    let (gc, refused, drop) = (task(GC), task(REFUSED), task(DROP));
    let drops = drops(&[&drop, &gc, &refused, "9@schedule <-do_idle", &drop]);
    is(drops[1], RcvDstAlloc, Probable, "refused-last");
    assert!(!drops[1].evidence.receive_linked);
}

/// From the entry of the last call to the drop there are 70 microseconds besides the wait.
#[test]
fn a_link_is_a_hundred_milliseconds_long() {
    assert!(refused_and_then(&["wait 99930"]).evidence.receive_linked);
    assert!(!refused_and_then(&["wait 99931"]).evidence.receive_linked);
}

#[test]
fn the_lookup_of_another_task_bounds_nothing() {
    let bounded = |lookup: &'static str| {
        let parts = [dropped(), vec![lookup], attempted(REFUSED), dropped()];
        last(&parts).evidence.bounded
    };
    assert!(bounded(LOOKUP));
    assert!(!bounded("9@ip6_route_input <-ip6_rcv_finish"));
    assert!(!bounded("7/1/...1@ip6_route_input <-ip6_rcv_finish"));
}

/// A softirq runs under the pid that it interrupts: its lookups are not the task's, nor the task's
/// its own.
#[test]
fn a_softirq_and_the_task_below_it_are_told_apart() {
    let task = |event: &str| format!("7/1/...1@{event}");
    let (gc, refused, granted) = (task(GC), task(REFUSED), task(GRANTED));
    let sent = task("ip6_pkt_drop <-ip6_pkt_discard_out");
    let handler = task("ip6_pkt_discard_out <-ip6_send_skb");
    // The task asks, a softirq asks and drops, and the task goes on in its call.
    let softirq = [vec![LOOKUP, GC, GRANTED], dropped()].concat();
    let nested = |outcome: &str| {
        let first = [handler.as_str(), &sent];
        let below = [&gc[..]];
        drops(&[&first[..], &below, &softirq, &[outcome, &handler, &sent]].concat())
    };
    let of = nested(&refused);
    is(of[1], RcvNoRoute, Confirmed, "no-attempt-traced");
    is(of[2], OutDstAlloc, Probable, "refused-last");
    let of = nested(&granted);
    is(of[2], OutNoRoute, Probable, "no-refusal-seen");
    // Without flags nobody knows what a task did. In a softirq nothing comes in between all the
    // same: no task runs before it is over.
    let plain = |event: &str| format!("7/1/@{event}");
    let (lookup, gc, granted) = (plain(LOOKUP), plain(GC), plain(GRANTED));
    let discards = [
        "ip6_pkt_discard <-process_backlog",
        "ip6_pkt_discard_out <-ip6_xmit",
    ];
    let [received, sent] = discards.map(plain);
    let drop = plain("ip6_pkt_drop <-process_backlog");
    let of = drops(&[&received, &drop, &lookup, &gc, &granted, &received, &drop]);
    is(of[1], RcvNoRoute, Confirmed, "no-attempt-traced");
    let of = drops(&[&sent, &drop, &gc, &granted, &sent, &drop]);
    is(of[1], OutNoRoute, Probable, "no-refusal-seen");
    // The idle task sends nothing itself.
    let idle = drops(&[
        "0/1/@ip6_dst_gc <-dst_alloc",
        "0/1/@ip6_pkt_drop <-ip6_pkt_discard_out",
    ]);
    assert!(!idle[0].evidence.in_task);
}

/// A call that a softirq interrupts goes on behind it, and is one call.
#[test]
fn calls_nest() {
    let task = |event: &str| format!("7/1/...1@{event}");
    let (gc, ran, refused) = (task(GC), task(RAN), task(REFUSED));
    let nested = [&gc, GC, RAN, REFUSED, &ran, &refused, DROP];
    assert_eq!(calls(&nested), [(Origin::Other, 2, 2, 0)]);
}

/// A refusal without a collection is none: a function that returns nothing leaves anything in the
/// register.
#[test]
fn refusals_that_cannot_be_count_for_nothing() {
    let with = |events: &[&'static str]| calls(&[&attempted(RAN)[..], events, &[DROP]].concat())[0];
    assert_eq!(with(&attempted(RAN)), (Origin::Receive, 2, 0, 0));
    let collected = [&attempted(RAN)[..], &[REFUSED]].concat();
    assert_eq!(with(&collected), (Origin::Receive, 2, 1, 0));
    assert_eq!(with(&attempted(REFUSED)), (Origin::Receive, 2, 0, 0));
    // Its entry is not there: nor may the collection be.
    let found = calls(
        &[
            &attempted(RAN)[..],
            &["9@schedule <-do_idle", REFUSED, DROP],
        ]
        .concat(),
    );
    assert_eq!(found[1], (Origin::Other, 1, 1, 0));
}

/// What a task drops it may have looked up long before, on any CPU; what a softirq drops it has
/// just looked up.
#[test]
fn a_task_is_not_sure_of_what_it_sent() {
    let sent = |flags: &str| {
        let on = |event: &str| format!("7/1/{flags}@{event}");
        let events = [
            "ip6_pkt_discard_out <-ip6_xmit",
            "ip6_pkt_drop <-ip6_pkt_discard_out",
        ];
        let events = events.map(on);
        let [handler, drop] = events.each_ref().map(String::as_str);
        drops(&[GC, GRANTED, handler, drop, handler, drop])
            .pop()
            .unwrap()
    };
    is(sent("..s1"), OutNoRoute, Confirmed, "no-attempt-traced");
    is(sent("...1"), OutNoRoute, Probable, "no-refusal-seen");
}

#[test]
fn an_earlier_lookup_is_over() {
    let parts = [dropped(), attempted(REFUSED), vec![LOOKUP], dropped()];
    is(last(&parts), RcvNoRoute, Confirmed, "no-attempt-traced");
    let went_on = vec![LOOKUP, "ip6_input <-ip6_rcv_finish"];
    let parts = [dropped(), went_on, attempted(REFUSED), dropped()];
    is(last(&parts), RcvDstAlloc, Probable, "refused-last");
    let parts = [
        dropped(),
        vec![LOOKUP],
        dropped(),
        attempted(REFUSED),
        dropped(),
    ];
    is(last(&parts), RcvDstAlloc, Probable, "refused-last");
}

#[test]
fn calls_of_something_else_are_no_attempts_for_a_received_packet() {
    for frames in [&NDISC[..], &ICMP_ERROR, &OUTPUT] {
        let mut refused = attempted_by(frames);
        refused.pop();
        refused.push(REFUSED);
        let parts = [dropped(), vec![LOOKUP], refused, dropped()];
        is(last(&parts), RcvNoRoute, Confirmed, "no-attempt-traced");
    }
    let sent = vec!["ip6_pkt_drop <-ip6_pkt_discard_out"];
    let refused = [&[GC, STACK, "=> ip6_dst_gc"][..], &OUTPUT, &[REFUSED]].concat();
    let parts = [dropped(), refused, sent.clone()];
    is(last(&parts), OutDstAlloc, Probable, "refused-last");
    let drop = last(&[dropped(), attempted(REFUSED), sent]);
    assert_eq!(
        (drop.rule, drop.confidence),
        ("no-attempt-traced", Confirmed)
    );
}

#[test]
fn a_packet_is_single_where_frames_or_a_caller_say_so() {
    let attempt = [dropped(), vec![LOOKUP], attempted(REFUSED)].concat();
    for (drop, single) in [
        (vec![DROP], false),
        (vec![DROP, STACK], false),
        (
            vec![DROP, STACK, "=> ip6_pkt_drop", "=> ip6_send_skb"],
            false,
        ),
        (vec!["ip6_pkt_drop <-process_backlog"], true),
        (vec!["ip6_pkt_discard <-ip6_rcv_finish", DROP], true),
        (vec!["ip6_pkt_discard <-do_softirq", DROP], false),
        ([&[DROP, STACK][..], &DROP_FRAMES].concat(), true),
    ] {
        let found = last(&[attempt.clone(), drop.clone()]);
        assert_eq!(found.evidence.single, single, "{drop:?}");
        let rule = if single {
            "refused-perhaps-passed-over"
        } else {
            "refused-last"
        };
        is(found, RcvDstAlloc, Probable, rule);
    }
    for drop in [
        vec!["ip6_pkt_drop <-ip6_sublist_rcv_finish"],
        vec!["ip6_pkt_discard <-ip6_list_rcv_finish", DROP],
        vec![
            "ip6_pkt_drop <-process_backlog",
            STACK,
            "=> ip6_pkt_drop",
            "=> ipv6_list_rcv",
        ],
    ] {
        let found = last(&[attempt.clone(), drop.clone()]);
        assert!(found.evidence.list, "{drop:?}");
        is(found, RcvDstAlloc, Probable, "refused-last");
    }
}

#[test]
fn the_handler_is_what_the_trace_names() {
    for (drop, handler, direction) in [
        (vec![DROP], Some(Handler::Discard), Direction::Receive),
        (
            vec!["ip6_pkt_drop <-process_backlog"],
            None,
            Direction::Receive,
        ),
        (vec!["ip6_pkt_drop <-ip6_xmit"], None, Direction::Output),
        (vec!["ip6_pkt_drop <-do_softirq"], None, Direction::Unknown),
        (vec![PROBE], None, Direction::Unknown),
        (
            vec![
                "ip6_pkt_prohibit_out <-ip6_xmit",
                "ip6_pkt_drop <-process_backlog",
            ],
            Some(Handler::ProhibitOut),
            Direction::Output,
        ),
        (
            vec!["ip6_pkt_prohibit <-ipv6_rcv", "ip6_pkt_drop <-ip6_xmit"],
            Some(Handler::Prohibit),
            Direction::Receive,
        ),
        (
            vec![PROBE, STACK, "=> ip6_pkt_drop", "=> ip6_pkt_discard_out"],
            Some(Handler::DiscardOut),
            Direction::Output,
        ),
        (
            vec![DROP, STACK, "=> ip6_pkt_drop", "=> ip6_pkt_prohibit_out"],
            Some(Handler::Discard),
            Direction::Receive,
        ),
        (
            vec![
                "ip6_pkt_drop <-process_backlog",
                STACK,
                "=> ip6_pkt_drop",
                "=> ip6_xmit",
            ],
            None,
            Direction::Receive,
        ),
    ] {
        let evidence = last(&[vec![GC, GRANTED], drop.clone()]).evidence;
        let named = evidence.handler.map(|(handler, _)| handler);
        assert_eq!(
            (named, evidence.direction),
            (handler, direction),
            "{drop:?}"
        );
    }
}

#[test]
fn a_prohibit_must_not_hide() {
    let hidden = ["ip6_pkt_drop <-process_backlog"];
    let traced = "raw # ip6drop: traced ip6_dst_gc,ip6_pkt_discard,ip6_pkt_prohibit";
    let parts = [dropped(), attempted(GRANTED), hidden.to_vec()];
    is(last(&parts), RcvNoRoute, Probable, "no-refusal-seen");
    let parts = [vec![traced], dropped(), attempted(GRANTED), hidden.to_vec()];
    is(last(&parts), RcvNoRoute, Confirmed, "no-attempt-traced");
    let one = "raw # ip6drop: traced ip6_dst_gc,ip6_pkt_discard";
    let parts = [vec![one], dropped(), attempted(GRANTED), hidden.to_vec()];
    is(last(&parts), RcvNoRoute, Probable, "no-refusal-seen");
}

#[test]
fn only_fib6_run_gc_of_the_call_itself_counts() {
    let call = [&[GC, STACK][..], &GC_FRAMES].concat();
    let with = |inside: &[&'static str]| {
        // A call with a collection, so that one without is seen to have none.
        let first = [attempted(RAN), attempted(GRANTED), dropped()].concat();
        last(&[
            first,
            vec![LOOKUP],
            call.clone(),
            inside.to_vec(),
            dropped(),
        ])
    };
    is(with(&[]), RcvNoRoute, Confirmed, "no-attempt-traced");
    is(
        with(&["fib6_run_gc <-fib6_gc_timer_cb"]),
        RcvNoRoute,
        Confirmed,
        "no-attempt-traced",
    );
    for ran in [RAN, "run: (fib6_run_gc+0x0/0xd0)"] {
        is(with(&[ran]), RcvDstAlloc, Probable, "attempted-for-packet");
    }
    // It ran behind the return: whose it was is not known, and the outcome is.
    is(
        with(&[GRANTED, RAN]),
        RcvNoRoute,
        Confirmed,
        "no-attempt-traced",
    );
    is(
        with(&[RAN, REFUSED, RAN]),
        RcvDstAlloc,
        Probable,
        "refused-perhaps-passed-over",
    );
}

#[test]
fn what_a_call_returned_decides_it() {
    let call = [&[LOOKUP, GC, STACK][..], &GC_FRAMES].concat();
    let with =
        |inside: &[&'static str]| last(&[dropped(), call.clone(), inside.to_vec(), dropped()]);
    let alloc = |ret: &str| format!("dst_exit: (ip6_dst_alloc+0x2/0x9 <- dst_alloc) ret={ret}");
    let (null, entry) = (alloc("0x0").leak(), alloc("0xffff88800e1f2a00").leak());
    is(
        with(&[REFUSED]),
        RcvDstAlloc,
        Probable,
        "refused-perhaps-passed-over",
    );
    is(with(&[GRANTED]), RcvNoRoute, Confirmed, "no-attempt-traced");
    is(
        with(&[null]),
        RcvDstAlloc,
        Probable,
        "refused-perhaps-passed-over",
    );
    is(with(&[entry]), RcvNoRoute, Confirmed, "no-attempt-traced");
    is(
        with(&[RAN, null]),
        RcvDstAlloc,
        Probable,
        "refused-perhaps-passed-over",
    );
    // dst_alloc of IPv4, and returns of anything else, say nothing.
    is(
        with(&[GRANTED, null]),
        RcvNoRoute,
        Confirmed,
        "no-attempt-traced",
    );
    is(
        with(&[REFUSED, entry]),
        RcvDstAlloc,
        Probable,
        "refused-perhaps-passed-over",
    );
    let other = "x: (ip6_pol_route+0x2/0x9 <- ip6_route_input) ret=1";
    is(
        with(&[other]),
        RcvDstAlloc,
        Probable,
        "attempted-for-packet",
    );
    is(
        last(&[dropped(), vec![LOOKUP, null], dropped()]),
        RcvUndetermined,
        Possible,
        "gc-not-traced",
    );
}

/// Calls by what was observed, of all CPUs and origins.
fn calls(events: &[&str]) -> Vec<(Origin, u64, u64, u64)> {
    let (summary, _) = report(&trace(events), &Request::default());
    let gc = summary.findings.gc.into_iter();
    gc.map(|(origin, n)| (origin, n.calls, n.failed, n.succeeded))
        .collect()
}

#[test]
fn each_call_counts_once() {
    let attempt = attempted(REFUSED);
    assert_eq!(
        calls(&[attempt.clone(), dropped()].concat()),
        [(Origin::Receive, 1, 1, 0)]
    );
    // Returns without an entry, and entries without a return.
    let parts = [&attempt[..], &[GRANTED, GRANTED, GC, GC], &dropped()].concat();
    assert_eq!(
        calls(&parts),
        [(Origin::Receive, 1, 1, 0), (Origin::Other, 4, 0, 2)]
    );
    // An entry and a probe are one call, two entries are two.
    let probe = "ip6_dst_gc: (ip6_dst_gc+0x0/0xd0)";
    assert_eq!(
        calls(&[GC, probe, REFUSED, DROP]),
        [(Origin::Other, 1, 1, 0)]
    );
    assert_eq!(
        calls(&[GC, probe, GC, probe, DROP]),
        [(Origin::Other, 2, 0, 0)]
    );
    assert_eq!(
        calls(&[GC, REFUSED, probe, DROP]),
        [(Origin::Other, 2, 1, 0)]
    );
    // A stack that names the function is a call by itself.
    let stack = [&[STACK][..], &GC_FRAMES].concat();
    assert_eq!(
        calls(&[&stack[..], &stack, &[DROP]].concat()),
        [(Origin::Receive, 2, 0, 0)]
    );
    let both = [&[GC][..], &stack, &[probe], &stack, &stack, &[DROP]].concat();
    assert_eq!(calls(&both), [(Origin::Receive, 2, 0, 0)]);
}

#[test]
fn a_call_that_is_not_whole_has_no_outcome() {
    let seen = attempted(RAN);
    let call = [&[GC, STACK][..], &GC_FRAMES].concat();
    let known = |events: &[&str]| calls(events)[0];
    assert_eq!(
        known(&[&seen[..], &call, &[DROP]].concat()),
        (Origin::Receive, 2, 0, 1)
    );
    // The trace ends in it, or events were lost in it.
    assert_eq!(
        known(&[&seen[..], &call].concat()),
        (Origin::Receive, 2, 0, 0)
    );
    let lost = "raw CPU:1 [LOST 3 EVENTS]";
    assert_eq!(
        known(&[&seen[..], &call, &[lost, DROP]].concat()),
        (Origin::Receive, 2, 0, 0)
    );
    let lost = "raw CPU:2 [LOST 3 EVENTS]";
    assert_eq!(
        known(&[&seen[..], &call, &[lost, DROP]].concat()),
        (Origin::Receive, 2, 0, 1)
    );
    // What it returned is an outcome all the same.
    assert_eq!(known(&attempted(REFUSED)), (Origin::Receive, 1, 1, 0));
}

fn windows(events: &[&str]) -> Vec<Window> {
    drops(events)
        .iter()
        .map(|drop| drop.evidence.window)
        .collect()
}

#[test]
fn a_window_is_whole_behind_a_packet_or_a_task() {
    use Window::{Lost, Start, Whole};
    assert_eq!(windows(&[DROP, DROP]), [Start, Whole]);
    assert_eq!(
        windows(&["9@schedule <-do_idle", DROP, DROP]),
        [Whole, Whole]
    );
    assert_eq!(
        windows(&["schedule <-do_idle", GC, GRANTED, GC, GRANTED, DROP]),
        [Start]
    );
    let lost = "raw CPU:1 [LOST 3 EVENTS]";
    assert_eq!(windows(&[DROP, lost, DROP, DROP]), [Start, Lost, Whole]);
    assert_eq!(
        windows(&[DROP, lost, "9@schedule <-do_idle", DROP]),
        [Start, Whole]
    );
    assert_eq!(
        windows(&[DROP, "raw CPU:2 [LOST 3 EVENTS]", DROP]),
        [Start, Whole]
    );
    for gap in [
        "raw # tracer: function",
        "raw ##### CPU 1 buffer started ####",
        "raw # entries-in-buffer/entries-written: 72/72   #P:4",
        "raw # function latency trace v1.1.5 on 4.19.108",
    ] {
        assert_eq!(
            windows(&[DROP, gap, DROP, DROP]),
            [Start, Start, Whole],
            "{gap}"
        );
    }
}

/// Where a CPU's time runs backwards another trace begins.
#[test]
fn time_that_runs_backwards_cuts() {
    let at = |seconds: u32| format!("raw  <idle>-7 [001] ..s1   {seconds}.000000: {DROP}");
    let (early, late) = (at(1), at(2));
    assert_eq!(windows(&[&early, &late]), [Window::Start, Window::Whole]);
    assert_eq!(windows(&[&late, &late]), [Window::Start, Window::Whole]);
    assert_eq!(windows(&[&late, &early]), [Window::Start, Window::Start]);
}

/// A stack right behind lost events lost its own entry.
#[test]
fn a_stack_behind_a_loss_is_not_of_the_next_entry() {
    let stack = [&[STACK][..], &DROP_FRAMES].concat();
    assert_eq!(drops(&[&stack[..], &[DROP]].concat()).len(), 1);
    let lost = "raw CPU:1 [LOST 3 EVENTS]";
    assert_eq!(drops(&[&[lost][..], &stack, &[DROP]].concat()).len(), 2);
    assert_eq!(
        drops(&[&[lost, DROP][..], &stack, &[DROP]].concat()).len(),
        2
    );
    let elsewhere = "raw CPU:2 [LOST 3 EVENTS]";
    assert_eq!(
        drops(&[&[elsewhere][..], &stack, &[DROP]].concat()).len(),
        1
    );
    let calls = |before: &[&str]| calls(&[before, &[STACK], &GC_FRAMES, &[GC, DROP]].concat());
    assert_eq!(calls(&[]), [(Origin::Receive, 1, 0, 0)]);
    assert_eq!(
        calls(&[lost]),
        [(Origin::Receive, 1, 0, 0), (Origin::Other, 1, 0, 0)]
    );
}

#[test]
fn a_stack_without_its_entry_is_of_a_drop_nearby() {
    let handler = "ip6_pkt_discard <-ip6_rcv_finish";
    let stack = [&[STACK][..], &DROP_FRAMES].concat();
    let behind = |wait: &'static str| drops(&[&stack[..], &[wait, DROP]].concat()).len();
    assert_eq!(behind("wait 99960"), 1);
    assert_eq!(behind("wait 99961"), 2);
    // Its handler's entry is of the drop behind it, however long the machine stood still.
    assert_eq!(drops(&[handler, "wait 999999", DROP]).len(), 1);
    assert_eq!(drops(&[DROP, "wait 999999", PROBE]).len(), 1);
    assert_eq!(drops(&[handler, "9@schedule <-do_idle", DROP]).len(), 2);
    assert_eq!(drops(&[DROP, handler]).len(), 2);
}

/// A task's state is its own, on each CPU.
#[test]
fn attempts_of_other_tasks_and_cpus_are_theirs() {
    let refused = [
        "9@ip6_dst_gc <-dst_alloc",
        "9@gc_exit: (dst_alloc+0x1/0x2 <- ip6_dst_gc) ret=1",
    ];
    let parts = [dropped(), refused.to_vec(), dropped()];
    is(last(&parts), RcvNoRoute, Confirmed, "no-attempt-traced");
    let elsewhere = [
        "7/2@ip6_dst_gc <-dst_alloc",
        "7/2@gc_exit: (dst_alloc+0x1/0x2 <- ip6_dst_gc) ret=1",
    ];
    let parts = [dropped(), elsewhere.to_vec(), dropped()];
    is(last(&parts), RcvNoRoute, Confirmed, "no-attempt-traced");
}

#[test]
fn a_prohibit_is_told_by_any_of_its_events() {
    for drop in [
        vec!["ip6_pkt_drop <-ip6_pkt_prohibit"],
        vec!["ip6_pkt_prohibit <-ip6_rcv_finish"],
        vec![
            "h: (ip6_pkt_prohibit+0x0/0x40)",
            "ip6_pkt_drop <-process_backlog",
        ],
        vec![
            "ip6_pkt_drop <-process_backlog",
            STACK,
            "=> ip6_pkt_drop",
            "=> ip6_pkt_prohibit",
        ],
    ] {
        assert_eq!(
            last(&[attempted(GRANTED), dropped(), drop]).class,
            RcvProhibited
        );
    }
}

#[test]
fn outcomes_are_observed_as_the_trace_shows_them() {
    let observed = |events: &[&str]| {
        let drop = drops(&[events, &[DROP]].concat()).pop().unwrap();
        drop.evidence.receive.last.map(|attempt| attempt.observed)
    };
    assert_eq!(observed(&[]), None);
    assert_eq!(observed(&[GC]), Some(Observed::Nothing));
    assert_eq!(observed(&[GC, RAN]), Some(Observed::Collected));
    assert_eq!(observed(&[GC, RAN, GC]), Some(Observed::Uncollected));
    assert_eq!(observed(&[GC, RAN, REFUSED]), Some(Observed::Failed));
    assert_eq!(observed(&[GC, GRANTED]), Some(Observed::Succeeded));
}

/// The caller of a function whose return a probe watches does not hide its entry.
#[test]
fn an_entry_is_one_whatever_it_returns_to() {
    let found = drops(&["ip6_pkt_drop <-[unknown/kretprobe'd]"]);
    assert_eq!(found.len(), 1);
    let parts = [
        dropped(),
        vec![GC, "fib6_run_gc <-[unknown/kretprobe'd]"],
        dropped(),
    ];
    assert_eq!(
        last(&parts).evidence.receive.last.unwrap().observed,
        Observed::Cut
    );
}

/// A probe inside a function, behind what it does, is not its entry.
#[test]
fn a_probe_inside_a_function_is_no_entry() {
    let bounded = |lookup: &'static str| {
        let parts = [dropped(), attempted(REFUSED), vec![lookup], dropped()];
        last(&parts).evidence.bounded
    };
    assert!(bounded("rin: (ip6_route_input+0x0/0x1d0) skb=0x1"));
    assert!(bounded("rin: (ip6_route_input+0x10/0x1d0) skb=0x1"));
    assert!(!bounded("rin: (ip6_route_input+0x11/0x1d0) skb=0x1"));
}

/// Recordings behind one another: what one did not trace is not known of it.
#[test]
fn recordings_behind_one_another_are_apart() {
    let head = |traced: &'static str| vec!["raw # ip6drop: version 1", traced];
    let all = "raw # ip6drop: traced ip6_dst_gc,ip6_pkt_discard,ip6_pkt_prohibit";
    let less = "raw # ip6drop: traced ip6_pkt_discard,ip6_pkt_prohibit";
    let hidden = vec![
        "ip6_pkt_discard <-process_backlog",
        "ip6_pkt_drop <-process_backlog",
    ];
    let twice = [hidden.clone(), hidden.clone()].concat();
    let both = |first, second| {
        let parts = [head(first), twice.clone(), head(second), twice.clone()];
        let found = drops(&parts.concat());
        found
            .iter()
            .map(|drop| drop.confidence == Confirmed)
            .collect::<Vec<_>>()
    };
    assert_eq!(both(all, all), [false, true, false, true]);
    assert_eq!(both(less, all), [false; 4]);
}

/// What a softirq drops lies between an attempt of the task below it and that task's drop.
#[test]
fn a_drop_above_unlinks_what_a_task_tried() {
    let task = |event: &str| format!("7/1/...1@{event}");
    let (gc, refused, drop) = (task(GC), task(REFUSED), task(DROP));
    // Behind a lookup of its own the call is over.
    let asks = task(
        "fib6_table_lookup: table 254 oif 0 iif 2 proto 58 fd00::1/0 -> fd00::2/0 tos 0 scope 0 flags 0 ==> dev eth0 gw :: err 0",
    );
    let linked = |between: &[&str]| {
        let before: [&str; 4] = [&drop, &gc, &refused, &asks];
        let of = drops(&[&before[..], between, &[&drop]].concat());
        of[of.len() - 1].evidence.receive_linked
    };
    assert!(linked(&[]));
    assert!(!linked(&[DROP]));
}

/// So does another packet between an attempt and what is sent.
#[test]
fn a_packet_that_goes_on_unlinks_what_was_tried_for_output() {
    let asks = "fib6_table_lookup: table 254 oif 0 iif 1 proto 58 fd00::1/0 -> fd00::2/0 tos 0 scope 0 flags 0 ==> dev eth0 gw :: err 0";
    let linked = |between: &[&'static str]| {
        let tried = attempted_by(&OUTPUT);
        let sent = vec!["ip6_pkt_drop <-ip6_pkt_discard_out"];
        let drop = last(&[dropped(), tried, vec![asks], between.to_vec(), sent]);
        drop.evidence.output_linked
    };
    assert!(linked(&[]));
    assert!(!linked(&["ip6_forward <-ip6_rcv_finish"]));
}

#[test]
fn what_happens_at_the_same_moment_is_in_order() {
    let task = |event: &str| format!("7/1/...1@{event}");
    let (gc, refused, drop) = (task(GC), task(REFUSED), task(DROP));
    let events = [&drop, &gc, &refused, "9@schedule <-do_idle", &drop];
    let at_once: String = trace(&events)
        .lines()
        .map(|line| match line.find("100.0") {
            Some(at) => format!("{}100.000000{}\n", &line[..at], &line[at + 10..]),
            None => format!("{line}\n"),
        })
        .collect();
    let drops = report(&at_once, &Request::default()).1;
    is(drops[1], RcvDstAlloc, Probable, "refused-last");
    assert_eq!(drops[1].evidence.window, Window::Whole);
}

/// A stack may stand for a call that did not show itself: it began when the stack was taken.
#[test]
fn a_call_that_a_known_stack_shows_began_with_the_stack() {
    let by_stack = [&["schedule <-do_idle", STACK][..], &GC_FRAMES].concat();
    let linked = |wait: &'static str| {
        let twice = [dropped(), by_stack.clone(), dropped(), by_stack.clone()];
        let drop = last(&[twice.concat(), vec![wait], dropped()]);
        assert_eq!(drop.evidence.receive.count, 1);
        drop.evidence.receive_linked
    };
    // From the stack's mark to the drop there are 50 microseconds besides the wait.
    assert!(linked("wait 99950"));
    assert!(!linked("wait 99951"));
}

/// The stack says on which way a packet was, where the caller does not.
#[test]
fn the_way_of_a_packet_is_in_its_stack() {
    let direction = |frames: &[&str]| {
        let events = [&["ip6_pkt_drop <-something", STACK][..], frames].concat();
        drops(&events)[0].evidence.direction
    };
    let received = ["=> ip6_pkt_drop", "=> process_backlog", "=> ipv6_rcv"];
    assert_eq!(direction(&received), Direction::Receive);
    assert_eq!(direction(&received[..1]), Direction::Unknown);
}

#[test]
fn a_softirq_that_was_left_is_whole_when_it_comes_again_behind_a_loss() {
    let lost = "raw CPU:1 [LOST 5 EVENTS]";
    let window = |between: &[&str]| {
        let events = [&[DROP, lost, "schedule <-do_idle"][..], between, &[DROP]].concat();
        drops(&events)[1].evidence.window
    };
    assert_eq!(window(&[]), Window::Lost);
    assert_eq!(window(&["9@schedule <-do_idle"]), Window::Whole);
    let interrupt = |event: &str| format!("7/1/d.h1@{event}");
    let (first, drop) = (interrupt("schedule <-do_idle"), interrupt(DROP));
    let of = drops(&[DROP, lost, &first, "schedule <-do_idle", &drop]);
    assert_eq!(of[1].evidence.window, Window::Whole);
}

#[test]
fn a_trace_may_start_with_a_packet_that_goes_on() {
    let goes_on = vec!["ip6_forward <-ip6_rcv_finish"];
    let behind = last(&[goes_on.clone(), dropped()]);
    assert_eq!(behind.evidence.receive.count, 0);
    let drop = refused_and_then(&goes_on);
    is(drop, RcvNoRoute, Confirmed, "no-attempt-traced");
}
