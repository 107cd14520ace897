//! Packets that netfilter drops because the lookup of the way back to their source was refused.

use std::sync::Arc;

use crate::diagnosis::collect::collector::Collector;
use crate::diagnosis::collect::context::At;
use crate::diagnosis::collect::packet_drop::{DropSink, Identity};
use crate::diagnosis::collect::recent::LastAsked;
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
        let Some(packet) = packet else { return };
        let asked = recent.last_asked(now, &packet);
        recent.freed(now);
        // Where it was granted, or nothing shows that it was not, another rule drops.
        let LastAsked::WayBack(Some(shown), is_alone) = asked else {
            return self.note_other(asked, in_netfilter);
        };
        let may_be_refused = matches!(
            shown,
            Reverse::Returned | Reverse::Attempted(Observed::Failed | Observed::Collected)
        );
        if !may_be_refused {
            return self.note_other(asked, in_netfilter);
        }
        let way_back = WayBack {
            shown,
            in_netfilter,
            is_alone,
        };
        let evidence = Evidence {
            direction: Direction::Receive,
            reverse: Some(way_back),
            ..self.evidence_before(at, now)
        };
        let lookups = Vec::new();
        let packet = Arc::new(Identity { packet, lookups });
        let ticket = self.push_drop(context, evidence, Some(packet));
        self.queue.done(ticket, &mut self.drops);
    }

    /// Netfilter dropped a packet, and not for want of room in the route cache.
    fn note_other(&mut self, asked: LastAsked, in_netfilter: bool) {
        let counts = &mut self.gathered.netfilter;
        match asked {
            // Anybody may have freed it.
            _ if !in_netfilter => {}
            LastAsked::NoWayBack => counts.no_way_back += 1,
            LastAsked::Other | LastAsked::WayBack(..) => counts.other_rule += 1,
        }
    }
}
