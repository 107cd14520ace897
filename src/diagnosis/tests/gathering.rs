//! What a trace gives besides the evidence of its drops, and the caps on what is followed.

use crate::diagnosis::class::Class::{RcvDstAlloc, RcvNoRoute};
use crate::diagnosis::class::Confidence::{Confirmed, Probable};
use crate::diagnosis::collect::collector::MAX_LIVE_TASKS;
use crate::diagnosis::collect::gathered::MAX_CPUS;
use crate::diagnosis::evidence::Window;
use crate::diagnosis::tests::trace::{
    DROP, DROP_FRAMES, GC, GC_FRAMES, GRANTED, RAN, REFUSED, STACK, attempted, dropped, drops, is,
    last, report, trace,
};
use crate::kernel::functions::Origin;
use crate::report::build::Request;
use crate::report::summary::{CpuKey, Summary};

fn summary(events: &[&str]) -> Summary {
    report(&trace(events), &Request::default()).0
}

#[test]
fn stacks_are_counted_with_those_that_are_empty() {
    let stack = [&[STACK][..], &DROP_FRAMES].concat();
    let events = [&[DROP][..], &stack, &[DROP, STACK], &[DROP][..], &stack].concat();
    let health = summary(&events).findings.health;
    assert_eq!((health.stacks, health.empty_stacks), (3, 1));
    let counted = "raw @[\n    ip6_pkt_drop+1\n    ip6_pkt_discard+1\n]: 7";
    let found = summary(&[counted, DROP]);
    assert_eq!(found.findings.health.stacks, 1);
    assert_eq!(found.findings.drops(), 8);
}

#[test]
fn calls_that_were_counted_are_calls() {
    let counted = |n: u64| format!("raw @[\n    ip6_dst_gc+1\n    ip6_route_input+1\n]: {n}");
    let (five, six) = (counted(5), counted(6));
    let gc = summary(&[&five, &six, DROP]).findings.gc;
    assert_eq!(gc[&Origin::Receive].calls, 11);
    assert_eq!(gc[&Origin::Receive].unknown(), 11);
}

#[test]
fn a_stack_is_of_the_event_that_it_names_or_follows() {
    let frames = |frames: &[&'static str]| [&[STACK][..], frames].concat();
    let unknown = "=> [unknown/kretprobe'd]";
    let count = |events: &[&[&str]]| {
        let found = summary(&events.concat()).findings;
        (found.drops(), found.gc_total().calls)
    };
    // Without a name it is of the event before it, if that may have brought one.
    let nameless = frames(&[unknown]);
    assert_eq!(count(&[&[DROP], &nameless]), (1, 0));
    assert_eq!(count(&[&[GC], &nameless, &[DROP]]), (1, 1));
    assert_eq!(count(&[&[DROP, "schedule <-do_idle"], &nameless]), (1, 0));
    assert_eq!(count(&[&[DROP], &nameless, &nameless]), (1, 0));
    assert_eq!(count(&[&[GC, GRANTED], &nameless, &[DROP]]), (1, 1));
    // With one it stands for its event where there is none.
    let of_drop = frames(&DROP_FRAMES);
    assert_eq!(count(&[&[DROP], &of_drop]), (1, 0));
    assert_eq!(count(&[&[DROP], &of_drop, &of_drop]), (2, 0));
    let of_gc = frames(&GC_FRAMES);
    assert_eq!(count(&[&[GC], &of_gc, &[DROP]]), (1, 1));
    assert_eq!(count(&[&[GC, GRANTED], &of_gc, &[DROP]]), (1, 2));
    // One of anything else is of no event here.
    assert_eq!(count(&[&[DROP], &frames(&["=> ip6_output"])]), (1, 0));
    // Frames that are pasted without a header are drops of their own.
    assert_eq!(count(&[&DROP_FRAMES, &["raw "], &DROP_FRAMES]), (2, 0));
}

#[test]
fn lost_events_are_counted_for_their_cpu() {
    let health = summary(&[
        DROP,
        "raw CPU:1 [LOST 3 EVENTS]",
        "raw CPU:1 [LOST 4 EVENTS]",
        "raw CPU:2 [LOST 5 EVENTS]",
        "raw CPU:2 [LOST EVENTS]",
        "raw CPU:3 [LOST EVENTS]",
    ])
    .findings
    .health;
    let lost: Vec<_> = health.lost.into_iter().collect();
    assert_eq!((lost, health.lost_uncounted), (vec![(1, 7), (2, 5)], 2));
    let entries = |text| summary(&[text, text, DROP]).findings.health.overwritten;
    let all = "raw # entries-in-buffer/entries-written: 72/72   #P:4";
    assert_eq!(entries(all), 0);
    let some = "raw # entries-in-buffer/entries-written: 72/75   #P:4";
    assert_eq!(entries(some), 6);
}

#[test]
fn the_text_names_kernel_and_cpus() {
    let found = summary(&["raw # function latency trace v1.1.5 on 4.19.108", DROP]);
    assert!(found.kernels.contains(&"4.19.108".into()));
    let cpus = |banner| summary(&[banner, DROP]).cpus;
    assert_eq!(cpus("raw cpus=3"), Some(3));
    assert_eq!(
        cpus("raw # entries-in-buffer/entries-written: 7/7   #P:5"),
        Some(5)
    );
    assert_eq!(cpus("raw # ip6drop: cpus 6"), Some(6));
    assert_eq!(cpus("raw # tracer: function"), None);
    let found = summary(&["7/3@schedule <-do_idle", DROP, "7/5@schedule <-do_idle"]);
    let rows: Vec<CpuKey> = found.per_cpu.into_keys().collect();
    assert_eq!(rows, [1, 3, 5].map(CpuKey::Cpu));
}

/// The window is of all CPUs, and of what came before a loss as well.
#[test]
fn the_window_spans_all_events() {
    let seconds = |events: &[&str]| {
        let (first, last) = summary(events).window.unwrap();
        last.nanoseconds_since(first)
    };
    assert_eq!(seconds(&[DROP]), Some(0));
    assert_eq!(seconds(&[DROP, "wait 90", DROP]), Some(100_000));
    assert_eq!(
        seconds(&[DROP, "wait 90", "7/2@schedule <-do_idle", DROP]),
        Some(110_000)
    );
    let lost = "raw CPU:1 [LOST 3 EVENTS]";
    assert_eq!(seconds(&[DROP, "wait 80", DROP, lost]), Some(90_000));
    assert_eq!(seconds(&[DROP, lost, "wait 80", DROP]), Some(100_000));
}

/// Events of CPUs beyond the cap go without a CPU, and what is said of these is at best probable.
#[test]
fn cpus_beyond_the_cap_go_without_evidence_of_their_own() {
    let on = |cpu: usize, us: usize, event: &str| {
        format!("raw  <idle>-7 [{cpu:03}] ..s1   100.{us:06}: {event}")
    };
    let with = |cpus: usize| {
        let mut events: Vec<String> = (0..cpus).map(|cpu| on(cpu, 0, GC)).collect();
        let last = cpus - 1;
        let handler = "ip6_pkt_discard <-ip6_rcv_finish";
        events.extend((1..3).map(|us| on(last, us, handler)));
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        drops(&events).pop().unwrap()
    };
    is(with(MAX_CPUS), RcvNoRoute, Confirmed, "no-attempt-traced");
    let beyond = with(MAX_CPUS + 1);
    assert!(beyond.evidence.without_context);
    is(beyond, RcvNoRoute, Probable, "no-attempt-traced");
    // Losses there are counted, and are on no CPU.
    let lost = |cpus: usize| {
        let mut events: Vec<String> = (0..MAX_CPUS).map(|cpu| on(cpu, 0, GC)).collect();
        events.push(format!("raw CPU:{cpus} [LOST 3 EVENTS]"));
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let health = summary(&events).findings.health;
        (health.lost.len(), health.lost_uncounted)
    };
    assert_eq!(lost(MAX_CPUS - 1), (1, 0));
    assert_eq!(lost(MAX_CPUS), (0, 1));
}

/// Where too many tasks are live all evidence is cut, as if events had been lost.
#[test]
fn tasks_beyond_the_cap_cut_all_evidence() {
    let with = |tasks: usize| {
        let mut events = vec!["7@".to_owned() + DROP];
        events.extend((1000..1000 + tasks).map(|pid| format!("{pid}/2@schedule <-do_idle")));
        events.push("7@".to_owned() + DROP);
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let (summary, drops) = report(&trace(&events), &Request::default());
        (summary.findings.health.evictions, drops[1].evidence.window)
    };
    assert_eq!(with(MAX_LIVE_TASKS - 1), (0, Window::Whole));
    assert_eq!(with(MAX_LIVE_TASKS), (1, Window::Lost));
}

#[test]
fn fast_is_of_the_event_that_read_it() {
    let read = "gc_enter: (ip6_dst_gc+0x0/0xd0) ops=0x1 family=10 gc_thresh=64 fast=288";
    let facts = "0032 0028 03e8 001e 0000 0170 0000\nnet.ipv6.route.gc_thresh = 64\n\
        net.ipv6.route.max_size = 366\n4\n";
    let request = Request {
        facts: Some(crate::host::Facts::parse(facts.as_bytes()).unwrap()),
        ..Request::default()
    };
    let (found, _) = report(&trace(&[read, GRANTED, DROP, read, RAN]), &request);
    let fast = found.findings.counters.unwrap().fast.unwrap();
    let series = fast.series;
    assert_eq!((series.min, series.max, series.samples), (288, 288, 2));
}

/// What was seen before a cut is not there behind it, for any task.
#[test]
fn a_cut_forgets_attempts_and_what_was_open() {
    let refused = ["gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=1"];
    let lost = vec!["raw CPU:1 [LOST 3 EVENTS]"];
    let before = [&[GC, STACK][..], &GC_FRAMES, &refused].concat();
    let drop = last(&[dropped(), before.clone(), lost.clone(), dropped()]);
    assert_eq!(drop.evidence.receive.count, 0);
    assert_eq!(drop.rule, "events-lost");
    // The second event of a drop behind a cut is of another one.
    let handler = vec!["ip6_pkt_discard <-ip6_rcv_finish"];
    assert_eq!(drops(&[handler.clone(), vec![DROP]].concat()).len(), 1);
    assert_eq!(
        drops(&[handler, lost.clone(), vec![DROP]].concat()).len(),
        2
    );
    // The attempt of a task that was away is forgotten as well.
    let away = vec!["9@schedule <-do_idle"];
    let drop = last(&[before, away, lost, attempted(GRANTED), dropped()]);
    assert_eq!(drop.evidence.receive.count, 1);
}

#[test]
fn a_gap_between_parts_loses_events() {
    let gap = "raw # ip6drop: gap";
    let with = |between: &[&str]| {
        let events = [&dropped()[..], between, &attempted(GRANTED), &dropped()].concat();
        (
            summary(&events).findings.health.lost_uncounted,
            drops(&events)[1].evidence.window,
        )
    };
    assert_eq!(with(&[]), (0, Window::Whole));
    assert_eq!(with(&[gap]), (1, Window::Start));
}

/// Behind a loss evidence begins anew, and goes on from there.
#[test]
fn evidence_is_gathered_behind_a_loss() {
    let lost = "raw CPU:1 [LOST 5 EVENTS]";
    let task = |event: &str| format!("7/1/...1@{event}");
    let (gc, refused, drop) = (task(GC), task(REFUSED), task(DROP));
    // A task that was left goes on where it was, whether or not a drop came before.
    let left = "9@schedule <-do_idle";
    let of = drops(&[&drop, lost, &gc, &refused, left, &drop]);
    is(of[1], RcvDstAlloc, Probable, "refused-last");
    let of = drops(&[&drop, lost, &drop, &gc, &refused, left, &drop]);
    is(of[2], RcvDstAlloc, Probable, "refused-last");
    let softirq = [
        &dropped()[..],
        &[lost],
        &dropped(),
        &attempted(REFUSED),
        &dropped(),
    ]
    .concat();
    let of = drops(&softirq);
    assert_eq!(of.len(), 3);
    is(of[2], RcvDstAlloc, Probable, "refused-last");
}

#[test]
fn stacks_alone_are_a_trace_where_one_is_known() {
    let stack = |first: &str, second: &str| format!("raw     {first}+1\n    {second}+1\n");
    let drop = stack("ip6_pkt_drop", "ip6_pkt_discard");
    let other = stack("schedule", "do_idle");
    assert_eq!(summary(&[&drop, &other]).findings.drops(), 1);
    assert_eq!(summary(&[&other, &drop]).findings.drops(), 1);
}

/// A stack that was seen before is of its event where time goes on between them.
#[test]
fn a_known_stack_is_of_its_event_where_time_goes_on() {
    let mark = |time| format!("raw           <idle>-7     [001] ..s1   100.{time}: <stack trace>");
    let with = |mark: &str| {
        let last = [&[DROP, mark][..], &DROP_FRAMES, &["schedule <-do_idle"]].concat();
        drops(&[dropped(), dropped(), dropped(), last].concat()).len()
    };
    // The last drop is the sixteenth line.
    assert_eq!(with(&mark("000150")), 4);
    assert_eq!(with(&mark("000149")), 5);
}
