//! The kernel functions that the program knows, each with its role.

/// What a function that ip6drop knows by name does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `ip6_pkt_drop`: every drop ends here.
    PktDrop,
    /// An input or output handler of a dst that drops.
    Handler(Handler),
    /// `ip6_dst_gc`: an allocation was attempted while `fast > gc_thresh`.
    DstGc,
    /// `fib6_run_gc`: the garbage collector ran.
    RunGc,
    /// `dst_alloc` or `ip6_dst_alloc`; only their return values are of use.
    DstAlloc,
    /// `icmp6_send`: an ICMPv6 error is about to be sent.
    Icmp6Send,
    /// `ip6_route_input`: the lookup of a received packet starts; earlier ones are over.
    RouteInput,
    /// `ip6_route_lookup`: somebody asks for a route without sending a packet by it, such as
    /// rpfilter; only its return value is of use.
    RouteLookup,
    /// `ip6_forward`, `ip6_input`: the lookup gave a usable dst, the packet goes on.
    PacketGoesOn,
}

impl Function {
    /// The kernel's name of it; the first where several have this role.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        let known = FUNCTIONS.iter().find(|(_, function)| *function == self);
        known.map_or("", |(name, _)| name)
    }
}

/// The handler that called `ip6_pkt_drop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handler {
    /// `ip6_pkt_discard`: input, no route (also: no dst).
    Discard,
    /// `ip6_pkt_prohibit`: input, administratively prohibited.
    Prohibit,
    /// `ip6_pkt_discard_out`: output, no route.
    DiscardOut,
    /// `ip6_pkt_prohibit_out`: output, administratively prohibited.
    ProhibitOut,
}

impl Handler {
    /// The kernel's name of it.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        Function::Handler(self).name()
    }

    /// Input handlers see received packets, output handlers locally sent ones.
    #[must_use]
    pub(crate) fn direction(self) -> Direction {
        match self {
            Handler::Discard | Handler::Prohibit => Direction::Receive,
            Handler::DiscardOut | Handler::ProhibitOut => Direction::Output,
        }
    }

    /// True for the handlers of prohibit routes.
    #[must_use]
    pub(crate) fn prohibits(self) -> bool {
        matches!(self, Handler::Prohibit | Handler::ProhibitOut)
    }
}

/// Which way the dropped packet was going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// Received: to this host, or to be forwarded.
    Receive,
    /// Sent by this host.
    Output,
    /// The trace does not say.
    Unknown,
}

/// Who asked for a dst entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The lookup for a received packet.
    Receive,
    /// The lookup for a packet of this host.
    Output,
    /// Neighbour discovery.
    Ndisc,
    /// The ICMPv6 error about an earlier packet.
    IcmpError,
    /// Something else that is known.
    Other,
    /// The stack is missing, empty, ends at a return probe, or shows nothing that is known.
    Unknown,
}

impl Origin {
    /// All of them, in the order of their definition.
    pub(crate) const ALL: [Origin; 6] = [
        Origin::Receive,
        Origin::Output,
        Origin::Ndisc,
        Origin::IcmpError,
        Origin::Other,
        Origin::Unknown,
    ];
}

/// Where netfilter frees the packets that a rule drops (net/netfilter/core.c).
pub(crate) const NF_HOOK_SLOW: &str = "nf_hook_slow";
/// Where nftables does so by itself, on newer kernels (net/netfilter/nf_tables_core.c).
pub(crate) const NFT_DO_CHAIN: &str = "nft_do_chain";
/// What frees any packet (net/core/skbuff.c), the newest first: where a kernel has several, all
/// go through the first one that it has.
pub(crate) const KFREE_SKB: [&str; 3] = ["sk_skb_reason_drop", "kfree_skb_reason", "kfree_skb"];
/// The event of a packet that these two free: a probe on what frees any, which the kernel shows
/// for those callers alone.
pub(crate) const NETFILTER_DROP: &str = "netfilter_drop";

// What `ip6_pkt_drop` may add to (include/uapi/linux/snmp.h), by its place.
/// `IPSTATS_MIB_INNOROUTES`.
pub(crate) const IN_NO_ROUTES: u8 = 9;
/// `IPSTATS_MIB_OUTNOROUTES`.
pub(crate) const OUT_NO_ROUTES: u8 = 15;

/// Functions whose entry, return or stack is evidence.
pub(crate) const FUNCTIONS: &[(&str, Function)] = &[
    ("ip6_pkt_drop", Function::PktDrop),
    ("ip6_pkt_discard", Function::Handler(Handler::Discard)),
    ("ip6_pkt_prohibit", Function::Handler(Handler::Prohibit)),
    (
        "ip6_pkt_discard_out",
        Function::Handler(Handler::DiscardOut),
    ),
    (
        "ip6_pkt_prohibit_out",
        Function::Handler(Handler::ProhibitOut),
    ),
    ("ip6_dst_gc", Function::DstGc),
    ("fib6_run_gc", Function::RunGc),
    ("dst_alloc", Function::DstAlloc),
    ("ip6_dst_alloc", Function::DstAlloc),
    ("icmp6_send", Function::Icmp6Send),
    ("ip6_route_input", Function::RouteInput),
    ("ip6_route_lookup", Function::RouteLookup),
    ("ip6_forward", Function::PacketGoesOn),
    ("ip6_input", Function::PacketGoesOn),
    ("ip6_mc_input", Function::PacketGoesOn),
];

/// The known function of that name.
#[must_use]
#[inline]
pub(crate) fn function(name: &[u8]) -> Option<Function> {
    FUNCTIONS
        .iter()
        .find(|(known, _)| known.as_bytes() == name)
        .map(|(_, function)| *function)
}
