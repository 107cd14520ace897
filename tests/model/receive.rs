//! What a softirq does with the packets that it receives: one after the other, or in lists, whose
//! packets are all looked up before they are handled.

use std::net::Ipv6Addr;

use crate::addresses;
use crate::event::{Handler, Way, What};
use crate::identity::{Asks, Before, Named};
use crate::kernel::{Answer, RouteId, Unlimited};
use crate::lookup::{Flow, Found};
use crate::setup::{Kind, Packet, Reply};
use crate::traffic::{Here, World};
use crate::truth::Drop;

/// A packet that came in.
struct Arrived<'p> {
    packet: &'p Packet,
    at: (usize, usize),
    serial: u32,
    named: Named,
    /// Forwarded, it is received there.
    hop: Option<(usize, usize)>,
}

/// What its lookup came to.
#[derive(Clone)]
struct Routed {
    unlimited: Unlimited,
    found: Found,
}

impl Routed {
    /// Packets with the same are handled together.
    fn dst(&self) -> (Answer, Option<RouteId>) {
        (self.found.answer, self.found.route)
    }
}

impl World<'_> {
    /// Packets that a softirq takes from a queue.
    pub fn receive_all<'p>(&mut self, here: Here, packets: impl Iterator<Item = &'p Packet>) {
        if !self.setup.has_lists() {
            for packet in packets {
                self.receive(here, packet);
            }
            return;
        }
        let here = Here { list: true, ..here };
        let mut burst: Vec<Arrived<'_>> = Vec::new();
        for packet in packets {
            let at = (packet.space, packet.family);
            let Some(arrived) = self.arrive(here, packet, at, packet.hop, None) else {
                continue;
            };
            // A list is of one device.
            let same = |last: &Arrived<'_>| {
                (last.at.0, last.named.iif) == (arrived.at.0, arrived.named.iif)
            };
            if burst.last().is_some_and(|last| !same(last)) {
                let list = std::mem::take(&mut burst);
                self.list(here, list);
            }
            burst.push(arrived);
        }
        self.list(here, burst);
    }

    /// `ip6_list_rcv_finish`.
    fn list(&mut self, here: Here, list: Vec<Arrived<'_>>) {
        let mut waiting: Vec<(Arrived<'_>, Routed)> = Vec::new();
        let mut hint: Option<(Ipv6Addr, Routed)> = None;
        for arrived in list {
            let takes = hint.as_ref().filter(|(dst, _)| *dst == arrived.named.dst);
            let routed = match takes {
                Some((_, routed)) => routed.clone(),
                None => self.route(here, &arrived),
            };
            let differs = |(_, last): &(Arrived<'_>, Routed)| last.dst() != routed.dst();
            if waiting.last().is_none_or(differs) {
                let may = self.setup.identity.hints && !self.is_custom(arrived.at.0);
                hint = may.then(|| (arrived.named.dst, routed.clone()));
                for (arrived, routed) in std::mem::take(&mut waiting) {
                    self.handle(here, arrived, &routed);
                }
            }
            waiting.push((arrived, routed));
        }
        for (arrived, routed) in waiting {
            self.handle(here, arrived, &routed);
        }
    }

    /// A softirq receives a packet.
    pub fn receive(&mut self, here: Here, packet: &Packet) {
        let at = (packet.space, packet.family);
        self.receive_at(here, packet, at, packet.hop, None);
    }

    fn receive_at(
        &mut self,
        here: Here,
        packet: &Packet,
        at: (usize, usize),
        hop: Option<(usize, usize)>,
        dst: Option<Ipv6Addr>,
    ) {
        if let Some(arrived) = self.arrive(here, packet, at, hop, dst) {
            let routed = self.route(here, &arrived);
            self.handle(here, arrived, &routed);
        }
    }

    /// A packet comes in; nothing where somebody takes it before it is routed.
    fn arrive<'p>(
        &mut self,
        here: Here,
        packet: &'p Packet,
        (space, family): (usize, usize),
        hop: Option<(usize, usize)>,
        dst: Option<Ipv6Addr>,
    ) -> Option<Arrived<'p>> {
        let space = space % self.setup.spaces.len();
        let family = self.family(space, family);
        let serial = self.serial(packet.serial);
        let dst = dst.unwrap_or_else(|| addresses::of_family(self.setup, space, family, serial));
        let mut named = addresses::received(self.setup, packet, (space, family), dst);
        named.skb = self.buffer(here.cpu);
        let arrived = Arrived {
            packet,
            at: (space, family),
            serial,
            named,
            hop,
        };
        let taken = self.setup.is_named() && self.is_taken(here, &arrived);
        (!taken).then_some(arrived)
    }

    /// Programs and netfilter's rules that ask for routes before the packet's own routing.
    fn is_taken(&mut self, here: Here, arrived: &Arrived<'_>) -> bool {
        let (space, named) = (arrived.at.0, arrived.named);
        match arrived.packet.before {
            Before::Nothing => false,
            Before::Bpf {
                direct,
                takes,
                ports,
            } => {
                let asks = if ports {
                    Asks {
                        iif: named.iif,
                        ..named.asks_out()
                    }
                } else {
                    named.asks()
                };
                self.bpf_fib_lookup(here, arrived.at, asks, direct);
                takes
            }
            Before::Back { nft, kills } => {
                let back = self.family(space, arrived.packet.back);
                let flow = Flow {
                    at: (space, back, u32::from(arrived.packet.source)),
                    asks: named.asks_back(if nft { 0 } else { named.iif }),
                };
                let way = Way::Back;
                let found = self.lookup(Here { way, ..here }, flow, false, None);
                kills && !matches!(found.answer, Answer::Usable(_))
            }
        }
    }

    /// `ip6_route_input`.
    fn route(&mut self, here: Here, arrived: &Arrived<'_>) -> Routed {
        let (space, family) = arrived.at;
        let way = Way::Input;
        let input = Here { way, ..here };
        self.emit(input, space, What::RouteInput(arrived.named.skb));
        let unlimited = self.kernel.spaces[space].unlimited(family);
        let flow = Flow {
            at: (space, family, arrived.serial),
            asks: arrived.named.asks(),
        };
        let found = self.lookup(input, flow, true, None);
        Routed { unlimited, found }
    }

    /// `dst_input`.
    fn handle(&mut self, here: Here, arrived: Arrived<'_>, routed: &Routed) {
        let (space, family) = arrived.at;
        let packet = arrived.packet;
        let way = Way::Input;
        match routed.found.answer {
            Answer::Usable(Kind::Local) => self.delivered(here, &arrived),
            Answer::Usable(_) => {
                if let Some((space, to)) = arrived.hop {
                    // Another namespace routes the same destination by routes of its own.
                    let stays = self.family(space % self.setup.spaces.len(), to) == family;
                    let dst = stays.then_some(arrived.named.dst);
                    let list = false;
                    self.receive_at(Here { list, ..here }, packet, (space, to), None, dst);
                }
            }
            Answer::Silent => {}
            answer @ (Answer::Discard | Answer::Prohibit) => {
                let refusals = &routed.found.refusals;
                let mut named = arrived.named;
                named.ops = self.kernel.spaces[space].ops;
                let drop = Drop::new(
                    (false, named, arrived.at),
                    routed.unlimited,
                    answer,
                    refusals,
                );
                let handler = Handler {
                    out: false,
                    prohibit: answer == Answer::Prohibit,
                };
                self.drop(Here { way, ..here }, drop, handler, (space, packet));
            }
        }
    }

    /// An answer's flow to a packet's sender.
    fn back(&mut self, space: usize, packet: &Packet, asks: Asks) -> Flow {
        Flow {
            at: (
                space,
                self.family(space, packet.back),
                u32::from(packet.serial % 4),
            ),
            asks,
        }
    }

    /// `icmp6_send`, which asks for its route up to twice, and once as the packet's own answer
    /// would.
    fn icmp6_send(&mut self, here: Here, space: usize, packet: &Packet, named: &Named) {
        self.emit(here, space, What::IcmpSend);
        let own = addresses::own(self.setup, space);
        let more = u8::from(self.setup.is_named() && packet.lookups == 2);
        for number in 0..packet.lookups + more {
            let asks = match number {
                0 => named.asks_answer(Ipv6Addr::UNSPECIFIED, 58),
                1 => named.asks_answer(own, 58),
                _ => Asks {
                    sport: named.dport,
                    dport: named.sport,
                    ..named.asks_back(named.iif)
                },
            };
            let flow = self.back(space, packet, asks);
            let found = self.lookup(here, flow, true, None);
            if !matches!(found.answer, Answer::Usable(_)) {
                break;
            }
        }
    }

    /// The handler, `ip6_pkt_drop`, and the error that it sends.
    pub fn drop(
        &mut self,
        here: Here,
        drop: Drop,
        handler: Handler,
        (space, packet): (usize, &Packet),
    ) {
        let number = self.drops.len();
        self.emit(here, space, What::Handler(handler, number));
        let ns = &mut self.kernel.spaces[space];
        if handler.out {
            ns.out_no_routes += 1;
        } else {
            ns.in_no_routes += 1;
        }
        let named = drop.named;
        self.drops.push(drop);
        let words = What::Words(handler, number, named);
        let (is_named, first) = (self.setup.is_named(), self.setup.identity.probe_first);
        if is_named && first {
            self.emit(here, space, words);
        }
        self.emit(here, space, What::Drop(handler, number));
        if is_named && !first {
            self.emit(here, space, words);
        }
        let way = Way::Error {
            out: handler.out,
            prohibit: handler.prohibit,
        };
        self.icmp6_send(Here { way, ..here }, space, packet, &named);
    }

    fn delivered(&mut self, here: Here, arrived: &Arrived<'_>) {
        let (packet, space) = (arrived.packet, arrived.at.0);
        let here = Here {
            way: Way::Answer(packet.reply),
            ..here
        };
        match packet.reply {
            Reply::None => {}
            Reply::ClosedPort => self.icmp6_send(here, space, packet, &arrived.named),
            Reply::Tcp | Reply::Echo => {
                let named = &arrived.named;
                let asks = named.asks_answer(named.dst, named.proto);
                let flow = self.back(space, packet, asks);
                self.lookup(here, flow, true, None);
            }
        }
    }
}
