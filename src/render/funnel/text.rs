//! `funnel` for people: the answer first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::kernel::receive_path::{Freed, Hits, Step};
use crate::order::sort_by_key;
use crate::render::format::Format;
use crate::render::report::sparks::add_bars;
use crate::render::table::table;
use crate::render::view::{FunnelDocument, FunnelView};
use crate::render::words::count;
use crate::text::Untrusted;

/// CPUs that are shown, those with most packets.
const CPUS: usize = 16;

fn words(step: Step) -> &'static str {
    match step {
        Step::Arrived => "arrived",
        Step::Lookup => "route asked for",
        Step::Refused => "route cache refused",
        Step::Discarded => "no usable route",
        Step::Prohibited => "prohibited",
        Step::Forwarded => "to be forwarded",
        Step::Local => "for this host",
        Step::Delivered => "let in",
        Step::Icmp => "to ICMPv6",
        Step::Udp => "to UDP",
        Step::Tcp => "to TCP",
    }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// Each step with its packets, and how many of them stopped there.
fn steps(view: &FunnelView<'_>) -> Vec<Vec<String>> {
    let stopped = match view.filter {
        Some(_) => "not seen on",
        None => "stopped",
    };
    let mut rows = vec![row(&["step", "packets", stopped])];
    for hits in &view.funnel.counted.hits {
        let stopped = match view.funnel.stopped(hits.step) {
            0 => String::new(),
            n => n.to_string(),
        };
        let packets = hits.packets.to_string();
        let name = format!("{:<20} {}", words(hits.step), hits.function);
        rows.push(row(&[&name, &packets, &stopped]));
    }
    if let Some(terminal) = view.terminal {
        add_bars(&mut rows, false, terminal);
    }
    rows
}

/// What each CPU saw of the steps that any packet got to.
fn cpus(view: &FunnelView<'_>) -> Vec<Vec<String>> {
    let steps = view.funnel.counted.hits.iter();
    let steps: Vec<&Hits> = steps.filter(|hits| hits.packets > 0).collect();
    let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
    for (cpu, n) in steps.iter().flat_map(|hits| &hits.per_cpu) {
        *sums.entry(*cpu).or_default() += n;
    }
    let mut busiest: Vec<(u32, u64)> = sums.into_iter().collect();
    sort_by_key(&mut busiest, |(_, n)| Reverse(*n));
    busiest.truncate(CPUS);
    sort_by_key(&mut busiest, |(cpu, _)| *cpu);
    let mut rows = vec![row(&["CPU"])];
    rows[0].extend(steps.iter().map(|hits| words(hits.step).to_owned()));
    for (cpu, _) in busiest {
        let mut cells = vec![cpu.to_string()];
        let of = |hits: &&Hits| hits.per_cpu.get(&cpu).copied().unwrap_or(0).to_string();
        cells.extend(steps.iter().map(of));
        rows.push(cells);
    }
    rows
}

fn freed(view: &FunnelView<'_>) -> Vec<Vec<String>> {
    let mut freed = view.funnel.counted.freed.clone().unwrap_or_default();
    sort_by_key(&mut freed, |freed| Reverse(freed.packets));
    let mut rows = vec![row(&["function", "packets", "reason"])];
    for Freed {
        place,
        reason,
        packets,
    } in &freed
    {
        rows.push(row(&[
            &place.to_string(),
            &packets.to_string(),
            &reason
                .as_ref()
                .map_or_else(String::new, Untrusted::to_string),
        ]));
    }
    rows
}

/// All that is to be known beside the numbers.
fn notes(view: &FunnelView<'_>) -> Vec<String> {
    let funnel = view.funnel;
    let mut notes = Vec::new();
    if !funnel.behind.is_empty() {
        let behind = funnel.behind.iter();
        let behind = behind.map(|freed| format!("{} in {}", freed.packets, freed.place));
        let behind: Vec<String> = behind.collect();
        notes.push(format!(
            "Freed behind these steps, or sent by this host: {}.",
            behind.join(", ")
        ));
    }
    let unseen = funnel.unseen.iter();
    let unseen = unseen.map(|step| format!("{} ({})", words(*step), step.functions().join(", ")));
    let unseen: Vec<String> = unseen.collect();
    if !unseen.is_empty() {
        notes.push(format!(
            "Cannot be seen on this kernel (inlined, or not there): {}.",
            unseen.join(", ")
        ));
    }
    if let Some(filter) = view.filter {
        let refused = Step::Refused;
        notes.push(format!(
            "Not told of packets, and left out with a filter: {} ({}), and where packets are freed.",
            words(refused),
            refused.functions().join(", ")
        ));
        if !(filter.src.is_empty() && filter.dst.is_empty()) {
            notes.push("Addresses are those in the header at each step. Packets with extension headers are left out of the steps to ICMPv6, UDP and TCP.".to_owned());
        }
    }
    if funnel.edge > 0 {
        notes.push(format!(
            "Reading takes time: up to {} at the edges may be counted at one step and not at the next.",
            count(funnel.edge, "packet", "packets")
        ));
    }
    if funnel.counted.missed > 0 {
        notes.push(format!(
            "The kernel could not count {}: real numbers are higher.",
            count(funnel.counted.missed, "entry", "entries")
        ));
    }
    notes.extend_from_slice(view.notes);
    notes
}

/// Text.
#[derive(Debug)]
pub(crate) struct TextFunnel;

impl Format<FunnelDocument> for TextFunnel {
    fn write(&self, view: &FunnelView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (funnel, paper) = (view.funnel, view.paper);
        let say = |text: &str, out: &mut dyn Write| {
            let mut lines = paper.wrap(text, "", "").into_iter();
            lines.try_for_each(|line| writeln!(out, "{line}"))
        };
        say(&funnel.answer(), out)?;
        for stop in funnel.stops.iter().skip(1) {
            let (n, what, why) = (stop.packets, funnel.what(stop), funnel.why(stop));
            say(&format!("{n} {what}: {why}."), out)?;
        }
        let seconds = funnel.counted.seconds;
        let asked = view
            .filter
            .map_or(String::new(), |f| format!(", {f} alone"));
        writeln!(out)?;
        say(
            &format!("On the receive path, in all network namespaces, in {seconds:.1} s{asked}:"),
            out,
        )?;
        table(out, &steps(view), paper)?;
        let cpus = cpus(view);
        if cpus.len() > 1 {
            writeln!(out, "\nBy CPU:")?;
            table(out, &cpus, paper)?;
        }
        let freed = freed(view);
        if freed.len() > 1 {
            writeln!(
                out,
                "\nIPv6 packets freed (icmpv6_rcv frees what it has handled, too):"
            )?;
            table(out, &freed, paper)?;
        }
        writeln!(out)?;
        let risen = view.counters.iter().filter(|(_, n)| *n > 0);
        let risen: Vec<String> = risen.map(|(name, n)| format!("{name} {n}")).collect();
        let risen = match risen.is_empty() {
            true => "none rose".to_owned(),
            false => risen.join(", "),
        };
        let of = match view.filter {
            Some(_) => {
                "Of all packets, asked for or not, by counters of this network namespace alone"
            }
            None => "Counters of this network namespace alone",
        };
        say(&format!("{of}: {risen}."), out)?;
        notes(view).iter().try_for_each(|note| say(note, out))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diagnosis::funnel::Funnel;
    use crate::kernel::receive_path::Counted;
    use crate::os::terminal::Terminal;
    use crate::render::paper::Paper;
    use crate::report::packet_filter::{Network, PacketFilter};
    use crate::trace::DevName;

    /// Packets of two CPUs, of which some are dropped by netfilter and some have no route.
    pub(crate) fn with_view(terminal: Option<Terminal>, act: impl FnOnce(&FunnelView<'_>)) {
        let hits = |step: Step, per_cpu: [u64; 2]| Hits {
            step,
            function: step.functions()[0].into(),
            packets: per_cpu.iter().sum(),
            per_cpu: BTreeMap::from([(0, per_cpu[0]), (11, per_cpu[1])]),
        };
        let freed = |place: &str, reason: &str, packets| Freed {
            place: place.into(),
            reason: Some(reason.into()),
            packets,
        };
        let counted = Counted {
            is_filtered: false,
            hits: vec![
                hits(Step::Arrived, [50, 11]),
                hits(Step::Lookup, [41, 11]),
                hits(Step::Discarded, [0, 6]),
                hits(Step::Forwarded, [8, 0]),
                hits(Step::Local, [33, 5]),
                hits(Step::Tcp, [0, 0]),
            ],
            freed: Some(vec![
                freed("nf_hook_slow", "NETFILTER_DROP", 9),
                freed("ip6_pkt_drop", "IP_INNOROUTES", 6),
                freed("__udp6_lib_rcv", "NO_SOCKET", 5),
            ]),
            missed: 2,
            seconds: 5.0,
            reading: 0.25,
        };
        let funnel = Funnel::of(counted, None);
        act(&FunnelView {
            funnel: &funnel,
            host: Some("node".into()),
            kernel: None,
            filter: None,
            counters: &[("Ip6InReceives", 40), ("Ip6InDiscards", 0)],
            notes: &["x cannot be counted: why".to_owned()],
            terminal,
            paper: Paper::of(terminal, false),
        });
    }

    /// Packets that were asked for, which have no route.
    pub(crate) fn with_filtered(act: impl FnOnce(&FunnelView<'_>)) {
        let hits = |step: Step| Hits {
            step,
            function: step.functions()[0].into(),
            packets: 5,
            per_cpu: BTreeMap::new(),
        };
        let counted = Counted {
            is_filtered: true,
            hits: vec![hits(Step::Arrived), hits(Step::Discarded)],
            seconds: 5.0,
            ..Counted::default()
        };
        let filter = PacketFilter {
            src: Network::parse("fd00::/64").into_iter().collect(),
            dev: vec![DevName::new(b"eth0")],
            ..PacketFilter::default()
        };
        let funnel = Funnel::of(counted, None);
        act(&FunnelView {
            funnel: &funnel,
            host: None,
            kernel: None,
            filter: Some(&filter),
            counters: &[("Ip6InReceives", 40)],
            notes: &[],
            terminal: None,
            paper: Paper::of(None, false),
        });
    }

    fn text(terminal: Option<Terminal>) -> String {
        let mut out = Vec::new();
        with_view(terminal, |view| TextFunnel.write(view, &mut out).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_answer_first_and_then_the_numbers() {
        assert_eq!(
            text(None),
            "\
9 of 61 packets stopped between ip6_rcv_core and the route: netfilter freed 9
(nf_hook_slow, NETFILTER_DROP).
6 stopped at the route lookup (ip6_pkt_discard): no route, or a full route
cache; ip6drop diagnose tells which.

On the receive path, in all network namespaces, in 5.0 s:
  step                                  packets  stopped
  arrived              ip6_rcv_core          61        9
  route asked for      ip6_route_input       52
  no usable route      ip6_pkt_discard        6        6
  to be forwarded      ip6_forward            8
  for this host        ip6_input             38
  to TCP               tcp_v6_rcv             0

By CPU:
  CPU  arrived  route asked for  no usable route  to be forwarded  for this host
  0         50               41                0                8             33
  11        11               11                6                0              5

IPv6 packets freed (icmpv6_rcv frees what it has handled, too):
  function        packets          reason
  nf_hook_slow          9  NETFILTER_DROP
  ip6_pkt_drop          6   IP_INNOROUTES
  __udp6_lib_rcv        5       NO_SOCKET

Counters of this network namespace alone: Ip6InReceives 40.
Freed behind these steps, or sent by this host: 5 in __udp6_lib_rcv.
Cannot be seen on this kernel (inlined, or not there): route cache refused
(ip6_dst_gc), prohibited (ip6_pkt_prohibit), let in (ip6_protocol_deliver_rcu,
ip6_input_finish), to ICMPv6 (icmpv6_rcv), to UDP (udpv6_rcv, __udp6_lib_rcv).
Reading takes time: up to 3 packets at the edges may be counted at one step and
not at the next.
The kernel could not count 2 entries: real numbers are higher.
x cannot be counted: why
"
        );
    }

    #[test]
    fn a_filter_is_named_with_what_it_leaves_out() {
        let mut out = Vec::new();
        with_filtered(|view| TextFunnel.write(view, &mut out).unwrap());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\
5 of 5 packets asked for stopped at the route lookup (ip6_pkt_discard): no
route, or a full route cache; ip6drop diagnose tells which.

On the receive path, in all network namespaces, in 5.0 s, --src fd00::/64 --dev
eth0 alone:
  step                                  packets  not seen on
  arrived              ip6_rcv_core           5
  no usable route      ip6_pkt_discard        5            5

Of all packets, asked for or not, by counters of this network namespace alone:
Ip6InReceives 40.
Cannot be seen on this kernel (inlined, or not there): route asked for
(ip6_route_input), prohibited (ip6_pkt_prohibit), to be forwarded (ip6_forward),
for this host (ip6_input), let in (ip6_protocol_deliver_rcu, ip6_input_finish),
to ICMPv6 (icmpv6_rcv), to UDP (udpv6_rcv, __udp6_lib_rcv), to TCP (tcp_v6_rcv).
Not told of packets, and left out with a filter: route cache refused
(ip6_dst_gc), and where packets are freed.
Addresses are those in the header at each step. Packets with extension headers
are left out of the steps to ICMPv6, UDP and TCP.
"
        );
    }

    #[test]
    fn bars_on_a_terminal() {
        let terminal = Terminal {
            width: 80,
            unicode: true,
        };
        let text = text(Some(terminal));
        let bar = |of: &str| {
            let line = text.lines().find(|line| line.starts_with(of)).unwrap();
            line.chars().filter(|c| *c == '█').count()
        };
        let (all, some) = (bar("  arrived"), bar("  for this host"));
        assert!(all > some && some > 0, "{text}");
        assert_eq!(bar("  to TCP"), 0);
    }

    #[test]
    fn names_from_outside_do_no_harm() {
        let hostile = "x\u{1b}[2J\u{202e}\u{200b}\n";
        let hits = |step| Hits {
            step,
            function: hostile.into(),
            packets: 5,
            per_cpu: BTreeMap::from([(0, 5)]),
        };
        let freed = Freed {
            place: hostile.into(),
            reason: Some(hostile.into()),
            packets: 3,
        };
        let counted = Counted {
            hits: vec![hits(Step::Arrived)],
            freed: Some(vec![freed]),
            seconds: 5.0,
            ..Counted::default()
        };
        let filter = PacketFilter {
            dev: vec![DevName::new(&hostile.as_bytes()[..8])],
            ..PacketFilter::default()
        };
        let funnel = Funnel::of(counted, None);
        let view = FunnelView {
            funnel: &funnel,
            host: Some(hostile.into()),
            kernel: Some(hostile.into()),
            filter: Some(&filter),
            counters: &[],
            notes: &[format!("{hostile} cannot be counted")],
            terminal: None,
            paper: Paper::of(None, false),
        };
        for entry in &crate::render::registry::FUNNEL {
            let mut out = Vec::new();
            entry.format.write(&view, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(
                !text.contains(|c| c != '\n' && crate::text::is_harmful(c)),
                "{text}"
            );
            assert!(text.contains("[2J"), "{text}");
        }
    }
}
