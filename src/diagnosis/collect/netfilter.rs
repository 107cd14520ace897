//! Packets that netfilter drops because the lookup of the way back to their source was refused.

use std::sync::Arc;

use crate::diagnosis::collect::collector::Collector;
use crate::diagnosis::collect::context::At;
use crate::diagnosis::collect::packet_drop::{DropSink, Identity};
use crate::diagnosis::collect::signal::Aside;
use crate::diagnosis::evidence::{Evidence, Observed, Reverse, WayBack};
use crate::kernel::functions::Direction;
use crate::trace::Context;

impl<D: DropSink> Collector<D> {
    /// A packet was freed, by netfilter or by nobody knows whom.
    pub(super) fn freed(
        &mut self,
        at: At,
        context: Option<&Context>,
        (beside, in_netfilter): (Option<&Aside>, bool),
    ) {
        // What became of the last attempt is known when that is complete.
        self.settle(at);
        let has_cpu = self.cpus.number(at.cpu).is_some();
        let context = context.filter(|_| has_cpu);
        let now = context.map(|c| c.time);
        let level = self.tasks.level(at.task) as usize;
        let packet = match beside {
            Some(Aside::Packet(packet)) => Some(**packet),
            Some(Aside::Unbelievable) => {
                self.gathered.unbelievable += 1;
                None
            }
            _ => None,
        };
        let recent = &mut self.cpus.get_mut(at.cpu).recent[level];
        let reverse = packet.and_then(|packet| recent.reverse(now, &packet));
        // Where it was granted, or nothing shows that it was not, another rule drops.
        let may_be_refused = |reverse: &Reverse| {
            use Observed::{Collected, Failed};
            matches!(
                reverse,
                Reverse::Returned | Reverse::Attempted(Failed | Collected)
            )
        };
        let reverse = reverse.filter(may_be_refused);
        if packet.is_some() {
            recent.freed(now);
        }
        let Some((packet, shown)) = packet.zip(reverse) else {
            return;
        };
        let evidence = Evidence {
            direction: Direction::Receive,
            reverse: Some(WayBack {
                shown,
                in_netfilter,
            }),
            ..self.evidence_before(at, now)
        };
        let lookups = Vec::new();
        let packet = Arc::new(Identity { packet, lookups });
        let ticket = self.push_drop(context, evidence, Some(packet));
        self.queue.done(ticket, &mut self.drops);
    }
}
