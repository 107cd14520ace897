//! Real captures of a 4.19 kernel whose truth is known from the sender's side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::collections::BTreeMap;

use common::{capture, class, drops, fixture, json, number, report};
use serde_json::Value;

const DST: &str = "rcv-dst-alloc";
const NO_ROUTE: &str = "rcv-no-route";

fn per_cpu(report: &Value) -> Vec<(u64, u64)> {
    let rows = report["per_cpu"].as_array().unwrap();
    rows.iter()
        .map(|row| (number(&row["cpu"]), number(&row["drops"])))
        .collect()
}

fn four(each: u64) -> Vec<(u64, u64)> {
    (0..4).map(|cpu| (cpu, each)).collect()
}

/// Where nothing was lost the kernel's own counter agrees.
fn assert_control(name: &str, report: &Value) {
    assert_eq!(
        report["control"]["equal"], true,
        "{name}: {}",
        report["control"]
    );
}

#[test]
fn of_a_full_cache_the_cache_is_proven_and_single_drops_are_not() {
    for name in [
        "4.19-fp/exhausted",
        "4.19-orc/exhausted",
        "4.19-fp/exhausted-with-ndisc",
    ] {
        let report = report(name, true);
        assert_eq!(class(&report, DST), [48, 0, 48, 0], "{name}");
        assert_eq!(number(&report["drops"]["total"]), 48, "{name}");
        assert_eq!(per_cpu(&report), four(12), "{name}");
        assert_eq!(report["verdict"]["exit"], 11, "{name}");
        let cache = &report["verdict"]["cache"];
        assert_eq!(cache["refused_all"], true, "{name}");
        assert_eq!(cache["attempts"], report["gc"]["calls"], "{name}");
        assert_eq!(cache["confidence"], "confirmed", "{name}");
        assert_eq!(report["verdict"]["class"], DST, "{name}");
        assert_eq!(report["counters"]["regime"], "exhausted", "{name}");
        assert_control(name, &report);
    }
}

/// `diagnose --keep` on a 4.19.108 kernel (ORC) whose packets never stopped coming. Each sender
/// sent one kind of packet; what its CPU's ksoftirqd dropped may be of either.
#[test]
fn recordings_of_a_host_that_drops_all_the_time() {
    let name = "4.19-live/orc-mixed.txt.gz";
    let (lines, summary) = drops(name, false);
    assert_eq!(class(&summary, DST), [311, 0, 311, 0]);
    assert_eq!(class(&summary, NO_ROUTE), [156, 156, 0, 0]);
    assert_eq!(class(&summary, "rcv-undetermined"), [3, 0, 0, 3]);
    assert_eq!(summary["verdict"]["exit"], 11);
    assert_eq!(summary["verdict"]["cache"]["attempts"], 622);
    assert_eq!(summary["counters"]["regime"], "exhausted");
    assert_control(name, &summary);
    for drop in &lines {
        if is_at_start(drop) {
            continue;
        }
        let truth = match number(&drop["pid"]) {
            650..=653 => DST,
            655..=658 => NO_ROUTE,
            _ => continue,
        };
        assert_eq!(drop["class"], truth, "{drop}");
    }
    let name = "4.19-live/orc-intermittent.txt.gz";
    let summary = report(name, false);
    assert_eq!(class(&summary, DST), [17, 0, 17, 0]);
    assert_eq!(summary["verdict"]["exit"], 11);
    assert_eq!(summary["verdict"]["cache"], Value::Null);
    assert_eq!(summary["counters"]["regime"], "intermittent");
    assert_eq!(summary["counters"]["fast"]["last"], 576);
    assert_control(name, &summary);
}

#[test]
fn regimes_are_named() {
    for (name, regime) in [
        ("4.19-fp/alternating", "exhausted"),
        ("4.19-fp/mixed-probes", "exhausted"),
        ("4.19-orc/exhausted", "exhausted"),
        ("4.19-more/boundary-exhausted", "exhausted"),
        ("4.19-orc/intermittent-probes", "intermittent"),
        ("4.19-more/intermittent-entry", "intermittent"),
        ("4.19-more/intermittent-out", "intermittent"),
        // Without a probe: allocations were granted without a collection, so fast was not
        // above max_size all the time.
        ("4.19-more/boundary-intermittent", "intermittent"),
        ("4.19-fp/healthy", "within-limits"),
        ("4.19-orc/healthy", "within-limits"),
        ("4.19-fp/noroute", "within-limits"),
    ] {
        let report = report(name, true);
        assert_eq!(report["counters"]["regime"], regime, "{name}");
        let summary = report["verdict"]["summary"].as_str().unwrap();
        assert!(
            summary.contains(&format!("Regime when last read: {regime} (slow ")),
            "{summary}"
        );
    }
}

#[test]
fn fast_is_held_against_slow() {
    let report = report("4.19-orc/intermittent-probes", true);
    let counters = &report["counters"];
    let expected = serde_json::json!({
        "min": 288, "max": 288, "last": 288, "samples": 326, "to_slow": 91, "batches": 9,
        "offset": 136,
    });
    assert_eq!(counters["fast"], expected);
    assert_eq!(counters["slow"], 379);
    assert_eq!(counters["max_size"], 366);
    assert_eq!(counters["batch"], 32);
}

#[test]
fn sized_limits_are_advised() {
    let report = report("4.19-fp/alternating", true);
    let advice = &report["advice"][0];
    assert_eq!(
        advice["command"],
        "sysctl -w net.ipv6.route.max_size=4096 net.ipv6.route.gc_thresh=2048"
    );
    assert_eq!(report["counters"]["sizing"]["routes"], 406);
    assert_eq!(report["counters"]["sizing"]["needed"], 1624);
}

#[test]
fn refused_neighbour_discovery_is_counted_apart() {
    let report = report("4.19-fp/exhausted-with-ndisc", true);
    let ndisc = &report["gc"]["by_origin"]["ndisc"];
    assert!(number(&ndisc["failed"]) > 0, "{ndisc}");
    assert_eq!(ndisc["calls"], ndisc["failed"]);
    assert_eq!(number(&report["gc"]["by_origin"]["receive"]["failed"]), 96);
}

#[test]
fn without_facts_the_same_class_is_probable() {
    for name in [
        "4.19-fp/exhausted",
        "4.19-orc/exhausted",
        "4.19-fp/exhausted-with-ndisc",
    ] {
        let report = report(name, false);
        assert_eq!(class(&report, DST), [48, 0, 48, 0], "{name}");
        assert_eq!(report["verdict"]["exit"], 11, "{name}");
    }
}

#[test]
fn mixed_causes_are_told_apart_by_task() {
    for (name, full, routes) in [
        ("4.19-fp/mixed", vec![1142, 1143, 1144, 1145], vec![1141]),
        (
            "4.19-fp/mixed-probes",
            vec![1163, 1164, 1165, 1166],
            vec![1147, 1162, 1167],
        ),
        (
            "4.19-orc/instance",
            vec![1052, 1053, 1054, 1055],
            vec![1051, 1056, 1057, 1058],
        ),
        (
            "4.19-orc/intermittent-probes",
            vec![1081, 1084],
            vec![1080, 1085, 1086, 1087],
        ),
    ] {
        for with_facts in [true, false] {
            let (drops, summary) = drops(name, with_facts);
            for drop in &drops {
                let pid = number(&drop["pid"]);
                let expected = if full.contains(&pid) {
                    DST
                } else if routes.contains(&pid) {
                    NO_ROUTE
                } else {
                    // Softirq work of a sender that went on in ksoftirqd: a full cache here.
                    assert_eq!(drop["comm"], "ksoftirqd/1", "{name}: {drop}");
                    DST
                };
                if !is_at_start(drop) {
                    assert_eq!(drop["class"], expected, "{name}: {drop}");
                }
            }
            assert_eq!(
                number(&summary["drops"]["total"]) as usize,
                drops.len(),
                "{name}"
            );
        }
    }
}

/// The trace starts right before it: nothing tells.
fn is_at_start(drop: &Value) -> bool {
    let is_at_start = drop["rule"] == "starts-at-drop";
    assert!(
        !is_at_start || drop["class"] == "rcv-undetermined",
        "{drop}"
    );
    is_at_start
}

#[test]
fn mixed_totals() {
    // Without a history: the first drop of a CPU before anything else was attempted on it.
    for (name, full, routes, without, gc) in [
        ("4.19-fp/mixed", 40, 10, 0, (80, 80)),
        ("4.19-fp/mixed-probes", 40, 29, 1, (80, 80)),
        ("4.19-orc/instance", 48, 39, 1, (96, 96)),
        ("4.19-orc/intermittent-probes", 3, 40, 0, (326, 3)),
    ] {
        let report = report(name, true);
        assert_eq!(class(&report, DST)[0], full, "{name}");
        assert_eq!(class(&report, NO_ROUTE)[0], routes, "{name}");
        assert_eq!(class(&report, "rcv-undetermined")[0], without, "{name}");
        let all = full + routes + without;
        assert_eq!(number(&report["drops"]["total"]), all, "{name}");
        let counted = (
            number(&report["gc"]["calls"]),
            number(&report["gc"]["failed"]),
        );
        assert_eq!(counted, gc, "{name}");
        assert_control(name, &report);
    }
}

/// The order of a `.truth` file: CPU, then A (full cache) and B (no route).
fn truth(name: &str) -> BTreeMap<u64, String> {
    let text = std::fs::read_to_string(fixture(&format!("{name}.truth"))).unwrap();
    let row = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        (words[1].parse().unwrap(), words[7].to_owned())
    };
    text.lines().map(row).collect()
}

#[test]
fn alternating_causes_are_told_apart_drop_by_drop() {
    for name in [
        "4.19-fp/alternating",
        "4.19-orc/alternating",
        "4.19-orc/alternating-probes",
    ] {
        for with_facts in [true, false] {
            let (drops, summary) = drops(name, with_facts);
            let mut seen = BTreeMap::<u64, String>::new();
            for drop in &drops {
                let letter = match drop["class"].as_str().unwrap() {
                    DST => 'A',
                    NO_ROUTE => 'B',
                    other => panic!("{name}: {other}"),
                };
                seen.entry(number(&drop["cpu"])).or_default().push(letter);
            }
            assert_eq!(seen, truth(name), "{name}");
            assert_eq!(class(&summary, DST)[0], 48, "{name}");
            assert_eq!(class(&summary, NO_ROUTE)[0], 32, "{name}");
        }
        assert_control(name, &report(name, true));
    }
}

#[test]
fn a_healthy_cache_is_not_blamed() {
    for name in ["4.19-fp/healthy", "4.19-orc/healthy"] {
        let with_facts = report(name, true);
        assert_eq!(class(&with_facts, DST), [0; 4], "{name}");
        assert_eq!(class(&with_facts, NO_ROUTE)[0], 32, "{name}");
        assert_eq!(per_cpu(&with_facts), four(8), "{name}");
        assert_eq!(with_facts["verdict"]["exit"], 12, "{name}");
        assert_eq!(number(&with_facts["gc"]["succeeded"]), 48, "{name}");
        assert_eq!(with_facts["counters"]["regime"], "within-limits", "{name}");
        assert_control(name, &with_facts);
        let without = report(name, false);
        assert_eq!(
            class(&without, DST)[1],
            0,
            "{name}: nothing proves a refusal"
        );
    }
}

#[test]
fn missing_routes_and_prohibits() {
    for (name, expected) in [
        ("4.19-fp/noroute", NO_ROUTE),
        ("4.19-fp/unreachable", NO_ROUTE),
        ("4.19-fp/prohibit", "rcv-prohibited"),
    ] {
        let report = report(name, true);
        // Facts that were handed over may be of another time: they prove nothing by themselves.
        assert_eq!(class(&report, expected), [32, 0, 32, 0], "{name}");
        assert_eq!(number(&report["drops"]["total"]), 32, "{name}");
        assert_eq!(per_cpu(&report), four(8), "{name}");
        assert_eq!(report["verdict"]["exit"], 12, "{name}");
        assert_control(name, &report);
    }
    let without = report("4.19-fp/noroute", false);
    assert_eq!(class(&without, "rcv-undetermined"), [32, 0, 0, 32]);
    assert_eq!(
        class(&report("4.19-fp/prohibit", false), "rcv-prohibited"),
        [32, 0, 32, 0]
    );
}

#[test]
fn what_was_traced_can_be_said() {
    let path = capture("4.19-fp/noroute");
    let args = [
        "report",
        "--format",
        "json",
        "--traced",
        "ip6_pkt_drop,ip6_dst_gc",
    ]
    .map(String::from);
    let output = common::ip6drop(args.into_iter().chain([path.display().to_string()]));
    let report = json(&output);
    assert_eq!(class(&report, NO_ROUTE), [28, 28, 0, 0]);
    // The first drop of each CPU has nothing recorded before it, and does not hide the others.
    assert_eq!(class(&report, "rcv-undetermined"), [4, 0, 0, 4]);
    assert_eq!(report["verdict"]["class"], NO_ROUTE);
    assert_eq!(report["verdict"]["exit"], 12);
}

#[test]
fn trace_options_clocks_and_files() {
    for name in [
        "4.19-fp/clock-counter",
        "4.19-fp/clock-mono",
        "4.19-fp/opt-latency-format",
        "4.19-fp/opt-noirq-info",
        "4.19-fp/opt-norecord-cmd",
        "4.19-fp/opt-record-tgid",
        "4.19-fp/opt-sym-addr",
        "4.19-fp/opt-sym-offset",
        "4.19-fp/opt-verbose",
        "4.19-fp/trace-file.txt",
        "4.19-fp/trace-file-latency.txt",
        "4.19-fp/trace-cmd-report.txt",
    ] {
        let report = report(name, false);
        assert_eq!(class(&report, DST), [12, 0, 12, 0], "{name}");
        assert_eq!(per_cpu(&report), four(3), "{name}");
        assert_eq!(number(&report["health"]["unparsed_lines"]), 0, "{name}");
        assert_eq!(
            number(&report["gc"]["by_origin"]["receive"]["calls"]),
            24,
            "{name}"
        );
    }
}

#[test]
fn without_cpu_and_pid_nothing_is_confirmed() {
    let name = "4.19-fp/opt-nocontext-info";
    let path = capture(name).display().to_string();
    let facts = common::facts("4.19-fp/exhausted").display().to_string();
    let output = common::ip6drop(["report", "--format", "json", "--facts", &facts, &path]);
    let report = json(&output);
    assert_eq!(class(&report, DST), [12, 0, 12, 0]);
    let rows = report["per_cpu"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["cpu"]), (1, &Value::Null));
    assert_eq!(report["source"]["window"]["first"], Value::Null);
}

#[test]
fn parts_of_traces() {
    let one_cpu = report("4.19-fp/trace-file-cpu1.txt", false);
    assert_eq!(per_cpu(&one_cpu), [(1, 3)]);
    let cut = report("4.19-fp/trace-file-truncated.txt", false);
    assert_eq!(class(&cut, DST)[0], 9);
    assert_eq!(per_cpu(&cut), [(0, 0), (1, 3), (2, 3), (3, 3)]);
    let lost = report("4.19-fp/lost", false);
    assert_eq!(class(&lost, DST)[0], 44);
    assert_eq!(number(&lost["health"]["lost_events"]), 228);
}

#[test]
fn other_ways_of_tracing() {
    for name in [
        "4.19-orc/instance-stacktrace-probe",
        "4.19-orc/kprobe-stacktrace",
    ] {
        let report = report(name, false);
        assert_eq!(class(&report, "rcv-undetermined"), [12, 0, 0, 12], "{name}");
        assert_eq!(per_cpu(&report), four(3), "{name}");
    }
    let empty = report("4.19-odd/empty-stacks", true);
    assert_eq!(class(&empty, DST), [48, 0, 48, 0]);
    assert_eq!(per_cpu(&empty), four(12));
    assert_eq!(empty["health"]["stacks"], empty["health"]["empty_stacks"]);
    assert_eq!(class(&report("4.19-odd/empty-stacks", false), DST)[1], 0);
}

#[test]
fn drops_alone_are_undetermined_and_the_text_says_what_to_trace() {
    let only = report("text/drops-only.pipe", false);
    assert_eq!(class(&only, "rcv-undetermined"), [80, 0, 0, 80]);
    let path = capture("text/drops-only.pipe");
    let text = common::stdout(&common::ip6drop(["report".as_ref(), path.as_os_str()]));
    assert!(text.contains("Trace ip6_dst_gc as well"), "{text}");
    assert!(text.starts_with("Undetermined"), "{text}");
}

#[test]
fn a_stack_from_a_ticket_is_one_drop() {
    let report = report("text/ticket.txt", false);
    assert_eq!(class(&report, "rcv-undetermined"), [1, 0, 0, 1]);
    assert_eq!(report["source"]["format"], "stack");
    let frames = report["stacks"][0]["frames"].as_array().unwrap();
    assert_eq!(
        (frames.len(), &frames[0]),
        (27, &Value::from("ip6_pkt_drop"))
    );
}

#[test]
fn a_framed_capture_brings_its_own_facts() {
    let framed = report("text/framed.trace", false);
    let plain = report("4.19-orc/intermittent-probes", true);
    assert_eq!(framed["drops"], plain["drops"]);
    assert_eq!(framed["facts"], plain["facts"]);
    assert_eq!(framed["counters"], plain["counters"]);
    assert_eq!(framed["source"]["kernel"], "4.19.108");
    assert_eq!(framed["source"]["format"], "ip6drop");
    assert_eq!(framed["counters"]["fast"]["max"], 288);
    assert_eq!(framed["counters"]["regime"], "intermittent");
}

/// The letters of a `.truth` file that gives every drop in order.
fn letters(name: &str) -> BTreeMap<u64, String> {
    let text = std::fs::read_to_string(fixture(&format!("{name}.truth"))).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("cpu "));
    let row = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let drops = words.iter().position(|word| *word == "drops").unwrap() + 1;
        (words[1].parse().unwrap(), words[drops].replace('.', ""))
    };
    rows.map(row).collect()
}

/// Each drop with its letter.
fn with_letters(name: &str, with_facts: bool) -> Vec<(char, Value)> {
    let mut letters = letters(name);
    let (drops, _) = drops(name, with_facts);
    let pairs: Vec<(char, Value)> = drops
        .into_iter()
        .map(|drop| {
            (
                letters.get_mut(&number(&drop["cpu"])).unwrap().remove(0),
                drop,
            )
        })
        .collect();
    assert!(
        letters.values().all(String::is_empty),
        "{name}: drops are missing"
    );
    pairs
}

const MORE: [&str; 6] = [
    "boundary-exhausted",
    "boundary-intermittent",
    "refused-then-forwarded",
    "intermittent-entry",
    "intermittent-out",
    "two-namespaces-other-full",
];

#[test]
fn confirmed_is_never_wrong() {
    for name in MORE {
        for with_facts in [true, false] {
            for (letter, drop) in with_letters(&format!("4.19-more/{name}"), with_facts) {
                let expected = match letter {
                    'F' | 'f' => DST,
                    'N' | 'n' => NO_ROUTE,
                    'o' => "out-dst-alloc",
                    other => panic!("{other}"),
                };
                if drop["confidence"] == "confirmed" {
                    assert_eq!(drop["class"], expected, "{name}: {drop}");
                }
            }
        }
    }
}

#[test]
fn the_entry_of_the_lookup_settles_a_missing_route() {
    for name in [
        "4.19-more/boundary-exhausted",
        "4.19-more/boundary-intermittent",
    ] {
        for (letter, drop) in with_letters(name, true) {
            // The policy rules say whether a refusal counts; of these captures they are not known.
            let expected = if letter == 'F' {
                (DST, "probable")
            } else {
                (NO_ROUTE, "confirmed")
            };
            let said = ["class", "confidence"].map(|key| drop[key].as_str().unwrap());
            assert_eq!((said[0], said[1]), expected, "{name}");
        }
    }
}

#[test]
fn a_granted_lookup_does_not_acquit_the_refused_one_before_it() {
    for (letter, drop) in with_letters("4.19-more/intermittent-entry", true) {
        let expected = if letter == 'F' { DST } else { NO_ROUTE };
        assert_eq!(drop["class"], expected, "{drop}");
    }
    for (letter, drop) in with_letters("4.19-more/intermittent-out", true) {
        let expected = if letter == 'o' {
            "out-dst-alloc"
        } else {
            NO_ROUTE
        };
        if !is_at_start(&drop) {
            assert_eq!(drop["class"], expected, "{drop}");
        }
    }
}

#[test]
fn facts_of_another_namespace_do_not_decide() {
    for (letter, drop) in with_letters("4.19-more/two-namespaces-other-full", true) {
        if letter == 'f' {
            assert_eq!(drop["class"], DST, "{drop}");
        }
    }
}

/// Kernels of vendors: two that check the limit and print nothing else than mainline does, one from
/// before 4.18, and one that no longer refuses.
#[test]
fn kernels_of_vendors() {
    for (name, full, none) in [
        ("opencloudos-exh", 48, 32),
        ("opencloudos-small", 24, 16),
        ("rhel8-exh", 48, 32),
        ("rhel8-small", 24, 16),
        ("tencentos-ex2", 36, 24),
        ("tencentos-exh", 0, 28), // and the first of each CPU
    ] {
        let report = report(&format!("vendor/{name}"), false);
        assert_eq!(class(&report, DST), [full, 0, full, 0], "{name}");
        assert_eq!(class(&report, NO_ROUTE)[0], none, "{name}");
        // What the counters say never contradicts the drops, and a reading of 0 is no fast.
        let counters = &report["counters"];
        let regimes = counters["regimes"].to_string();
        let refuses_nothing = regimes.contains("latent") || regimes.contains("within");
        assert!(!(full > 0 && refuses_nothing), "{name}: {regimes}");
        let is_vendors_place = name.starts_with("opencloudos") || name.starts_with("rhel8");
        assert!(!is_vendors_place || counters["fast"].is_null(), "{name}");
    }
    let text = fixture("vendor/opencloudos-small.pipe");
    let text = common::ip6drop(["report", "--color", "never", text.to_str().unwrap()]);
    let text = String::from_utf8(text.stdout)
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(
        text.contains("fast not available (0 was read, which is not above gc_thresh"),
        "{text}"
    );
    assert!(text.contains("200 bytes into struct dst_ops"), "{text}");
    assert!(!text.contains("nothing is refused"), "{text}");
    for name in ["fixed-rec", "fixed-slow"] {
        let report = report(&format!("vendor/{name}"), false);
        assert_eq!(class(&report, DST)[0], 0, "{name}: it refuses nothing");
        assert_eq!(report["verdict"]["exit"], 12, "{name}");
        assert_eq!(report["counters"]["regime"], "unaffected", "{name}");
        assert_eq!(report["counters"]["fast"]["last"], 320, "{name}");
        assert_eq!(report["verdict"]["cache"], Value::Null, "{name}");
    }
}

/// With the entry of the lookup, the outcome of its attempts and the policy rules a single drop is
/// proven; without the rules it is probable.
#[test]
fn a_single_drop_is_proven() {
    let text = std::fs::read_to_string(fixture("model/proven.pipe")).unwrap();
    let said = |text: &str| {
        let mut command = common::command();
        command.args(["report", "--format", "json", "--exit-code"]);
        let output = command.write_stdin(text).output().unwrap();
        (json(&output), output.status.code())
    };
    let (report, status) = said(&text);
    assert_eq!(class(&report, DST), [1, 1, 0, 0]);
    assert_eq!(class(&report, NO_ROUTE), [2, 2, 0, 0]);
    assert_eq!(status, Some(10));
    let lines = text.lines().filter(|line| !line.contains(" rule "));
    let without: String = lines.map(|line| format!("{line}\n")).collect();
    let (report, status) = said(&without);
    assert_eq!(class(&report, DST), [1, 0, 1, 0]);
    assert_eq!(status, Some(11));
}

/// Sequences that a 4.19 prints, on which more than a probable answer would be wrong. They are not
/// captures: a model of the receive path made them, and knows the truth.
#[test]
fn sequences_that_tempt() {
    let all = |name: &str, with_facts: bool| {
        let (drops, summary) = drops(&format!("model/{name}"), with_facts);
        let said = drops.iter().map(|drop| {
            let word = |key: &str| drop[key].as_str().unwrap().to_owned();
            (word("class"), word("confidence"), word("rule"))
        });
        (said.collect::<Vec<_>>(), summary)
    };
    let said = |class: &str, rule: &str| (class.into(), "probable".into(), rule.into());
    // Every drop is of a missing route: a second table rescued what was refused.
    let (drops, summary) = all("regular-forwarded", true);
    assert_eq!(drops, vec![said(DST, "refused-last"); 10]);
    assert_eq!(summary["verdict"]["exit"], 11);
    // The refused copy was of a throw route, and of one that a rule put back.
    for name in ["throw-refused", "suppressed-refused"] {
        let (drops, _) = all(name, false);
        assert_eq!(drops, [said(DST, "refused-perhaps-passed-over")], "{name}");
    }
    // What was refused before the capture started sent it to a prohibit route.
    let (drops, summary) = all("prohibit-at-start", false);
    assert_eq!(
        drops[0],
        said("rcv-prohibited", "prohibited-perhaps-refused")
    );
    assert_eq!(summary["verdict"]["exit"], 11);
    // A softirq drops between a task's attempt and the task's own drop.
    let (drops, _) = all("softirq-over-output", false);
    assert_eq!(drops[1], said("out-dst-alloc", "attempted-for-packet"));
    assert_eq!(drops.len(), 2);
}
