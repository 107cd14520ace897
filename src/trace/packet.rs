//! Which packet it was: the words of it that a probe fetched.

use core::net::Ipv6Addr;
use std::num::{NonZeroU32, NonZeroU64};

use crate::kernel::functions::{IN_NO_ROUTES, OUT_NO_ROUTES};
use crate::trace::payload::value;
use crate::trace::short::DevName;
use crate::trace::wide::{hex, position};

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

/// The version in the first byte of a header.
const VERSION: u8 = 6;

/// A value that fits 64 bits without a sign, and where it ends: at the end, or at a space.
#[inline(always)]
fn unsigned(text: &[u8]) -> (Option<u64>, usize) {
    // Mostly it is what `%llx` prints behind `0x`.
    if let Some(digits) = text.strip_prefix(b"0x")
        && let Some(first) = digits.first_chunk()
        && let (number, len @ 1..) = hex(first)
        && matches!(digits.get(len), None | Some(b' '))
    {
        return (Some(number), 2 + len);
    }
    let end = position(text, b' ').unwrap_or(text.len());
    let number = value(&text[..end]).and_then(|number| u64::try_from(number).ok());
    (number, end)
}

/// `"cali1"`; a string that could not be read is `(fault)`.
fn device(text: &[u8]) -> Option<Option<DevName>> {
    match text {
        b"(fault)" | b"(null)" => Some(None),
        _ => {
            let name = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
            DevName::of_device(name).map(Some)
        }
    }
}

/// What was fetched under a name: nothing, or perhaps a number.
type Fetch = Option<Option<u64>>;

/// What arguments are there, read in one pass, for there are many drops: of two of one name the
/// first counts.
#[derive(Default)]
struct Fetched<'a> {
    dev: Option<&'a [u8]>,
    skb: Fetch,
    ops: Fetch,
    refdst: Fetch,
    ops_noref: Fetch,
    ifindex: Fetch,
    iif: Fetch,
    code: Fetch,
    mib: Fetch,
    w0: Fetch,
    src: [Fetch; 2],
    dst: [Fetch; 2],
    l4: Fetch,
}

impl<'a> Fetched<'a> {
    fn new(arguments: &'a [u8]) -> Self {
        let mut fetched = Fetched::default();
        let mut rest = arguments;
        loop {
            let end = rest.iter().position(|&b| matches!(b, b'=' | b' '));
            let Some((name, text)) = end.map(|end| rest.split_at(end)) else {
                return fetched;
            };
            let (is_pair, text) = (text[0] == b'=', &text[1..]);
            let len = if is_pair { fetched.take(name, text) } else { 0 };
            rest = &text[len..];
            if is_pair {
                let Some(behind) = rest.get(1..) else {
                    return fetched;
                };
                rest = behind;
            }
        }
    }

    /// Takes the value at the start of `text`; its length.
    fn take(&mut self, name: &[u8], text: &'a [u8]) -> usize {
        let place = match name {
            b"skb" => &mut self.skb,
            b"ops" => &mut self.ops,
            b"refdst" => &mut self.refdst,
            b"ops_noref" => &mut self.ops_noref,
            b"ifindex" => &mut self.ifindex,
            b"iif" => &mut self.iif,
            b"code" => &mut self.code,
            b"mib" => &mut self.mib,
            b"w0" => &mut self.w0,
            b"s0" => &mut self.src[0],
            b"s1" => &mut self.src[1],
            b"d0" => &mut self.dst[0],
            b"d1" => &mut self.dst[1],
            b"l4" => &mut self.l4,
            _ => {
                let end = position(text, b' ').unwrap_or(text.len());
                if name == b"dev" {
                    self.dev.get_or_insert(&text[..end]);
                }
                return end;
            }
        };
        let (number, end) = unsigned(text);
        place.get_or_insert(number);
        end
    }

    /// The `dst_ops`: where the lowest bit of the route's address is a mark (`SKB_DST_NOREF`),
    /// what was read one byte before.
    fn ops(&self) -> Option<NonZeroU64> {
        let is_marked = pointer(self.refdst).is_some_and(|refdst| refdst.get() & 1 == 1);
        pointer(if is_marked { self.ops_noref } else { self.ops })
    }
}

/// Eight bytes of the packet, which the CPU loads as a little-endian number.
fn word(fetch: Fetch) -> Option<[u8; 8]> {
    Some(fetch??.to_le_bytes())
}

#[inline]
fn address([first, second]: [Fetch; 2]) -> Option<Ipv6Addr> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&word(first)?);
    bytes[8..].copy_from_slice(&word(second)?);
    Some(Ipv6Addr::from(bytes))
}

fn small(fetch: Fetch) -> Option<u8> {
    u8::try_from(fetch??).ok()
}

fn index(fetch: Fetch) -> Option<u32> {
    u32::try_from(fetch??).ok()
}

fn pointer(fetch: Fetch) -> Option<NonZeroU64> {
    NonZeroU64::new(fetch??)
}

/// Reads the words of a packet among the arguments of a probe.
#[must_use]
pub(crate) fn words(arguments: &[u8]) -> Words {
    let fetched = Fetched::new(arguments);
    let Some(dev) = fetched.dev.map_or(Some(None), device) else {
        return Words::Unbelievable;
    };
    let header = word(fetched.w0);
    if header.is_some_and(|header| header[0] >> 4 != VERSION) {
        return Words::Unbelievable;
    }
    let packet = Packet {
        src: address(fetched.src),
        dst: address(fetched.dst),
        next_header: header.map(|header| header[6]),
        upper: word(fetched.l4),
        dev,
        ifindex: index(fetched.ifindex).and_then(NonZeroU32::new),
        iif: index(fetched.iif),
        skb: pointer(fetched.skb),
        ops: fetched.ops(),
        code: small(fetched.code),
        mib: small(fetched.mib),
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
    fn numbers_are_read_however_they_are_printed() {
        for (text, number) in [
            ("4", Some(4)),
            ("0x4", Some(4)),
            ("0xFfffffffffffffff", Some(u64::MAX)),
            ("0x00000000000000004", Some(4)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("0x10000000000000000", None),
            ("-1", None),
            ("0x", None),
            ("0xg", None),
            ("(fault)", None),
            ("", None),
        ] {
            let behind = format!("{text} iif=5");
            for read in [text, &behind].map(|text| unsigned(text.as_bytes())) {
                assert_eq!(read, (number, text.len()), "{text}");
            }
        }
        assert_eq!(packet("iif=4 iif=5 other").iif, Some(4));
        assert_eq!(words(b"iif=x iif=5"), Words::None);
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

    #[test]
    fn a_mark_on_the_route_s_address_moves_what_is_read_behind_it() {
        let ops = |arguments: &str| match words(arguments.as_bytes()) {
            Words::Packet(packet) => packet.ops.map(NonZeroU64::get),
            other => panic!("{other:?}"),
        };
        let both = "skb=0x8 ops=0x16 ops_noref=0x17";
        assert_eq!(ops(both), Some(0x16));
        assert_eq!(ops(&format!("{both} refdst=0x400")), Some(0x16));
        assert_eq!(ops(&format!("{both} refdst=0x401")), Some(0x17));
        assert_eq!(ops("skb=0x8 ops=0x16 refdst=0x401"), None);
    }
}
