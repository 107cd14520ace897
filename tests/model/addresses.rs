//! Who a packet is from and to: addresses and interfaces, by namespace and family.

use std::net::Ipv6Addr;

use crate::identity::{Asks, Named};
use crate::setup::{Kind, Packet, Reply, Rule, RuleAction, Setup, asks};

/// Interfaces of the host, and of namespaces whose interfaces have the same numbers.
const HOST: [&str; 6] = ["cali1", "cali2", "cali3", "cali4", "cali5", "cali6"];
const OTHERS: [&str; 6] = ["eth0", "veth1", "eth1", "veth2", "eth2", "veth3"];
/// The master of a VRF.
pub const MASTER: (&str, u32) = ("vrf-blue", 40);

fn number(setup: &Setup, space: usize) -> u16 {
    if setup.identity.alike {
        0
    } else {
        space as u16
    }
}

/// An address that a family's routes cover.
pub fn of_family(setup: &Setup, space: usize, family: usize, serial: u32) -> Ipv6Addr {
    let ([a, b], space) = (
        [(serial >> 16) as u16, serial as u16 + 1],
        number(setup, space),
    );
    Ipv6Addr::new(0x2001, 0xdb8, family as u16, space, 0, 0, a, b)
}

/// An address of the host itself.
pub fn own(setup: &Setup, space: usize) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, number(setup, space), 0, 0, 0, 0, 0, 0x60)
}

/// The VRF's rule, where there is one for this family.
pub fn has_master(setup: &Setup, space: usize, family: usize) -> bool {
    let space = &setup.spaces[space];
    let is_master = |rule: &Rule| rule.action == RuleAction::Master;
    space.families[family].vrf && space.rules.iter().any(is_master)
}

fn protocol(reply: Reply) -> u8 {
    match reply {
        Reply::Tcp => 6,
        Reply::Echo => 58,
        Reply::None | Reply::ClosedPort => 17,
    }
}

/// A received packet, to a destination.
pub fn received(setup: &Setup, packet: &Packet, at: (usize, usize), dst: Ipv6Addr) -> Named {
    let (space, family) = at;
    let back = packet.back % setup.spaces[space].families.len();
    let names = if space == 0 || setup.identity.alike {
        HOST
    } else {
        OTHERS
    };
    let (dev, iif) = if has_master(setup, space, family) {
        MASTER
    } else {
        (names[back % 6], 4 + back as u32 % 6)
    };
    let custom = setup.spaces[space].rules != [asks(0), asks(1)];
    let source = u32::from(packet.source) + 0x1000;
    Named {
        src: of_family(setup, space, back, source),
        dst,
        proto: protocol(packet.reply),
        sport: 40_000 + u16::from(packet.source),
        dport: 9,
        dissected: setup.identity.dissects && custom,
        dev,
        ifindex: iif,
        iif,
        skb: 0,
        ops: 0,
    }
}

/// A packet that a task sends.
pub fn sent(setup: &Setup, packet: &Packet, space: usize, dst: Ipv6Addr) -> Named {
    Named {
        src: own(setup, space),
        dst,
        proto: protocol(packet.reply),
        sport: 50_000 + u16::from(packet.source),
        dport: 9,
        dissected: false,
        dev: "lo",
        ifindex: 1,
        iif: 0,
        skb: 0,
        ops: 0,
    }
}

impl Named {
    /// The question of its own routing, when it was received.
    pub fn asks(&self) -> Asks {
        let (sport, dport) = if self.dissected {
            (self.sport, self.dport)
        } else {
            (0, 0)
        };
        Asks {
            oif: 0,
            iif: self.iif,
            proto: self.proto,
            src: self.src,
            sport,
            dst: self.dst,
            dport,
        }
    }

    /// When it is sent.
    pub fn asks_out(&self) -> Asks {
        Asks {
            iif: 1,
            sport: self.sport,
            dport: self.dport,
            ..self.asks()
        }
    }

    /// Of the way back to its sender.
    pub fn asks_back(&self, oif: u32) -> Asks {
        Asks {
            oif,
            iif: 1,
            proto: self.proto,
            src: self.dst,
            sport: 0,
            dst: self.src,
            dport: 0,
        }
    }

    /// Of an answer that the host sends to its sender.
    pub fn asks_answer(&self, src: Ipv6Addr, proto: u8) -> Asks {
        Asks {
            proto,
            src,
            ..self.asks_back(0)
        }
    }
}

/// What a route that a table found is printed by: device and gateway.
pub fn printed(
    setup: &Setup,
    table: usize,
    route: (Kind, u8),
    dst: Ipv6Addr,
) -> (&'static str, Ipv6Addr) {
    let (kind, plen) = route;
    let none = Ipv6Addr::UNSPECIFIED;
    match kind {
        Kind::Local => {
            // Of a prefix that is local as a whole no address is kept.
            let shows = !setup.identity.newer && plen == 128;
            let gw = if shows { dst } else { none };
            let dev = match table {
                0 if u128::from(dst) % 2 == 0 => "lo",
                0 => "eth0",
                _ => MASTER.0,
            };
            (dev, gw)
        }
        Kind::Unicast if plen == 128 => ("cali5", none),
        Kind::Unicast => ("eth0", Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
        _ => ("lo", none),
    }
}
