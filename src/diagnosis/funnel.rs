//! Where received packets stop: what of the counts along their way is a loss, and what explains it.

use std::cmp::Reverse;

use crate::kernel::functions::{Function, NF_HOOK_SLOW, NFT_DO_CHAIN};
use crate::kernel::receive_path::{Counted, Freed, Step};
use crate::order::sort_by_key;

/// Where packets are freed that netfilter drops.
const NETFILTER: [&str; 3] = [NF_HOOK_SLOW, NFT_DO_CHAIN, "nf_hook_slow_list"];
/// Where packets are freed that get no further than their route, beside [`NETFILTER`].
const BEFORE_ROUTE: [&str; 9] = [
    "ip6_rcv_core",
    "ipv6_rcv",
    "ipv6_list_rcv",
    "ip6_rcv_finish",
    "ip6_rcv_finish_core",
    "ip6_route_input",
    "ip6_mc_input",
    "dst_discard",
    "dst_discard_out",
];
/// Frees what it has handled, too: no loss.
const ICMP: &str = "icmpv6_rcv";

/// Packets that got to one step and not to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The step that they got to.
    pub(crate) after: Step,
    /// How many.
    pub(crate) packets: u64,
    /// Of these, those that were freed where this step frees packets, and why.
    pub(crate) freed: Vec<Freed>,
    /// Of these, those that nothing was seen of.
    pub(crate) unexplained: u64,
}

impl Stop {
    /// The step itself drops packets.
    fn is_drop(&self) -> bool {
        matches!(self.after, Step::Discarded | Step::Prohibited)
    }
}

/// The way of received packets, judged.
#[derive(Debug)]
pub(crate) struct Funnel {
    /// The counts.
    pub(crate) counted: Counted,
    /// Where packets stopped, most first.
    pub(crate) stops: Vec<Stop>,
    /// So many packets may be counted at one step and not at the next, because reading takes time.
    pub(crate) edge: u64,
    /// Packets that were freed behind the last step that is counted, but for those of ICMPv6.
    pub(crate) behind: Vec<Freed>,
    /// Steps that cannot be seen on this kernel.
    pub(crate) unseen: Vec<Step>,
    /// Whether the kernel limits its route cache; `None` where that is not known.
    limits: Option<bool>,
}

/// Takes at most `most` packets, out of those that were freed at these places.
fn take(from: &mut [Freed], places: &[&str], mut most: u64) -> Vec<Freed> {
    let mut taken = Vec::new();
    for left in from {
        // The compiler adds suffixes.
        let name = left.place.raw().split('.').next().unwrap_or_default();
        let packets = left.packets.min(most);
        if packets > 0 && places.contains(&name) {
            left.packets -= packets;
            most -= packets;
            taken.push(Freed {
                packets,
                ..left.clone()
            });
        }
    }
    sort_by_key(&mut taken, |freed| Reverse(freed.packets));
    taken
}

fn sum(freed: &[Freed]) -> u64 {
    freed.iter().map(|freed| freed.packets).sum()
}

impl Funnel {
    /// Judges what was counted on a kernel that limits its route cache, or does not.
    #[must_use]
    pub(crate) fn of(mut counted: Counted, limits: Option<bool>) -> Funnel {
        let protocols = [Step::Icmp, Step::Udp, Step::Tcp];
        let handed: u64 = protocols.iter().filter_map(|s| counted.packets(*s)).sum();
        // Listed by the kernel, and yet part of its caller.
        if counted.packets(Step::Delivered) == Some(0) && handed > 0 {
            counted.hits.retain(|hits| hits.step != Step::Delivered);
        }
        // A filter leaves out what is not told of packets.
        let seen = |step: &Step| {
            counted.of(*step).is_some() || (counted.is_filtered && *step == Step::Refused)
        };
        let unseen = Step::ALL.into_iter().filter(|step| !seen(step)).collect();
        let arrived = counted.packets(Step::Arrived).unwrap_or(0);
        let per_second = arrived as f64 / counted.seconds.max(f64::EPSILON);
        let mut funnel = Funnel {
            edge: (per_second * counted.reading) as u64,
            behind: counted.freed.clone().unwrap_or_default(),
            counted,
            stops: Vec::new(),
            unseen,
            limits,
        };
        funnel.find_stops();
        funnel
            .behind
            .retain(|freed| freed.packets > 0 && freed.place != ICMP);
        sort_by_key(&mut funnel.stops, |stop| Reverse(stop.packets));
        funnel
    }

    fn find_stops(&mut self) {
        let of = |step| self.counted.packets(step);
        let (discarded, prohibited) = (of(Step::Discarded), of(Step::Prohibited));
        let (forwarded, local) = (of(Step::Forwarded), of(Step::Local));
        let delivered = of(Step::Delivered);
        let before_route = [&BEFORE_ROUTE[..], &NETFILTER].concat();
        if let (Some(arrived), Some(local), Some(forwarded), Some(discarded)) =
            (of(Step::Arrived), local, forwarded, discarded)
        {
            let routed = local + forwarded + discarded + prohibited.unwrap_or(0);
            let lost = arrived.saturating_sub(routed);
            self.stop(Step::Arrived, lost, &before_route);
        }
        for (step, lost) in [(Step::Discarded, discarded), (Step::Prohibited, prohibited)] {
            let drop = Function::PktDrop.name();
            self.stop(
                step,
                lost.unwrap_or(0),
                &[drop, "ip6_pkt_discard", "ip6_pkt_prohibit"],
            );
        }
        if let (Some(local), Some(delivered)) = (local, delivered) {
            let input = [&["ip6_input"], &NETFILTER[..]].concat();
            self.stop(Step::Local, local.saturating_sub(delivered), &input);
        }
        // No function is entered by each packet that was forwarded and by no other: what is freed
        // there is all that is known.
        let forward = [&["ip6_forward"], &NETFILTER[..]].concat();
        let freed = take(&mut self.behind.clone(), &forward, forwarded.unwrap_or(0));
        self.stop(Step::Forwarded, sum(&freed), &forward);
    }

    /// Notes that so many got no further than this step, and what was freed there.
    fn stop(&mut self, after: Step, packets: u64, places: &[&str]) {
        let freed = take(&mut self.behind, places, packets);
        let unexplained = packets - sum(&freed);
        let stop = Stop {
            after,
            packets,
            freed,
            unexplained,
        };
        // What is freed is lost; what is only missing may be at the edges.
        let is_exact = stop.is_drop() || after == Step::Forwarded;
        let is_edge = !is_exact && unexplained == packets && packets <= self.edge;
        if packets > 0 && !is_edge {
            self.stops.push(stop);
        }
    }

    /// Packets that stopped behind this step.
    #[must_use]
    pub(crate) fn stopped(&self, step: Step) -> u64 {
        let stops = self.stops.iter().filter(|stop| stop.after == step);
        stops.map(|stop| stop.packets).sum()
    }

    /// The function of a step, as this kernel calls it, or the first that it could have.
    #[must_use]
    pub(crate) fn function(&self, step: Step) -> String {
        let seen = self.counted.of(step).map(|hits| hits.function.to_string());
        seen.unwrap_or_else(|| step.functions()[0].to_owned())
    }

    /// The answer, in a sentence.
    #[must_use]
    pub(crate) fn answer(&self) -> String {
        let seconds = self.counted.seconds;
        let arrived = self.counted.packets(Step::Arrived);
        let of_all = arrived.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string());
        let (one, all) = match self.counted.is_filtered {
            true => ("packet asked for", "packets asked for"),
            false => ("IPv6 packet", "packets"),
        };
        if let Some(stop) = self.stops.first() {
            let (n, what, why) = (stop.packets, self.what(stop), self.why(stop));
            return format!("{n} of {of_all} {all} {what}: {why}.");
        }
        match arrived {
            Some(0) => format!("No {one} arrived in {seconds:.1} s."),
            Some(1) => "The packet that arrived went on to its protocol or its way out.".to_owned(),
            _ => format!(
                "None of {of_all} {all} that arrived stopped on its way to its protocol or out."
            ),
        }
    }

    /// What happened to packets and where, in words.
    #[must_use]
    pub(crate) fn what(&self, stop: &Stop) -> String {
        // What a filter lets pass at one step and not at the next may still be on its way.
        let verb = match self.counted.is_filtered && !stop.is_drop() {
            true => "were lost sight of",
            false => "stopped",
        };
        format!("{verb} {}", self.place(stop))
    }

    /// Where packets stopped, in words.
    #[must_use]
    pub(crate) fn place(&self, stop: &Stop) -> String {
        let at = self.function(stop.after);
        match stop.after {
            Step::Discarded | Step::Prohibited => format!("at the route lookup ({at})"),
            Step::Local => format!("between {at} and {}", self.function(Step::Delivered)),
            Step::Forwarded => format!("behind {at}"),
            _ => format!("between {at} and the route"),
        }
    }

    /// What explains that packets stopped, in words.
    #[must_use]
    pub(crate) fn why(&self, stop: &Stop) -> String {
        match (stop.after, self.counted.packets(Step::Refused)) {
            (Step::Prohibited, _) => return "the route forbids it".to_owned(),
            (Step::Discarded, Some(0)) => {
                return "most likely no route, for the route cache refused no entry".to_owned();
            }
            (Step::Discarded, Some(n)) => {
                return format!(
                    "the route cache refused {n} entries meanwhile; ip6drop diagnose tells which packets were lost by that"
                );
            }
            (Step::Discarded, None) if self.limits == Some(false) => {
                return "no route, for this kernel does not limit its route cache".to_owned();
            }
            (Step::Discarded, None) => {
                return "no route, or a full route cache; ip6drop diagnose tells which".to_owned();
            }
            _ => {}
        }
        let mut why: Vec<String> = stop
            .freed
            .iter()
            .map(|freed| {
                let (place, n) = (&freed.place, freed.packets);
                let who = match NETFILTER.iter().any(|name| *place == *name) {
                    true => "netfilter",
                    false => "the kernel",
                };
                let reason = freed.reason.as_ref().filter(|r| **r != "NOT_SPECIFIED");
                let reason = reason.map_or(String::new(), |reason| format!(", {reason}"));
                format!("{who} freed {n} ({place}{reason})")
            })
            .collect();
        if stop.unexplained > 0 {
            let n = stop.unexplained;
            why.push(match self.counted.freed {
                None if self.counted.is_filtered => {
                    "freed, or changed by NAT or a VRF so that the filter no longer holds".to_owned()
                }
                None => format!("who freed {n} is not counted on this kernel"),
                Some(_) => format!(
                    "{n} were not freed by then, such as fragments and packets that netfilter or a tunnel takes"
                ),
            });
        }
        why.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::receive_path::Hits;

    /// One second of these packets, and of these freed.
    fn counted(packets: &[(Step, u64)], freed: &[(&str, u64)]) -> Counted {
        let hits = packets.iter().map(|&(step, packets)| Hits {
            step,
            function: step.functions()[0].into(),
            packets,
            per_cpu: BTreeMap::new(),
        });
        let freed = freed.iter().map(|&(place, packets)| Freed {
            place: place.into(),
            reason: None,
            packets,
        });
        Counted {
            hits: hits.collect(),
            freed: Some(freed.collect()),
            seconds: 1.0,
            ..Counted::default()
        }
    }

    /// So many arrive, are discarded, forwarded, local, delivered.
    fn way([arrived, discarded, forwarded, local, delivered]: [u64; 5]) -> Vec<(Step, u64)> {
        vec![
            (Step::Arrived, arrived),
            (Step::Discarded, discarded),
            (Step::Forwarded, forwarded),
            (Step::Local, local),
            (Step::Delivered, delivered),
        ]
    }

    fn judged(counted: Counted) -> Funnel {
        Funnel::of(counted, None)
    }

    fn stops(funnel: &Funnel) -> Vec<(Step, u64, u64)> {
        let stops = funnel.stops.iter();
        stops
            .map(|stop| (stop.after, stop.packets, stop.unexplained))
            .collect()
    }

    #[test]
    fn the_largest_loss_is_the_answer() {
        let way = way([5000, 0, 0, 3976, 3970]);
        let funnel = judged(counted(&way, &[("nf_hook_slow", 1020), ("icmpv6_rcv", 9)]));
        assert_eq!(
            stops(&funnel),
            [(Step::Arrived, 1024, 4), (Step::Local, 6, 6)]
        );
        assert_eq!(
            funnel.answer(),
            "1024 of 5000 packets stopped between ip6_rcv_core and the route: netfilter freed 1020 (nf_hook_slow), 4 were not freed by then, such as fragments and packets that netfilter or a tunnel takes."
        );
        assert!(funnel.behind.is_empty(), "ICMPv6 frees what it has handled");
        assert_eq!(funnel.stopped(Step::Local), 6);
        let (local, delivered) = (Step::Local, Step::Delivered);
        assert_eq!(
            funnel.place(&funnel.stops[1]),
            format!(
                "between {} and {}",
                local.functions()[0],
                delivered.functions()[0]
            )
        );
    }

    #[test]
    fn what_netfilter_freed_explains_losses_in_the_order_of_the_way() {
        let way = way([100, 0, 20, 70, 65]);
        let freed = [
            ("nf_hook_slow", 18),
            ("ip6_forward", 2),
            ("__udp6_lib_rcv", 3),
        ];
        let funnel = judged(counted(&way, &freed));
        assert_eq!(
            stops(&funnel),
            [
                (Step::Arrived, 10, 0),
                (Step::Local, 5, 0),
                (Step::Forwarded, 5, 0)
            ]
        );
        assert_eq!(sum(&funnel.behind), 3);
        assert_eq!(
            funnel.why(&funnel.stops[2]),
            "netfilter freed 3 (nf_hook_slow), the kernel freed 2 (ip6_forward)"
        );
        assert_eq!(funnel.place(&funnel.stops[2]), "behind ip6_forward");
        // A handler of routes frees all that it drops elsewhere.
        let freed = [("ip6_rcv_core.constprop.0", 7), ("kfree_skb_list", 9)];
        let funnel = judged(counted(&way, &freed));
        assert_eq!(stops(&funnel)[0], (Step::Arrived, 10, 3));
    }

    #[test]
    fn no_more_is_taken_than_was_lost() {
        let mut left = counted(&[], &[("nf_hook_slow", 3), ("ip6_input", 4)]).freed;
        let left = left.as_mut().unwrap();
        let taken = take(left, &["nf_hook_slow", "ip6_input"], 5);
        assert_eq!((sum(&taken), sum(left)), (5, 2));
        assert!(take(left, &["ip6_input"], 0).is_empty());
    }

    #[test]
    fn what_a_route_forbids_has_got_its_route() {
        let mut way = way([100, 10, 20, 30, 30]);
        way.push((Step::Prohibited, 15));
        let funnel = judged(counted(&way, &[]));
        assert_eq!(funnel.stopped(Step::Arrived), 25);
        assert_eq!(funnel.stopped(Step::Prohibited), 15);
        let forbidden = funnel.stops.iter().find(|s| s.after == Step::Prohibited);
        assert_eq!(funnel.why(forbidden.unwrap()), "the route forbids it");
    }

    #[test]
    fn who_freed_a_packet_is_not_counted_on_every_kernel() {
        let funnel = judged(Counted {
            freed: None,
            ..counted(&way([9, 0, 0, 2, 2]), &[])
        });
        assert_eq!(
            funnel.why(&funnel.stops[0]),
            "who freed 7 is not counted on this kernel"
        );
    }

    #[test]
    fn a_route_that_is_not_usable_may_be_one_or_the_other() {
        let say = |refused: Option<u64>, limits| {
            let mut way = way([10, 6, 0, 4, 4]);
            way.extend(refused.map(|n| (Step::Refused, n)));
            Funnel::of(counted(&way, &[("ip6_pkt_drop", 6)]), limits).answer()
        };
        let at = "6 of 10 packets stopped at the route lookup (ip6_pkt_discard): ";
        for ((refused, limits), why) in [
            ((None, None), "no route, or a full route cache"),
            (
                (None, Some(false)),
                "no route, for this kernel does not limit",
            ),
            ((Some(0), Some(true)), "most likely no route"),
            (
                (Some(8), Some(true)),
                "the route cache refused 8 entries meanwhile",
            ),
        ] {
            let said = say(refused, limits);
            assert!(said.starts_with(&format!("{at}{why}")), "{said}");
        }
    }

    #[test]
    fn packets_asked_for_may_only_be_out_of_sight() {
        let say = |way: [u64; 5]| {
            let funnel = judged(Counted {
                is_filtered: true,
                freed: None,
                ..counted(&super::tests::way(way), &[])
            });
            assert!(!funnel.unseen.contains(&Step::Refused));
            funnel.answer()
        };
        assert_eq!(
            say([9, 0, 0, 2, 2]),
            "7 of 9 packets asked for were lost sight of between ip6_rcv_core and the route: \
             freed, or changed by NAT or a VRF so that the filter no longer holds."
        );
        let said = say([9, 9, 0, 0, 0]);
        assert!(
            said.starts_with(
                "9 of 9 packets asked for stopped at the route lookup (ip6_pkt_discard): no route"
            ),
            "{said}"
        );
        assert_eq!(say([0; 5]), "No packet asked for arrived in 1.0 s.");
        assert!(say([7, 0, 0, 7, 7]).starts_with("None of 7 packets asked for that arrived"));
    }

    #[test]
    fn what_may_be_at_the_edges_is_no_stop() {
        let mut at_edge = counted(&way([1000, 0, 0, 995, 995]), &[]);
        at_edge.reading = 0.004;
        assert_eq!(stops(&judged(at_edge.clone())), [(Step::Arrived, 5, 5)]);
        at_edge.reading = 0.005;
        let funnel = judged(at_edge.clone());
        assert_eq!((funnel.edge, stops(&funnel)), (5, vec![]));
        // What the route lookup turns away is lost, and no edge.
        let mut discarded = counted(&way([1000, 3, 0, 997, 997]), &[]);
        discarded.reading = at_edge.reading;
        assert_eq!(stops(&judged(discarded)), [(Step::Discarded, 3, 3)]);
        assert!(
            funnel.answer().starts_with("None of 1000 packets"),
            "{}",
            funnel.answer()
        );
        // What was freed is lost, however little it is.
        at_edge.freed = counted(&[], &[("nf_hook_slow", 2)]).freed;
        assert_eq!(stops(&judged(at_edge)), [(Step::Arrived, 5, 3)]);
        assert_eq!(
            judged(counted(&way([0; 5]), &[])).answer(),
            "No IPv6 packet arrived in 1.0 s."
        );
        assert_eq!(
            judged(counted(&way([1, 0, 0, 1, 1]), &[])).answer(),
            "The packet that arrived went on to its protocol or its way out."
        );
    }

    #[test]
    fn steps_that_are_part_of_others_are_not_seen() {
        let mut way = way([10, 0, 0, 10, 0]);
        let unseen = |way: &[(Step, u64)]| judged(counted(way, &[])).unseen;
        assert!(!unseen(&way).contains(&Step::Delivered));
        way.push((Step::Udp, 10));
        assert!(unseen(&way).contains(&Step::Delivered));
        assert_eq!(stops(&judged(counted(&way, &[]))), []);
        // Without one of the ways on, nothing is known of a loss before the route.
        way.retain(|(step, _)| *step != Step::Forwarded);
        way[0].1 = 99;
        assert_eq!(stops(&judged(counted(&way, &[]))), []);
    }
}
