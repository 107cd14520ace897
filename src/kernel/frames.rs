//! What names in a stack mean: data, each with its reason, to be checked against the kernel.
//!
//! Functions and files are those of Linux 4.19; where a later kernel differs, the reason says so.

use crate::kernel::functions::{Direction, Function, Handler, Origin, function};
use crate::kernel::printed::FREEING;

/// What a frame says of the stack it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The handler of a drop.
    Handler(Handler),
    /// The origin of an allocation.
    Origin(Origin),
    /// The packet was received.
    Receive,
    /// The packet was sent by this host.
    Output,
    /// The packet was received in a list with others, whose lookups all come before the
    /// first drop.
    List,
    /// Frames further out belong to whatever the softirq interrupted.
    Softirq,
}

/// One line of the table: a name (or, with `*`, how it starts), what it says, and why.
#[derive(Debug)]
pub(crate) struct FrameRule {
    /// Name in the kernel's source; a trailing `*` stands for any ending.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) mark: Mark,
    /// Why, with the kernel's file: for whoever reads the table.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests alone ask for it"))]
    pub(crate) reason: &'static str,
}

const fn rule(name: &'static str, mark: Mark, reason: &'static str) -> FrameRule {
    FrameRule { name, mark, reason }
}

/// What frames say, innermost first; the first rule that matches a frame counts.
pub(crate) const FRAMES: &[FrameRule] = &[
    rule(
        "ip6_pkt_discard",
        Mark::Handler(Handler::Discard),
        "dst.input of ip6_null_entry and of reject routes (net/ipv6/route.c)",
    ),
    rule(
        "ip6_pkt_prohibit",
        Mark::Handler(Handler::Prohibit),
        "dst.input of prohibit routes (net/ipv6/route.c)",
    ),
    rule(
        "ip6_pkt_discard_out",
        Mark::Handler(Handler::DiscardOut),
        "dst.output of ip6_null_entry and of reject routes (net/ipv6/route.c)",
    ),
    rule(
        "ip6_pkt_prohibit_out",
        Mark::Handler(Handler::ProhibitOut),
        "dst.output of prohibit routes (net/ipv6/route.c)",
    ),
    rule(
        "icmp6_dst_alloc",
        Mark::Origin(Origin::Ndisc),
        "dst of neighbour discovery and MLD packets, made without a lookup (net/ipv6/route.c)",
    ),
    rule(
        "ndisc_send_*",
        Mark::Origin(Origin::Ndisc),
        "neighbour discovery sends (net/ipv6/ndisc.c)",
    ),
    rule(
        "ip6_route_input",
        Mark::Origin(Origin::Receive),
        "the lookup for a received packet (net/ipv6/route.c)",
    ),
    rule(
        "ip6_pol_route_input",
        Mark::Origin(Origin::Receive),
        "the lookup for a received packet (net/ipv6/route.c)",
    ),
    rule(
        "icmp6_send",
        Mark::Origin(Origin::IcmpError),
        "looks up the way back for an ICMPv6 error (net/ipv6/icmp.c)",
    ),
    rule(
        "icmpv6_route_lookup",
        Mark::Origin(Origin::IcmpError),
        "looks up the way back for an ICMPv6 error (net/ipv6/icmp.c)",
    ),
    rule(
        "ip6_pkt_drop",
        Mark::Origin(Origin::IcmpError),
        "sends the ICMPv6 error about the packet it drops (net/ipv6/route.c)",
    ),
    rule(
        "ip6_pol_route_output",
        Mark::Origin(Origin::Output),
        "the lookup for a packet of this host (net/ipv6/route.c)",
    ),
    rule(
        "ip6_route_output_flags*",
        Mark::Origin(Origin::Output),
        "the lookup for a packet of this host (net/ipv6/route.c)",
    ),
    rule(
        "ip6_dst_lookup*",
        Mark::Origin(Origin::Output),
        "the lookup for a packet of this host (net/ipv6/ip6_output.c)",
    ),
    rule(
        "ip6_sk_dst_lookup_flow",
        Mark::Origin(Origin::Output),
        "the lookup for a packet of a socket (net/ipv6/ip6_output.c)",
    ),
    rule(
        "inet6_rtm_getroute",
        Mark::Origin(Origin::Other),
        "`ip route get`: a question, not a packet (net/ipv6/route.c)",
    ),
    rule(
        "rt6_lookup",
        Mark::Origin(Origin::Other),
        "a lookup for the configuration (net/ipv6/route.c)",
    ),
    rule(
        "ip6_pol_route_lookup",
        Mark::Origin(Origin::Other),
        "a lookup for the configuration or a filter (net/ipv6/route.c)",
    ),
    rule(
        "ip6_route_info_create",
        Mark::Origin(Origin::Other),
        "checks the gateway of a new route (net/ipv6/route.c)",
    ),
    rule(
        "__ip6_rt_update_pmtu",
        Mark::Origin(Origin::Other),
        "stores a path MTU (net/ipv6/route.c)",
    ),
    rule(
        "rt6_do_redirect",
        Mark::Origin(Origin::Other),
        "stores a redirect (net/ipv6/route.c)",
    ),
    rule(
        "ip6_list_rcv_finish",
        Mark::List,
        "looks up every packet of a list before it hands on the first (net/ipv6/ip6_input.c)",
    ),
    rule(
        "ip6_sublist_rcv*",
        Mark::List,
        "part of list receive (net/ipv6/ip6_input.c)",
    ),
    rule(
        "ipv6_list_rcv",
        Mark::List,
        "list receive (net/ipv6/ip6_input.c)",
    ),
    rule(
        "__netif_receive_skb_list*",
        Mark::List,
        "list receive (net/core/dev.c)",
    ),
    rule(
        "netif_receive_skb_list*",
        Mark::List,
        "list receive (net/core/dev.c)",
    ),
    rule(
        "ip6_rcv_finish*",
        Mark::Receive,
        "receive path (net/ipv6/ip6_input.c)",
    ),
    rule(
        "ipv6_rcv",
        Mark::Receive,
        "receive path (net/ipv6/ip6_input.c)",
    ),
    rule(
        "__netif_receive_skb*",
        Mark::Receive,
        "receive path (net/core/dev.c)",
    ),
    rule(
        "netif_receive_skb*",
        Mark::Receive,
        "receive path (net/core/dev.c)",
    ),
    rule(
        "process_backlog",
        Mark::Receive,
        "receive path of veth and loopback (net/core/dev.c)",
    ),
    rule(
        "napi_*",
        Mark::Receive,
        "receive path of drivers with NAPI (net/core/dev.c)",
    ),
    rule(
        "__napi_poll",
        Mark::Receive,
        "receive path of drivers with NAPI (net/core/dev.c)",
    ),
    rule(
        "ip6_local_out",
        Mark::Output,
        "send path (net/ipv6/output_core.c)",
    ),
    rule(
        "__ip6_local_out",
        Mark::Output,
        "send path (net/ipv6/output_core.c)",
    ),
    rule(
        "ip6_send_skb",
        Mark::Output,
        "send path (net/ipv6/ip6_output.c)",
    ),
    rule(
        "ip6_push_pending_frames",
        Mark::Output,
        "send path (net/ipv6/ip6_output.c)",
    ),
    rule(
        "ip6_xmit",
        Mark::Output,
        "send path of TCP, SCTP and DCCP (net/ipv6/ip6_output.c)",
    ),
    rule(
        "udp_v6_send_skb",
        Mark::Output,
        "send path of UDP (net/ipv6/udp.c)",
    ),
    rule(
        "rawv6_sendmsg",
        Mark::Output,
        "send path of raw sockets (net/ipv6/raw.c)",
    ),
    rule(
        "net_rx_action",
        Mark::Softirq,
        "the receive softirq itself (net/core/dev.c)",
    ),
    rule(
        "run_timer_softirq",
        Mark::Softirq,
        "the timer softirq itself (kernel/time/timer.c)",
    ),
    rule(
        "__do_softirq",
        Mark::Softirq,
        "softirqs run on top of what they interrupt (kernel/softirq.c)",
    ),
    rule(
        "handle_softirqs",
        Mark::Softirq,
        "__do_softirq since 6.10 (kernel/softirq.c)",
    ),
];

/// What a frame of that name says.
#[must_use]
#[inline]
pub(crate) fn mark(name: &[u8]) -> Option<Mark> {
    FRAMES
        .iter()
        .find(|rule| match rule.name.strip_suffix('*') {
            Some(start) => name.starts_with(start.as_bytes()),
            None => rule.name.as_bytes() == name,
        })
        .map(|rule| rule.mark)
}

/// What one stack says, worked out once for each distinct stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StackFacts {
    /// The function the stack was taken in, below trampolines of the tracer.
    pub(crate) head: Head,
    /// The handler that called `ip6_pkt_drop`.
    pub(crate) handler: Option<Handler>,
    /// Which way the packet was going.
    pub(crate) direction: Direction,
    /// Who asked for a dst entry.
    pub(crate) origin: Origin,
    /// The packet came in a list.
    pub(crate) list: bool,
}

/// Frames on top of the function that frees a packet: those that do it, and the tracer's.
const MAX_FREEING: usize = 6;

/// Where `ip6_pkt_drop` stands in a stack, innermost frame first, if it is what frees the packet:
/// above it are only functions that free, and trampolines. Deeper in the stack it is the drop of
/// another packet, whose error message was freed.
#[must_use]
pub(crate) fn freed_by_drop<'a>(frames: impl Iterator<Item = &'a [u8]>) -> Option<usize> {
    for (at, name) in frames.take(MAX_FREEING).enumerate() {
        if name == Function::PktDrop.name().as_bytes() {
            return Some(at);
        }
        let holds = |word: &str| memchr::memmem::find(name, word.as_bytes()).is_some();
        if !name.starts_with(b"0x") && !FREEING.iter().any(|word| holds(word)) {
            return None;
        }
    }
    None
}

/// The innermost function of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// No frame has a name.
    None,
    /// A function that is evidence.
    Known(Function),
    /// Any other.
    Other,
}

/// Reads a stack, innermost frame first, up to the softirq it ran in.
#[must_use]
pub(crate) fn read_stack(frames: &[impl AsRef<[u8]>]) -> StackFacts {
    let mut facts = StackFacts {
        head: Head::None,
        handler: None,
        direction: Direction::Unknown,
        origin: Origin::Unknown,
        list: false,
    };
    let first = frames
        .iter()
        .position(|name| !name.as_ref().starts_with(b"[unknown"));
    let Some(first) = first else { return facts };
    facts.head = function(frames[first].as_ref()).map_or(Head::Other, Head::Known);
    for name in &frames[first + 1..] {
        match mark(name.as_ref()) {
            Some(Mark::Handler(handler)) => {
                facts.handler = facts.handler.or(Some(handler));
            }
            // The error's lookup is an output lookup further in, so it takes precedence.
            Some(Mark::Origin(Origin::IcmpError)) if facts.origin != Origin::Receive => {
                facts.origin = Origin::IcmpError;
            }
            // `ip route get … iif` looks up as if for a received packet, further in.
            Some(Mark::Origin(Origin::Other)) => facts.origin = Origin::Other,
            Some(Mark::Origin(origin)) if facts.origin == Origin::Unknown => facts.origin = origin,
            Some(Mark::Receive) if facts.direction == Direction::Unknown => {
                facts.direction = Direction::Receive;
            }
            Some(Mark::Output) if facts.direction == Direction::Unknown => {
                facts.direction = Direction::Output;
            }
            Some(Mark::List) => {
                facts.list = true;
                if facts.direction == Direction::Unknown {
                    facts.direction = Direction::Receive;
                }
            }
            Some(Mark::Softirq) => break,
            _ => {}
        }
    }
    if let Some(handler) = facts.handler {
        facts.direction = handler.direction();
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frames: &str) -> StackFacts {
        let frames: Vec<&str> = frames.split(' ').collect();
        read_stack(&frames)
    }

    #[test]
    fn origins() {
        for (stack, origin) in [
            (
                "ip6_dst_gc dst_alloc ip6_dst_alloc ip6_pol_route ip6_pol_route_input fib6_rule_lookup ip6_route_input ipv6_rcv",
                Origin::Receive,
            ),
            (
                "ip6_dst_gc dst_alloc ip6_dst_alloc ip6_pol_route fib6_rule_lookup ip6_route_input ipv6_rcv process_backlog net_rx_action __do_softirq ip6_finish_output2 ip6_send_skb",
                Origin::Receive,
            ),
            (
                "ip6_dst_gc dst_alloc ip6_dst_alloc icmp6_dst_alloc ndisc_send_skb ndisc_send_na ndisc_recv_ns icmpv6_rcv ipv6_rcv",
                Origin::Ndisc,
            ),
            (
                "ip6_dst_gc dst_alloc ip6_dst_alloc ip6_pol_route ip6_pol_route_output fib6_rule_lookup ip6_route_output_flags ip6_dst_lookup_tail icmpv6_route_lookup icmp6_send icmpv6_send ip6_pkt_drop ip6_pkt_discard",
                Origin::IcmpError,
            ),
            (
                "ip6_dst_gc dst_alloc ip6_dst_alloc ip6_pol_route ip6_pol_route_output fib6_rule_lookup ip6_route_output_flags ip6_dst_lookup_tail ip6_dst_lookup_flow udpv6_sendmsg",
                Origin::Output,
            ),
            (
                "ip6_dst_gc dst_alloc ip6_dst_alloc ip6_pol_route ip6_pol_route_input fib6_rule_lookup ip6_route_input_lookup inet6_rtm_getroute",
                Origin::Other,
            ),
            ("ip6_dst_gc [unknown/kretprobe'd]", Origin::Unknown),
            ("ip6_dst_gc kretprobe_trampoline", Origin::Unknown),
            ("ip6_dst_gc", Origin::Unknown),
        ] {
            assert_eq!(read(stack).origin, origin, "{stack}");
            assert_eq!(read(stack).head, Head::Known(Function::DstGc), "{stack}");
        }
    }

    #[test]
    fn drops() {
        let fp = read(
            "ip6_pkt_drop ip6_pkt_discard ipv6_rcv process_backlog net_rx_action __do_softirq ip6_output ip6_local_out",
        );
        assert_eq!(
            (fp.handler, fp.direction),
            (Some(Handler::Discard), Direction::Receive)
        );
        let orc = read(
            "ip6_pkt_drop process_backlog net_rx_action __do_softirq ip6_finish_output2 ip6_send_skb",
        );
        assert_eq!((orc.handler, orc.direction), (None, Direction::Receive));
        let out = read("ip6_pkt_drop ip6_send_skb udp_v6_send_skb udpv6_sendmsg");
        assert_eq!((out.handler, out.direction), (None, Direction::Output));
        assert!(
            read("ip6_pkt_drop ip6_pkt_discard ip6_sublist_rcv_finish ip6_list_rcv_finish").list
        );
        assert_eq!(read("").head, Head::Other);
    }

    #[test]
    fn a_packet_is_freed_by_its_drop() {
        let freed = |frames: &str| {
            let at = freed_by_drop(frames.split(' ').map(str::as_bytes));
            at.is_some_and(|at| at > 0)
        };
        assert!(freed("kfree_skb ip6_pkt_drop ip6_pkt_discard ipv6_rcv"));
        assert!(freed(
            "kfree_skb_reason 0xffffffffc02bd083 ip6_pkt_drop process_backlog"
        ));
        assert!(freed("sk_skb_reason_drop ip6_pkt_drop"));
        assert!(!freed("kfree_skb nf_hook_slow ipv6_rcv"));
        assert!(!freed("kfree_skb icmp6_send ip6_pkt_drop"));
        assert!(!freed("ip6_pkt_drop ip6_pkt_discard"));
        let many = "kfree_skb ".repeat(MAX_FREEING - 1);
        assert!(freed(&format!("{many}ip6_pkt_drop")));
        assert!(!freed(&format!("kfree_skb {many}ip6_pkt_drop")));
    }

    #[test]
    fn names_are_unique() {
        for (at, rule) in FRAMES.iter().enumerate() {
            assert!(
                FRAMES[..at].iter().all(|earlier| earlier.name != rule.name),
                "{}",
                rule.name
            );
            assert!(
                rule.reason.ends_with(".c)"),
                "{}: no source file",
                rule.name
            );
        }
    }
}
