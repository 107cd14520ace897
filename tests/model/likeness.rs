//! The model prints what the captures hold: whatever three events follow each other on a CPU in
//! a real capture do so in the model's texts. Both are read here, by a reader of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::strategy::{Strategy, ValueTree};

use crate::case::play;
use crate::soak::runner;
use crate::strategies::setup;

/// Three kinds of events.
type Triple = [&'static str; 3];

/// Captures of what the model has set-ups for.
const CAPTURES: [&str; 34] = [
    "4.19-fp/exhausted",
    "4.19-fp/exhausted-with-ndisc",
    "4.19-fp/mixed",
    "4.19-fp/mixed-probes",
    "4.19-fp/alternating",
    "4.19-fp/healthy",
    "4.19-fp/noroute",
    "4.19-fp/unreachable",
    "4.19-fp/prohibit",
    "4.19-fp/lost",
    "4.19-fp/opt-noirq-info",
    "4.19-fp/opt-record-tgid",
    "4.19-fp/clock-mono",
    "4.19-orc/exhausted",
    "4.19-orc/alternating",
    "4.19-orc/healthy",
    "4.19-orc/instance",
    "4.19-orc/intermittent-probes",
    "4.19-orc/alternating-probes",
    "4.19-odd/empty-stacks",
    "4.19-more/boundary-exhausted",
    "4.19-more/boundary-intermittent",
    "4.19-more/intermittent-entry",
    "4.19-more/intermittent-out",
    "4.19-more/refused-then-forwarded",
    "4.19-more/two-namespaces-other-full",
    "vendor/opencloudos-exh",
    "vendor/opencloudos-small",
    "vendor/rhel8-exh",
    "vendor/rhel8-small",
    "vendor/tencentos-ex2",
    "vendor/tencentos-exh",
    "vendor/fixed-rec",
    "vendor/fixed-slow",
];

/// The kind of an event, by its text.
fn kind(text: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 12] = [
        ("ip6_pkt_drop <-", "drop"),
        ("ip6_pkt_discard <-", "discard"),
        ("ip6_pkt_prohibit <-", "prohibit"),
        ("ip6_pkt_discard_out <-", "discard_out"),
        ("ip6_pkt_prohibit_out <-", "prohibit_out"),
        ("ip6_dst_gc <-", "gc"),
        ("fib6_run_gc <-", "run_gc"),
        ("gc_enter:", "gc_enter"),
        ("gc_exit:", "gc_exit"),
        ("icmp6_send <-", "icmp6_send"),
        ("ip6_route_input <-", "input"),
        ("<stack trace>", "stack"),
    ];
    let known = KINDS.iter().find(|(start, _)| text.starts_with(start));
    known.map(|(_, name)| *name)
}

/// The CPU that a line names, and its text.
fn event(line: &str) -> Option<(u32, &str)> {
    let (front, behind) = line.split_once("] ")?;
    let cpu = front.rsplit_once('[')?.1.parse().ok()?;
    let (_, text) = behind.split_once(": ")?;
    Some((cpu, text))
}

fn triples(text: &str, into: &mut BTreeSet<Triple>) {
    let mut last: BTreeMap<u32, Vec<&'static str>> = BTreeMap::new();
    for line in text.lines() {
        let lost = line.strip_prefix("CPU:").and_then(|rest| {
            let (cpu, what) = rest.split_once(' ')?;
            what.starts_with("[LOST").then_some(cpu.parse().ok()?)
        });
        let found = match lost {
            Some(cpu) => Some((cpu, "lost")),
            None => event(line).and_then(|(cpu, text)| Some((cpu, kind(text)?))),
        };
        if let Some((cpu, kind)) = found {
            let events = last.entry(cpu).or_default();
            events.push(kind);
            if let [.., a, b, c] = events[..] {
                into.insert([a, b, c]);
            }
        }
    }
}

fn capture(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let path = root.join(Path::new(name)).with_extension("pipe");
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

#[test]
fn events_follow_each_other_as_in_the_captures() {
    let mut model = BTreeSet::new();
    let mut runner = runner(3);
    let strategy = setup(40);
    let mut played = 0;
    while played < 1200 {
        let setup = strategy.new_tree(&mut runner).unwrap().current();
        if !setup.is_named() {
            triples(&play(&setup).text, &mut model);
            played += 1;
        }
    }
    for name in CAPTURES {
        let mut real = BTreeSet::new();
        triples(&capture(name), &mut real);
        assert!(!real.is_empty(), "{name}");
        let missing: Vec<_> = real.difference(&model).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
}
