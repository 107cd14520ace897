//! Packets that netfilter drops: which are lost to the full cache, and which to their own source.

use crate::diagnosis::class::Class::{RcvDstAlloc, RcvRpfilterDstAlloc};
use crate::diagnosis::class::Confidence::{Confirmed, Probable};
use crate::diagnosis::tests::trace::{Decided, handed, is, report, trace};
use crate::report::build::Request;

const FACTS: &str = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\nthrow_routes 0\n\
    lookups all\nops 0xffffffff81a64000\n";
const GC: &str = "gc: (ip6_dst_gc+0x0/0xd0) ops=0xffffffff81a64000 family=10 gc_thresh=8 fast=160";
const REFUSED: &str = "gce: (dst_alloc+0xf0/0x121 <- ip6_dst_gc) ret=1";
const GRANTED: &str = "gce: (dst_alloc+0xf0/0x121 <- ip6_dst_gc) ret=0";
const RETURNED: &str = "rle: (rpfilter_mt+0x16d/0x20d <- ip6_route_lookup) err=-101";
const NO_LOCAL: &str = "fib6_table_lookup: table 255 oif 4 iif 1 proto 17 fd00::2/0 -> fd00::1/0 \
    tos 0 scope 0 flags 0 ==> dev lo gw :: err -113";
const WAY_BACK: &str = "fib6_table_lookup: table 254 oif 4 iif 1 proto 17 fd00::2/0 -> fd00::1/0 \
    tos 0 scope 0 flags 0 ==> dev cali1 gw :: err 0";
/// A packet from fd00::1 to fd00::2 that came by interface 4, cali1.
const WORDS: &str = "skb=0xffff888000000100 dev=\"cali1\" iif=4 w0=0x4011100000000060 s0=0xfd \
    s1=0x100000000000000 d0=0xfd d1=0x200000000000000 l4=0x19ac1000611e1157";

/// The packet is freed where netfilter frees what a rule drops.
fn freed() -> String {
    format!("nfd: (nf_hook_slow+0x91/0xb0) {WORDS}")
}

fn decided(events: &[&str]) -> Vec<Decided> {
    report(&trace(events), &handed(FACTS)).1
}

fn none(events: &[&str]) {
    assert_eq!(decided(events).len(), 0, "{events:#?}");
}

/// One drop, lost to the full cache.
fn is_refused(events: &[&str]) {
    let all = decided(events);
    assert_eq!(all.len(), 1, "{events:#?}");
    is(all[0], RcvRpfilterDstAlloc, Confirmed, "way-back-refused");
}

#[test]
fn a_refused_way_back_is_the_full_cache() {
    let freed = freed();
    is_refused(&[NO_LOCAL, WAY_BACK, GC, REFUSED, &freed]);
    is_refused(&[NO_LOCAL, WAY_BACK, GC, REFUSED, RETURNED, &freed]);
    // The attempt is named.
    let named = &decided(&[NO_LOCAL, WAY_BACK, GC, REFUSED, &freed])[0];
    assert_eq!(named.evidence.attempts().0.count, 1);
    // What the lookup returned says it, whatever the attempt did not show.
    is_refused(&[NO_LOCAL, WAY_BACK, GC, RETURNED, &freed]);
    none(&[NO_LOCAL, WAY_BACK, GC, &freed]);
    let by_kfree = format!("kf: (kfree_skb+0x0/0xd0) {WORDS}");
    // Who calls kfree_skb the trace does not show: a rule that counts lets the packet go on.
    let all = decided(&[NO_LOCAL, WAY_BACK, GC, REFUSED, &by_kfree]);
    let perhaps = "way-back-perhaps-refused";
    is(all[0], RcvRpfilterDstAlloc, Probable, perhaps);
    // Nor is it sure where the packet's own lookups would not show.
    let hidden = FACTS.replace("lookups all", "lookups oif != 0");
    let events = trace(&[NO_LOCAL, WAY_BACK, GC, REFUSED, &freed]);
    let all = report(&events, &handed(&hidden)).1;
    is(all[0], RcvRpfilterDstAlloc, Probable, perhaps);
    // nft names no interface, and rpfilter no source where the packet is for many.
    let nft = WAY_BACK.replace("oif 4", "oif 0");
    is_refused(&[&nft, GC, REFUSED, &freed]);
    let many = WAY_BACK.replace("fd00::2/", "::/");
    let to_many = freed.replace("d0=0xfd ", "d0=0x2ff ");
    is_refused(&[&many, GC, REFUSED, &to_many]);
    none(&[&many, GC, REFUSED, &freed]);
    let named = format!("netfilter_drop: (kfree_skb+0x0/0xd0) caller=0xffffffff81303206 {WORDS}");
    is_refused(&[NO_LOCAL, WAY_BACK, GC, REFUSED, &named]);
    // What the packet before it got is not its own.
    is_refused(&[WAY_BACK, GC, GRANTED, WAY_BACK, GC, REFUSED, &freed]);
    // It is one drop, whatever else shows it.
    let kfree = "kfree_skb: skbaddr=0000000018f6d64d protocol=34525 location=000000003842f65e";
    is_refused(&[WAY_BACK, GC, REFUSED, &freed, &by_kfree, kfree]);
}

#[test]
fn an_answer_to_the_packet_looks_the_same() {
    let sure = |lookup: &str, freed: &str| {
        let all = decided(&[lookup, GC, REFUSED, freed]);
        assert_eq!(all.len(), 1, "{lookup}");
        all[0].confidence == Confirmed
    };
    let freed = freed();
    let icmp = WAY_BACK.replace("proto 17", "proto 58");
    let fib = |lookup: &str| lookup.replace("oif 4", "oif 0");
    assert!(sure(&icmp, &freed), "it names the interface");
    assert!(sure(&fib(WAY_BACK), &freed), "it is of another protocol");
    assert!(!sure(&fib(&icmp), &freed));
    assert!(!sure(&fib(WAY_BACK).replace("proto 17 ", ""), &freed));
    // A reset names the ports.
    none(&[
        &WAY_BACK.replace("fd00::2/0", "fd00::2/22"),
        GC,
        REFUSED,
        &freed,
    ]);
    // Addresses that need an interface have one in the lookup for an error as well.
    let near = |text: &str| {
        text.replace("-> fd00::1/0", "-> fe80::1/0")
            .replace("s0=0xfd ", "s0=0x80fe ")
    };
    assert!(sure(&near(WAY_BACK), &near(&freed)));
    assert!(!sure(&near(&icmp), &near(&freed)));
    // No error is sent about a packet for many; only with an interface its source is left out.
    let many = near(&icmp).replace("fd00::2/", "::/");
    let to_many = near(&freed).replace("d0=0xfd ", "d0=0x2ff ");
    assert!(sure(&many, &to_many));
    none(&[&fib(&many), GC, REFUSED, &to_many]);
}

#[test]
fn what_rules_count_is_held_against_all_of_them() {
    let freed = freed();
    let events = trace(&[NO_LOCAL, WAY_BACK, GC, REFUSED, &freed]);
    let seen = |request: &Request| {
        let found = report(&events, request).0.findings;
        let by_routes = found.receive_drops_seen;
        (found.drops(), found.way_back_drops_seen, by_routes)
    };
    let mut request = handed(FACTS);
    assert_eq!(seen(&request), (1, 1, 0));
    // Filtered or not.
    request.filter.cpus = Some([9].into());
    assert_eq!(seen(&request), (0, 1, 0));
}

#[test]
fn what_else_netfilter_drops_is_counted() {
    let counts = |events: &[&str]| {
        let netfilter = report(&trace(events), &handed(FACTS))
            .0
            .findings
            .health
            .netfilter;
        (netfilter.no_way_back, netfilter.other_rule)
    };
    let freed = freed();
    let by_anybody = format!("kf: (kfree_skb+0x0/0xd0) {WORDS}");
    let elsewhere = WAY_BACK.replace("dev cali1", "dev eth0");
    let nothing = WAY_BACK.replace("err 0", "err -113");
    for (events, wanted) in [
        (&[NO_LOCAL, WAY_BACK, GC, REFUSED, &freed][..], (0, 0)),
        (&[NO_LOCAL, &freed], (1, 0)),
        (&[WAY_BACK, &elsewhere, GC, REFUSED, &freed], (1, 0)),
        (&[WAY_BACK, &nothing, &freed], (1, 0)),
        (&[WAY_BACK, GC, GRANTED, &freed], (0, 1)),
        (&[WAY_BACK, &freed], (0, 1)),
        (&[&freed], (0, 1)),
        (&[NO_LOCAL, &by_anybody, WAY_BACK, &by_anybody], (0, 0)),
    ] {
        assert_eq!(counts(events), wanted, "{events:#?}");
    }
}

#[test]
fn spoofed_packets_and_those_of_other_rules_are_not() {
    let freed = freed();
    let nothing = WAY_BACK.replace("dev cali1 gw :: err 0", "dev lo gw :: err -113");
    none(&[NO_LOCAL, &nothing, &freed]);
    none(&[NO_LOCAL, &nothing, GC, REFUSED, &freed]);
    let elsewhere = WAY_BACK.replace("dev cali1", "dev eth0");
    none(&[NO_LOCAL, &elsewhere, GC, REFUSED, &freed]);
    none(&[NO_LOCAL, WAY_BACK, GC, GRANTED, &freed]);
    none(&[NO_LOCAL, WAY_BACK, &freed]);
    // What was refused later was made for something else.
    none(&[NO_LOCAL, WAY_BACK, GC, GRANTED, GC, REFUSED, &freed]);
    let pointer = RETURNED.replace("err=-101", "ret=0xffff88800024bb00");
    none(&[NO_LOCAL, WAY_BACK, GC, GRANTED, &pointer, &freed]);
    let found = RETURNED.replace("-101", "0");
    none(&[NO_LOCAL, WAY_BACK, GC, REFUSED, &found, &freed]);
    // Dropped later: it was looked up itself, or something else was.
    let own = WAY_BACK.replace("iif 1", "iif 4").replace("oif 4", "oif 0");
    none(&[WAY_BACK, GC, REFUSED, &own, &freed]);
    let input = format!("rin: (ip6_route_input+0x0/0x1d0) {WORDS}");
    none(&[WAY_BACK, GC, REFUSED, &input, &freed]);
}

#[test]
fn the_lookup_is_that_of_the_packet() {
    let freed = freed();
    for (name, other) in [
        ("source", WAY_BACK.replace("-> fd00::1/", "-> fd00::9/")),
        ("destination", WAY_BACK.replace("fd00::2/", "fd00::9/")),
        ("interface", WAY_BACK.replace("oif 4", "oif 5")),
        ("not from here", WAY_BACK.replace("iif 1", "iif 5")),
    ] {
        let all = decided(&[NO_LOCAL, &other, GC, REFUSED, &freed]);
        assert_eq!(all.len(), 0, "{name}");
    }
    none(&[WAY_BACK, GC, REFUSED, "wait 200000", &freed]);
    none(&[WAY_BACK, GC, REFUSED, "raw CPU:1 [LOST 9 EVENTS]", &freed]);
    none(&[WAY_BACK, GC, REFUSED, "9@x", &freed]);
    let unbelievable = freed.replace("w0=0x4011100000000060", "w0=0x4011100000000045");
    none(&[WAY_BACK, GC, REFUSED, &unbelievable]);
    let entry = freed.replace("+0x91", "+0x0");
    none(&[WAY_BACK, GC, REFUSED, &entry]);
}

#[test]
fn without_outcome_it_is_not_sure() {
    let freed = freed();
    let ran = "run: (fib6_run_gc+0x0/0xe0)";
    let all = decided(&[
        WAY_BACK,
        "ip6_dst_gc <-dst_alloc",
        "fib6_run_gc <-ip6_dst_gc",
        &freed,
    ]);
    is(
        all[0],
        RcvRpfilterDstAlloc,
        Probable,
        "way-back-perhaps-refused",
    );
    none(&[WAY_BACK, GC, &freed]);
    none(&[WAY_BACK, GC, ran, GRANTED, &freed]);
}

#[test]
fn a_packet_that_netfilter_drops_is_in_no_counter_of_routes() {
    let drop = format!("drop: (ip6_pkt_drop+0x0/0xe0) ops=0xffffffff81a64000 {WORDS}");
    let own = [NO_LOCAL, WAY_BACK].map(|lookup| {
        let own = lookup.replace("iif 1", "iif 4").replace("oif 4", "oif 0");
        own.replace("fd00::2/0 -> fd00::1/0", "fd00::1/0 -> fd00::2/0")
    });
    let events = [WAY_BACK, GC, REFUSED, &freed(), &own[0], &own[1], &drop];
    let (summary, all) = report(&trace(&events), &handed(FACTS));
    is(all[0], RcvRpfilterDstAlloc, Confirmed, "way-back-refused");
    is(all[1], RcvDstAlloc, Confirmed, "found-then-refused");
    assert_eq!(summary.findings.receive_drops_seen, 1);
}

#[test]
fn words_that_fit_no_packet_are_counted_and_not_believed() {
    let wrong = freed().replace("000060 s0", "000040 s0");
    let events = [NO_LOCAL, WAY_BACK, GC, REFUSED, &wrong];
    let (summary, all) = report(&trace(&events), &handed(FACTS));
    assert_eq!(all.len(), 0);
    assert_eq!(summary.findings.health.unbelievable, 1);
}
