//! Which packet a drop is of, and which lookups are its own.

use std::sync::Arc;

use crate::diagnosis::collect::collector::Collector;
use crate::diagnosis::collect::context::{At, Via, is_near};
use crate::diagnosis::collect::packet_drop::{DropSink, Identity};
use crate::diagnosis::collect::signal::{Aside, Caller};
use crate::diagnosis::evidence::{HandlerSource, Window};
use crate::diagnosis::lookups::sequence::{Answer, Sequence};
use crate::kernel::functions::{Direction, Function, Handler, IN_NO_ROUTES, OUT_NO_ROUTES};
use crate::trace::lookup::Lookup;
use crate::trace::{Context, DevName, Packet, Time};

impl<D: DropSink> Collector<D> {
    /// Every lookup for a packet that is dropped there now was traced: the context began after
    /// one was seen, or all that came within the time that a lookup and its drop can be apart.
    fn lookups_are_whole(&mut self, at: At, now: Option<Time>) -> bool {
        if self.task_mut(at).lookups_on {
            return true;
        }
        let first = self.cpu(at.cpu).first.max(self.first_lookup);
        self.first_lookup.is_some() && !is_near(now, first)
    }

    /// The recorder had all lookups on long before, so that a context may begin with a drop.
    fn has_recorded(&self, now: Option<Time>) -> bool {
        self.lookups_since.is_some() && !is_near(now, self.lookups_since)
    }

    /// A table was asked.
    pub(super) fn asked(&mut self, at: At, context: Option<&Context>, lookup: &Lookup) {
        let time = context.map(|c| c.time);
        self.first_lookup = self.first_lookup.or(time);
        self.cpu(at.cpu).asked = true;
        // What came before is complete: a drop, and an attempt for what was asked before.
        self.settle(at);
        self.gathered.lookups += 1;
        self.gathered.sequences.note(lookup);
        let level = self.tasks.level(at.task);
        let recent = &mut self.cpus.get_mut(at.cpu).recent[level as usize];
        recent.asked(time, *lookup);
    }

    /// A function was entered, and a probe fetched something there.
    pub(super) fn entry_of(
        &mut self,
        at: At,
        (via, function, caller): (Via, Function, Option<Caller>),
        context: Option<&Context>,
        beside: &Aside,
    ) {
        let packet = match beside {
            Aside::Packet(packet) => packet,
            Aside::Ops(reading) => {
                self.gathered.note_fast(reading);
                if let Some(((readings, _), context)) = reading.fast.zip(context) {
                    self.drops.fast(context.time, readings);
                }
                self.entry(at, via, function, context, caller);
                if let Some(ops) = reading.ops {
                    let level = self.tasks.level(at.task);
                    let recent = &mut self.cpus.get_mut(at.cpu).recent[level as usize];
                    recent.attempts_in(ops);
                }
                return;
            }
            Aside::Unbelievable => {
                self.gathered.unbelievable += 1;
                return self.entry(at, via, function, context, caller);
            }
            Aside::Lookup(_) => return self.entry(at, via, function, context, caller),
        };
        let is_drop = matches!(function, Function::PktDrop | Function::Handler(_));
        if is_drop && self.is_another(at, packet) {
            self.settle(at);
        }
        self.entry(at, via, function, context, caller);
        let time = context.map(|c| c.time);
        if is_drop {
            self.identify(at, packet, time);
        } else if let Some(skb) = packet.skb {
            let level = self.tasks.level(at.task);
            let lookups_on = self.cpu(at.cpu).asked || self.lookups_are_whole(at, time);
            let recent = &mut self.cpus.get_mut(at.cpu).recent[level as usize];
            recent.began(time, skb, lookups_on);
        }
    }

    /// The drop that is open there is of another packet.
    fn is_another(&mut self, at: At, packet: &Packet) -> bool {
        let open = self.task_mut(at).drop.map(|open| open.ticket);
        let Some(drop) = open.and_then(|ticket| self.queue.get_mut(ticket)) else {
            return false;
        };
        let skb = drop.packet.as_ref().and_then(|known| known.packet.skb);
        let is_elsewhere = skb.zip(packet.skb).is_some_and(|(known, skb)| known != skb);
        let handler = drop.evidence.handler.map(|(handler, _)| handler);
        is_elsewhere || handler.is_some_and(|handler| contradict(handler, packet))
    }

    /// The drop that is open there went through another handler.
    pub(super) fn is_of_another(&mut self, at: At, handler: Handler) -> bool {
        let open = self.task_mut(at).drop.map(|open| open.ticket);
        let drop = open.and_then(|ticket| self.queue.get_mut(ticket));
        let known = drop.and_then(|drop| drop.packet.as_ref());
        known.is_some_and(|known| contradict(handler, &known.packet))
    }

    /// The drop that is open there is of this packet.
    fn identify(&mut self, at: At, packet: &Packet, now: Option<Time>) {
        let Some(open) = self.task_mut(at).drop else {
            return;
        };
        let is_whole = self.lookups_are_whole(at, now);
        let has_recorded = self.has_recorded(now);
        let mut packet = *packet;
        let Some(drop) = self.queue.get_mut(open.ticket) else {
            return;
        };
        if let Some(known) = &drop.packet {
            packet = packet.or(&known.packet);
        }
        let is_whole = match drop.evidence.window {
            Window::Whole => is_whole || has_recorded,
            Window::Start => has_recorded,
            Window::Lost | Window::Unordered => false,
        };
        let level = self.tasks.level(at.task);
        let recent = &mut self.cpus.get_mut(at.cpu).recent[level as usize];
        let mut lookups = Vec::new();
        let mut number = None;
        if packet.dst.is_some() && packet.came_in() != Some(false) {
            let matched = recent.matching(now, &packet);
            recent.drop_oldest(&packet);
            let answers = matched.lookups.iter();
            let namespace = packet.ops.map(|ops| ops.get());
            let sequence = Sequence {
                answers: answers.map(|l| (l.table, Answer::of(l))).collect(),
                is_own: matched.is_own,
                is_whole: (matched.is_own || is_whole) && !matched.is_cut,
                of_destination: matched.of_destination,
                namespace: namespace.and_then(|ops| self.gathered.sequences.namespace(ops)),
                iif: matched.lookups.last().map(|lookup| lookup.iif),
            };
            number = self.gathered.sequences.intern(sequence);
            lookups = matched.lookups;
        }
        let Some(drop) = self.queue.get_mut(open.ticket) else {
            return;
        };
        let evidence = &mut drop.evidence;
        let direction = match packet.came_in() {
            Some(true) => Some(Direction::Receive),
            Some(false) => Some(Direction::Output),
            None => (!lookups.is_empty()).then_some(Direction::Receive),
        };
        if evidence.handler.is_none() {
            let handler = packet.handler(direction);
            evidence.handler = handler.map(|handler| (handler, HandlerSource::Arguments));
        }
        if evidence.direction == Direction::Unknown {
            let of_handler = evidence.handler.map(|(handler, _)| handler.direction());
            evidence.direction = of_handler.or(direction).unwrap_or(Direction::Unknown);
        }
        evidence.lookups = number.or(evidence.lookups);
        drop.packet = Some(Arc::new(Identity { packet, lookups }));
    }
}

/// The packet's own arguments say that another handler dropped it.
fn contradict(handler: Handler, packet: &Packet) -> bool {
    let is_other = |code: u8| code != u8::from(handler.prohibits());
    packet.code.filter(|code| *code <= 1).is_some_and(is_other)
}

impl Packet {
    /// Whether it was received, as far as its words tell. What this host sends has come in by no
    /// interface, and where no route is found for it its interface is `lo` (net/core/dev.c:
    /// `__netif_receive_skb_core`; net/ipv6/route.c: `ip6_pkt_discard_out`).
    fn came_in(&self) -> Option<bool> {
        let by_counter = self.direction().map(|way| way == Direction::Receive);
        let by_index = || self.iif.map(|iif| iif != 0);
        let by_name = || self.dev.map(|dev| dev != DevName::new(b"lo"));
        by_counter.or_else(by_index).or_else(by_name)
    }

    /// The handler that called `ip6_pkt_drop` for it, by that function's own arguments.
    fn handler(&self, direction: Option<Direction>) -> Option<Handler> {
        let direction = self.direction().or(direction)?;
        match (direction, self.code?) {
            (Direction::Receive, 0) => Some(Handler::Discard),
            (Direction::Receive, 1) => Some(Handler::Prohibit),
            (Direction::Output, 0) => Some(Handler::DiscardOut),
            (Direction::Output, 1) => Some(Handler::ProhibitOut),
            _ => None,
        }
    }

    /// Which way it was going, by the counter that the drop adds to.
    fn direction(&self) -> Option<Direction> {
        match self.mib? {
            IN_NO_ROUTES => Some(Direction::Receive),
            OUT_NO_ROUTES => Some(Direction::Output),
            _ => None,
        }
    }
}
