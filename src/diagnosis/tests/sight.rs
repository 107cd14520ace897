//! Whether an input could have shown a drop, and drops that only the packets that are freed show.

use crate::diagnosis::class::Class::{self, RcvUndetermined, Unknown};
use crate::diagnosis::evidence::Traced;
use crate::diagnosis::tests::trace::{DROP, DROP_FRAMES, GC, STACK, report, trace};
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::report::build::Request;

fn exit(text: &str, traced: &str) -> Exit {
    let request = Request {
        traced: Traced::from_names([traced.as_bytes()].into_iter()),
        ..Request::default()
    };
    Verdict::of(&report(text, &request).0.findings).exit
}

#[test]
fn no_drop_is_an_all_clear_only_where_one_would_have_shown() {
    let other = trace(&[GC]);
    assert_eq!(exit(&other, ""), Exit::Inconclusive);
    assert_eq!(exit(&other, "ip6_dst_gc"), Exit::Inconclusive);
    assert_eq!(exit(&other, "ip6_pkt_drop"), Exit::Clean);
    // Nothing but a head: whether anything ran at all, it does not say.
    let head = "# tracer: function\n#\n";
    assert_eq!(exit(head, "ip6_pkt_drop"), Exit::Inconclusive);
    // A recording of this program that ended says it.
    let recording = |traced: &str| {
        format!(
            "# ip6drop: version 2\n# ip6drop: cpus 1\n# ip6drop: traced {traced}\n# ip6drop: lost 0 0\n"
        )
    };
    assert_eq!(exit(&recording("ip6_pkt_drop"), ""), Exit::Clean);
    assert_eq!(exit(&recording("ip6_dst_gc"), ""), Exit::Inconclusive);
}

const IPV6: &str = "kfree_skb: skbaddr=00000000b7f11949 protocol=34525 location=0000000088db56c1";
const IPV4: &str = "kfree_skb: skbaddr=00000000b7f11949 protocol=2048 location=0000000088db56c1";

/// Drops by class of these events.
fn classes(events: &[&[&str]]) -> Vec<(Class, u64)> {
    let found = report(&trace(&events.concat()), &Request::default())
        .0
        .findings;
    let classes = found.classes.into_iter();
    classes.map(|((class, _), drops)| (class, drops)).collect()
}

#[test]
fn a_packet_that_is_freed_shows_its_drop_by_stack_location_or_reason() {
    let freed = [&[STACK, "=> kfree_skb_reason"], &DROP_FRAMES[..]].concat();
    let undetermined = [(RcvUndetermined, 1)];
    assert_eq!(classes(&[&[IPV6], &freed]), undetermined);
    assert_eq!(classes(&[&[IPV6]]), []);
    // Of another protocol, or by somebody else.
    assert_eq!(classes(&[&[IPV4], &freed]), []);
    let by_another = [
        STACK,
        "=> kfree_skb_reason",
        "=> nf_hook_slow",
        "=> ip6_pkt_drop",
    ];
    assert_eq!(classes(&[&[IPV6], &by_another]), []);
    assert_eq!(classes(&[&["schedule <-do_idle"], &freed]), []);
    // Without a stack, or together with one.
    let reason = format!("{IPV6} reason: IP_INNOROUTES");
    assert_eq!(classes(&[&[&reason]]), undetermined);
    assert_eq!(classes(&[&[&reason], &freed]), undetermined);
    assert_eq!(
        classes(&[&[&reason], &freed, &[&reason], &freed]),
        [(RcvUndetermined, 2)]
    );
    let location =
        "kfree_skb: skbaddr=0000000000000001 protocol=34525 location=ip6_pkt_drop+0xf0/0x1c0";
    assert_eq!(classes(&[&[location]]), [(Unknown, 1)]);
    assert_eq!(classes(&[&[location], &freed]), undetermined);
}

#[test]
fn a_drop_that_shows_itself_is_not_counted_again_when_its_packet_is_freed() {
    let freed = [&[STACK, "=> kfree_skb_reason"], &DROP_FRAMES[..]].concat();
    let drops = |events: &[&[&str]]| classes(events).iter().map(|(_, n)| n).sum::<u64>();
    assert_eq!(drops(&[&[DROP, IPV6], &freed]), 1);
    let reason = format!("{IPV6} reason: IP_INNOROUTES");
    assert_eq!(drops(&[&[DROP, &reason, DROP, &reason]]), 2);
    // Whose packet it is, a loss in between does not change.
    let lost = ["raw CPU:1 [LOST 5 EVENTS]"];
    assert_eq!(drops(&[&[DROP], &lost, &[&reason]]), 1);
    assert_eq!(drops(&[&lost, &[&reason]]), 1);
    // A freed packet brings one stack; the next is of another drop.
    let next = [&[STACK], &DROP_FRAMES[..]].concat();
    assert_eq!(drops(&[&[IPV6], &freed, &next]), 2);
    // Entries came on later.
    assert_eq!(drops(&[&[&reason, DROP, &reason]]), 2);
}
