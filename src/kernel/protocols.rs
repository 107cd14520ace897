//! The protocols of packets, by the numbers of include/uapi/linux/in6.h and in.h.

/// `IPPROTO_TCP`.
pub(crate) const TCP: u8 = 6;
/// `IPPROTO_UDP`.
pub(crate) const UDP: u8 = 17;
/// `IPPROTO_ICMPV6`.
pub(crate) const ICMP6: u8 = 58;

/// Those that have a name here: what carries data, and the headers in between.
const NAMES: [(u8, &str); 8] = [
    (0, "hopopts"),
    (TCP, "tcp"),
    (UDP, "udp"),
    (43, "routing"),
    (44, "frag"),
    (ICMP6, "icmp6"),
    (60, "dstopts"),
    (132, "sctp"),
];

/// `IPPROTO_TCP`, `IPPROTO_UDP`, `IPPROTO_DCCP`, `IPPROTO_SCTP`: their ports come first.
const WITH_PORTS: [u8; 4] = [TCP, UDP, 33, 132];

/// Types of ICMPv6, with their names (include/uapi/linux/icmpv6.h).
const ICMP6_TYPES: [(u8, &str); 11] = [
    (2, "packet-too-big"),
    (3, "time-exceeded"),
    (4, "parameter-problem"),
    (128, "echo-request"),
    (129, "echo-reply"),
    (130, "listener-query"),
    (133, "router-solicitation"),
    (134, "router-advertisement"),
    (135, "neighbour-solicitation"),
    (136, "neighbour-advertisement"),
    (137, "redirect"),
];

/// `ICMPV6_DEST_UNREACH`, and what its codes say.
const UNREACHABLE: u8 = 1;
const UNREACHABLE_CODES: [&str; 7] = [
    "no-route",
    "prohibited",
    "beyond-scope",
    "address-unreachable",
    "port-unreachable",
    "policy-fail",
    "reject-route",
];

/// The name of a protocol.
#[must_use]
pub(crate) fn name(protocol: u8) -> Option<&'static str> {
    let mut names = NAMES.iter();
    names
        .find(|(number, _)| *number == protocol)
        .map(|(_, name)| *name)
}

/// The protocol of that name, or other names that people write.
#[must_use]
pub(crate) fn number(name: &str) -> Option<u8> {
    let name = match name {
        "icmpv6" | "ipv6-icmp" => "icmp6",
        "fragment" => "frag",
        _ => name,
    };
    let mut names = NAMES.iter();
    names
        .find(|(_, known)| *known == name)
        .map(|(number, _)| *number)
}

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(_, name)| *name)
}

/// The source and destination port in the first bytes of its header.
#[must_use]
pub(crate) fn ports(protocol: u8, upper: [u8; 8]) -> Option<(u16, u16)> {
    let [a, b, c, d, ..] = upper;
    let ports = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    WITH_PORTS.contains(&protocol).then_some(ports)
}

/// Type and code of an ICMPv6 message.
#[must_use]
pub(crate) fn icmp6(protocol: u8, upper: [u8; 8]) -> Option<(u8, u8)> {
    (protocol == ICMP6).then_some((upper[0], upper[1]))
}

/// What an ICMPv6 message is, in words.
#[must_use]
pub(crate) fn icmp6_name((kind, code): (u8, u8)) -> Option<&'static str> {
    if kind == UNREACHABLE {
        return UNREACHABLE_CODES.get(usize::from(code)).copied();
    }
    let mut types = ICMP6_TYPES.iter();
    types
        .find(|(number, _)| *number == kind)
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (protocol, wanted) in NAMES {
            assert_eq!(name(protocol), Some(wanted));
            assert_eq!(number(wanted), Some(protocol));
        }
        assert_eq!(number("ipv6-icmp"), Some(ICMP6));
        assert_eq!((name(33), number("icmp")), (None, None));
    }

    #[test]
    fn what_the_first_bytes_say() {
        let bytes = [0x1f, 0x90, 0x00, 0x35, 9, 9, 9, 9];
        for protocol in [6, 17, 33, 132] {
            assert_eq!(ports(protocol, bytes), Some((8080, 53)));
            assert_eq!(icmp6(protocol, bytes), None);
        }
        // A header in between has no ports, whatever stands behind it.
        for protocol in [0, 43, 44, 60, 58, 59] {
            assert_eq!(ports(protocol, bytes), None);
        }
        assert_eq!(icmp6(58, [1, 4, 0, 0, 0, 0, 0, 0]), Some((1, 4)));
    }

    #[test]
    fn messages_in_words() {
        assert_eq!(icmp6_name((1, 4)), Some("port-unreachable"));
        assert_eq!(icmp6_name((129, 0)), Some("echo-reply"));
        assert_eq!((icmp6_name((1, 7)), icmp6_name((200, 0))), (None, None));
    }
}
