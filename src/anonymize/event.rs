//! What an event of a capture says.

use core::net::Ipv6Addr;

use crate::anonymize::pseudonyms::Pseudonyms;
use crate::trace::lookup::{FIB6_TABLE_LOOKUP, lookup};
use crate::trace::payload::integer;
use crate::trace::{DevName, Payload};

/// In place of what may name anything.
const WITHHELD: &str = "withheld";
/// A trace point that names nothing but places in the kernel and its reasons.
const KFREE_SKB: &[u8] = b"kfree_skb";
/// One that names an interface and nothing else.
const NETIF_RECEIVE_SKB: &[u8] = b"netif_receive_skb";
/// The halves of an address among the words of a packet.
const HALVES: [[&str; 2]; 2] = [["s0", "s1"], ["d0", "d1"]];
/// Where the checksum is among the first eight bytes behind the IPv6 header, by protocol. It is a
/// sum over the addresses too, and would let somebody test a guess.
const CHECKSUMS: [(u8, [usize; 2]); 3] = [(58, [2, 3]), (17, [6, 7]), (136, [6, 7])];

/// The payload as it is written; `says` is its text.
pub(super) fn payload(names: &Pseudonyms, payload: &Payload<'_>, says: &[u8]) -> Vec<u8> {
    match payload {
        Payload::Function { .. } | Payload::Stack => says.to_vec(),
        Payload::Probe { arguments, .. } | Payload::ReturnProbe { arguments, .. } => {
            let text = says.trim_ascii_end();
            let mut out = text[..text.len() - arguments.len()].to_vec();
            out.extend(self::arguments(names, arguments));
            out
        }
        Payload::Tracepoint { event, says } => {
            let mut out = [event, b": ".as_slice()].concat();
            match *event {
                FIB6_TABLE_LOOKUP if lookup(says).is_some() => out.extend(table(names, says)),
                NETIF_RECEIVE_SKB => out.extend(arguments(names, says)),
                KFREE_SKB => out.extend(*says),
                _ => out.extend(WITHHELD.as_bytes()),
            }
            out
        }
        Payload::Other => WITHHELD.into(),
    }
}

/// Words with spaces between them, each by what it is made of.
fn words<'w>(text: &'w [u8], mut word: impl FnMut(&'w [u8]) -> Vec<u8>) -> Vec<u8> {
    let words: Vec<_> = text.split(|&b| b == b' ').map(&mut word).collect();
    words.join(&b' ')
}

/// An address, or one with a port behind a slash.
fn address(names: &Pseudonyms, word: &[u8]) -> Option<Vec<u8>> {
    let word = str::from_utf8(word).ok()?;
    let (address, port) = word.split_at(word.find('/').unwrap_or(word.len()));
    let address: Ipv6Addr = address.parse().ok()?;
    Some(format!("{}{port}", names.address(address)).into_bytes())
}

/// `table 254 oif 0 iif 4 … fd00::1/0 -> fd00::2/0 … ==> dev cali1 gw :: err 0`.
fn table(names: &Pseudonyms, says: &[u8]) -> Vec<u8> {
    let mut is_device = false;
    words(says, |word| {
        if std::mem::take(&mut is_device) {
            return names.device(word);
        }
        is_device = word == b"dev";
        address(names, word).unwrap_or_else(|| word.to_vec())
    })
}

/// A number, or what the kernel prints where it could read none.
fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    let is_hexadecimal = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    is_hexadecimal || matches!(value, b"(fault)" | b"(null)")
}

/// The words of a packet that are changed, with their new values.
fn packet(names: &Pseudonyms, arguments: &[u8]) -> Vec<(&'static str, u64)> {
    let word = |name: &str| {
        let number = integer(arguments, name.as_bytes())?;
        u64::try_from(number).ok().map(u64::to_le_bytes)
    };
    let mut changed = Vec::new();
    for [first, second] in HALVES {
        // Half an address is none.
        let mut halves = [[0; 8]; 2];
        if let (Some(one), Some(other)) = (word(first), word(second)) {
            let bits = u128::from_be_bytes([one, other].concat().try_into().unwrap_or_default());
            let renamed = names.address(Ipv6Addr::from_bits(bits)).octets();
            halves[0].copy_from_slice(&renamed[..8]);
            halves[1].copy_from_slice(&renamed[8..]);
        }
        changed.push((first, u64::from_le_bytes(halves[0])));
        changed.push((second, u64::from_le_bytes(halves[1])));
    }
    let upper = word("w0").zip(word("l4")).map(|(header, mut upper)| {
        for (protocol, places) in CHECKSUMS {
            if header[6] == protocol {
                places.iter().for_each(|&at| upper[at] = 0);
            }
        }
        u64::from_le_bytes(upper)
    });
    // Without a header nobody knows what it is the start of.
    changed.push(("l4", upper.unwrap_or(0)));
    changed
}

/// `NAME=VALUE` of the interface: `"cali1"` of a probe, `cali1` of a trace point.
fn device(names: &Pseudonyms, value: &[u8]) -> Vec<u8> {
    let inner = value
        .strip_prefix(b"\"")
        .and_then(|v| v.strip_suffix(b"\""));
    let renamed = |name: &[u8]| match DevName::of_device(name) {
        Some(_) => names.device(name),
        // No name that is believed, and neither is this one.
        None => b"/".to_vec(),
    };
    match inner {
        Some(name) => [b"\"", renamed(name).as_slice(), b"\""].concat(),
        None if matches!(value, b"(fault)" | b"(null)") => value.to_vec(),
        None => renamed(value),
    }
}

/// What was fetched: `skb=0x… dev="cali1" s0=0x… s1=0x…`.
fn arguments(names: &Pseudonyms, arguments: &[u8]) -> Vec<u8> {
    let changed = packet(names, arguments);
    words(arguments, |word| {
        let Some(equals) = memchr::memchr(b'=', word) else {
            return if word.is_empty() {
                Vec::new()
            } else {
                WITHHELD.into()
            };
        };
        let (name, value) = (&word[..equals], &word[equals + 1..]);
        let mut out = word[..=equals].to_vec();
        let new = changed.iter().find(|(known, _)| known.as_bytes() == name);
        if let Some((_, new)) = new {
            out.extend(format!("{new:#x}").into_bytes());
        } else if name == b"dev" {
            out.extend(device(names, value));
        } else if is_number(value) {
            out.extend(value);
        } else {
            out.extend(WITHHELD.as_bytes());
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::key::Key;
    use crate::trace::packet::{Words, words};
    use crate::trace::{Line, line};

    fn names() -> Pseudonyms {
        Pseudonyms::new(Key::of_text("k"))
    }

    fn shown(text: &str) -> String {
        let Line::Event(None | Some(_), event) = line(text.as_bytes()) else {
            panic!("{text}");
        };
        String::from_utf8(payload(&names(), &event, text.as_bytes())).unwrap()
    }

    const PACKET: &str = "skb=0xffff8880003e4400 dev=\"cali5\" iif=8 ops=0xffffffff81c5d7c0 \
        w0=0x403a4000fcec0160 s0=0x3004402100000fd s1=0x500000000000000 d0=0x10000fd \
        d1=0x2001000000000000 l4=0x500ca0c65500081";

    fn read(arguments: &[u8]) -> crate::trace::Packet {
        match words(arguments) {
            Words::Packet(packet) => packet,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn words_of_a_packet_are_those_of_its_pseudonyms() {
        let (before, names) = (read(PACKET.as_bytes()), names());
        let after = read(&arguments(&names, PACKET.as_bytes()));
        assert_eq!(after.src, before.src.map(|of| names.address(of)));
        assert_eq!(after.dst, before.dst.map(|of| names.address(of)));
        assert_eq!(
            after.dev,
            before.dev.as_ref().map(|dev| names.dev_name(dev))
        );
        let upper = before
            .upper
            .map(|[a, b, _, _, e, f, g, h]| [a, b, 0, 0, e, f, g, h]);
        assert_eq!(after.upper, upper);
        let rest = |packet| crate::trace::Packet {
            src: None,
            dst: None,
            dev: None,
            upper: None,
            ..packet
        };
        assert_eq!(rest(after), rest(before));
    }

    #[test]
    fn half_a_packet_names_nobody() {
        for (text, wanted) in [
            ("s0=0x3004402100000fd", "s0=0x0"),
            ("d1=0x3004402100000fd l4=0x500ca0c65500081", "d1=0x0 l4=0x0"),
            ("dev=\"a/b\" x=\"eth0\"", "dev=\"/\" x=withheld"),
            (
                "dev=(fault) fast=-5 ret=0x1f",
                "dev=(fault) fast=-5 ret=0x1f",
            ),
            ("eth0  a=dev5", "withheld  a=withheld"),
        ] {
            let found = arguments(&names(), text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), wanted);
        }
    }

    #[test]
    fn udp_keeps_its_ports_and_not_its_checksum() {
        let text = PACKET.replace("0x403a4000fcec0160", "0x40114000fcec0160");
        let after = read(&arguments(&names(), text.as_bytes()));
        let before = read(text.as_bytes()).upper.unwrap();
        assert_eq!(after.upper.unwrap()[..6], before[..6]);
        assert_eq!(after.upper.unwrap()[6..], [0, 0]);
    }

    #[test]
    fn lookups_answer_the_same_with_other_names() {
        let says = "fib6_table_lookup: table  54 oif 0 iif 4 proto 58 fd00:10::1/0 -> fd00:1::2/80 \
                    tos 0 scope 0 flags 0 ==> dev dev gw fd00:1::2 err 0";
        let text = format!("    a-1     [001] ..s1     1.500000: {says}");
        let Line::Event(Some(_), event @ Payload::Tracepoint { says, .. }) = line(text.as_bytes())
        else {
            panic!("{text}");
        };
        let (before, names) = (lookup(says).unwrap(), names());
        let found = payload(&names, &event, says);
        let found = found.strip_prefix(b"fib6_table_lookup: ").unwrap();
        let after = lookup(found).unwrap();
        assert_eq!(after.src, names.address(before.src));
        assert_eq!(after.dst, names.address(before.dst));
        assert_eq!(after.dev, names.dev_name(&before.dev));
        let rest = |lookup: crate::trace::lookup::Lookup| crate::trace::lookup::Lookup {
            src: Ipv6Addr::UNSPECIFIED,
            dst: Ipv6Addr::UNSPECIFIED,
            dev: DevName::default(),
            ..lookup
        };
        assert_eq!(rest(after), rest(before));
        assert!(found.windows(4).any(|word| word == b"/80 "));
    }

    #[test]
    fn what_names_nothing_stays() {
        for text in [
            "ip6_dst_gc <-dst_alloc",
            "<stack trace>",
            "gc_enter: (ip6_dst_gc+0x0/0xd0) family=10 gc_thresh=64 fast=288",
            "gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=1",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn what_may_name_anything_is_withheld() {
        let event = |says: &str| shown_behind_header(says);
        assert_eq!(
            event("tracing_mark_write: node7"),
            "tracing_mark_write: withheld"
        );
        assert_eq!(
            event("fib6_table_lookup: node7"),
            "fib6_table_lookup: withheld"
        );
        assert_eq!(event("node7 was here"), "withheld");
        let freed = "kfree_skb: skbaddr=00000000104a0069 protocol=34525 location=ip6_pkt_discard+0x15/0x20 reason: IP_INNOROUTES";
        assert_eq!(event(freed), freed);
        let received = event("netif_receive_skb: dev=eth0 skbaddr=00000000104a0069 len=56");
        let dev = String::from_utf8(names().device(b"eth0")).unwrap();
        let wanted = format!("netif_receive_skb: dev={dev} skbaddr=00000000104a0069 len=56");
        assert_eq!(received, wanted);
    }

    fn shown_behind_header(says: &str) -> String {
        let text = format!("    a-1     [001] ..s1     1.500000: {says}");
        shown_at(&text, says)
    }

    fn shown_at(text: &str, says: &str) -> String {
        let Line::Event(_, event) = line(text.as_bytes()) else {
            panic!("{text}");
        };
        String::from_utf8(payload(&names(), &event, says.as_bytes())).unwrap()
    }
}
