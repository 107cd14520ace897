//! Which lookups are a dropped packet's own: for each guard a trace that passes it, and one that
//! it stops.

use crate::diagnosis::class::Class::{RcvDstAlloc, RcvNoRoute, RcvProhibited, RcvUndetermined};
use crate::diagnosis::class::Confidence::{Confirmed, Possible, Probable};
use crate::diagnosis::findings::Missing;
use crate::diagnosis::tests::trace::{Decided, handed, is, report, trace};
use crate::kernel::functions::Direction;

const FACTS: &str =
    "0:\tfrom all lookup local\n32766:\tfrom all lookup main\nthrow_routes 0\nlookups all\n";

/// The drop of a packet from fd00::1 to fd00::2 that came by interface 4.
const DROP: &str = "drop: (ip6_pkt_drop+0x0/0xe0) skb=0xffff888000000100 code=0 dev=\"cali1\" \
    iif=4 ops=0xffffffff81a64000 w0=0x403a39003aa40f60 s0=0xfd s1=0x100000000000000 d0=0xfd \
    d1=0x200000000000000 l4=0x1a920401";
const NO_LOCAL: &str = "fib6_table_lookup: table 255 oif 0 iif 4 proto 58 fd00::1/0 -> fd00::2/0 \
    tos 0 scope 0 flags 0 ==> dev lo gw :: err -113";
const FOUND: &str = "fib6_table_lookup: table 254 oif 0 iif 4 proto 58 fd00::1/0 -> fd00::2/0 \
    tos 0 scope 0 flags 0 ==> dev cali2 gw :: err 0";
const NO_MAIN: &str = "fib6_table_lookup: table 254 oif 0 iif 4 proto 58 fd00::1/0 -> fd00::2/0 \
    tos 0 scope 0 flags 0 ==> dev lo gw :: err -113";
const INPUT: &str = "rin: (ip6_route_input+0x0/0x1d0) skb=0xffff888000000100";

fn decided_by(events: &[&str], facts: &str) -> Vec<Decided> {
    report(&trace(events), &handed(facts)).1
}

/// The last drop of a trace with rules and filter known.
fn decided(events: &[&str]) -> Decided {
    decided_by(events, FACTS).pop().unwrap()
}

fn is_refused(events: &[&str]) {
    is(
        decided(events),
        RcvDstAlloc,
        Confirmed,
        "found-then-refused",
    );
}

/// Nothing is known of the packet's own lookups, and nothing else of the drop.
fn is_open(events: &[&str]) {
    let drop = decided(events);
    assert_eq!((drop.class, drop.confidence), (RcvUndetermined, Possible));
}

#[test]
fn the_last_lookups_of_the_flow_decide() {
    is_refused(&[NO_LOCAL, FOUND, DROP]);
    let drop = decided(&[NO_LOCAL, NO_MAIN, DROP]);
    is(drop, RcvNoRoute, Confirmed, "no-route-in-any-table");
    let prohibited = NO_MAIN.replace("-113", "-13");
    let by_code = DROP.replace("code=0", "code=1");
    let drop = decided(&[NO_LOCAL, &prohibited, &by_code]);
    is(drop, RcvProhibited, Confirmed, "prohibited-by-table");
}

#[test]
fn others_may_stand_in_between() {
    for (name, other) in [
        ("source", FOUND.replace("fd00::1/", "fd00::9/")),
        ("destination", NO_MAIN.replace("fd00::2/", "fd00::9/")),
        ("interface", NO_MAIN.replace("iif 4", "iif 5")),
        ("asked for an interface", NO_MAIN.replace("oif 0", "oif 3")),
        ("a packet of this host", NO_MAIN.replace("iif 4", "iif 1")),
    ] {
        is_refused(&[NO_LOCAL, &other, FOUND, &other, DROP]);
        // And are no lookups of the packet.
        let alone = decided(&[&other, &other, DROP]);
        assert_ne!(alone.confidence, Confirmed, "{name}");
    }
}

#[test]
fn lookups_of_other_contexts_are_not_the_packets() {
    is_refused(&["7/1/...1@x", NO_LOCAL, FOUND, DROP]);
    for elsewhere in ["7/1/...1@", "7/2@", "9@", "7/1/..h1@"] {
        let own = [NO_LOCAL, FOUND].map(|lookup| format!("{elsewhere}{lookup}"));
        is_open(&[&own[0], &own[1], DROP]);
        // Planted there by somebody else, they change nothing.
        let other = format!("{elsewhere}{NO_MAIN}");
        is_refused(&[&other, NO_LOCAL, FOUND, DROP]);
    }
    // A softirq that was left is over.
    is_open(&[NO_LOCAL, FOUND, "7/1/...1@x", DROP]);
    is_open(&[NO_LOCAL, FOUND, "9@x", DROP]);
    // One that is interrupted goes on.
    is_refused(&[NO_LOCAL, FOUND, "7/1/d.h1@x", DROP]);
}

#[test]
fn what_is_lost_may_have_been_a_lookup() {
    is_refused(&["raw CPU:1 [LOST 9 EVENTS]", NO_LOCAL, FOUND, DROP]);
    is_refused(&["raw CPU:2 [LOST 9 EVENTS]", NO_LOCAL, FOUND, DROP]);
    is_open(&[NO_LOCAL, "raw CPU:1 [LOST 9 EVENTS]", NO_MAIN, DROP]);
    // Whatever local said before, main has a route.
    is_refused(&[NO_LOCAL, "raw CPU:1 [LOST 9 EVENTS]", FOUND, DROP]);
    is_open(&[NO_LOCAL, FOUND, "raw CPU:1 [LOST 9 EVENTS]", DROP]);
    let unplaced = ["raw # ip6drop: lost 1 9", NO_LOCAL, FOUND, DROP];
    is(
        decided(&unplaced),
        RcvDstAlloc,
        Probable,
        "found-perhaps-refused",
    );
}

#[test]
fn a_filter_proves_by_absence_where_all_of_it_was_traced() {
    let least = FACTS.replace(
        "all\n",
        "iif != 1 && ((tb_id == 255 && err == 0) || (tb_id != 255 && (err != 0 || name == \"lo\")))\n",
    );
    let of = |events: &[&str]| decided_by(events, &least).pop().unwrap();
    let other = NO_MAIN.replace("fd00::2/", "fd00::9/");
    // Lookups were on before the softirq began in which the packet was received.
    let before = format!("7/1/...1@{}", other.replace("iif 4", "iif 1"));
    is(
        of(&[&before, DROP]),
        RcvDstAlloc,
        Confirmed,
        "found-then-refused",
    );
    is(
        of(&[&before, NO_MAIN, DROP]),
        RcvNoRoute,
        Confirmed,
        "no-route-in-any-table",
    );
    // A softirq that was left before them is taken up as it was left, behind a loss as well.
    let by_another = format!("9@{other}");
    let left = ["schedule <-do_idle", &by_another, DROP];
    let lost = ["raw CPU:1 [LOST 9 EVENTS]"];
    for events in [&left[..], &[&lost[..], &left].concat()] {
        is(of(events), RcvUndetermined, Possible, "gc-not-traced");
    }
    // It may have begun before, unless the recorder had them on long before.
    is(of(&[DROP]), RcvUndetermined, Possible, "gc-not-traced");
    let since = |at| of(&[at, DROP]);
    is(
        since("raw # ip6drop: lookups-since 99.000000000"),
        RcvDstAlloc,
        Confirmed,
        "found-then-refused",
    );
    let behind_a_gap = [
        "raw # ip6drop: part 3 of x",
        "raw # ip6drop: lookups-since 99.000000000",
        DROP,
    ];
    is(
        of(&behind_a_gap),
        RcvUndetermined,
        Possible,
        "gc-not-traced",
    );
    is(
        since("raw # ip6drop: lookups-since 99.999000000"),
        RcvUndetermined,
        Possible,
        "gc-not-traced",
    );
    is(
        of(&[&other, DROP]),
        RcvUndetermined,
        Possible,
        "gc-not-traced",
    );
    // In a list all are looked up before the first is dropped.
    let another = DROP.replace("d1=0x2", "d1=0x9");
    let behind = of(&[&other, &another, DROP]);
    is(behind, RcvUndetermined, Possible, "gc-not-traced");
    // One on another CPU shows it long after, where nothing was lost since.
    let elsewhere = format!("9/2@{other}");
    is(
        of(&["7/1/...1@x", &elsewhere, DROP]),
        RcvUndetermined,
        Possible,
        "gc-not-traced",
    );
    let later = ["7/1/...1@x", &elsewhere, "wait 200000", "7/1/...1@x", DROP];
    is(of(&later), RcvDstAlloc, Confirmed, "found-then-refused");
    let lost = [
        "7/1/...1@x",
        &elsewhere,
        "wait 200000",
        "raw CPU:1 [LOST 9 EVENTS]",
        DROP,
    ];
    is(of(&lost), RcvUndetermined, Possible, "events-lost");
}

#[test]
fn a_drop_ends_the_lookups_of_its_packet() {
    let all = decided_by(&[NO_LOCAL, FOUND, DROP, DROP], FACTS);
    is(all[0], RcvDstAlloc, Confirmed, "found-then-refused");
    // The next of the flow may have taken the same route.
    is(all[1], RcvDstAlloc, Probable, "found-perhaps-refused");
    let twice = [NO_LOCAL, FOUND, NO_LOCAL, FOUND, DROP, DROP];
    for drop in decided_by(&twice, FACTS) {
        is(drop, RcvDstAlloc, Confirmed, "found-then-refused");
    }
}

#[test]
fn a_packets_own_entry_begins_its_lookups() {
    let least = FACTS.replace(
        "all\n",
        "iif != 1 && ((tb_id == 255 && err == 0) || (tb_id != 255 && err != 0))\n",
    );
    let elsewhere = NO_MAIN.replace("fd00::2/", "fd00::9/");
    let of = |events: &[&str]| decided_by(events, &least).pop().unwrap().confidence;
    // Lookups were on when it came, so that none of its own is missing.
    assert_eq!(of(&[&elsewhere, INPUT, NO_MAIN, DROP]), Confirmed);
    assert_ne!(of(&[INPUT, NO_MAIN, DROP]), Confirmed);
    let other = INPUT.replace("100", "200");
    let planted = [
        NO_LOCAL, NO_MAIN, INPUT, NO_LOCAL, FOUND, &other, NO_LOCAL, NO_MAIN, DROP,
    ];
    is_refused(&planted);
    // Without it the last ones are taken for its own.
    let without: Vec<&str> = planted
        .into_iter()
        .filter(|event| *event != INPUT)
        .collect();
    is(
        decided(&without),
        RcvNoRoute,
        Confirmed,
        "no-route-in-any-table",
    );
}

#[test]
fn one_drop_is_one_in_whatever_order_its_events_come() {
    let entry = "ip6_pkt_drop <-ip6_pkt_discard";
    let handler = "ip6_pkt_discard <-ipv6_rcv";
    let stack = [
        "<stack trace>",
        "=> ip6_pkt_drop",
        "=> ip6_pkt_discard",
        "=> ipv6_rcv",
    ];
    let mut orders: Vec<Vec<&str>> = Vec::new();
    let parts: [&[&str]; 3] = [&[DROP], &[entry], &stack];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let one: Vec<&str> = order
            .iter()
            .flat_map(|&part| parts[part])
            .copied()
            .collect();
        orders.push([vec![handler], one.clone()].concat());
        orders.push(one);
    }
    for order in orders {
        let events = [&["9@x", NO_LOCAL, FOUND][..], &order].concat();
        let all = decided_by(&events, FACTS);
        assert_eq!(all.len(), 1, "{order:?}");
        is(all[0], RcvDstAlloc, Confirmed, "found-then-refused");
    }
    // Where the first entry may be lost, the second is perhaps the next packet's.
    for (first, entry_first) in [("x", false), ("9@x", true)] {
        let turned = decided_by(&[first, NO_LOCAL, FOUND, DROP, entry], FACTS);
        assert_eq!(turned.len(), 1);
        assert_eq!(turned[0].confidence == Confirmed, entry_first);
    }
    // So is each that follows, as long as nothing shows where a packet begins.
    for between in [&[][..], &["f <-g"]] {
        let halves = [&[DROP, entry][..], between, &[DROP, entry], &[DROP, entry]].concat();
        let events = [&["x", NO_LOCAL, FOUND][..], &halves].concat();
        let all = decided_by(&events, FACTS);
        assert_eq!(all.len(), 3);
        let has_lookups = |drop: &Decided| drop.evidence.lookups.is_some();
        assert!(!all.iter().any(has_lookups), "{all:?}");
    }
    // Once it is known which comes first, what comes the other way round is the next packet's.
    let entry_first = ["9@x", NO_LOCAL, entry, DROP, NO_LOCAL, DROP, entry];
    assert_eq!(decided_by(&entry_first, FACTS).len(), 3);
    let probe_first = ["9@x", NO_LOCAL, DROP, entry, NO_LOCAL, entry, DROP];
    assert_eq!(decided_by(&probe_first, FACTS).len(), 3);
    // What stands in between parts two events.
    assert_eq!(decided_by(&["9@x", DROP, NO_LOCAL, entry], FACTS).len(), 2);
    assert_eq!(
        decided_by(&["9@x", handler, NO_LOCAL, DROP], FACTS).len(),
        2
    );
    // So does a handler that the packet did not go through.
    let prohibit = "ip6_pkt_prohibit <-ipv6_rcv";
    assert_eq!(decided_by(&["9@x", prohibit, DROP], FACTS).len(), 2);
    let by_prohibit = "ip6_pkt_drop <-ip6_pkt_prohibit";
    assert_eq!(decided_by(&["9@x", DROP, by_prohibit], FACTS).len(), 2);
    assert_eq!(decided_by(&["9@x", by_prohibit, DROP], FACTS).len(), 2);
    // Another packet is another drop.
    let discard = "discard: (ip6_pkt_discard+0x0/0x20) skb=0xffff888000000200";
    assert_eq!(decided_by(&[discard, DROP], FACTS).len(), 2);
    let same = discard.replace("200", "100");
    assert_eq!(decided_by(&[&same, DROP], FACTS).len(), 1);
}

#[test]
fn words_that_fit_no_packet_are_counted_and_not_believed() {
    for wrong in [
        DROP.replace("w0=0x403a39003aa40f60", "w0=0x403a39003aa40f45"),
        DROP.replace("\"cali1\"", "\"ca\u{1b}[2Jli1\""),
    ] {
        let (summary, all) = report(&trace(&[NO_LOCAL, FOUND, &wrong]), &handed(FACTS));
        assert_eq!(all.len(), 1);
        assert_ne!(all[0].confidence, Confirmed, "{wrong}");
        assert_eq!(summary.findings.health.unbelievable, 1);
    }
}

#[test]
fn lookups_without_their_filter_lack_it() {
    let without = FACTS.replace("lookups all\n", "");
    let lacks = |events: &[&str]| {
        let found = report(&trace(events), &handed(&without)).0.findings;
        found.missing.contains(&Missing::LookupsFilter)
    };
    assert!(lacks(&[NO_LOCAL, FOUND, DROP]));
    assert!(!lacks(&[DROP]));
}

#[test]
fn arguments_say_which_handler_and_which_way() {
    let of = |words: &str| {
        let drop = format!("drop: (ip6_pkt_drop+0x0/0xe0) {words}");
        decided_by(&[&*drop], FACTS)[0]
    };
    let handler = |words| {
        of(words)
            .evidence
            .handler
            .map(|(handler, _)| handler.name())
    };
    assert_eq!(handler("code=0 mib=9"), Some("ip6_pkt_discard"));
    assert_eq!(handler("code=1 mib=9"), Some("ip6_pkt_prohibit"));
    assert_eq!(handler("code=0 mib=15"), Some("ip6_pkt_discard_out"));
    assert_eq!(handler("code=1 mib=15"), Some("ip6_pkt_prohibit_out"));
    assert_eq!(handler("code=2 mib=9"), None);
    assert_eq!(handler("code=0 mib=10"), None);
    assert_eq!(handler("mib=9"), None);
    assert_eq!(handler("code=0 iif=4"), Some("ip6_pkt_discard"));
    assert_eq!(handler("code=0 iif=0"), Some("ip6_pkt_discard_out"));
    assert_eq!(handler("code=0"), None);
    assert_eq!(handler("code=1 dev=\"cali1\""), Some("ip6_pkt_prohibit"));
    assert_eq!(handler("code=1 dev=\"lo\""), Some("ip6_pkt_prohibit_out"));
    assert_eq!(of("code=0 mib=15").evidence.direction, Direction::Output);
    // What came in has lookups of its own; what this host sends has those of nobody who came in.
    let counted = |mib: &str| {
        let drop = DROP.replace("code=0", &format!("code=0 mib={mib}"));
        decided(&[NO_LOCAL, FOUND, &drop])
    };
    is(counted("9"), RcvDstAlloc, Confirmed, "found-then-refused");
    assert_eq!(counted("15").evidence.lookups, None);
    // The compiler may have left out arguments of a function that it made anew.
    let renamed = |words: &str| {
        let drop = format!("drop: (ip6_pkt_drop.isra.0+0x4/0xe0) {words}");
        let all = decided_by(&[&*drop], FACTS);
        all[0].evidence.handler.map(|(handler, _)| handler.name())
    };
    assert_eq!(renamed("code=1 mib=9 iif=4"), Some("ip6_pkt_prohibit"));
    assert_eq!(renamed("code=1 mib=7 iif=4"), None);
    assert_eq!(renamed("code=1 iif=4"), None);
}
