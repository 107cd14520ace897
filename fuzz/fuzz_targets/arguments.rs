//! Arguments of probes: the words of a packet, in any order and number base, among anything else.
#![no_main]

use std::net::Ipv6Addr;

use arbitrary::Arbitrary;
use ip6drop::inside::fuzz::{integer, packet};
use libfuzzer_sys::fuzz_target;

/// What a probe printed.
#[derive(Debug, Arbitrary)]
struct Printed<'a> {
    addresses: [u64; 4],
    ifindex: u32,
    decimal: bool,
    among: &'a [u8],
}

fuzz_target!(|printed: Printed<'_>| {
    let among = printed.among;
    let _ = packet(among);
    for name in [&b"w0"[..], b"fast", b"ret", b""] {
        let _ = integer(among, name);
    }
    let [s0, s1, d0, d1] = printed.addresses;
    let number = |n: u64| {
        if printed.decimal {
            n.to_string()
        } else {
            format!("{n:#x}")
        }
    };
    let words = format!(
        "s0={} s1={} d0={} d1={} ifindex={} ",
        number(s0),
        number(s1),
        number(d0),
        number(d1),
        number(printed.ifindex.into()),
    );
    let address = |high: u64, low: u64| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high.to_le_bytes());
        bytes[8..].copy_from_slice(&low.to_le_bytes());
        Some(Ipv6Addr::from(bytes))
    };
    assert_eq!(integer(words.as_bytes(), b"s1"), Some(s1.into()));
    // Of two of one name the first counts; what stands behind may make all of it unbelievable.
    if let Some(packet) = packet(&[words.as_bytes(), among].concat()) {
        assert_eq!((packet.src, packet.dst), (address(s0, s1), address(d0, d1)));
    }
});
