//! Which packet it was: the words of it that a probe fetched.

use core::net::Ipv6Addr;
use std::num::{NonZeroU32, NonZeroU64};

use crate::trace::payload::{argument, integer};
use crate::trace::short::DevName;

/// An IPv6 packet as far as a probe on it says. Words that do not fit an IPv6 packet are not
/// believed: then all of it is [`Packet::default`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packet {
    /// Where it came from.
    pub src: Option<Ipv6Addr>,
    /// Where it was going.
    pub dst: Option<Ipv6Addr>,
    /// The protocol behind the IPv6 header (IANA's number).
    pub(crate) next_header: Option<u8>,
    /// The first eight bytes behind that header.
    pub(crate) upper: Option<[u8; 8]>,
    /// The name of its interface (`skb->dev`).
    pub(crate) dev: Option<DevName>,
    /// The number of that interface.
    pub(crate) ifindex: Option<NonZeroU32>,
    /// The number of the interface that it came in by (`skb->skb_iif`), 0 where it never did.
    pub(crate) iif: Option<u32>,
    /// Where the kernel keeps it (`struct sk_buff *`).
    pub(crate) skb: Option<NonZeroU64>,
    /// The `dst_ops` of its route, one for each network namespace.
    pub(crate) ops: Option<NonZeroU64>,
    /// What `ip6_pkt_drop` answers the sender: 0 no route, 1 prohibited (`code`).
    pub(crate) code: Option<u8>,
    /// The counter that it adds to (`ipstats_mib_noroutes`).
    pub(crate) mib: Option<u8>,
}

impl Packet {
    /// The same of a function that the compiler has made anew, which may have left out arguments:
    /// the second and third are believed where the third is a counter that there is.
    #[must_use]
    pub(crate) fn of_renamed(self) -> Packet {
        let is_counter = matches!(self.mib, Some(IN_NO_ROUTES | OUT_NO_ROUTES));
        Packet {
            code: self.code.filter(|_| is_counter),
            mib: self.mib.filter(|_| is_counter),
            ..self
        }
    }

    /// What is known here, and else what the other knows.
    #[must_use]
    pub(crate) fn or(&self, other: &Packet) -> Packet {
        Packet {
            src: self.src.or(other.src),
            dst: self.dst.or(other.dst),
            next_header: self.next_header.or(other.next_header),
            upper: self.upper.or(other.upper),
            dev: self.dev.or(other.dev),
            ifindex: self.ifindex.or(other.ifindex),
            iif: self.iif.or(other.iif),
            skb: self.skb.or(other.skb),
            ops: self.ops.or(other.ops),
            code: self.code.or(other.code),
            mib: self.mib.or(other.mib),
        }
    }
}

/// What a probe fetched of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// No word of an IPv6 header, nor of its interface.
    None,
    /// They do not fit together.
    Unbelievable,
    /// A packet.
    Packet(Packet),
}

// Counters of include/uapi/linux/snmp.h, by their place.
/// `IPSTATS_MIB_INNOROUTES`.
pub(crate) const IN_NO_ROUTES: u8 = 9;
/// `IPSTATS_MIB_OUTNOROUTES`.
pub(crate) const OUT_NO_ROUTES: u8 = 15;

/// The version in the first byte of a header.
const VERSION: u8 = 6;

/// Eight bytes of the packet, which the CPU loads as a little-endian number.
fn word(arguments: &[u8], name: &[u8]) -> Option<[u8; 8]> {
    let number = integer(arguments, name)?;
    u64::try_from(number).ok().map(u64::to_le_bytes)
}

fn address(arguments: &[u8], [first, second]: [&[u8]; 2]) -> Option<Ipv6Addr> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&word(arguments, first)?);
    bytes[8..].copy_from_slice(&word(arguments, second)?);
    Some(Ipv6Addr::from(bytes))
}

/// `"cali1"`; a string that could not be read is `(fault)`.
fn device(arguments: &[u8]) -> Option<Option<DevName>> {
    match argument(arguments, b"dev") {
        None | Some(b"(fault)" | b"(null)") => Some(None),
        Some(text) => {
            let name = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
            DevName::of_device(name).map(Some)
        }
    }
}

fn small(arguments: &[u8], name: &[u8]) -> Option<u8> {
    u8::try_from(integer(arguments, name)?).ok()
}

fn index(arguments: &[u8], name: &[u8]) -> Option<u32> {
    u32::try_from(integer(arguments, name)?).ok()
}

fn pointer(arguments: &[u8], name: &[u8]) -> Option<NonZeroU64> {
    NonZeroU64::new(u64::try_from(integer(arguments, name)?).ok()?)
}

/// Reads the words of a packet among the arguments of a probe.
#[must_use]
pub(crate) fn words(arguments: &[u8]) -> Words {
    let Some(dev) = device(arguments) else {
        return Words::Unbelievable;
    };
    let header = word(arguments, b"w0");
    if header.is_some_and(|header| header[0] >> 4 != VERSION) {
        return Words::Unbelievable;
    }
    let packet = Packet {
        src: address(arguments, [b"s0", b"s1"]),
        dst: address(arguments, [b"d0", b"d1"]),
        next_header: header.map(|header| header[6]),
        upper: word(arguments, b"l4"),
        dev,
        ifindex: index(arguments, b"ifindex").and_then(NonZeroU32::new),
        iif: index(arguments, b"iif"),
        skb: pointer(arguments, b"skb"),
        ops: pointer(arguments, b"ops"),
        code: small(arguments, b"code"),
        mib: small(arguments, b"mib"),
    };
    if packet == Packet::default() {
        Words::None
    } else {
        Words::Packet(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "skb=0xffff88805d924900 code=0 mib=9 dev=\"cali1\" ifindex=4 iif=5 \
        ops=0xffffffff81a64000 w0=0x403a39003aa40f60 s0=0x1004402100000fd \
        s1=0x100000000000000 d0=0x10000fd d1=0x200000000000000 l4=0x1a920401";

    fn packet(arguments: &str) -> Packet {
        match words(arguments.as_bytes()) {
            Words::Packet(packet) => packet,
            other => panic!("{arguments}: {other:?}"),
        }
    }

    #[test]
    fn words_of_a_packet() {
        let wanted = Packet {
            src: "fd00:10:244:1::1".parse().ok(),
            dst: "fd00:1::2".parse().ok(),
            next_header: Some(58),
            upper: Some([1, 4, 0x92, 0x1a, 0, 0, 0, 0]),
            dev: Some(DevName::new(b"cali1")),
            ifindex: NonZeroU32::new(4),
            iif: Some(5),
            skb: NonZeroU64::new(0xffff_8880_5d92_4900),
            ops: NonZeroU64::new(0xffff_ffff_81a6_4000),
            code: Some(0),
            mib: Some(9),
        };
        assert_eq!(packet(WHOLE), wanted);
        // Any of them may be absent.
        for (name, change) in [
            ("s1", (|p| p.src = None) as fn(&mut Packet)),
            ("d0", |p| p.dst = None),
            ("w0", |p| p.next_header = None),
            ("l4", |p| p.upper = None),
            ("dev", |p| p.dev = None),
            ("ifindex", |p| p.ifindex = None),
            ("iif", |p| p.iif = None),
            ("skb", |p| p.skb = None),
            ("ops", |p| p.ops = None),
            ("code", |p| p.code = None),
            ("mib", |p| p.mib = None),
        ] {
            let without = WHOLE.replace(&format!("{name}="), "other=");
            let mut wanted = wanted;
            change(&mut wanted);
            assert_eq!(packet(&without), wanted, "{name}");
        }
        assert_eq!(packet(&WHOLE.replace("\"cali1\"", "(fault)")).dev, None);
    }

    #[test]
    fn words_that_do_not_fit_are_not_believed() {
        for (good, bad) in [
            ("w0=0x403a39003aa40f60", "w0=0x403a39003aa40f45"),
            ("\"cali1\"", "\"ca\x1bli1\""),
            ("\"cali1\"", "\"\""),
            ("\"cali1\"", "cali1"),
        ] {
            let wrong = WHOLE.replace(good, bad);
            assert_eq!(words(wrong.as_bytes()), Words::Unbelievable, "{bad}");
        }
        assert_eq!(words(b""), Words::None);
        assert_eq!(words(b"family=10"), Words::None);
    }
}
