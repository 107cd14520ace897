//! Which routes new entries of the cache were made for.

use crate::diagnosis::tests::trace::{
    DROP, GRANTED, LOOKUP, RAN, REFUSED, STACK, attempted, report, trace,
};
use crate::report::build::Request;
use crate::report::entries::{Became, Place};

/// Nothing was found in the local table, for what this host sends.
const FAILED: &str = "fib6_table_lookup: table 255 oif 0 iif 1 proto 17 fd00:9::1/5 -> fd00:9::2/5 tos 0 scope 0 flags 0 ==> dev lo gw :: err -113";
/// A route was found by cali2.
const FOUND: &str = "fib6_table_lookup: table 254 oif 0 iif 4 proto 17 fd00::1/0 -> fd00::2/0 tos 0 scope 0 flags 0 ==> dev cali2 gw :: err 0";
/// An attempt, as a probe shows it that reads no arguments.
const ATTEMPT: &str = "gc_enter: (ip6_dst_gc+0x0/0xd0)";

/// New entries and refusals for the route of [`FOUND`], and those that have none.
fn text(lines: &str, events: &[&str]) -> Option<(Vec<(Became, Place)>, u64)> {
    let begin = [FAILED, FAILED, "wait 200000"];
    let text = lines.to_owned() + &trace(&[&begin[..], events].concat());
    let (summary, _) = report(&text, &Request::default());
    let entries = summary.entries.as_ref()?;
    let rows = entries.by_number().into_iter().map(|(to, became)| {
        assert_eq!(to.dst.to_string(), "fd00::2");
        assert_eq!(to.dev.as_bytes(), b"cali2");
        (became, to.place)
    });
    let unnamed = summary.findings.gc_total().succeeded - entries.named();
    Some((rows.collect(), unnamed))
}

fn became(new: u64, refused: u64) -> (Vec<(Became, Place)>, u64) {
    (vec![(Became { new, refused }, Place::Unknown)], 0)
}

/// That many attempts were granted, and none of them names its route.
#[track_caller]
fn names_none(events: &[&str]) {
    // Beside one that does.
    let (rows, unnamed) = text(
        "",
        &[&[FOUND, ATTEMPT, GRANTED, "wait 10"], events].concat(),
    )
    .unwrap();
    assert_eq!(rows, became(1, 0).0);
    assert_eq!(unnamed, 1);
}

#[test]
fn an_attempt_right_behind_a_lookup_is_for_its_route() {
    let (new, refused) = ([FOUND, ATTEMPT, GRANTED], [FOUND, ATTEMPT, REFUSED]);
    assert_eq!(text("", &new), Some(became(1, 0)));
    assert_eq!(text("", &[new, refused, new].concat()), Some(became(2, 1)));
    // Nothing fills it that is refused.
    assert_eq!(text("", &refused), None);
}

#[test]
fn an_outcome_that_follows_counts_as_well() {
    let events = [FOUND, ATTEMPT, RAN, FOUND, ATTEMPT, DROP];
    // The first one collected, and of that nothing more is known.
    assert_eq!(text("", &events), Some(became(1, 0)));
    // Without a sign of collections nobody knows whether one ran.
    assert_eq!(text("", &[FOUND, ATTEMPT, FOUND, ATTEMPT, DROP]), None);
}

#[test]
fn an_attempt_elsewhere_is_for_something_else() {
    names_none(&[
        FOUND,
        "7/1/....@gc_enter: (ip6_dst_gc+0x0/0xd0)",
        "7/1/....@gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=0",
    ]);
    names_none(&[
        FOUND,
        "7/2@gc_enter: (ip6_dst_gc+0x0/0xd0)",
        "7/2@gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=0",
    ]);
    names_none(&[
        FOUND,
        "9@gc_enter: (ip6_dst_gc+0x0/0xd0)",
        "9@gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=0",
    ]);
}

#[test]
fn an_attempt_without_a_lookup_of_its_own_is_for_something_else() {
    names_none(&[ATTEMPT, GRANTED]);
    names_none(&[FAILED, ATTEMPT, GRANTED]);
    names_none(&[FOUND, "wait 200000", ATTEMPT, GRANTED]);
    names_none(&[FOUND, "raw CPU:1 [LOST 3 EVENTS]", ATTEMPT, GRANTED]);
}

#[test]
fn neighbour_discovery_asks_no_table() {
    let discovery = [
        STACK,
        "=> ip6_dst_gc",
        "=> dst_alloc",
        "=> icmp6_dst_alloc",
        "=> ndisc_send_ns",
    ];
    names_none(
        &[
            &[FOUND, "ip6_dst_gc <-dst_alloc"][..],
            &discovery,
            &[GRANTED],
        ]
        .concat(),
    );
    let received = [&[FOUND][..], &attempted(GRANTED)].concat();
    assert_eq!(text("", &received), Some(became(1, 0)));
}

#[test]
fn the_namespace_is_that_of_the_attempt() {
    let at = |ops: &str| {
        format!("gc_enter: (ip6_dst_gc+0x0/0xd0) ops={ops} family=10 gc_thresh=64 fast=640")
    };
    let (own, other) = (at("0xffffffff81e8df40"), at("0xffff888000112233"));
    let events = [
        FOUND, &own, GRANTED, FOUND, &other, GRANTED, FOUND, &own, GRANTED,
    ];
    let places = |lines: &str| {
        let (rows, _) = text(lines, &events).unwrap();
        rows.into_iter()
            .map(|(became, place)| (became.new, place))
            .collect::<Vec<_>>()
    };
    let other = (1, Place::Other(0xffff_8880_0011_2233));
    let said = "# ip6drop: ops 0xffffffff81e8df40\n";
    // That of one attempt is not that of the next.
    let (rows, _) = text(said, &[FOUND, &own, GRANTED, FOUND, ATTEMPT, GRANTED]).unwrap();
    let rows: Vec<_> = rows.into_iter().map(|(_, place)| place).collect();
    assert_eq!(rows, [Place::Host, Place::Unknown]);
    assert_eq!(places(said), [(2, Place::Host), other]);
    assert_eq!(
        places(""),
        [(2, Place::Other(0xffff_ffff_81e8_df40)), other]
    );
}

#[test]
fn nothing_is_named_where_lookups_may_be_missing() {
    let new = [FOUND, ATTEMPT, GRANTED];
    let shows = |lines: &str| text(lines, &new).is_some();
    assert!(shows("# ip6drop: lookups all\n"));
    assert!(!shows("# ip6drop: lookups iif != 1\n"));
    // Events were lost, and nobody says where.
    assert!(!shows("# ip6drop: lookups all\n# ip6drop: lost 1 5\n"));
    // What nobody tells has to show: here nothing was looked up for the host itself.
    let (summary, _) = report(
        &trace(&[LOOKUP, FOUND, ATTEMPT, GRANTED]),
        &Request::default(),
    );
    assert_eq!(summary.entries, None);
}
