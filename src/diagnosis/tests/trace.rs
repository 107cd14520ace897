//! Writes small traces and reads them as the program does.

use std::path::Path;

use crate::analysis::stream::Analysis;
use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::evidence::Evidence;
use crate::host::Facts;
use crate::report::build::Request;
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::report::summary::Summary;

pub(crate) const GC: &str = "ip6_dst_gc <-dst_alloc";
pub(crate) const RAN: &str = "fib6_run_gc <-ip6_dst_gc";
pub(crate) const REFUSED: &str = "gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=1";
pub(crate) const GRANTED: &str = "gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=0";
pub(crate) const DROP: &str = "ip6_pkt_drop <-ip6_pkt_discard";
pub(crate) const STACK: &str = "<stack trace>";
pub(crate) const LOOKUP: &str = "ip6_route_input <-ip6_rcv_finish";
/// The stack of a receive-path attempt.
pub(crate) const GC_FRAMES: [&str; 4] = [
    "=> ip6_dst_gc",
    "=> dst_alloc",
    "=> ip6_route_input",
    "=> ipv6_rcv",
];
/// The stack of a drop.
pub(crate) const DROP_FRAMES: [&str; 3] = ["=> ip6_pkt_drop", "=> ip6_pkt_discard", "=> ipv6_rcv"];

/// A trace of CPU 1 and task 7, an event a line, ten microseconds apart.
///
/// `=> NAME` is a frame, `raw TEXT` a line as it stands, `wait N` so many microseconds;
/// `PID@EVENT` is of another task, `PID/CPU@EVENT` on another CPU, `PID/CPU/FLAGS@EVENT` with other
/// flags than those of a softirq.
pub(crate) fn trace(events: &[&str]) -> String {
    let mut text = String::new();
    let mut microseconds = 0;
    for event in events {
        if event.starts_with("=>") {
            text.push_str(&format!(" {event}\n"));
        } else if let Some(raw) = event.strip_prefix("raw ") {
            text.push_str(&format!("{raw}\n"));
        } else if let Some(more) = event.strip_prefix("wait ") {
            microseconds += more.parse::<u64>().unwrap();
            continue;
        } else {
            let (task, event) = event.split_once('@').unwrap_or(("7", event));
            let mut task = task.split('/');
            let mut part = |usual| task.next().unwrap_or(usual);
            let (pid, cpu, flags) = (part("7"), part("1"), part("..s1"));
            let (seconds, rest) = (100 + microseconds / 1_000_000, microseconds % 1_000_000);
            text.push_str(&format!(
                "          <idle>-{pid:<5} [00{cpu}] {flags}   {seconds}.{rest:06}: {event}\n"
            ));
        }
        microseconds += 10;
    }
    text
}

/// A drop and its stack.
pub(crate) fn dropped() -> Vec<&'static str> {
    [&[DROP, STACK][..], &DROP_FRAMES].concat()
}

/// An attempt for a received packet, its stack, and what shows its outcome.
pub(crate) fn attempted(outcome: &'static str) -> Vec<&'static str> {
    [&[GC, STACK][..], &GC_FRAMES, &[outcome]].concat()
}

/// A drop, decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decided {
    pub(crate) class: Class,
    pub(crate) confidence: Confidence,
    pub(crate) rule: &'static str,
    pub(crate) evidence: Evidence,
}

impl DecidedSink for Vec<Decided> {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        let decided = drop.classification;
        let one = Decided {
            class: decided.class,
            confidence: decided.confidence,
            rule: decided.rule.name,
            evidence: *drop.evidence,
        };
        self.extend((0..drop.count).map(|_| one));
    }
}

/// What is said of a text as a whole, and of each of its drops.
pub(crate) fn report(text: &str, request: &Request) -> (Summary, Vec<Decided>) {
    let mut analysis = Analysis::new(request, true);
    analysis.begin(Path::new("trace"));
    analysis.feed(text.as_bytes());
    analysis.end(None).unwrap();
    let report = analysis.finish();
    let mut drops = Vec::new();
    report.walk(0, &mut drops).unwrap();
    (report.summary, drops)
}

/// The drops of a trace.
pub(crate) fn drops(events: &[&str]) -> Vec<Decided> {
    report(&trace(events), &Request::default()).1
}

/// Facts handed over beside a trace.
pub(crate) fn handed(facts: &str) -> Request {
    Request {
        facts: Some(Facts::parse(facts.as_bytes()).unwrap()),
        ..Request::default()
    }
}

/// The drops of a trace between two readings of facts, in the trace itself as `record` writes
/// them.
pub(crate) fn drops_between(events: &[&str], [before, after]: [&str; 2]) -> Vec<Decided> {
    let side = |side: &str, facts: &str| {
        let lines = facts.lines().map(|line| match line.bytes().next() {
            Some(b'0') => format!("# ip6drop: {side} rt6_stats {line}\n"),
            Some(b'1'..=b'9') => format!("# ip6drop: {side} nproc {line}\n"),
            _ => format!("# ip6drop: {side} {line}\n"),
        });
        lines.collect::<String>()
    };
    let text = side("before", before) + &trace(events) + &side("after", after);
    report(&text, &Request::default()).1
}

/// The last drop of a trace.
pub(crate) fn last(parts: &[Vec<&str>]) -> Decided {
    drops(&parts.concat()).pop().unwrap()
}

/// Asserts class, confidence and rule.
#[track_caller]
pub(crate) fn is(got: Decided, class: Class, confidence: Confidence, rule: &str) {
    assert_eq!(
        (got.class, got.confidence, got.rule),
        (class, confidence, rule)
    );
}
