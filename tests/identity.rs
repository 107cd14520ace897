//! Captures of real kernels whose packets have names, drop by drop against what their senders know.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::collections::BTreeMap;

use common::{capture, command, facts, fixture, json_line, stdout};
use serde_json::Value;

/// How many drops of a class are said with that confidence.
type Said<'a> = (&'a str, &'a str, usize);

/// Every drop of a capture, with its facts where there are some.
fn drops(name: &str) -> Vec<Value> {
    let mut report = command();
    report.args(["report", "--format", "ndjson"]);
    let facts = facts(name.trim_end_matches(".trace"));
    if facts.exists() {
        report.arg("--facts").arg(facts);
    }
    let output = report.arg(capture(name)).output().unwrap();
    let lines = stdout(&output);
    let lines = lines.lines().map(json_line);
    lines.filter(|line| line["type"] == "drop").collect()
}

fn text<'a>(drop: &'a Value, key: &str) -> &'a str {
    drop[key].as_str().unwrap()
}

#[track_caller]
fn are_said(name: &str, drops: &[Value], wanted: &[Said<'_>]) {
    let mut found: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for drop in drops {
        let said = (text(drop, "class"), text(drop, "confidence"));
        *found.entry(said).or_default() += 1;
    }
    let wanted = wanted.iter().map(|(class, how, n)| ((*class, *how), *n));
    assert_eq!(found, wanted.collect(), "{name}");
}

/// What became of packets to that destination, as the senders know it.
fn truth(destination: &str) -> &'static str {
    let known = [
        ("fd00:1::", "rcv-dst-alloc"),
        ("fd00:77::", "rcv-dst-alloc"),
        ("fd00:10:99::", "rcv-dst-alloc"),
        ("2001:db8:dead:", "rcv-no-route"),
        ("2001:db8:113::", "rcv-no-route"),
        ("2001:db8:13::", "rcv-prohibited"),
        ("2001:db8:a2:", "rcv-no-route"),
        ("2001:db8:a1:", "rcv-prohibited"),
    ];
    let mut known = known.iter();
    known.find(|(to, _)| destination.starts_with(to)).unwrap().1
}

#[test]
fn each_drop_is_what_its_sender_knows() {
    let full = ("rcv-dst-alloc", "confirmed");
    let no_route = ("rcv-no-route", "confirmed");
    let prohibited = ("rcv-prohibited", "confirmed");
    let of = |(class, how), n| (class, how, n);
    let captures: [(&str, &[Said<'_>]); 4] = [
        (
            "4.19-identity/alternating",
            &[of(full, 48), of(no_route, 32)],
        ),
        (
            "4.19-identity/iif",
            &[
                of(full, 89),
                of(no_route, 67),
                of(prohibited, 26),
                // It came before any lookup was traced.
                ("rcv-undetermined", "possible", 1),
            ],
        ),
        (
            "6.1-identity/veth.trace",
            &[of(no_route, 87), of(prohibited, 28)],
        ),
        (
            "6.1-identity/route-hint.trace",
            &[
                of(no_route, 49),
                // They took the route of the packet before them.
                ("rcv-no-route", "probable", 143),
                ("rcv-undetermined", "possible", 8),
            ],
        ),
    ];
    for (name, wanted) in captures {
        let drops = drops(name);
        are_said(name, &drops, wanted);
        for drop in &drops {
            let class = text(drop, "class");
            let dst = drop["packet"]["dst"].as_str().unwrap();
            assert!([truth(dst), "rcv-undetermined"].contains(&class), "{drop}");
        }
    }
}

#[test]
fn one_case_after_another() {
    let classes: Vec<_> = drops("4.19-identity/cases")
        .iter()
        .map(|drop| {
            (
                text(drop, "class").to_owned(),
                text(drop, "confidence").to_owned(),
            )
        })
        .collect();
    let wanted = ["rcv-no-route", "rcv-prohibited", "rcv-dst-alloc"];
    let wanted = wanted.map(|class| (class.to_owned(), "confirmed".to_owned()));
    assert_eq!(classes, wanted);
}

/// What its filter leaves out may have been anything: no packet for this host is called one
/// without a route.
#[test]
fn a_filter_that_hides_the_local_table_proves_nothing() {
    let drops = drops("4.19-identity/min");
    assert_eq!(drops.len(), 519);
    for drop in &drops {
        assert_ne!(drop["confidence"], "confirmed", "{drop}");
        let for_this_host = truth(drop["packet"]["dst"].as_str().unwrap()) == "rcv-dst-alloc";
        assert!(!for_this_host || drop["class"] != "rcv-no-route", "{drop}");
    }
}

/// Nothing was refused there: rules put routes back, or reject without any line.
#[test]
fn rules_that_reject_are_no_full_cache() {
    for (name, all) in [
        ("6.1-identity/rules.trace", 11),
        ("6.1-identity/suppress-prefixlength.trace", 4),
    ] {
        let drops = drops(name);
        assert_eq!(drops.len(), all, "{name}");
        for drop in &drops {
            assert_ne!(drop["class"], "rcv-dst-alloc", "{drop}");
        }
    }
}

/// A capture without its lookups and words is read as it always was.
#[test]
fn without_lookups_today_s_evidence_decides() {
    let whole = std::fs::read_to_string(capture("4.19-identity/alternating")).unwrap();
    let without = |line: &&str| !line.contains("fib6_table_lookup") && !line.contains("kfree_skb");
    let lines = whole.lines().filter(without).map(|line| {
        let (entry, words) = line.split_once(" skb=").unwrap_or((line, ""));
        if words.contains(" d0=") { entry } else { line }
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stripped.pipe");
    std::fs::write(&path, text).unwrap();
    let mut report = command();
    report.args(["report", "--format", "ndjson"]).arg(&path);
    let lines = stdout(&report.output().unwrap());
    let lines: Vec<Value> = lines.lines().map(json_line).collect();
    let drops = &lines[..lines.len() - 1];
    let wanted = [
        ("rcv-dst-alloc", "probable", 48),
        ("rcv-no-route", "probable", 32),
    ];
    are_said("stripped", drops, &wanted);
    assert!(drops.iter().all(|drop| drop["packet"].is_null()));
}

/// Kinds of packets by their source port, as the sender knows them: A, D and N have a way back
/// to their source, B and C are spoofed.
fn sent(name: &str) -> BTreeMap<u64, String> {
    let text = std::fs::read_to_string(fixture(&format!("{name}.truth"))).unwrap();
    let kinds = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let port = words.next()?.parse().ok()?;
        Some((port, words.next()?.to_owned()))
    });
    kinds.collect()
}

#[test]
fn the_reverse_path_filter_is_blamed_on_the_cache_where_that_refused_it() {
    for (name, wanted) in [
        (
            "4.19-rpfilter/ipt-full",
            [("A", 24), ("D", 12), ("N", 8)].as_slice(),
        ),
        ("4.19-rpfilter/nft-full", &[("A", 24), ("D", 12), ("N", 8)]),
        ("4.19-rpfilter/ipt-intermittent", &[("A", 16), ("D", 16)]),
    ] {
        let sent = sent(name);
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let drops = drops(name);
        for drop in &drops {
            assert_eq!(text(drop, "class"), "rcv-rpfilter-dst-alloc", "{drop}");
            // Who called kfree_skb is not in these.
            assert_eq!(text(drop, "confidence"), "probable", "{drop}");
            if let Some(port) = drop["packet"]["sport"].as_u64() {
                *found.entry(&sent[&port]).or_default() += 1;
            }
        }
        assert_eq!(found, wanted.iter().copied().collect(), "{name}");
    }
}

/// Counters within their limits before and after, and yet every drop was refused: a probe on the
/// call inside nf_hook_slow shows whose they are.
#[test]
fn what_netfilter_is_seen_to_drop_is_confirmed() {
    let name = "4.19-rpfilter/ipt-inflight";
    let drops = drops(name);
    are_said(name, &drops, &[("rcv-rpfilter-dst-alloc", "confirmed", 49)]);
}
