//! Drops, and whoever takes them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::diagnosis::collect::wanted::Wanted;
use crate::diagnosis::evidence::Evidence;
use crate::kernel::dst_ops::FastReadings;
use crate::trace::lookup::Lookup;
use crate::trace::{Context, Name, Packet, StackId, Time};

/// Drops that may wait for their stack at once.
pub(crate) const MAX_WAITING: usize = 16_384;

/// Which packet it was, and what the tables said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The packet.
    pub(crate) packet: Packet,
    /// The lookups for its flow before the drop, oldest first; its own are the last ones.
    pub(crate) lookups: Vec<Lookup>,
}

/// A drop, its evidence complete.
#[derive(Debug, Clone)]
pub(crate) struct PacketDrop {
    /// Where and when; `None` where the trace does not say.
    pub(crate) context: Option<Context>,
    /// What came before it.
    pub(crate) evidence: Evidence,
    /// Its stack, where it has one within the table's caps.
    pub(crate) stack: Option<StackId>,
    /// Whether the filter on stacks lets it through.
    pub(crate) stack_matches: bool,
    /// How many drops it stands for; more than one where they were counted elsewhere.
    pub(crate) count: u64,
    /// Which packet it was, where the trace names it.
    pub(crate) packet: Option<Arc<Identity>>,
}

/// Takes drops, in the order of the trace.
pub(crate) trait DropSink {
    /// Whether a stack is one that the user asked for.
    fn matches_stack(&mut self, id: Option<StackId>, frames: &[Name]) -> bool;
    /// One drop.
    fn drop(&mut self, drop: &PacketDrop);
    /// `fast`, as a probe read it wherever it may be.
    fn fast(&mut self, _time: Time, _readings: FastReadings) {}
    /// One attempt at a new entry, where the trace names the route.
    fn wanted(&mut self, _wanted: &Wanted) {}
}

/// A drop that waits for its stack, or for earlier drops.
#[derive(Clone)]
struct Queued {
    drop: PacketDrop,
    done: bool,
}

/// Drops in the order of the trace, from the first that may still change.
#[derive(Clone, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Queued>,
    first_ticket: u64,
}

impl Queue {
    /// The number that the next drop gets.
    pub(super) fn next_ticket(&self) -> u64 {
        self.first_ticket + self.waiting.len() as u64
    }

    /// A new drop; where too many wait, the oldest waits no longer.
    pub(super) fn push(&mut self, drop: PacketDrop, sink: &mut impl DropSink) {
        self.waiting.push_back(Queued { drop, done: false });
        if self.waiting.len() > MAX_WAITING {
            self.done(self.first_ticket, sink);
        }
    }

    fn place(&self, ticket: u64) -> Option<usize> {
        usize::try_from(ticket.checked_sub(self.first_ticket)?).ok()
    }

    /// The drop of that number, while it waits.
    pub(super) fn get_mut(&mut self, ticket: u64) -> Option<&mut PacketDrop> {
        let place = self.place(ticket)?;
        self.waiting.get_mut(place).map(|waiting| &mut waiting.drop)
    }

    /// The drop of that number is complete; complete drops are handed out, oldest first.
    pub(super) fn done(&mut self, ticket: u64, sink: &mut impl DropSink) {
        if let Some(waiting) = self.place(ticket).and_then(|at| self.waiting.get_mut(at)) {
            waiting.done = true;
        }
        while let Some(waiting) = self.waiting.front().filter(|waiting| waiting.done) {
            sink.drop(&waiting.drop);
            self.waiting.pop_front();
            self.first_ticket += 1;
        }
    }

    /// All drops are handed out; those that wait are whole only where the input `is_over`.
    pub(super) fn finish(&mut self, sink: &mut impl DropSink, is_over: bool) {
        for mut waiting in self.waiting.drain(..) {
            self.first_ticket += 1;
            waiting.drop.evidence.whole = waiting.done || is_over;
            sink.drop(&waiting.drop);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::rules::witnesses::Given;

    /// The counts of drops, in the order in which they are handed out.
    #[derive(Default)]
    struct Counts(Vec<(u64, bool)>);

    impl DropSink for Counts {
        fn matches_stack(&mut self, _: Option<StackId>, _: &[Name]) -> bool {
            true
        }

        fn drop(&mut self, drop: &PacketDrop) {
            self.0.push((drop.count, drop.evidence.whole));
        }
    }

    fn numbered(count: u64) -> PacketDrop {
        PacketDrop {
            context: None,
            evidence: Given::usual().evidence,
            stack: None,
            stack_matches: true,
            count,
            packet: None,
        }
    }

    /// A queue with drops 0 to 3, their numbers their tickets.
    fn four(sink: &mut Counts) -> Queue {
        let mut queue = Queue::default();
        for ticket in 0..4 {
            assert_eq!(queue.next_ticket(), ticket);
            queue.push(numbered(ticket), sink);
        }
        queue
    }

    #[test]
    fn drops_come_in_the_order_of_the_trace() {
        let mut sink = Counts::default();
        let mut queue = four(&mut sink);
        queue.done(1, &mut sink);
        queue.done(2, &mut sink);
        assert_eq!(sink.0, []);
        queue.done(0, &mut sink);
        assert_eq!(sink.0, [(0, true), (1, true), (2, true)]);
        assert_eq!(queue.next_ticket(), 4);
        // What is handed out is not there any more; what waits can still change.
        assert!(queue.get_mut(2).is_none() && queue.get_mut(4).is_none());
        queue.get_mut(3).unwrap().count = 30;
        queue.done(2, &mut sink);
        queue.push(numbered(4), &mut sink);
        queue.done(4, &mut sink);
        assert_eq!(sink.0.len(), 3);
        queue.done(3, &mut sink);
        assert_eq!(sink.0[3..], [(30, true), (4, true)]);
    }

    #[test]
    fn at_the_end_all_are_handed_out() {
        for is_over in [false, true] {
            let mut sink = Counts::default();
            let mut queue = four(&mut sink);
            queue.done(1, &mut sink);
            queue.finish(&mut sink, is_over);
            let whole = [is_over, true, is_over, is_over];
            let wanted: Vec<_> = (0..).zip(whole).collect();
            assert_eq!(sink.0, wanted);
            assert_eq!(queue.next_ticket(), 4);
        }
    }

    #[test]
    fn the_oldest_of_too_many_waits_no_longer() {
        let mut sink = Counts::default();
        let mut queue = Queue::default();
        (0..MAX_WAITING as u64).for_each(|ticket| queue.push(numbered(ticket), &mut sink));
        assert_eq!(sink.0, []);
        queue.push(numbered(9), &mut sink);
        assert_eq!(sink.0, [(0, true)]);
    }
}
