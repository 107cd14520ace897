//! Filters on packets as the kernel takes them: what else the probe has to fetch, and what to ask of
//! it (kernel/trace/trace_events_filter.c).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::kernel::protocols;
use crate::kernel::receive_path::PacketAt;
use crate::report::packet_filter::{Network, PacketFilter};
use crate::tracefs::setup::layout::Layout;
use crate::tracefs::setup::plan::Narrowing;

/// Where addresses are in an IPv6 header, and under which names the probe fetches them as words.
const SRC: (u32, [&str; 2]) = (8, ["s0", "s1"]);
const DST: (u32, [&str; 2]) = (24, ["d0", "d1"]);
/// The protocol in an IPv6 header.
const NEXT_HEADER: u32 = 6;
/// The length of an IPv6 header.
const HEADER: u32 = 40;
/// Both ports, behind the header.
const PORTS: [u32; 2] = [40, 42];

/// A filter in the making.
struct Narrowed {
    /// Words of the packet that are asked for, by their offset.
    words: BTreeSet<(u32, &'static str)>,
    /// Offsets in the packet of single bytes, and of pairs.
    bytes: BTreeSet<u32>,
    pairs: BTreeSet<u32>,
    /// Of these all must hold.
    all: Vec<String>,
}

/// One of these must hold.
fn any(clauses: impl IntoIterator<Item = String>) -> String {
    let clauses: Vec<String> = clauses.into_iter().collect();
    format!("({})", clauses.join(" || "))
}

impl Narrowed {
    fn of(filter: &PacketFilter) -> Narrowed {
        let mut found = Narrowed {
            words: BTreeSet::new(),
            bytes: BTreeSet::new(),
            pairs: BTreeSet::new(),
            all: Vec::new(),
        };
        found.networks(&filter.src, SRC);
        found.networks(&filter.dst, DST);
        if !filter.dev.is_empty() {
            let named = |dev: &crate::trace::DevName| {
                format!("dev == \"{}\"", String::from_utf8_lossy(dev.as_bytes()))
            };
            found.all.push(any(filter.dev.iter().map(named)));
        }
        if !filter.protocols.is_empty() {
            let name = found.byte(NEXT_HEADER);
            let clauses = filter.protocols.iter().map(|n| format!("{name} == {n}"));
            found.all.push(any(clauses));
        }
        if !filter.ports.is_empty() {
            found.ports(&filter.ports);
        }
        found
    }

    /// What fetches the bytes and pairs, with a space in front of each: `packet` says how a place
    /// in it is fetched.
    fn fetch(&self, packet: impl Fn(u32) -> String) -> String {
        let mut fetch = String::new();
        for (prefix, places, kind) in [('n', &self.bytes, "u8"), ('p', &self.pairs, "u16")] {
            for &at in places {
                let _ = write!(fetch, " {prefix}{at}={}:{kind}", packet(at));
            }
        }
        fetch
    }

    fn byte(&mut self, at: u32) -> String {
        self.bytes.insert(at);
        format!("n{at}")
    }

    fn pair(&mut self, at: u32) -> String {
        self.pairs.insert(at);
        format!("p{at}")
    }

    /// An address begins with these bits: whole words, then bytes, then a range of the last one.
    fn network(&mut self, network: &Network, (at, words): (u32, [&'static str; 2])) -> String {
        let (bits, length) = network.prefix();
        let octets = bits.to_be_bytes();
        let mut all = Vec::new();
        let whole = (length / 64) as usize;
        let words = (at..).step_by(8).zip(words);
        for ((at, word), octets) in words.zip(octets.chunks_exact(8)).take(whole) {
            self.words.insert((at, word));
            let value = octets.try_into().map_or(0, u64::from_ne_bytes);
            all.push(format!("{word} == {value:#x}"));
        }
        for bit in (64 * whole as u32..length).step_by(8) {
            let place = bit / 8;
            let name = self.byte(at + place);
            let first = octets[place as usize];
            let last = first | 0xff_u8.checked_shr(length - bit).unwrap_or(0);
            all.push(match first == last {
                true => format!("{name} == {first}"),
                false => format!("{name} >= {first} && {name} <= {last}"),
            });
        }
        format!("({})", all.join(" && "))
    }

    fn networks(&mut self, networks: &[Network], at: (u32, [&'static str; 2])) {
        // What begins with no bits is every address.
        if !networks.is_empty() && networks.iter().all(|network| network.prefix().1 > 0) {
            let clauses: Vec<String> = networks.iter().map(|n| self.network(n, at)).collect();
            self.all.push(any(clauses));
        }
    }

    fn ports(&mut self, ports: &[u16]) {
        let protocol = self.byte(NEXT_HEADER);
        let has_ports = (0..=u8::MAX).filter(|&n| protocols::ports(n, [0; 8]).is_some());
        let with = any(has_ports.map(|n| format!("{protocol} == {n}")));
        let ends = PORTS.map(|at| self.pair(at));
        let is = |port: &u16| {
            let value = u16::from_ne_bytes(port.to_be_bytes());
            ends.clone().map(|end| format!("{end} == {value}"))
        };
        let either = any(ports.iter().flat_map(is));
        self.all.push(format!("{with} && {either}"));
    }
}

/// What the kernel is to be asked; `None` where nothing is asked of packets.
#[must_use]
pub(crate) fn narrowing(filter: &PacketFilter, layout: &Layout, skb: &str) -> Option<Narrowing> {
    if !filter.asks() {
        return None;
    }
    let found = Narrowed::of(filter);
    let data = layout.data;
    Some(Narrowing {
        fetch: found.fetch(|at| format!("+{at}(+{data}({skb}))")),
        filter: found.all.join(" && "),
        asked: filter.to_string(),
    })
}

/// What a function on the way of received packets is to be asked, whose probe fetches nothing else.
/// Where the packet's data begin behind the IPv6 header, that is 40 bytes before them; a packet
/// with other headers in between does not pass.
#[must_use]
pub(crate) fn narrowing_at(
    filter: &PacketFilter,
    layout: &Layout,
    at: PacketAt,
    skb: &str,
) -> Narrowing {
    let mut found = Narrowed::of(filter);
    // Each byte that is fetched costs: where the header is at hand, it is not asked whether it is one.
    if let Some(protocol) = at.behind
        && !(filter.src.is_empty() && filter.dst.is_empty())
    {
        let (version, next_header) = (found.byte(0), found.byte(NEXT_HEADER));
        found.all.push(format!(
            "{version} >= 96 && {version} <= 111 && {next_header} == {protocol}"
        ));
    }
    let Layout {
        data, dev, name, ..
    } = layout;
    let before = at.behind.map_or(0, |_| HEADER);
    let packet = |at: u32| format!("{:+}(+{data}({skb}))", i64::from(at) - i64::from(before));
    let mut fetch = String::new();
    if !filter.dev.is_empty() {
        let _ = write!(fetch, " dev=+{name}(+{dev}({skb})):string");
    }
    for &(at, word) in &found.words {
        let _ = write!(fetch, " {word}={}:x64", packet(at));
    }
    fetch += &found.fetch(packet);
    Narrowing {
        fetch,
        filter: found.all.join(" && "),
        asked: filter.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::DevName;

    fn of(filter: &PacketFilter) -> Narrowing {
        let layout = Layout {
            data: 208.into(),
            ..Layout::default()
        };
        narrowing(filter, &layout, "%di").unwrap()
    }

    fn networks(all: &[&str]) -> Vec<Network> {
        all.iter()
            .map(|text| Network::parse(text).unwrap())
            .collect()
    }

    #[test]
    fn addresses_are_words_bytes_and_a_range() {
        let found = of(&PacketFilter {
            dst: networks(&["2001:db8:dead::1", "fd00:10:244:8000::/52"]),
            src: networks(&["fd00::/64"]),
            ..PacketFilter::default()
        });
        let word = |octets: [u8; 8]| format!("{:#x}", u64::from_ne_bytes(octets));
        assert_eq!(
            found.filter,
            format!(
                "((s0 == {})) && ((d0 == {} && d1 == {}) || (n24 == 253 && n25 == 0 && n26 == 0 && n27 == 16 \
                 && n28 == 2 && n29 == 68 && n30 >= 128 && n30 <= 143))",
                word([0xfd, 0, 0, 0, 0, 0, 0, 0]),
                word([0x20, 1, 0xd, 0xb8, 0xde, 0xad, 0, 0]),
                word([0, 0, 0, 0, 0, 0, 0, 1]),
            )
        );
        assert!(
            found
                .fetch
                .starts_with(" n24=+24(+208(%di)):u8 n25=+25(+208(%di)):u8 ")
        );
        assert_eq!(found.fetch.matches('=').count(), 7);
        assert_eq!(
            found.asked,
            "--src fd00::/64 --dst 2001:db8:dead::1,fd00:10:244:8000::/52"
        );
    }

    #[test]
    fn interfaces_protocols_and_ports() {
        let found = of(&PacketFilter {
            dev: vec![DevName::new(b"cali1"), DevName::new(b"eth0")],
            protocols: vec![6, 58],
            ports: vec![53],
            ..PacketFilter::default()
        });
        let port = u16::from_ne_bytes([0, 53]);
        assert!(found.filter.starts_with(
            "(dev == \"cali1\" || dev == \"eth0\") && (n6 == 6 || n6 == 58) && (n6 == 6 || n6 == 17 || "
        ));
        let end = format!(" && (p40 == {port} || p42 == {port})");
        assert!(found.filter.ends_with(&end), "{}", found.filter);
        assert_eq!(
            found.fetch,
            " n6=+6(+208(%di)):u8 p40=+40(+208(%di)):u16 p42=+42(+208(%di)):u16"
        );
    }

    #[test]
    fn a_function_on_the_way_is_asked_for_all_that_it_takes() {
        let layout = Layout {
            data: 200.into(),
            dev: 16.into(),
            name: 0.into(),
            ..Layout::default()
        };
        let filter = PacketFilter {
            src: networks(&["fd00::/64"]),
            dst: networks(&["2000::/4"]),
            dev: vec![DevName::new(b"eth0")],
            ..PacketFilter::default()
        };
        let behind = |protocol| PacketAt {
            argument: 0,
            behind: protocol,
        };
        let word = u64::from_ne_bytes([0xfd, 0, 0, 0, 0, 0, 0, 0]);
        let asked =
            format!("((s0 == {word:#x})) && ((n24 >= 32 && n24 <= 47)) && (dev == \"eth0\")");
        let found = narrowing_at(&filter, &layout, behind(None), "%si");
        assert_eq!(found.filter, asked);
        assert_eq!(
            found.fetch,
            " dev=+0(+16(%si)):string s0=+8(+200(%si)):x64 n24=+24(+200(%si)):u8"
        );
        // The header is before what the data begin with.
        let found = narrowing_at(&filter, &layout, behind(Some(17)), "%di");
        assert_eq!(
            found.filter,
            format!("{asked} && n0 >= 96 && n0 <= 111 && n6 == 17")
        );
        assert_eq!(
            found.fetch,
            " dev=+0(+16(%di)):string s0=-32(+200(%di)):x64 n0=-40(+200(%di)):u8 n6=-34(+200(%di)):u8 n24=-16(+200(%di)):u8"
        );
        // An interface alone is asked of packets with any headers.
        let filter = PacketFilter {
            dev: filter.dev,
            ..PacketFilter::default()
        };
        let found = narrowing_at(&filter, &layout, behind(Some(17)), "%di");
        assert_eq!(found.filter, "(dev == \"eth0\")");
        assert_eq!(found.fetch, " dev=+0(+16(%di)):string");
        let every = PacketFilter {
            src: networks(&["::/0"]),
            ..PacketFilter::default()
        };
        let found = narrowing_at(&every, &layout, behind(None), "%di");
        assert_eq!((found.filter.as_str(), found.fetch.as_str()), ("", ""));
    }

    #[test]
    fn what_asks_nothing_leaves_nothing_out() {
        let nothing = PacketFilter::default();
        assert!(narrowing(&nothing, &Layout::default(), "%di").is_none());
        let every = of(&PacketFilter {
            dst: networks(&["::/0", "fd00::/8"]),
            ..PacketFilter::default()
        });
        assert_eq!((every.filter.as_str(), every.fetch.as_str()), ("", ""));
    }
}
