//! What events of a trace.dat say, held against what the kernel itself printed of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::io::Read;

use common::{class, fixture, ip6drop, json};
use ip6drop::inside::input::TraceDat;
use serde_json::Value;

/// The text of the file.
fn ours() -> String {
    let file = std::fs::File::open(fixture("6.1/lookups.dat")).unwrap();
    let len = file.metadata().unwrap().len();
    let mut text = String::new();
    TraceDat::new(file, len, None)
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// The same events in another buffer, as the kernel printed them.
fn theirs() -> String {
    std::fs::read_to_string(fixture("6.1/lookups.trace")).unwrap()
}

/// A word without what only the kernel knows: sizes of functions, and what it makes of a pointer.
fn known(word: &str) -> String {
    for pointer in ["skbaddr=", "location="] {
        if word.starts_with(pointer) {
            return pointer.to_owned();
        }
    }
    match word.rsplit_once("/0x") {
        Some((place, size)) => {
            let bracket = if size.ends_with(')') { ")" } else { "" };
            place.trim_end_matches("+0x0").to_owned() + bracket
        }
        None => word.to_owned(),
    }
}

/// Task, CPU, flags, event and what it says, an event a line.
fn events(text: &str) -> Vec<String> {
    let mut events = Vec::new();
    for line in text.lines().filter(|line| line.contains("] ")) {
        let (task, rest) = line.split_once("] ").unwrap();
        let (_, event) = rest.split_once(": ").unwrap();
        // Newer kernels have a fifth flag.
        let words = task.split_whitespace().chain([&rest[..4]]);
        let words = words.chain(event.split_whitespace()).map(known);
        events.push(words.collect::<Vec<_>>().join(" "));
    }
    events
}

#[test]
fn every_event_says_what_the_kernel_prints() {
    let (ours, theirs) = (events(&ours()), events(&theirs()));
    assert_eq!(ours.len(), 99);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
    for (event, number) in [
        ("fib6_table_lookup:", 69),
        ("kfree_skb:", 10),
        ("netif_receive_skb:", 10),
        ("drop:", 5),
        ("dropped:", 5),
    ] {
        let found = ours
            .iter()
            .filter(|line| line.contains(&format!(" {event} ")));
        assert_eq!(found.count(), number, "{event}");
    }
}

/// What the kernel hides behind a hash stands in the file: as a number, or by its function.
#[test]
fn pointers_are_those_of_the_file() {
    let text = ours();
    for line in [
        "netif_receive_skb:    dev=cali0 skbaddr=0xff27440e413b7b00 len=104\n",
        "kfree_skb:            skbaddr=0xff27440e413b7b00 protocol=34525 location=ip6_pkt_drop+0xf0 reason: IP_INNOROUTES\n",
        "dropped:              (__netif_receive_skb_one_core+0x62 <- ip6_pkt_drop) ret=0 comm=\"ping\"\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

/// The file and the kernel's text give one report: 3 packets without a route on CPU 0, 2 on 1.
#[test]
fn both_give_the_same_drops() {
    let report = |name: &str| {
        let path = fixture(name);
        let arguments = [
            "report".as_ref(),
            "--format=json".as_ref(),
            path.as_os_str(),
        ];
        json(&ip6drop(arguments))
    };
    let (dat, text) = (report("6.1/lookups.dat"), report("6.1/lookups.trace"));
    assert_eq!(dat["drops"]["total"], 5);
    assert_eq!(class(&dat, "rcv-dst-alloc")[0], 0);
    for key in ["drops", "gc", "tasks", "stacks"] {
        assert_eq!(dat[key], text[key], "{key}");
    }
    let drops = |report: &Value| -> Vec<(Value, Value)> {
        let rows = report["per_cpu"].as_array().unwrap().iter();
        rows.map(|row| (row["cpu"].clone(), row["drops"].clone()))
            .collect()
    };
    assert_eq!(drops(&dat), [(0.into(), 3.into()), (1.into(), 2.into())]);
    assert_eq!(drops(&dat), drops(&text));
}
