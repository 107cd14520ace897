//! What the lab asks of the kernel to make its network, as requests of netlink.

use std::net::Ipv6Addr;

use crate::os::netlink::{CREATE, Request};
use crate::os::netns::{NEW_LINK, interface};

/// Kinds of requests (linux/rtnetlink.h).
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const NEW_NEIGHBOUR: u16 = 28;
/// IPv6, as netlink numbers families, and the length of a whole address.
const FAMILY: u8 = 10;
const WHOLE: u8 = 128;

/// One end of a pair of interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End<'a> {
    /// What it is called.
    pub(super) name: &'a str,
    /// Its number.
    pub(super) index: u32,
    /// Its address on the link.
    pub(super) mac: [u8; 6],
}

/// What a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// By this interface.
    By(u32),
    /// By this interface, to this router.
    Via(u32, Ipv6Addr),
    /// Nowhere (`RTN_UNREACHABLE`).
    Unreachable,
    /// Forbidden (`RTN_PROHIBIT`).
    Prohibited,
}

/// A pair of interfaces, the other of which is in the namespace of that thread.
pub(super) fn pair(here: End<'_>, there: End<'_>, thread: u32) -> Request {
    const ADDRESS: u16 = 1;
    const NAME: u16 = 3;
    const LINK_INFO: u16 = 18;
    const NAMESPACE_OF: u16 = 19;
    /// Inside of it (`IFLA_INFO_KIND`, `IFLA_INFO_DATA`), and in the data (`VETH_INFO_PEER`).
    const KIND: u16 = 1;
    const DATA: u16 = 2;
    const PEER: u16 = 1;
    let peer = |data: Request| {
        data.nested(PEER, |peer| {
            peer.fixed(&interface(there.index, false))
                .named(NAME, there.name)
                .with(ADDRESS, &there.mac)
                .with(NAMESPACE_OF, &thread.to_ne_bytes())
        })
    };
    Request::new(NEW_LINK, CREATE, &interface(here.index, false))
        .named(NAME, here.name)
        .with(ADDRESS, &here.mac)
        .nested(LINK_INFO, |info| {
            info.named(KIND, "veth").nested(DATA, peer)
        })
}

/// Raises an interface.
pub(super) fn raise(index: u32) -> Request {
    Request::new(NEW_LINK, 0, &interface(index, true))
}

/// Gives an interface an address, which need not be looked for on the link first.
pub(super) fn address(index: u32, address: Ipv6Addr) -> Request {
    const ADDRESS: u16 = 1;
    const NO_DAD: u8 = 2;
    let [a, b, c, d] = index.to_ne_bytes();
    Request::new(NEW_ADDRESS, CREATE, &[FAMILY, WHOLE, NO_DAD, 0, a, b, c, d])
        .with(ADDRESS, &address.octets())
}

/// A route to that prefix.
pub(super) fn route(to: Ipv6Addr, length: u8, answer: Answer) -> Request {
    const DESTINATION: u16 = 1;
    const INTERFACE: u16 = 4;
    const ROUTER: u16 = 5;
    const MAIN: u8 = 254;
    const BY_HAND: u8 = 4;
    let kind = match answer {
        Answer::By(_) | Answer::Via(..) => 1,
        Answer::Unreachable => 7,
        Answer::Prohibited => 8,
    };
    let fixed = [FAMILY, length, 0, 0, MAIN, BY_HAND, 0, kind, 0, 0, 0, 0];
    let route = Request::new(NEW_ROUTE, CREATE, &fixed).with(DESTINATION, &to.octets());
    match answer {
        Answer::By(index) => route.with(INTERFACE, &index.to_ne_bytes()),
        Answer::Via(index, router) => route
            .with(INTERFACE, &index.to_ne_bytes())
            .with(ROUTER, &router.octets()),
        Answer::Unreachable | Answer::Prohibited => route,
    }
}

/// Where on the link an address is, for good.
pub(super) fn neighbour(index: u32, address: Ipv6Addr, mac: [u8; 6]) -> Request {
    const ADDRESS: u16 = 1;
    const MAC: u16 = 2;
    const PERMANENT: u16 = 0x80;
    let mut fixed = [0; 12];
    fixed[0] = FAMILY;
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..10].copy_from_slice(&PERMANENT.to_ne_bytes());
    Request::new(NEW_NEIGHBOUR, CREATE, &fixed)
        .with(ADDRESS, &address.octets())
        .with(MAC, &mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 1, 0, 0];

    /// A message of this kind with these words of the machine's order behind its header.
    fn message(kind: u16, flags: u16, words: &[u32]) -> Vec<u8> {
        let length = u32::try_from(16 + 4 * words.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes
    }

    /// The header of an attribute, with its length.
    fn attribute(length: u16, kind: u16) -> u32 {
        let ([a, b], [c, d]) = (length.to_ne_bytes(), kind.to_ne_bytes());
        u32::from_ne_bytes([a, b, c, d])
    }

    fn word(bytes: [u8; 4]) -> u32 {
        u32::from_ne_bytes(bytes)
    }

    /// `fd00::7` as it is sent.
    fn seven() -> (Ipv6Addr, [u32; 4]) {
        let words = [word([0xfd, 0, 0, 0]), 0, 0, word([0, 0, 0, 7])];
        (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7), words)
    }

    #[test]
    fn addresses_and_neighbours() {
        let (to, [a, b, c, d]) = seven();
        // struct ifaddrmsg; IFA_ADDRESS.
        let fixed = word([10, 128, 2, 0]);
        let wanted = [fixed, 3, attribute(20, 1), a, b, c, d];
        assert_eq!(address(3, to).bytes(), message(20, 0x605, &wanted));
        // struct ndmsg; NDA_DST and NDA_LLADDR.
        let [low, high] = 0x80_u16.to_ne_bytes();
        let fixed = [word([10, 0, 0, 0]), 3, word([low, high, 0, 0])];
        let mac = [attribute(10, 2), word([2, 0, 0, 1]), 0];
        let wanted = [&fixed[..], &[attribute(20, 1), a, b, c, d], &mac].concat();
        assert_eq!(neighbour(3, to, MAC).bytes(), message(28, 0x605, &wanted));
    }

    #[test]
    fn routes_of_every_kind() {
        let (to, [a, b, c, d]) = seven();
        for (answer, kind, rest) in [
            (Answer::By(3), 1, vec![attribute(8, 4), 3]),
            (
                Answer::Via(3, to),
                1,
                vec![attribute(8, 4), 3, attribute(20, 5), a, b, c, d],
            ),
            (Answer::Unreachable, 7, vec![]),
            (Answer::Prohibited, 8, vec![]),
        ] {
            // struct rtmsg; RTA_DST, RTA_OIF, RTA_GATEWAY.
            let fixed = [word([10, 64, 0, 0]), word([254, 4, 0, kind]), 0];
            let wanted = [&fixed[..], &[attribute(20, 1), a, b, c, d], &rest].concat();
            assert_eq!(route(to, 64, answer).bytes(), message(24, 0x605, &wanted));
        }
    }

    #[test]
    fn a_pair_and_how_it_is_raised() {
        let here = End {
            name: "cali1",
            index: 100,
            mac: MAC,
        };
        let there = End {
            name: "eth0",
            index: 7,
            ..here
        };
        let mac = [attribute(10, 1), word([2, 0, 0, 1]), 0];
        let peer = [
            &[0, 7, 0, 0, attribute(9, 3), word(*b"eth0"), 0][..],
            &mac,
            &[attribute(8, 19), 42],
        ]
        .concat();
        let nested = |kind: u16, inside: &[u32]| {
            let length = u16::try_from(4 + 4 * inside.len()).unwrap();
            [&[attribute(length, 0x8000 | kind)], inside].concat()
        };
        let kind = [attribute(9, 1), word(*b"veth"), 0];
        let info = [&kind[..], &nested(2, &nested(1, &peer))].concat();
        let wanted = [
            &[
                0,
                100,
                0,
                0,
                attribute(10, 3),
                word(*b"cali"),
                word(*b"1\0\0\0"),
            ][..],
            &mac,
            &nested(18, &info),
        ]
        .concat();
        assert_eq!(pair(here, there, 42).bytes(), message(16, 0x605, &wanted));
        assert_eq!(raise(100).bytes(), message(16, 5, &[0, 100, 1, 1]));
    }
}
