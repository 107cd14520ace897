//! The way of a received packet, as functions of the kernel that it goes through, and what was
//! counted along it.

use std::collections::BTreeMap;

use crate::kernel::protocols::{ICMP6, TCP, UDP};
use crate::text::Untrusted;

/// Where a function has its packet when it is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketAt {
    /// The number of the argument that is the packet, from 0 on.
    pub(crate) argument: usize,
    /// The packet's data begin behind the IPv6 header, with this protocol; else with that header.
    pub(crate) behind: Option<u8>,
}

/// A place on the way of a received packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// IPv6 got it from the device.
    Arrived,
    /// netfilter let it through, and its route is asked for. Packets of sockets that are known
    /// ask for none.
    Lookup,
    /// The route cache refused an entry, for a received packet or one that is sent.
    Refused,
    /// There was no route, or no entry for it: dropped.
    Discarded,
    /// The route forbids it: dropped.
    Prohibited,
    /// It is to be forwarded.
    Forwarded,
    /// It is for this host.
    Local,
    /// netfilter let it in, and its protocol is looked for.
    Delivered,
    /// To ICMPv6.
    Icmp,
    /// To UDP.
    Udp,
    /// To TCP.
    Tcp,
}

impl Step {
    /// All steps, in the order of the way.
    pub const ALL: [Step; 11] = [
        Step::Arrived,
        Step::Lookup,
        Step::Refused,
        Step::Discarded,
        Step::Prohibited,
        Step::Forwarded,
        Step::Local,
        Step::Delivered,
        Step::Icmp,
        Step::Udp,
        Step::Tcp,
    ];

    /// The functions that are entered once for each packet of this step, the best first: where a
    /// kernel has several, they are entered in turn.
    #[must_use]
    pub const fn functions(self) -> &'static [&'static str] {
        match self {
            // Newer kernels get packets in lists as well, past ipv6_rcv.
            Step::Arrived => &["ip6_rcv_core", "ipv6_rcv"],
            Step::Lookup => &["ip6_route_input"],
            Step::Refused => &["ip6_dst_gc"],
            Step::Discarded => &["ip6_pkt_discard"],
            Step::Prohibited => &["ip6_pkt_prohibit"],
            Step::Forwarded => &["ip6_forward"],
            Step::Local => &["ip6_input"],
            Step::Delivered => &["ip6_protocol_deliver_rcu", "ip6_input_finish"],
            Step::Icmp => &["icmpv6_rcv"],
            Step::Udp => &["udpv6_rcv", "__udp6_lib_rcv"],
            Step::Tcp => &["tcp_v6_rcv"],
        }
    }

    /// Where this one of its functions has the packet; `None` where it is told of none.
    #[must_use]
    pub(crate) fn packet(self, function: &str) -> Option<PacketAt> {
        let behind = match self {
            Step::Refused => return None,
            Step::Icmp => Some(ICMP6),
            Step::Udp => Some(UDP),
            Step::Tcp => Some(TCP),
            _ => None,
        };
        let argument = match function {
            // (net, skb, nexthdr, have_final)
            "ip6_protocol_deliver_rcu" => 1,
            // (net, sk, skb)
            "ip6_input_finish" => 2,
            _ => 0,
        };
        Some(PacketAt { argument, behind })
    }

    /// True where the compiler may have put all of these functions into their callers, though the
    /// kernel lists them: then any of them may be the one that is entered.
    #[must_use]
    pub(crate) const fn may_be_inlined(self) -> bool {
        matches!(self, Step::Delivered)
    }

    /// Its name in JSON.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Step::Arrived => "arrived",
            Step::Lookup => "lookup",
            Step::Refused => "refused",
            Step::Discarded => "discarded",
            Step::Prohibited => "prohibited",
            Step::Forwarded => "forwarded",
            Step::Local => "local",
            Step::Delivered => "delivered",
            Step::Icmp => "icmp6",
            Step::Udp => "udp",
            Step::Tcp => "tcp",
        }
    }
}

/// How often the function of a step was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    /// The step.
    pub(crate) step: Step,
    /// The function, as this kernel calls it.
    pub(crate) function: Untrusted,
    /// In all.
    pub packets: u64,
    /// By each CPU that entered it; none where the kernel does not tell CPUs apart.
    pub per_cpu: BTreeMap<u32, u64>,
}

/// Packets that were freed at one place for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freed {
    /// The function that freed them.
    pub(crate) place: Untrusted,
    /// Why, in the kernel's words; `None` where it tells no reasons.
    pub(crate) reason: Option<Untrusted>,
    /// How many.
    pub packets: u64,
}

/// What was counted on the way of received packets.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Only packets that were asked for; what is not told of packets is left out.
    pub(crate) is_filtered: bool,
    /// Of each step that can be seen on this kernel, in the order of the way.
    pub hits: Vec<Hits>,
    /// IPv6 packets that were freed, received or sent; `None` where the kernel does not count them.
    pub freed: Option<Vec<Freed>>,
    /// Entries that the kernel could not count.
    pub(crate) missed: u64,
    /// For how long it was counted.
    pub(crate) seconds: f64,
    /// How long reading all counts took: what came meanwhile may be counted at one step and not at
    /// the next.
    pub(crate) reading: f64,
}

impl Counted {
    /// What was counted of a step; `None` where it cannot be seen.
    #[must_use]
    pub fn of(&self, step: Step) -> Option<&Hits> {
        self.hits.iter().find(|hits| hits.step == step)
    }

    /// Packets of a step; `None` where it cannot be seen.
    #[must_use]
    pub fn packets(&self, step: Step) -> Option<u64> {
        Some(self.of(step)?.packets)
    }
}
