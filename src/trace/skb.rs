//! What the trace point `skb:kfree_skb` says (include/trace/events/skb.h).

use crate::kernel::functions::Function;
use crate::trace::payload::argument;

/// `ETH_P_IPV6`, as it is printed.
const IPV6: &[u8] = b"34525";

/// The event.
pub(crate) const KFREE_SKB_EVENT: &[u8] = b"kfree_skb";

/// An IPv6 packet that was freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freed {
    /// In `ip6_pkt_drop`, as far as the event alone tells.
    pub(crate) by_drop: bool,
    /// It was a received one.
    pub(crate) is_received: bool,
}

/// The packet that was freed; `None` of any that is not IPv6. Kernels before 6.3 print an address
/// as location, mostly a hashed one; since 5.18 the reason that `ip6_pkt_drop` gives for received
/// packets tells (net/ipv6/route.c; beside it only IPv4 gives that one).
#[must_use]
pub(crate) fn freed(says: &[u8]) -> Option<Freed> {
    if argument(says, b"protocol") != Some(IPV6) {
        return None;
    }
    let location = argument(says, b"location").unwrap_or_default();
    let inside = location.strip_prefix(Function::PktDrop.name().as_bytes());
    let reason = memchr::memmem::rfind(says, b"reason: ").map(|at| &says[at + 8..]);
    let is_received = reason.map(<[u8]>::trim_ascii) == Some(b"IP_INNOROUTES");
    Some(Freed {
        by_drop: is_received || inside.is_some_and(|offset| offset.starts_with(b"+")),
        is_received,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_or_reason_tells() {
        let found = |text: &str| {
            let freed = freed(format!("skbaddr=0xff16 {text}").as_bytes());
            freed.map(|freed| (freed.by_drop, freed.is_received))
        };
        let (not, drop, received) = (
            Some((false, false)),
            Some((true, false)),
            Some((true, true)),
        );
        for (says, wanted) in [
            ("protocol=34525 location=00000000b7f11949", not),
            ("protocol=34525 location=ip6_pkt_drop+0xf0/0x1c0", drop),
            ("protocol=34525 location=ip6_pkt_drop", not),
            ("protocol=34525 location=ip6_pkt_drop_out+0xf0", not),
            (
                "protocol=34525 location=ip6_pkt_drop+0xf0 reason: IP_INNOROUTES",
                received,
            ),
            (
                "protocol=34525 location=0x1 reason: IP_INNOROUTES",
                received,
            ),
            ("protocol=34525 location=0x1 reason: NOT_SPECIFIED", not),
            ("protocol=34525 location=ffffffff95fb872f reason: ", not),
            ("protocol=2048 location=0x1 reason: IP_INNOROUTES", None),
            ("len=7", None),
        ] {
            assert_eq!(found(says), wanted, "{says}");
        }
    }
}
