//! Which packets were dropped, held against what their senders sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use common::{command, drops, json, json_line, number, stdout, unwrapped};
use serde_json::{Value, json};

const CAPTURES: [(&str, usize); 2] = [
    ("4.19-identity/alternating", 80),
    ("4.19-identity/iif", 183),
];

/// What became of packets to that destination, as the senders know it.
fn truth(dst: &str) -> &'static str {
    let known = [
        ("fd00:1:", "rcv-dst-alloc"),
        ("fd00:77:", "rcv-dst-alloc"),
        ("fd00:10:99:", "rcv-dst-alloc"),
        ("2001:db8:dead:", "rcv-no-route"),
        ("2001:db8:113:", "rcv-no-route"),
        ("2001:db8:13:", "rcv-prohibited"),
    ];
    let mut known = known.iter();
    let found = known.find(|(prefix, _)| dst.starts_with(prefix));
    found.unwrap_or_else(|| panic!("nobody sent to {dst}")).1
}

/// The number of drops for each text under that key.
fn counted(lines: &[Value], key: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let word = line["packet"][key].as_str().unwrap();
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

/// The rows of a table of packets.
fn rows(summary: &Value, table: &str, key: &str) -> BTreeMap<String, u64> {
    let rows = summary["packets"][table].as_array().unwrap().iter();
    rows.map(|row| (row[key].as_str().unwrap().to_owned(), number(&row["drops"])))
        .collect()
}

#[test]
fn every_drop_has_its_packet() {
    for (name, all) in CAPTURES {
        let (lines, _) = drops(name, true);
        assert_eq!(lines.len(), all, "{name}");
        for line in &lines {
            let packet = &line["packet"];
            let class = line["class"].as_str().unwrap();
            let wanted = truth(packet["dst"].as_str().unwrap());
            assert!([wanted, "rcv-undetermined"].contains(&class), "{line}");
            let lookups = packet["lookups"].as_array().unwrap();
            assert!(
                (1..=8).contains(&lookups.len()) || class == "rcv-undetermined",
                "{line}"
            );
            assert!(
                packet["dev"].as_str().unwrap().starts_with("cali"),
                "{line}"
            );
            let has_ports = packet["proto"] == "udp";
            assert_eq!(packet["sport"].is_u64(), has_ports, "{line}");
            assert_eq!(packet["dport"].is_u64(), has_ports, "{line}");
            assert_eq!(
                packet["type"].is_u64(),
                packet["proto"] == "icmp6",
                "{line}"
            );
            assert_eq!(
                packet["code"].is_u64(),
                packet["proto"] == "icmp6",
                "{line}"
            );
        }
    }
}

#[test]
fn one_packet_word_by_word() {
    let (lines, _) = drops("4.19-identity/alternating", true);
    let wanted = json!({
        "src": "fd00:10:244:1::1", "dst": "fd00:1::2", "proto": "icmp6", "type": 1, "code": 4,
        "sport": null, "dport": null, "dev": "cali1", "pod": null, "netns": null,
        "lookups": [{"table": 255, "dev": "lo", "err": 0}, {"table": 254, "dev": "lo", "err": 0}],
    });
    assert_eq!(lines[0]["packet"], wanted);
    assert_eq!(lines[0]["wall"], Value::Null);
    let wanted = json!({
        "src": "fd00:10:244:6::2", "dst": "2001:db8:dead::1", "proto": "udp", "type": null,
        "code": null, "sport": 44948, "dport": 9, "dev": "cali2", "pod": null, "netns": null,
        "lookups": [{"table": 255, "dev": "lo", "err": -113}, {"table": 254, "dev": "lo", "err": -113}],
    });
    assert_eq!(lines[1]["packet"], wanted);
}

#[test]
fn tables_count_what_the_lines_say() {
    for (name, all) in CAPTURES {
        let (lines, summary) = drops(name, true);
        let packets = &summary["packets"];
        assert_eq!(packets["identified"], all, "{name}");
        for (table, key) in [
            ("by_destination", "dst"),
            ("by_source", "src"),
            ("by_device", "dev"),
        ] {
            let counts = counted(&lines, key);
            let shown = rows(&summary, table, key);
            assert_eq!(shown.len(), counts.len().min(100), "{name} {table}");
            for (word, drops) in &shown {
                assert_eq!(counts.get(word), Some(drops), "{name} {table} {word}");
            }
            let in_rows: u64 = shown.values().sum();
            let beyond = number(&packets["beyond"][table]);
            assert_eq!(in_rows + beyond, all as u64, "{name} {table}");
            let rows = packets[table].as_array().unwrap();
            assert!(
                rows.is_sorted_by_key(|row| u64::MAX - number(&row["drops"])),
                "{name}"
            );
            for row in rows {
                let by_class = row["by_class"].as_object().unwrap();
                let sum: u64 = by_class.values().map(number).sum();
                assert_eq!(row["drops"], sum, "{name} {table}");
            }
        }
    }
}

#[test]
fn a_trace_that_names_no_packet_shows_none() {
    let (lines, summary) = drops("4.19-fp/alternating", true);
    assert_eq!(summary["packets"], Value::Null);
    assert!(lines.iter().all(|line| line["packet"].is_null()));
}

/// One drop by a probe with these words, below these framing lines: its line and the summary.
fn drop_with(framing: &str, words: &str) -> (Value, Value) {
    let trace = format!(
        "# tracer: nop\n#\n{framing}     a-1  [000] ..s1  1.000001: drop: (ip6_pkt_drop+0x0/0xe0) {words}\n"
    );
    let output = command()
        .args(["report", "--format", "ndjson"])
        .write_stdin(trace)
        .output()
        .unwrap();
    let text = stdout(&output);
    let mut lines = text.lines().map(json_line);
    let line = lines.next().unwrap();
    (line, lines.next().unwrap())
}

/// The word that a CPU loads from these bytes of a packet.
fn word(bytes: &[u8]) -> String {
    format!("{:#x}", u64::from_le_bytes(bytes.try_into().unwrap()))
}

fn address_words(names: [&str; 2], address: &str) -> String {
    let bytes = address.parse::<Ipv6Addr>().unwrap().octets();
    format!(
        "{}={} {}={}",
        names[0],
        word(&bytes[..8]),
        names[1],
        word(&bytes[8..])
    )
}

#[test]
fn what_follows_the_header() {
    for (next_header, proto, ports, icmp6) in [
        (6, "tcp", true, false),
        (17, "udp", true, false),
        (132, "sctp", true, false),
        (33, "33", true, false),
        (58, "icmp6", false, true),
        // What stands behind these is not in the first bytes.
        (0, "hopopts", false, false),
        (43, "routing", false, false),
        (44, "frag", false, false),
        (60, "dstopts", false, false),
        (59, "59", false, false),
    ] {
        let header = word(&[0x60, 0, 0, 0, 0, 20, next_header, 64]);
        let upper = word(&[0x1f, 0x90, 0x00, 0x35, 1, 2, 3, 4]);
        let (line, _) = drop_with("", &format!("dev=\"eth0\" w0={header} l4={upper}"));
        let packet = &line["packet"];
        assert_eq!(packet["proto"], proto);
        let wanted = |is: bool, n: u64| if is { json!(n) } else { Value::Null };
        assert_eq!(packet["sport"], wanted(ports, 8080), "{proto}");
        assert_eq!(packet["dport"], wanted(ports, 53), "{proto}");
        assert_eq!(packet["type"], wanted(icmp6, 0x1f), "{proto}");
        assert_eq!(packet["code"], wanted(icmp6, 0x90), "{proto}");
        let without = drop_with("", &format!("dev=\"eth0\" w0={header}")).0;
        assert_eq!(without["packet"]["proto"], proto);
        assert_eq!(without["packet"]["sport"], Value::Null);
    }
}

#[test]
fn words_may_be_missing() {
    let dst = address_words(["d0", "d1"], "::ffff:192.0.2.1");
    let (line, summary) = drop_with("", &dst);
    assert_eq!(line["packet"]["dst"], "::ffff:192.0.2.1");
    for key in ["src", "proto", "type", "code", "sport", "dport", "dev"] {
        assert_eq!(line["packet"][key], Value::Null, "{key}");
    }
    assert_eq!(line["packet"]["lookups"], json!([]));
    assert_eq!(summary["packets"]["identified"], 1);
    assert_eq!(summary["packets"]["by_source"], json!([]));
    assert_eq!(summary["packets"]["by_device"], json!([]));
    // An address in memory names no packet.
    let (line, summary) = drop_with("", "skb=0xffff888000333200");
    assert_eq!(
        (&line["packet"], &summary["packets"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn the_namespace_is_told_by_its_pointer() {
    let framing = "# ip6drop: version 2\n# ip6drop: ops 0xffffffff81c5d7c0\n";
    for (framing, ops, wanted) in [
        (framing, " ops=0xffffffff81c5d7c0", json!("host")),
        (framing, " ops=0xffff888000111000", json!("other")),
        (framing, "", Value::Null),
        ("", " ops=0xffffffff81c5d7c0", Value::Null),
    ] {
        let (line, _) = drop_with(framing, &format!("dev=\"eth0\"{ops}"));
        assert_eq!(line["packet"]["netns"], wanted, "{framing}{ops}");
    }
}

#[test]
fn inputs_are_added_up() {
    let capture = common::capture("4.19-identity/alternating");
    let once = common::report("4.19-identity/alternating", true);
    let output = command()
        .args(["report", "--format", "json"])
        .args([&capture, &common::capture("4.19-fp/healthy"), &capture])
        .output()
        .unwrap();
    let both = json(&output);
    assert_eq!(both["packets"]["identified"], 160);
    let row = |report: &Value| {
        let row = &report["packets"]["by_device"][0];
        (row["dev"].clone(), number(&row["drops"]))
    };
    assert_eq!(row(&both), (row(&once).0, 2 * row(&once).1));
}

fn report_with(args: &[&str], name: &str) -> String {
    let output = command()
        .arg("report")
        .args(args)
        .arg("--facts")
        .arg(common::facts(name))
        .arg(common::capture(name))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", common::stderr(&output));
    stdout(&output)
}

/// Right behind the first screen people read whose packets they were.
#[test]
fn packets_come_first() {
    let text = report_with(&[], "4.19-identity/iif");
    let (_, packets) = text.split_once("\n\n").unwrap();
    let (packets, next) = packets.split_once("\n\n").unwrap();
    assert_eq!(
        packets,
        "Packets\n  \
         destination                       drops  share\n  \
         fd00:1::/64, 34 addresses            47    26%\n  \
         2001:db8:dead::/64, 35 addresses     46    25%\n  \
         fd00:10:99::/64, 33 addresses        43    23%\n  \
         2001:db8:13::/64, 22 addresses       26    14%\n  \
         2001:db8:113::/64, 19 addresses      21    11%\n  \
         destination                                                      class\n  \
         fd00:1::/64, 34 addresses         46 rcv-dst-alloc, 1 rcv-undetermined\n  \
         2001:db8:dead::/64, 35 addresses                          rcv-no-route\n  \
         fd00:10:99::/64, 33 addresses                            rcv-dst-alloc\n  \
         2001:db8:13::/64, 22 addresses                          rcv-prohibited\n  \
         2001:db8:113::/64, 19 addresses                           rcv-no-route\n  \
         by interface: cali5 (31), cali2 (29), cali6 (23), … 5 more (100)\n  \
         by source: fd00:10:244:6::2 (23), fd00:10:244:6::5 (22), fd00:10:244:6::1\n    \
         (19), … 30 more (119)"
    );
    assert!(next.starts_with("Per CPU"), "{next}");
    let all = report_with(&["-v"], "4.19-identity/iif");
    assert!(all.contains("fd00:10:244:4::8 "), "{all}");
    assert!(all.contains("  interface  drops  share"), "{all}");
    let none = report_with(&[], "4.19-fp/alternating");
    assert!(
        !none.contains("Packets") && !none.contains("destination  "),
        "{none}"
    );
}

#[test]
fn tables_of_a_ticket() {
    let text = report_with(&["--format", "markdown"], "4.19-identity/alternating");
    for line in [
        "### Packets",
        "| destination | drops | share | class |",
        "| fd00:1::/64, 48 addresses | 48 | 60% | rcv-dst-alloc |",
        "| interface | drops | share | class |",
        "| cali2 | 37 | 46% | 32 rcv-no-route, 5 rcv-dst-alloc |",
        "| source | drops | share | class |",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

/// Up to eight neighbours have rows of their own; whatever is not named is said.
#[test]
fn neighbours_share_a_row_when_they_are_many() {
    let report = |neighbours: u32| {
        let mut trace = String::from("# tracer: nop\n#\n");
        for n in 0..neighbours {
            let dst = address_words(["d0", "d1"], &format!("2001:db8::{n:x}"));
            trace +=
                &format!("     a-1  [000] ..s1  1.{n:06}: drop: (ip6_pkt_drop+0x0/0xe0) {dst}\n");
        }
        trace += "     a-1  [000] ..s1  2.000000: drop: (ip6_pkt_drop+0x0/0xe0) skb=0x1\n";
        let output = command().arg("report").write_stdin(trace).output().unwrap();
        stdout(&output)
    };
    let eight = report(8);
    assert!(eight.contains("Packets (named in 8 of 9 drops)"), "{eight}");
    assert!(
        eight.contains("  2001:db8::       1    11%  unknown\n"),
        "{eight}"
    );
    assert!(eight.contains("  3 more           3    33%\n"), "{eight}");
    let nine = report(9);
    assert!(
        nine.contains("  2001:db8::/64, 9 addresses      9    90%  unknown\n"),
        "{nine}"
    );
}

#[test]
fn names_of_interfaces_are_made_harmless() {
    let words = "dev=\"ca\u{202e}li\"";
    let (line, _) = drop_with("", words);
    assert_eq!(line["packet"]["dev"], "ca\u{202e}li");
    let trace = format!("     a-1  [000] ..s1  1.000001: drop: (ip6_pkt_drop+0x0/0xe0) {words}\n");
    for format in ["text", "markdown", "html"] {
        let output = command()
            .args(["report", "--format", format])
            .write_stdin(trace.clone())
            .output()
            .unwrap();
        let text = stdout(&output);
        assert!(
            !text.contains('\u{202e}') && !text.contains('\x1b'),
            "{text}"
        );
    }
}

/// How many drops filters let through, and their lines.
fn passing(filters: &[&str]) -> (u64, Value) {
    let text = report_with(
        &[&["--format", "ndjson"], filters].concat(),
        "4.19-identity/iif",
    );
    let mut lines: Vec<Value> = text.lines().map(json_line).collect();
    let summary = lines.pop().unwrap();
    assert_eq!(summary["drops"]["total"], lines.len(), "{filters:?}");
    assert_eq!(
        number(&summary["left_out"]) + lines.len() as u64,
        183,
        "{filters:?}"
    );
    let named = summary["packets"]["identified"].as_u64().unwrap_or(0);
    assert_eq!(named, lines.len() as u64, "{filters:?}");
    assert_eq!(
        summary["control"]["receive_drops"], 183,
        "evidence is of the whole trace"
    );
    (named, Value::Array(lines))
}

/// Filters, and what they ask of a packet.
type Asked<'a> = (&'a [&'a str], &'a dyn Fn(&Value) -> bool);

#[test]
fn filters_on_packets() {
    let (_, all) = passing(&[]);
    let is_in =
        |packet: &Value, key: &str, prefix: &str| packet[key].as_str().unwrap().starts_with(prefix);
    let cases: [Asked<'_>; 10] = [
        (&["--dst", "fd00:1::/32"], &|p| is_in(p, "dst", "fd00:1:")),
        (&["--dst", "2001:db8::/32,fd00:1::120"], &|p| {
            is_in(p, "dst", "2001:db8:") || p["dst"] == "fd00:1::120"
        }),
        (&["--src", "fd00:10:244:6::/64"], &|p| {
            is_in(p, "src", "fd00:10:244:6:")
        }),
        (&["--src", "fd00:10:244:3::5"], &|p| {
            p["src"] == "fd00:10:244:3::5"
        }),
        (&["--dev", "cali1,cali5"], &|p| {
            p["dev"] == "cali1" || p["dev"] == "cali5"
        }),
        (&["--proto", "udp"], &|p| p["proto"] == "udp"),
        (&["--proto", "58"], &|p| p["proto"] == "icmp6"),
        (&["--port", "9"], &|p| p["dport"] == 9 || p["sport"] == 9),
        (&["--proto", "tcp"], &|_| false),
        (
            &["--dev", "cali5", "--proto", "icmp6", "--dst", "::/0"],
            &|p| p["dev"] == "cali5" && p["proto"] == "icmp6",
        ),
    ];
    for (filters, holds) in cases {
        let lines = all.as_array().unwrap().iter();
        let wanted: Vec<&Value> = lines.filter(|line| holds(&line["packet"])).collect();
        let (passed, lines) = passing(filters);
        assert_eq!(passed, wanted.len() as u64, "{filters:?}");
        assert!(passed < 183, "{filters:?}");
        for (line, wanted) in lines.as_array().unwrap().iter().zip(wanted) {
            assert_eq!(line["packet"], wanted["packet"], "{filters:?}");
        }
    }
    // A drop without a packet passes none of them.
    let facts = common::facts("4.19-fp/alternating");
    let capture = common::capture("4.19-fp/alternating");
    let output = command()
        .args(["report", "--format", "json", "--dst", "::/0", "--facts"])
        .args([&facts, &capture])
        .output()
        .unwrap();
    assert_eq!(json(&output)["left_out"], 80);
    // And may be what is asked for: that is no all-clear.
    let output = command()
        .args(["report", "--format", "json", "--dst", "::/0"])
        .arg(&capture)
        .output()
        .unwrap();
    assert_eq!(json(&output)["verdict"]["exit"], 13);
    assert_eq!(
        json(&output)["verdict"]["summary"],
        "No verdict: no IPv6 drop is known to pass the filters, but the trace does not name the \
         packet of 80 drops."
    );
    // What filters left out is in the trace all the same, and the counters saw more.
    let left_out = report_with(&["--proto", "tcp"], "4.19-identity/iif");
    assert!(
        unwrapped(&left_out).starts_with(
            "No verdict: no IPv6 drop passes the filters, but the kernel counted 17483 drops more \
             (Ip6InNoRoutes) between the two readings. "
        ),
        "{left_out}"
    );
    let named = report_with(
        &["--format", "json", "--proto", "tcp"],
        "4.19-identity/alternating",
    );
    assert_eq!(json_line(&named)["verdict"]["exit"], 0);
}

#[test]
fn filters_that_cannot_be_understood_say_what_to_write() {
    for (filter, value, says) in [
        (
            "--dst",
            "192.0.2.1",
            "write an IPv6 address, or a prefix such as fd00:10::/32",
        ),
        (
            "--src",
            "fd00::/129",
            "write an IPv6 address, or a prefix such as fd00:10::/32",
        ),
        ("--dev", "eth0/1", "write one such as eth0"),
        ("--proto", "icmp", "write a number from 0 to 255, or one of"),
        ("--port", "65536", "65536 is not in 0..=65535"),
    ] {
        let output = common::ip6drop(["report", filter, value, "x"]);
        assert_eq!(output.status.code(), Some(2), "{filter}");
        let error = common::stderr(&output);
        assert!(error.contains(says), "{filter}: {error}");
    }
}

#[test]
fn drops_have_the_hosts_time_where_the_capture_pairs_its_clocks() {
    let wall = |framing: &str, time: &str| {
        let trace = format!(
            "{framing}     a-1  [000] ..s1  {time}: drop: (ip6_pkt_drop+0x0/0xe0) dev=\"eth0\"\n"
        );
        let output = command()
            .args(["report", "--format", "ndjson"])
            .write_stdin(trace)
            .output()
            .unwrap();
        json_line(stdout(&output).lines().next().unwrap())["wall"].clone()
    };
    let clock = "# ip6drop: version 2\n# ip6drop: clock 1120.500000 1764021697.250000\n";
    assert_eq!(wall(clock, "1121.500001"), "2025-11-24T22:01:38.250001Z");
    assert_eq!(wall(clock, "1120.000000"), "2025-11-24T22:01:36.750000Z");
    // A clock that counts something else says nothing of time.
    assert_eq!(wall(clock, "1121"), Value::Null);
    assert_eq!(wall("", "1121.500001"), Value::Null);
    assert_eq!(
        wall("# ip6drop: clock now then\n", "1121.500001"),
        Value::Null
    );
    let again = format!("{clock}# ip6drop: clock 1120.500000 1764999999.000000\n");
    assert_eq!(
        wall(&again, "1121.500001"),
        Value::Null,
        "two boots in one file"
    );
}

#[test]
fn series_of_destinations_are_bounded() {
    let text = report_with(&["--format", "prometheus"], "4.19-identity/iif");
    let lines: Vec<&str> = text.lines().collect();
    let value = |series: &str| {
        let found = lines.iter().find_map(|line| line.strip_prefix(series));
        let found = found.unwrap_or_else(|| panic!("{series}: {text}"));
        found.trim().parse::<u64>().unwrap()
    };
    let confirmed = "ip6drop_drops{class=\"rcv-dst-alloc\",confidence=\"confirmed\"}";
    assert_eq!(value(confirmed), 89);
    assert_eq!(
        value("ip6drop_drops{class=\"unknown\",confidence=\"possible\"}"),
        0
    );
    assert_eq!(value("ip6drop_identified_drops "), 183);
    assert_eq!(value("ip6drop_verdict_status "), 10);
    assert_eq!(value("ip6drop_lost_events "), 0);
    let series = lines
        .iter()
        .filter(|line| line.starts_with("ip6drop_destination_drops{"));
    let mut destinations = std::collections::BTreeSet::new();
    let mut sum = 0;
    for line in series {
        let (labels, drops) = line.rsplit_once(' ').unwrap();
        destinations.insert(labels.split('"').nth(1).unwrap());
        sum += drops.parse::<u64>().unwrap();
    }
    assert_eq!((destinations.len(), sum), (21, 183), "{text}");
    assert!(destinations.contains("other") && destinations.contains("fd00:1::23"));
    let none = report_with(&["--format", "prometheus"], "4.19-fp/alternating");
    assert!(
        none.contains("ip6drop_drops{") && !none.contains("destination"),
        "{none}"
    );
}
