//! Drops: what opens one, what is known of it, and the stack that it gets.

use std::sync::Arc;

use crate::diagnosis::collect::collector::Collector;
use crate::diagnosis::collect::context::{At, LastEntry, OpenDrop, Task, Trail, Via, is_near};
use crate::diagnosis::collect::packet_drop::{DropSink, Identity, PacketDrop};
use crate::diagnosis::collect::signal::Caller;
use crate::diagnosis::evidence::{Evidence, HandlerSource, StackState, Window};
use crate::kernel::frames::{Mark, StackFacts};
use crate::kernel::functions::{Direction, Handler};
use crate::trace::skb::Freed;
use crate::trace::{Context, Level, StackView, Time};

impl<D: DropSink> Collector<D> {
    /// `ip6_pkt_drop` was entered.
    pub(super) fn pkt_drop(
        &mut self,
        at: At,
        via: Via,
        context: Option<&Context>,
        caller: Option<Caller>,
    ) {
        let mark = caller.and_then(|c| c.mark);
        if let Some(Mark::Handler(handler)) = mark
            && self.is_of_another(at, handler)
        {
            self.settle(at);
        }
        let ticket = self.open_drop(at, via, context);
        if let Some(drop) = self.queue.get_mut(ticket) {
            apply_caller(&mut drop.evidence, mark);
        }
    }

    /// A drop's handler was entered.
    pub(super) fn handler(
        &mut self,
        at: At,
        via: Via,
        handler: Handler,
        context: Option<&Context>,
        caller: Option<Caller>,
    ) {
        let via = if via == Via::ENTRY {
            Via::HANDLER
        } else {
            Via::HANDLER_PROBE
        };
        let ticket = self.open_drop(at, via, context);
        self.task_mut(at).last = LastEntry::Other;
        if let Some(drop) = self.queue.get_mut(ticket) {
            let evidence = &mut drop.evidence;
            evidence.handler = Some((handler, HandlerSource::Entry));
            evidence.direction = handler.direction();
            let mark = caller.and_then(|c| c.mark);
            evidence.list |= mark == Some(Mark::List);
            evidence.single |= mark == Some(Mark::Receive);
        }
    }

    /// A drop, or a second event about the one that is open; the drop's ticket.
    pub(super) fn open_drop(&mut self, at: At, via: Via, context: Option<&Context>) -> u64 {
        let has_cpu = self.cpus.number(at.cpu).is_some();
        let context = context.filter(|_| has_cpu);
        let order = self.entry_first;
        let task = self.tasks.get_mut(at.task);
        task.last = LastEntry::Drop;
        let begins = task.drop.is_none();
        let now = context.map(|c| c.time);
        if let Some(open) = &mut task.drop
            && !open.via.is_turned(via, order)
            && open.via.is_same(via, open.after_cut)
            && (open.via != Via::STACK || is_near(now, open.time))
        {
            // Where the first of all is lost, each may be taken for that of the next.
            let is_turned = open.via.is_turned(via, Some(true));
            let is_sure = open.begins && !open.is_first;
            let is_doubtful = is_turned && !is_sure && order.is_none();
            if is_sure {
                let is_straight = open.via.is_turned(via, Some(false));
                self.entry_first = order
                    .or(is_turned.then_some(false))
                    .or(is_straight.then_some(true));
            }
            open.via.add(via);
            open.time = now;
            let ticket = open.ticket;
            if let Some(drop) = self.queue.get_mut(ticket) {
                drop.context = context.copied();
                if is_doubtful {
                    drop.packet = None;
                    drop.evidence.lookups = None;
                }
            }
            return ticket;
        }
        self.settle(at);
        if via != Via::FREED {
            let pid = context.map_or(0, |context| context.pid);
            self.cpu(at.cpu).note_drop(pid);
        }
        let mut evidence = self.evidence_before(at, now);
        evidence.at_free = via == Via::FREED;
        let after_cut = self.cpu(at.cpu).just_lost();
        let ticket = self.queue.next_ticket();
        let open = OpenDrop {
            ticket,
            via,
            after_cut,
            stacks: 0,
            time: now,
            is_first: !self.cpu(at.cpu).settled,
            begins,
        };
        let task = self.task_mut(at);
        *task = Task {
            epoch: task.epoch,
            drop: Some(open),
            last: LastEntry::Drop,
            settled: true,
            lookups_on: task.lookups_on,
            ..Task::default()
        };
        let cpu = self.cpu(at.cpu);
        cpu.settled = true;
        cpu.disturbances += 1;
        self.push_drop(context, evidence, None)
    }

    /// A packet was freed, perhaps by `ip6_pkt_drop`, which does so after it has sent the ICMPv6
    /// error: a drop where that has not shown itself.
    pub(super) fn freed_skb(&mut self, at: At, context: Option<&Context>, freed: Freed) {
        self.task_mut(at).last = LastEntry::Freed;
        if freed.by_drop
            && let Some(ticket) = self.drop_by_free(at, context)
            && freed.is_received
            && let Some(drop) = self.queue.get_mut(ticket)
        {
            drop.evidence.direction = Direction::Receive;
        }
    }

    /// The drop whose packet is freed now; `None` where it has shown itself.
    fn drop_by_free(&mut self, at: At, context: Option<&Context>) -> Option<u64> {
        let pid = context.map_or(0, |context| context.pid);
        let is_known = self.cpu(at.cpu).takes_free(pid);
        self.task_mut(at).last = LastEntry::Other;
        (!is_known).then(|| self.open_drop(at, Via::FREED, context))
    }

    /// The stack of a packet that `ip6_pkt_drop` has freed.
    pub(super) fn freed_stack(
        &mut self,
        at: At,
        context: Option<&Context>,
        facts: &StackFacts,
        stack: &StackView<'_>,
    ) {
        if let Some(ticket) = self.drop_by_free(at, context) {
            if let Some(open) = &mut self.task_mut(at).drop {
                open.stacks += 1;
            }
            self.attach_to_drop(ticket, facts, stack);
        }
    }

    /// A new drop, without a stack as yet; its ticket.
    pub(super) fn push_drop(
        &mut self,
        context: Option<&Context>,
        evidence: Evidence,
        packet: Option<Arc<Identity>>,
    ) -> u64 {
        let ticket = self.queue.next_ticket();
        let stack_matches = self.drops.matches_stack(None, &[]);
        let drop = PacketDrop {
            context: context.copied(),
            evidence,
            stack: None,
            stack_matches,
            count: 1,
            packet,
        };
        self.queue.push(drop, &mut self.drops);
        ticket
    }

    /// What stands in front of a drop of that task now.
    pub(super) fn evidence_before(&mut self, at: At, now: Option<Time>) -> Evidence {
        let cpu = *self.cpu(at.cpu);
        let (has_cpu, gc_seen) = (self.cpus.number(at.cpu).is_some(), self.gc_seen);
        let level = self.tasks.level(at.task);
        let task = self.task_mut(at);
        let linked =
            |trail: &Trail| is_near(now, trail.time) && trail.disturbances == cpu.disturbances;
        Evidence {
            handler: None,
            direction: Direction::Unknown,
            list: false,
            single: false,
            gc_seen,
            without_context: !has_cpu,
            in_task: matches!(level, Level::Task | Level::Unknown),
            at_free: false,
            receive: task.receive.attempts,
            output: task.output.attempts,
            bounded: task.receive.bounded,
            receive_linked: linked(&task.receive),
            output_linked: linked(&task.output),
            window: match (task.settled, cpu.lost) {
                (true, _) => Window::Whole,
                (_, true) => Window::Lost,
                (_, false) => Window::Start,
            },
            stack: StackState::Missing,
            whole: true,
            lookups: None,
            reverse: None,
        }
    }

    #[inline(always)]
    pub(super) fn close_drop(&mut self, at: At) {
        if let Some(open) = self.task_mut(at).drop.take() {
            self.queue.done(open.ticket, &mut self.drops);
        }
    }

    pub(super) fn attach_to_drop(
        &mut self,
        ticket: u64,
        facts: &StackFacts,
        stack: &StackView<'_>,
    ) {
        let matches = self.drops.matches_stack(stack.id, stack.frames);
        let Some(drop) = self.queue.get_mut(ticket) else {
            return;
        };
        drop.stack_matches = matches;
        drop.stack = stack.id;
        let evidence = &mut drop.evidence;
        evidence.list |= facts.list;
        evidence.single |= facts.direction == Direction::Receive && !facts.list;
        evidence.stack = if stack.frames.is_empty() {
            StackState::Empty
        } else {
            StackState::Present
        };
        if evidence.handler.is_none() {
            evidence.handler = facts.handler.map(|h| (h, HandlerSource::Frames));
        }
        if evidence.direction == Direction::Unknown || facts.handler.is_some() {
            evidence.direction = evidence
                .handler
                .map_or(facts.direction, |(handler, _)| handler.direction());
        }
    }
}

/// What the caller column of a drop says of it.
fn apply_caller(evidence: &mut Evidence, mark: Option<Mark>) {
    match mark {
        Some(Mark::Handler(handler)) => {
            evidence.handler = Some((handler, HandlerSource::Caller));
            evidence.direction = handler.direction();
        }
        Some(Mark::List) => {
            evidence.list = true;
            evidence.direction = Direction::Receive;
        }
        Some(Mark::Receive) => {
            evidence.single = true;
            if evidence.handler.is_none() {
                evidence.direction = Direction::Receive;
            }
        }
        Some(Mark::Output) if evidence.handler.is_none() => {
            evidence.direction = Direction::Output;
        }
        _ => {}
    }
}
