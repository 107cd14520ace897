//! Which packets the user asked for.

use core::net::Ipv6Addr;
use std::fmt;

use crate::kernel::protocols;
use crate::text::harmless;
use crate::trace::{DevName, Packet};

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    bits: u128,
    mask: u128,
}

impl Network {
    /// Reads an address, or a prefix such as `fd00:10::/32`.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, number(length)?),
            None => (text, 128),
        };
        let address: Ipv6Addr = address.parse().ok()?;
        let mask = match length {
            0 => 0,
            1..=128 => u128::MAX << (128 - length),
            _ => return None,
        };
        Some(Network {
            bits: address.to_bits() & mask,
            mask,
        })
    }

    /// The bits that an address begins with, and how many they are.
    #[must_use]
    pub(crate) fn prefix(&self) -> (u128, u32) {
        (self.bits, self.mask.count_ones())
    }

    fn has(&self, address: Ipv6Addr) -> bool {
        address.to_bits() & self.mask == self.bits
    }
}

/// Digits alone: no sign.
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// What is asked of packets; an empty list asks nothing, and of others one must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct PacketFilter {
    /// `--src`.
    pub(crate) src: Vec<Network>,
    /// `--dst`.
    pub(crate) dst: Vec<Network>,
    /// `--dev`.
    pub(crate) dev: Vec<DevName>,
    /// `--proto`.
    pub(crate) protocols: Vec<u8>,
    /// `--port`, of either end.
    pub(crate) ports: Vec<u16>,
}

/// Whether one of the list holds for the word; `None` where something is asked of a word that is
/// not known.
fn holds<T, W>(list: &[T], word: Option<W>, is: impl Fn(&T, &W) -> bool) -> Option<bool> {
    if list.is_empty() {
        return Some(true);
    }
    word.map(|word| list.iter().any(|asked| is(asked, &word)))
}

impl PacketFilter {
    /// Whether it asks anything at all.
    #[must_use]
    pub(crate) fn asks(&self) -> bool {
        !(self.src.is_empty()
            && self.dst.is_empty()
            && self.dev.is_empty()
            && self.protocols.is_empty()
            && self.ports.is_empty())
    }

    /// Whether a drop of this packet passes; `None` where the trace does not say enough of it.
    #[must_use]
    pub(crate) fn takes(&self, packet: Option<&Packet>) -> Option<bool> {
        let unnamed = Packet::default();
        let packet = packet.unwrap_or(&unnamed);
        let ports = packet.next_header.zip(packet.upper);
        // Other protocols have none, and those pass no filter on them.
        let ports = ports.map(|(protocol, upper)| protocols::ports(protocol, upper));
        let in_network = |network: &Network, address: &Ipv6Addr| network.has(*address);
        let all = [
            holds(&self.src, packet.src, in_network),
            holds(&self.dst, packet.dst, in_network),
            holds(&self.dev, packet.dev, |asked, dev| asked == dev),
            holds(&self.protocols, packet.next_header, |asked, it| asked == it),
            holds(&self.ports, ports, |asked, ports| {
                ports.is_some_and(|(from, to)| [from, to].contains(asked))
            }),
        ];
        if all.contains(&Some(false)) {
            return Some(false);
        }
        (!all.contains(&None)).then_some(true)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, length) = self.prefix();
        write!(f, "{}", Ipv6Addr::from_bits(bits))?;
        if length < 128 {
            write!(f, "/{length}")?;
        }
        Ok(())
    }
}

/// As the options of the command line ask it.
impl fmt::Display for PacketFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn texts<T: ToString>(list: &[T]) -> Vec<String> {
            list.iter().map(ToString::to_string).collect()
        }
        let dev = self.dev.iter().map(|dev| harmless(dev.as_bytes()));
        let asked = [
            ("--src", texts(&self.src)),
            ("--dst", texts(&self.dst)),
            ("--dev", dev.collect()),
            ("--proto", texts(&self.protocols)),
            ("--port", texts(&self.ports)),
        ];
        let asked = asked.iter().filter(|(_, list)| !list.is_empty());
        let words: Vec<String> = asked
            .map(|(name, list)| format!("{name} {}", list.join(",")))
            .collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn addresses_and_prefixes() {
        let has = |net: &str, address: &str| network(net).has(address.parse().unwrap());
        assert!(has("fd00:10::/32", "fd00:10:99::1"));
        assert!(!has("fd00:10::/32", "fd00:11::"));
        assert!(has("fd00::1", "fd00:0::0:1") && !has("fd00::1", "fd00::2"));
        assert!(has("::/0", "ffff::1") && has("fd00:10:99::1/32", "fd00:10::7"));
        assert!(has("fd00::2/127", "fd00::3") && !has("fd00::2/127", "fd00::4"));
        for wrong in [
            "",
            "/",
            "fd00::/",
            "fd00::/129",
            "fd00::/+8",
            "10.0.0.1",
            "fd00::/4294967296",
        ] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    fn packet(protocol: u8) -> Packet {
        Packet {
            src: "fd00:1::1".parse().ok(),
            dst: "fd00:2::2".parse().ok(),
            next_header: Some(protocol),
            upper: Some([0, 53, 0x1f, 0x90, 0, 0, 0, 0]),
            dev: DevName::of_device(b"cali1"),
            ..Packet::default()
        }
    }

    #[test]
    fn every_word_that_is_asked_must_hold() {
        let nothing = PacketFilter::default();
        let asked = PacketFilter {
            src: vec![network("fd00:1::/32"), network("fd00:9::/32")],
            dst: vec![network("fd00:2::2")],
            dev: DevName::of_device(b"cali1").into_iter().collect(),
            protocols: vec![17],
            ports: vec![8080],
        };
        assert!(asked.asks() && !nothing.asks());
        assert_eq!(asked.takes(Some(&packet(17))), Some(true));
        for change in [
            (|f| f.src = vec![network("fd00:9::/32")]) as fn(&mut PacketFilter),
            |f| f.dst = vec![network("fd00:2::3")],
            |f| f.dev = DevName::of_device(b"cali10").into_iter().collect(),
            |f| f.protocols = vec![6],
            |f| f.ports = vec![80],
        ] {
            let mut asked = asked.clone();
            change(&mut asked);
            assert_eq!(asked.takes(Some(&packet(17))), Some(false), "{asked:?}");
        }
        let of_source = PacketFilter {
            ports: vec![1, 53],
            ..PacketFilter::default()
        };
        assert_eq!(of_source.takes(Some(&packet(6))), Some(true));
        // The same bytes of a message are no ports.
        assert_eq!(of_source.takes(Some(&packet(58))), Some(false));
    }

    #[test]
    fn what_is_not_known_may_be_what_is_asked() {
        let nothing = PacketFilter::default();
        assert_eq!(nothing.takes(None), Some(true));
        let asked = PacketFilter {
            protocols: vec![17],
            ..PacketFilter::default()
        };
        assert_eq!(asked.takes(None), None);
        assert_eq!(asked.takes(Some(&Packet::default())), None);
        let unnamed = Packet {
            src: None,
            dev: None,
            ..packet(17)
        };
        assert_eq!(asked.takes(Some(&unnamed)), Some(true));
        // What is known says no, whatever the rest may be.
        let both = PacketFilter {
            src: vec![network("fd00:1::/32")],
            ..asked
        };
        assert_eq!(both.takes(Some(&unnamed)), None);
        let other = Packet {
            next_header: Some(6),
            ..unnamed
        };
        assert_eq!(both.takes(Some(&other)), Some(false));
    }
}
