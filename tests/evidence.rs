//! Traces that tempt to more certainty than they hold, each in its smallest form.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

/// A trace of one CPU and task, an event a line, ten microseconds apart.
fn trace(events: &[&str]) -> String {
    let mut text = String::new();
    for (n, event) in events.iter().enumerate() {
        if event.starts_with("=>") {
            text.push_str(&format!(" {event}\n"));
        } else if let Some(raw) = event.strip_prefix("raw ") {
            text.push_str(&format!("{raw}\n"));
        } else {
            let (pid, event) = event.split_once('@').unwrap_or(("7", event));
            let us = n * 10;
            text.push_str(&format!(
                "          <idle>-{pid:<5} [001] ..s1   100.{us:06}: {event}\n"
            ));
        }
    }
    text
}

/// Class and confidence of each drop.
fn drops(events: &[&str]) -> Vec<(String, String)> {
    let mut command = common::command();
    command
        .args(["report", "--format", "ndjson"])
        .write_stdin(trace(events));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", common::stderr(&output));
    let lines = common::stdout(&output);
    let drops = lines.lines().map(common::json_line);
    drops
        .filter(|drop| drop["type"] == "drop")
        .map(|drop| {
            let text = |key: &str| drop[key].as_str().unwrap().to_owned();
            (text("class"), text("confidence"))
        })
        .collect()
}

const GC: &str = "ip6_dst_gc <-dst_alloc";
const RAN: &str = "fib6_run_gc <-ip6_dst_gc";
const REFUSED: &str = "gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=1";
const GRANTED: &str = "gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=0";
const DROP: &str = "ip6_pkt_drop <-ip6_pkt_discard";
const STACK: &str = "<stack trace>";
const LOOKUP: &str = "ip6_route_input <-ip6_rcv_finish";
/// The stack of a receive-path attempt and of a drop.
const GC_FRAMES: [&str; 4] = [
    "=> ip6_dst_gc",
    "=> dst_alloc",
    "=> ip6_route_input",
    "=> ipv6_rcv",
];
const DROP_FRAMES: [&str; 3] = ["=> ip6_pkt_drop", "=> ip6_pkt_discard", "=> ipv6_rcv"];

fn dropped() -> Vec<&'static str> {
    [&[DROP, STACK][..], &DROP_FRAMES].concat()
}

fn attempted(outcome: &'static str) -> Vec<&'static str> {
    [&[GC, STACK][..], &GC_FRAMES, &[outcome]].concat()
}

fn last(parts: &[Vec<&str>]) -> (String, String) {
    drops(&parts.concat()).pop().unwrap()
}

fn is(got: (String, String), class: &str, confidence: &str) {
    assert_eq!((got.0.as_str(), got.1.as_str()), (class, confidence));
}

#[test]
fn its_own_refused_lookup_convicts() {
    let parts = [dropped(), vec![LOOKUP], attempted(REFUSED), dropped()];
    is(last(&parts), "rcv-dst-alloc", "confirmed");
    let parts = [
        dropped(),
        vec![LOOKUP],
        attempted(REFUSED),
        attempted(GRANTED),
        dropped(),
    ];
    is(last(&parts), "rcv-dst-alloc", "confirmed");
    let parts = [
        attempted(REFUSED),
        vec![LOOKUP],
        attempted(GRANTED),
        dropped(),
    ];
    is(last(&parts), "rcv-no-route", "confirmed");
}

#[test]
fn a_refusal_may_be_of_a_packet_that_went_on() {
    is(
        last(&[dropped(), attempted(REFUSED), dropped()]),
        "rcv-dst-alloc",
        "probable",
    );
    let went_on = vec!["ip6_forward <-ip6_rcv_finish"];
    is(
        last(&[dropped(), attempted(REFUSED), went_on, dropped()]),
        "rcv-no-route",
        "confirmed",
    );
}

#[test]
fn a_function_that_returns_nothing_has_no_return_value() {
    let garbage = "gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=0xffffffff82a4c0c0";
    let parts = [dropped(), vec![LOOKUP], attempted(garbage), dropped()];
    assert_ne!(last(&parts).1, "confirmed");
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
            "rcv-dst-alloc",
            "probable",
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
    assert_eq!(last(&[dropped(), question, dropped()]).0, "rcv-no-route");
}

#[test]
fn what_is_traced_later_was_not_there_before() {
    let parts = [dropped(), dropped(), attempted(GRANTED), dropped()].concat();
    let all = drops(&parts);
    is(all[1].clone(), "rcv-no-route", "probable");
    is(all[2].clone(), "rcv-no-route", "confirmed");
    // fib6_run_gc shows up after an attempt without it: that one's outcome stays open.
    let silent = [&[GC, STACK][..], &GC_FRAMES].concat();
    let later = [&silent[..], &[RAN]].concat();
    let parts = [dropped(), silent, dropped(), later].concat();
    assert_ne!(drops(&parts)[1].1, "confirmed");
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
            last(&[before.clone(), vec![gap], dropped()]).1,
            "confirmed",
            "{gap}"
        );
    }
    is(last(&[before, dropped()]), "rcv-no-route", "confirmed");
}

#[test]
fn a_call_split_by_another_task_is_not_whole() {
    let parts = [
        dropped(),
        attempted(RAN),
        vec![GC, "9@icmp6_send <-icmpv6_send", RAN],
        dropped(),
    ];
    assert_ne!(last(&parts).1, "confirmed");
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
        all[1..]
            .iter()
            .all(|(_, confidence)| confidence != "confirmed"),
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
        all[1..]
            .iter()
            .all(|(_, confidence)| confidence != "confirmed"),
        "{all:?}"
    );
}

#[test]
fn a_prohibit_behind_a_refusal_is_not_sure() {
    let prohibited = vec!["ip6_pkt_drop <-ip6_pkt_prohibit"];
    is(
        last(&[dropped(), prohibited.clone()]),
        "rcv-prohibited",
        "confirmed",
    );
    is(
        last(&[dropped(), attempted(REFUSED), prohibited]),
        "rcv-prohibited",
        "probable",
    );
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
        let mut command = common::command();
        let text = trace(&[call, drop.clone()].concat().repeat(3));
        command
            .args(["report", "--format", "json"])
            .write_stdin(text);
        let report = common::json(&command.output().unwrap());
        assert_eq!(report["drops"]["total"], 3);
        assert_eq!(report["gc"]["calls"], 3, "{}", report["gc"]);
    }
}

/// What was lost before a prohibit may have been a refused lookup in an earlier table.
#[test]
fn a_prohibit_behind_a_loss_is_not_certain() {
    let prohibit = "ip6_pkt_drop <-ip6_pkt_prohibit";
    let found = drops(&[GC, RAN, "raw CPU:1 [LOST 5 EVENTS]", prohibit]);
    assert_eq!(found, [("rcv-prohibited".into(), "probable".into())]);
}

/// Calls that bpftrace has counted were made at no known time: nothing follows from their number.
#[test]
fn counted_calls_prove_no_refusal() {
    let dir = tempfile::tempdir().unwrap();
    let facts = dir.path().join("facts");
    let reading = |allocations: u64, slow: u64, drops: u64| {
        format!(
            "0032 0028 {allocations:04x} 001e 0000 {slow:04x} 0000\nIp6InNoRoutes {drops}\n\
             net.ipv6.route.gc_thresh = 1024\nnet.ipv6.route.max_size = 4096\n4\n"
        )
    };
    std::fs::write(&facts, reading(1000, 4000, 100) + &reading(1200, 4050, 108)).unwrap();
    let mut text = String::from("@[\n    ip6_dst_gc+1\n    dst_alloc+109\n]: 5000\n");
    let mut events = Vec::new();
    for _ in 0..8 {
        for _ in 0..2 {
            events.extend([GC, STACK]);
            events.extend(GC_FRAMES);
            events.push(RAN);
        }
        events.extend([DROP, STACK]);
        events.extend(DROP_FRAMES);
    }
    text.push_str(&trace(&events));
    let mut command = common::command();
    command.args(["report", "--format", "json", "--facts"]);
    let output = command.arg(&facts).write_stdin(text).output().unwrap();
    let report = common::json_line(&common::stdout(&output).replace('\n', " "));
    assert_eq!(report["drops"]["total"], 8);
    assert_eq!(report["gc"]["unknown"], 5016, "{report}");
}
