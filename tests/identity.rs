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

/// Recorded by this program where the cache was full for moments: rpfilter stands first, a rule
/// that drops what goes to one address behind it.
#[test]
fn what_netfilter_drops_is_told_apart_as_it_was_recorded() {
    let live = |format: &str| {
        let name = fixture("4.19-live/orc-rpfilter.txt.gz");
        let arguments = ["report", "--exit-code", "--format", format];
        let output = command().args(arguments).arg(name).output().unwrap();
        assert_eq!(output.status.code(), Some(10));
        output
    };
    let lines = stdout(&live("ndjson"));
    let drops: Vec<Value> = lines.lines().map(json_line).collect();
    let drops: Vec<Value> = drops
        .into_iter()
        .filter(|line| line["type"] == "drop")
        .collect();
    let wanted = [
        ("rcv-no-route", "confirmed", 30),
        ("rcv-rpfilter-dst-alloc", "confirmed", 4),
    ];
    are_said("orc-rpfilter", &drops, &wanted);
    for drop in &drops {
        let packet = &drop["packet"];
        let has_route = !text(packet, "dst").starts_with("2001:db8:dead:");
        assert_eq!(
            text(drop, "class") == "rcv-rpfilter-dst-alloc",
            has_route,
            "{drop}"
        );
        // Pods send from their own addresses; what they send from others is spoofed.
        assert!(text(packet, "src").starts_with("fd00:10:244:"), "{drop}");
    }
    let health = &common::json(&live("json"))["health"];
    assert_eq!(health["netfilter_no_way_back"], 5);
    assert_eq!(health["netfilter_other_rule"], 10);
}

fn owned(line: &Value, key: &str) -> String {
    text(line, key).to_owned()
}

/// Recorded by this program under a flood, with the least lookups: that the table local had the same
/// routes before and after decides about packets to the host's own addresses.
#[test]
fn a_flood_is_confirmed_by_the_least_lookups() {
    let file = std::fs::File::open(fixture("4.19-live/fp-flood.txt.gz")).unwrap();
    let mut text = String::new();
    let mut reader = flate2::read::GzDecoder::new(file);
    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
    let told = |text: &str| {
        let arguments = ["report", "--exit-code", "--format", "ndjson", "-"];
        let output = command()
            .args(arguments)
            .write_stdin(text)
            .output()
            .unwrap();
        let lines = stdout(&output);
        let mut found: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for line in lines.lines().map(json_line) {
            if line["type"] == "drop" {
                let to = owned(&line["packet"], "dst")
                    .split(':')
                    .nth(2)
                    .unwrap()
                    .to_owned();
                let class = owned(&line, "class");
                let key = (to, class, owned(&line, "confidence"));
                *found.entry(key).or_default() += 1;
            }
        }
        (output.status.code(), found)
    };
    let drops = |of_the_host: &str| {
        [
            ("a", "rcv-dst-alloc", of_the_host, 45),
            ("bad", "rcv-prohibited", "confirmed", 29),
            ("beef", "rcv-no-route", "confirmed", 32),
            ("dead", "rcv-no-route", "confirmed", 30),
        ]
        .map(|(to, class, sure, n)| ((to.to_owned(), class.to_owned(), sure.to_owned()), n))
        .into()
    };
    assert_eq!(told(&text), (Some(10), drops("confirmed")));
    let unknown: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains(" local_routes "))
        .collect();
    let (status, found) = told(&unknown.join("\n"));
    assert_eq!((status, found), (Some(11), drops("probable")));
    // An address came or went: another may have, and come back.
    let line = text
        .lines()
        .find(|line| line.starts_with("# ip6drop: after local_routes"))
        .unwrap();
    let (status, found) = told(&text.replace(line, "# ip6drop: after local_routes 0x7"));
    assert_eq!((status, found), (Some(11), drops("probable")));
}

/// A capture of the least lookups that begins with a drop on its CPU, a quarter of a second after
/// the recorder had them on.
const BEGINS: &str = "# ip6drop: version 2
# ip6drop: cpus 1
# ip6drop: traced ip6_pkt_drop
# ip6drop: ops 0xffffffff94009f80
# ip6drop: lookups iif != 1 && ((tb_id == 255 && err == 0) || (tb_id != 255 && (err != 0 || name == \"lo\")))
# ip6drop: before rule 0:\tfrom all lookup local
# ip6drop: before rule 32766:\tfrom all lookup main
# ip6drop: before throw_routes 0
# ip6drop: lookups-since 15.200000000
    ping-155 [000] ..s1. 15.448820: fib6_table_lookup: table 254 oif 0 iif 2 proto 58 2001:db8:1::2/0 -> 2001:db8:dead::1/0 tos 0 scope 0 flags 0 ==> dev lo gw :: err -113
    ping-155 [000] ..s2. 15.448904: ip6_pkt_drop: (ip6_pkt_drop+0x0/0x1c0) skb=0xff376c7ca6ca1100 code=0 mib=9 dev=\"cali0\" iif=2 ops=0x1ffffffff94009f refdst=0xff376c7c82536401 ops_noref=0xffffffff94009f80 w0=0x403a4000e2d30b60 s0=0x100b80d0120 s1=0x200000000000000 d0=0xaddeb80d0120 d1=0x100000000000000 l4=0x1009b0046d10080
# ip6drop: after rule 0:\tfrom all lookup local
# ip6drop: after rule 32766:\tfrom all lookup main
# ip6drop: after throw_routes 0
# ip6drop: lost 0 0
";

#[test]
fn a_recording_that_had_lookups_on_long_before_needs_no_drop_before_the_first() {
    let decided = |capture: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("capture");
        std::fs::write(&path, capture).unwrap();
        let mut report = command();
        report.args(["report", "--format", "ndjson"]).arg(&path);
        let lines = stdout(&report.output().unwrap());
        let drop = json_line(lines.lines().next().unwrap());
        format!(
            "{} {}",
            self::text(&drop, "class"),
            self::text(&drop, "confidence")
        )
    };
    assert_eq!(decided(BEGINS), "rcv-no-route confirmed");
    let first = format!("# ip6drop: part 1 of r1\n{BEGINS}");
    assert_eq!(decided(&first), "rcv-no-route confirmed");
    let since = "# ip6drop: lookups-since 15.200000000\n";
    for (what, text) in [
        ("nothing said", BEGINS.replace(since, "")),
        ("too near", BEGINS.replace("15.200000000", "15.400000000")),
        (
            "another recording",
            BEGINS.replace(since, &format!("{since}# ip6drop: version 2\n")),
        ),
        (
            "the part before is missing",
            first.replace("part 1", "part 2"),
        ),
        (
            "what is missing is said behind it",
            BEGINS.replace(since, &format!("{since}# ip6drop: part 2 of r1\n")),
        ),
        (
            "something cannot be read",
            BEGINS.replace(since, &format!("{since}# ip6drop: gap\n")),
        ),
        (
            "lost events",
            BEGINS.replace(since, &format!("{since}CPU:0 [LOST 3 EVENTS]\n")),
        ),
        (
            "a buffer of its own",
            BEGINS.replace(since, &format!("{since}##### CPU 0 buffer started ####\n")),
        ),
        (
            "another namespace",
            BEGINS.replace("refdst=0xff376c7c82536401", "refdst=0xff376c7c82536400"),
        ),
    ] {
        assert!(!decided(&text).ends_with("confirmed"), "{what}");
    }
}

#[test]
fn a_recording_of_some_packets_says_so_and_is_no_all_clear_for_others() {
    let said = |capture: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("capture");
        std::fs::write(&path, capture).unwrap();
        stdout(&command().arg("report").arg(&path).output().unwrap())
    };
    let asked = "# ip6drop: packets --dst 2001:db8:dead::/48 --port 53\n";
    let begins = BEGINS.replace(
        "# ip6drop: lookups-since",
        &format!("{asked}# ip6drop: lookups-since"),
    );
    let only = "Only these drops were recorded: --dst 2001:db8:dead::/48 --port 53.";
    assert!(said(&begins).contains(only));
    assert!(!said(BEGINS).contains("Only drops"));
    let is_event = |line: &&str| !line.starts_with("    ping");
    let quiet: String = begins.split_inclusive('\n').filter(is_event).collect();
    let text = said(&quiet);
    assert!(
        text.starts_with("No IPv6 drop passes the filters."),
        "{text}"
    );
    assert!(said(&quiet.replace(asked, "")).starts_with("No IPv6 drop in this trace."));
}
