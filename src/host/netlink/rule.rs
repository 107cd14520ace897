//! A policy rule in a listing, as the line that `ip -6 rule` prints.

use std::fmt::Write;
use std::net::Ipv6Addr;

use crate::host::netlink::attributes::each;
use crate::host::netlink::messages::{u16_at, u32_at};
use crate::host::rules::table_name;
use crate::text::harmless;

/// Length of the fixed part of a rule's message.
pub(super) const HEADER: usize = 12;

/// What a flag of a rule says.
mod flag {
    pub(super) const INVERT: u32 = 2;
    pub(super) const UNRESOLVED: u32 = 4;
    pub(super) const IIF_DETACHED: u32 = 8;
    pub(super) const OIF_DETACHED: u32 = 16;
}

/// Kinds of attributes (`FRA_…`).
mod kind {
    pub(super) const DST: u16 = 1;
    pub(super) const SRC: u16 = 2;
    pub(super) const IIF: u16 = 3;
    pub(super) const GOTO: u16 = 4;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const FWMARK: u16 = 10;
    pub(super) const FLOW: u16 = 11;
    pub(super) const TUN_ID: u16 = 12;
    pub(super) const SUPPRESS_IFGROUP: u16 = 13;
    pub(super) const SUPPRESS_PREFIXLEN: u16 = 14;
    pub(super) const TABLE: u16 = 15;
    pub(super) const FWMASK: u16 = 16;
    pub(super) const OIF: u16 = 17;
    pub(super) const PAD: u16 = 18;
    pub(super) const L3MDEV: u16 = 19;
    pub(super) const UID_RANGE: u16 = 20;
    pub(super) const PROTOCOL: u16 = 21;
    pub(super) const IP_PROTO: u16 = 22;
    pub(super) const SPORT_RANGE: u16 = 23;
    pub(super) const DPORT_RANGE: u16 = 24;
    pub(super) const DSCP: u16 = 25;
    pub(super) const FLOWLABEL: u16 = 26;
    pub(super) const FLOWLABEL_MASK: u16 = 27;
    pub(super) const DSCP_MASK: u16 = 30;
}

/// What suppresses nothing (`-1`).
const NOTHING: u32 = u32::MAX;
/// Who made a rule: the kernel, and nobody who says so, are not printed.
const MAKERS_UNSAID: [u8; 2] = [0, 2];
const MAKERS: [(u8, &str); 9] = [
    (3, "boot"),
    (4, "static"),
    (9, "ra"),
    (11, "zebra"),
    (12, "bird"),
    (16, "dhcp"),
    (42, "babel"),
    (186, "bgp"),
    (188, "ospf"),
];
const PROTOCOLS: [(u8, &str); 4] = [(6, "tcp"), (17, "udp"), (58, "ipv6-icmp"), (132, "sctp")];

/// What the attributes say, where they say it.
#[derive(Debug, Default)]
struct Said<'b> {
    priority: u32,
    source: Option<&'b [u8]>,
    destination: Option<&'b [u8]>,
    mark: Option<u32>,
    mask: Option<u32>,
    iif: Option<&'b [u8]>,
    oif: Option<&'b [u8]>,
    l3mdev: bool,
    /// Selectors, in the order in which they are printed.
    selectors: [Option<String>; 7],
    table: Option<u32>,
    suppress_prefixlength: Option<u32>,
    suppress_ifgroup: Option<u32>,
    realms: Option<u32>,
    target: Option<u32>,
    maker: u8,
    /// A kind that this program does not know, and that may be a condition.
    unknown: Option<u16>,
}

/// A number in hexadecimal, zero without its prefix.
fn hex(number: u32) -> String {
    match number {
        0 => "0".to_owned(),
        number => format!("{number:#x}"),
    }
}

fn byte(value: &[u8]) -> Option<u8> {
    value.first().copied()
}

/// Two ends of a range; one alone where they are the same.
fn range<T: PartialEq + std::fmt::Display>(from: T, to: T) -> String {
    match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    }
}

fn name_in(names: &[(u8, &str)], number: u8) -> Option<String> {
    let named = names.iter().find(|(known, _)| *known == number);
    named.map(|(_, name)| (*name).to_owned())
}

/// The name of a device, as one word: a rule may name one that cannot exist.
fn device(name: &[u8]) -> String {
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    harmless(name).replace(char::is_whitespace, "?")
}

impl<'b> Said<'b> {
    fn read(attributes: &'b [u8]) -> Option<Said<'b>> {
        let mut said = Said::default();
        each(attributes, |kind, value| said.take(kind, value))?;
        Some(said)
    }

    fn take(&mut self, kind: u16, value: &'b [u8]) -> Option<()> {
        let number = || u32_at(value, 0);
        let ports = || Some(range(u16_at(value, 0)?, u16_at(value, 2)?));
        let [uids, protocol, sport, dport, tunnel, dscp, label] = &mut self.selectors;
        match kind {
            kind::PRIORITY => self.priority = number()?,
            kind::SRC => self.source = Some(value),
            kind::DST => self.destination = Some(value),
            kind::FWMARK => self.mark = Some(number()?),
            kind::FWMASK => self.mask = Some(number()?),
            kind::IIF => self.iif = Some(value),
            kind::OIF => self.oif = Some(value),
            kind::L3MDEV => self.l3mdev = byte(value)? != 0,
            kind::UID_RANGE => {
                *uids = Some(format!("uidrange {}-{}", number()?, u32_at(value, 4)?));
            }
            kind::IP_PROTO => {
                let number = byte(value)?;
                let name = name_in(&PROTOCOLS, number);
                let name = name.unwrap_or_else(|| format!("ipproto-{number}"));
                *protocol = Some(format!("ipproto {name}"));
            }
            kind::SPORT_RANGE => *sport = Some(format!("sport {}", ports()?)),
            kind::DPORT_RANGE => *dport = Some(format!("dport {}", ports()?)),
            kind::TUN_ID => {
                let id = u64::from_be_bytes(value.get(..8)?.try_into().ok()?);
                // Zero is no tunnel, and no condition.
                *tunnel = (id != 0).then(|| format!("tun_id {id}"));
            }
            kind::DSCP => *dscp = Some(format!("dscp {}", byte(value)?)),
            kind::FLOWLABEL => {
                let bytes = value.get(..4)?.try_into().ok()?;
                *label = Some(format!("flowlabel {:#x}", u32::from_be_bytes(bytes)));
            }
            kind::TABLE => self.table = Some(number()?),
            kind::SUPPRESS_PREFIXLEN => self.suppress_prefixlength = Some(number()?),
            kind::SUPPRESS_IFGROUP => self.suppress_ifgroup = Some(number()?),
            kind::FLOW => self.realms = Some(number()?),
            kind::GOTO => self.target = Some(number()?),
            kind::PROTOCOL => self.maker = byte(value)?,
            // A mask belongs to a condition that is said beside it.
            kind::PAD | kind::FLOWLABEL_MASK..=kind::DSCP_MASK => {}
            unknown => self.unknown = Some(unknown),
        }
        Some(())
    }
}

/// An address and the length of its prefix.
fn prefix(address: Option<&[u8]>, length: u8) -> Option<String> {
    let Some(address) = address else {
        return (length > 0).then(|| format!("0/{length}"));
    };
    let octets: Option<[u8; 16]> = address.try_into().ok();
    let Some(octets) = octets else {
        return Some(format!("?/{length}"));
    };
    let address = Ipv6Addr::from(octets);
    Some(match length {
        128 => address.to_string(),
        length => format!("{address}/{length}"),
    })
}

/// The line of a rule, without its end; `None` where the message is cut.
pub(super) fn line(body: &[u8]) -> Option<String> {
    let (header, attributes) = body.split_at_checked(HEADER)?;
    let flags = u32_at(header, 8)?;
    let [_, destination, source, tos, table, _, _, action, ..] = *header else {
        return None;
    };
    let said = Said::read(attributes)?;
    let has = |flag: u32| flags & flag != 0;
    let mut line = format!("{}:\t", said.priority);
    let mut word = |text: &str| {
        let apart = if line.ends_with('\t') { "" } else { " " };
        let _ = write!(line, "{apart}{text}");
    };
    if has(flag::INVERT) {
        word("not");
    }
    let from = prefix(said.source, source);
    word(&format!("from {}", from.as_deref().unwrap_or("all")));
    if let Some(to) = prefix(said.destination, destination) {
        word(&format!("to {to}"));
    }
    if tos != 0 {
        word(&format!("tos {tos:#04x}"));
    }
    match (said.mark, said.mask.unwrap_or(u32::MAX)) {
        (None, u32::MAX) => {}
        (mark, u32::MAX) => word(&format!("fwmark {}", hex(mark.unwrap_or(0)))),
        (mark, mask) => word(&format!("fwmark {}/{}", hex(mark.unwrap_or(0)), hex(mask))),
    }
    for (name, value, detached) in [
        ("iif", said.iif, flag::IIF_DETACHED),
        ("oif", said.oif, flag::OIF_DETACHED),
    ] {
        if let Some(value) = value {
            word(&format!("{name} {}", device(value)));
            if has(detached) {
                word("[detached]");
            }
        }
    }
    if said.l3mdev {
        word("lookup [l3mdev-table]");
    }
    for selector in said.selectors.iter().flatten() {
        word(selector);
    }
    if let Some(unknown) = said.unknown {
        word(&format!("attribute-{unknown}"));
    }
    result(&said, said.table.unwrap_or(table.into()), &mut word);
    match action {
        1 => {}
        2 => {
            let target = said.target.map(|priority| priority.to_string());
            word(&format!("goto {}", target.as_deref().unwrap_or("none")));
            if has(flag::UNRESOLVED) {
                word("[unresolved]");
            }
        }
        3 => word("nop"),
        6 => word("blackhole"),
        7 => word("unreachable"),
        8 => word("prohibit"),
        other => word(&format!("action-{other}")),
    }
    if !MAKERS_UNSAID.contains(&said.maker) {
        let name = name_in(&MAKERS, said.maker);
        word(&format!(
            "proto {}",
            name.unwrap_or_else(|| said.maker.to_string())
        ));
    }
    Some(line)
}

/// The table, and what is put back of its answers.
fn result(said: &Said<'_>, table: u32, word: &mut dyn FnMut(&str)) {
    if table != 0 {
        let name = table_name(table).map_or_else(|| table.to_string(), str::to_owned);
        word(&format!("lookup {name}"));
    }
    if let Some(length) = said.suppress_prefixlength.filter(|&l| l != NOTHING) {
        word(&format!("suppress_prefixlength {length}"));
    }
    if let Some(group) = said.suppress_ifgroup.filter(|&g| g != NOTHING) {
        let name = if group == 0 {
            "default".to_owned()
        } else {
            group.to_string()
        };
        word(&format!("suppress_ifgroup {name}"));
    }
    if let Some(realms) = said.realms {
        word(&format!("realms {}/{}", realms >> 16, realms & 0xffff));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::rules::{Action, PolicyRules};

    const TO_TABLE: u8 = 1;

    pub(in crate::host::netlink) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn number(kind: u16, value: u32) -> Vec<u8> {
        attribute(kind, &value.to_ne_bytes())
    }

    /// What is printed of a rule of priority 7 with these lengths, table, action, flags and
    /// attributes.
    fn printed(fixed: [u8; 5], flags: u32, attributes: &[Vec<u8>]) -> String {
        let [to, from, tos, table, action] = fixed;
        let mut body = vec![10, to, from, tos, table, 0, 0, action];
        body.extend(flags.to_ne_bytes());
        body.extend(number(kind::PRIORITY, 7));
        body.extend(attributes.concat());
        let line = line(&body).unwrap();
        line.strip_prefix("7:\t").unwrap().to_owned()
    }

    #[test]
    fn tables_and_what_is_put_back() {
        let rule = |table, attributes: &[_]| printed([0, 0, 0, table, TO_TABLE], 0, attributes);
        assert_eq!(rule(255, &[]), "from all lookup local");
        assert_eq!(rule(254, &[]), "from all lookup main");
        assert_eq!(rule(253, &[]), "from all lookup default");
        let table = number(kind::TABLE, 1000);
        assert_eq!(rule(252, &[table]), "from all lookup 1000");
        let nothing = [
            number(kind::SUPPRESS_PREFIXLEN, NOTHING),
            number(kind::SUPPRESS_IFGROUP, NOTHING),
        ];
        assert_eq!(rule(254, &nothing), "from all lookup main");
        let both = [
            number(kind::SUPPRESS_PREFIXLEN, 0),
            number(kind::SUPPRESS_IFGROUP, 3),
        ];
        assert_eq!(
            rule(254, &both),
            "from all lookup main suppress_prefixlength 0 suppress_ifgroup 3"
        );
        assert_eq!(
            rule(254, &[number(kind::SUPPRESS_IFGROUP, 0)]),
            "from all lookup main suppress_ifgroup default"
        );
        let vrf = attribute(kind::L3MDEV, &[1]);
        assert_eq!(rule(0, &[vrf]), "from all lookup [l3mdev-table]");
        assert_eq!(
            rule(5, &[attribute(kind::L3MDEV, &[0])]),
            "from all lookup 5"
        );
        let realms = number(kind::FLOW, 5 << 16 | 6);
        assert_eq!(rule(5, &[realms]), "from all lookup 5 realms 5/6");
    }

    #[test]
    fn actions_and_flags() {
        let rule =
            |action, flags, attributes: &[_]| printed([0, 0, 0, 0, action], flags, attributes);
        let target = || [number(kind::GOTO, 200)];
        assert_eq!(rule(2, 0, &target()), "from all goto 200");
        let unresolved = rule(2, flag::UNRESOLVED, &target());
        assert_eq!(unresolved, "from all goto 200 [unresolved]");
        assert_eq!(rule(2, 0, &[]), "from all goto none");
        assert_eq!(rule(3, 0, &[]), "from all nop");
        assert_eq!(rule(6, 0, &[]), "from all blackhole");
        assert_eq!(rule(7, 0, &[]), "from all unreachable");
        assert_eq!(rule(8, flag::INVERT, &[]), "not from all prohibit");
        for (action, understood) in [(8, true), (5, false), (0, false)] {
            let line = format!("7:\t{}", rule(action, 0, &[]));
            assert_eq!(PolicyRules::parse([&*line]).is_understood(), understood);
        }
    }

    #[test]
    fn conditions() {
        let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let rule = |fixed: [u8; 3], flags, attributes: &[_]| {
            let [to, from, tos] = fixed;
            printed([to, from, tos, 5, TO_TABLE], flags, attributes)
        };
        let plain = |attributes: &[_]| rule([0; 3], 0, attributes);
        let ends = [
            attribute(kind::SRC, &address("2001:db8::")),
            attribute(kind::DST, &address("2001:db8::1")),
        ];
        assert_eq!(
            rule([128, 32, 0x10], 0, &ends),
            "from 2001:db8::/32 to 2001:db8::1 tos 0x10 lookup 5"
        );
        assert_eq!(rule([8, 9, 0], 0, &[]), "from 0/9 to 0/8 lookup 5");
        let wrong = attribute(kind::SRC, b"1234");
        assert_eq!(rule([0, 32, 0], 0, &[wrong]), "from ?/32 lookup 5");
        let devices = [
            attribute(kind::OIF, b"a b\0"),
            attribute(kind::IIF, b"lo\0"),
        ];
        assert_eq!(
            rule([0; 3], flag::OIF_DETACHED, &devices),
            "from all iif lo oif a?b [detached] lookup 5"
        );
        assert_eq!(
            rule([0; 3], flag::IIF_DETACHED, &devices[1..]),
            "from all iif lo [detached] lookup 5"
        );
        let mark = |mask| [number(kind::FWMARK, 0x10), number(kind::FWMASK, mask)];
        assert_eq!(plain(&mark(u32::MAX)), "from all fwmark 0x10 lookup 5");
        assert_eq!(plain(&mark(0xff)), "from all fwmark 0x10/0xff lookup 5");
        let zero = &mark(0xff)[1..];
        assert_eq!(plain(zero), "from all fwmark 0/0xff lookup 5");
        let ports = |from: u16, to: u16| [from.to_ne_bytes(), to.to_ne_bytes()].concat();
        let uids = [1u32.to_ne_bytes(), 5u32.to_ne_bytes()].concat();
        let selectors = [
            attribute(kind::FLOWLABEL, &5u32.to_be_bytes()),
            attribute(kind::DSCP, &[3]),
            attribute(kind::TUN_ID, &9u64.to_be_bytes()),
            attribute(kind::DPORT_RANGE, &ports(80, 90)),
            attribute(kind::SPORT_RANGE, &ports(3, 3)),
            attribute(kind::IP_PROTO, &[6]),
            attribute(kind::UID_RANGE, &uids),
            attribute(kind::PROTOCOL, &[4]),
            attribute(kind::DSCP_MASK, &[0x3f]),
        ];
        let line = plain(&selectors);
        assert_eq!(
            line,
            "from all uidrange 1-5 ipproto tcp sport 3 dport 80-90 tun_id 9 dscp 3 flowlabel 0x5 lookup 5 proto static"
        );
        let line = format!("7:\t{line}");
        let rules = PolicyRules::parse([&*line]);
        assert!(rules.is_understood() && rules.rules()[0].is_conditional);
        assert_eq!(rules.rules()[0].action, Action::Table(5));
        let none = attribute(kind::TUN_ID, &[0; 8]);
        assert_eq!(plain(&[none]), "from all lookup 5");
        for (maker, printed) in [(0, ""), (2, ""), (3, " proto boot"), (99, " proto 99")] {
            let maker = attribute(kind::PROTOCOL, &[maker]);
            assert_eq!(plain(&[maker]), format!("from all lookup 5{printed}"));
        }
        let other = attribute(kind::IP_PROTO, &[250]);
        assert_eq!(plain(&[other]), "from all ipproto ipproto-250 lookup 5");
    }

    #[test]
    fn what_is_new_is_not_hidden() {
        let new = printed(
            [0, 0, 0, 5, TO_TABLE],
            0,
            &[attribute(kind::DSCP_MASK + 1, &[])],
        );
        let line = format!("7:\t{new}");
        assert!(!PolicyRules::parse([&*line]).is_understood(), "{line}");
        assert_eq!(line, "7:\tfrom all attribute-31 lookup 5");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_line_or_cut(bytes in proptest::collection::vec(0u8..40, 0..200)) {
            let found = line(&bytes);
            prop_assert_eq!(found.is_some() && bytes.len() < HEADER, false);
            if let Some(line) = found {
                prop_assert!(!line.contains('\n') && PolicyRules::is_line(&line));
            }
        }
    }
}
