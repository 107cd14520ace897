//! Packets whose every byte is known.

use std::io;
use std::net::Ipv6Addr;

use crate::os::fresh_netns::FreshNetNs;
use crate::os::random;

/// `IPPROTO_UDP`.
const UDP: u8 = 17;

/// A UDP packet over IPv6, to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnPacket {
    /// Its bytes, from the IPv6 header on.
    pub(super) bytes: Vec<u8>,
}

impl OwnPacket {
    /// A packet from and to addresses made of 30 random bytes, with ports and a length of their own.
    pub(super) fn new(random: [u8; 16], length: u8) -> OwnPacket {
        let address = |network: u8, host: &[u8]| {
            let mut octets = [0; 16];
            // Unique local addresses (RFC 4193), for which a fresh namespace has no route.
            octets[0] = 0xfd;
            octets[1] = network;
            octets[8..].copy_from_slice(host);
            Ipv6Addr::from(octets)
        };
        let (first, second) = random.split_at(8);
        let payload = 8 + u16::from(length);
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend(payload.to_be_bytes());
        bytes.extend([UDP, 64]);
        bytes.extend(address(random[3], first).octets());
        bytes.extend(address(random[12], second).octets());
        bytes.extend_from_slice(&random[6..10]);
        bytes.extend(payload.to_be_bytes());
        // A checksum that nobody looks at: the packet is dropped before.
        bytes.extend([0xbe, 0xef]);
        bytes.resize(bytes.len() + usize::from(length), 0xa5);
        OwnPacket { bytes }
    }

    /// Eight bytes of it, as this CPU loads them; 0 where it ends before.
    pub(super) fn word(&self, at: usize) -> u64 {
        self.bytes
            .get(at..at + 8)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u64::from_ne_bytes)
    }

    /// Its length.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// The packets of a round: each has bytes and a length of its own.
pub(super) struct Packets(pub(super) [OwnPacket; 2]);

impl Packets {
    pub(super) fn new() -> Packets {
        Packets([8, 52].map(|length| OwnPacket::new(random::distinct(), length)))
    }

    pub(super) fn send(&self, fresh: &FreshNetNs) -> io::Result<()> {
        let bytes = self.0.clone().map(|packet| packet.bytes);
        fresh.run(move |inside| bytes.iter().try_for_each(|packet| inside.send(packet)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_what_its_header_says() {
        let random = *b"0123456789abcdef";
        let packet = OwnPacket::new(random, 20);
        assert_eq!(packet.len(), 68);
        assert_eq!(packet.bytes[0] >> 4, 6);
        assert_eq!(packet.bytes[4..8], [0, 28, UDP, 64]);
        assert_eq!(packet.bytes[16..24], random[..8]);
        assert_eq!(packet.bytes[32..40], random[8..]);
        assert_eq!(packet.word(32).to_ne_bytes(), random[8..]);
        assert_eq!(packet.word(61), 0);
        assert_ne!(packet, OwnPacket::new(*b"0123456789abcdeg", 20));
    }
}
