//! What to do next, from what a report found.

use crate::diagnosis::advice::{Advice, Severity};
use crate::diagnosis::assessment::State;
use crate::diagnosis::class::{Cause, Class, Confidence};
use crate::diagnosis::findings::{Control, Findings, Missing};
use crate::kernel::functions::Origin;

fn advice(severity: Severity, text: impl Into<String>, command: Option<&str>) -> Advice {
    Advice {
        severity,
        text: text.into(),
        command: command.map(str::to_owned),
    }
}

/// What `record` traces by itself, and the mark of each lookup.
const TRACE_MORE: &str = "ip6drop record --function ip6_route_input --duration 30s -o trace.txt";
const READ_FACTS: &str = "cat /proc/net/rt6_stats /proc/net/snmp6; sysctl net.ipv6.route; nproc";

const ALL_NETNS: &str = "ip6drop status --all-netns";

/// Advice for every namespace in which packets were dropped and that is over its limit, the
/// one of the counters first.
fn over_limit(found: &Findings) -> Vec<Advice> {
    let here = found.counters.iter().filter(|counters| counters.is_over());
    let here = here.map(|counters| &counters.assessment);
    let elsewhere = found.elsewhere.iter().flatten();
    let elsewhere = elsewhere
        .filter(|found| found.state != State::Unaffected)
        .filter(|found| found.headroom.is_some_and(|room| room.entries < 0));
    here.chain(elsewhere)
        .flat_map(|found| found.advice.clone())
        .collect()
}

/// What to do about a cache that refuses: sized limits where one is seen to be over its limit,
/// else where to look for it.
fn full_cache(found: &Findings) -> Vec<Advice> {
    let mut all = over_limit(found);
    if found.control() == Control::Foreign && found.elsewhere.is_none() {
        all.push(advice(
            Severity::Action,
            "Some of these drops happened in another network namespace than the counters are of. Each namespace has its own cache and its own limit: look for the one that is over it.",
            Some(ALL_NETNS),
        ));
    }
    if all.is_empty() {
        all.push(advice(
            Severity::Action,
            "Compare the sixth field of rt6_stats (entries, hexadecimal) with net.ipv6.route.max_size, in the network namespace that drops; where it is larger, raise max_size above it with room for routes times CPUs.",
            Some(ALL_NETNS),
        ));
    }
    all
}

/// What to do about a report.
#[must_use]
pub fn advise(found: &Findings) -> Vec<Advice> {
    let mut all = Vec::new();
    let over = !over_limit(found).is_empty();
    let logged = found.health.log.refusals() > 0;
    let failed = found.of_cause(Cause::DstAlloc) > 0;
    if over || logged || failed {
        all.extend(full_cache(found));
    }
    if logged {
        all.push(advice(
            Severity::Note,
            "\"Route cache is full\" in the kernel's log is one refused allocation of a dst entry, in some network namespace, for a packet that came or went. A kernel that says so checks max_size; it does not say which packets were lost.",
            None,
        ));
    }
    let failed = |origin| found.gc.get(&origin).map_or(0, |counts| counts.failed);
    if failed(Origin::Ndisc) > 0 {
        all.push(advice(
            Severity::Action,
            format!(
                "{} allocations of neighbour discovery were refused: neighbours go stale although no drop is traced. Room in the route cache mends this too.",
                failed(Origin::Ndisc)
            ),
            Some("ip -6 neighbour show nud failed"),
        ));
    }
    if failed(Origin::Output) > 0 {
        all.push(advice(
            Severity::Action,
            format!(
                "{} lookups for packets of this host were refused: programs see ENETUNREACH, and no drop is traced.",
                failed(Origin::Output)
            ),
            None,
        ));
    }
    if found.of_cause(Cause::NoRoute) > 0 {
        all.push(advice(
            Severity::Action,
            "There is no route to where these packets go: ask for their destination (a capture on the interface shows it), and look for unreachable routes. While the cache is full, `ip -6 route get` answers unreachable also for routes that exist.",
            Some("ip -6 route get ADDRESS; ip -6 route show table all type unreachable"),
        ));
    }
    if found.of_cause(Cause::Prohibited) > 0 {
        all.push(advice(
            Severity::Action,
            "A prohibit route or rule drops these packets on purpose: find out who put it there.",
            Some("ip -6 route show table all type prohibit; ip -6 rule show"),
        ));
    }
    let unsure = found
        .classes
        .iter()
        .any(|((_, confidence), n)| *confidence != Confidence::Confirmed && *n > 0);
    if unsure {
        all.extend(more_evidence(found));
    }
    if found.health.has_losses() {
        all.push(advice(
            Severity::Evidence,
            "Events are missing from the trace: make the buffers larger, or trace fewer functions.",
            Some("ip6drop record --buffer-kb 4096 --duration 30s -o trace.txt"),
        ));
    }
    if found.health.has_only_empty_stacks() {
        all.push(advice(
            Severity::Evidence,
            "Every stack is empty: this kernel's unwinder loses its way in the tracer. Take stacks in a private instance instead; `record` chooses what works here.",
            Some("ip6drop check"),
        ));
    }
    all
}

fn more_evidence(found: &Findings) -> Vec<Advice> {
    let mut all = Vec::new();
    let missing = |what| found.missing.contains(&what);
    if missing(Missing::DstGc) {
        all.push(advice(
            Severity::Evidence,
            "With ip6_pkt_drop alone a missing route and a full route cache look the same. Trace ip6_dst_gc as well, with stacks: without a call of it before the drop, no allocation was refused. (If it was traced and never ran, say so with --traced ip6_dst_gc.)",
            Some(TRACE_MORE),
        ));
    } else if missing(Missing::Outcomes) {
        all.push(advice(
            Severity::Evidence,
            "Allocations were attempted and their outcome was not recorded. Trace fib6_run_gc as well (its entry suffices), or read the facts before and after; `record` does both.",
            Some(TRACE_MORE),
        ));
    }
    let unlinked = |class| found.count(class, Confidence::Probable) > 0;
    if unlinked(Class::RcvDstAlloc) && !missing(Missing::DstGc) {
        all.push(advice(
            Severity::Evidence,
            "The entry of ip6_route_input marks where a packet's lookup starts: with it in the trace, a refused allocation before a drop is this packet's own or is not.",
            Some(TRACE_MORE),
        ));
    }
    if missing(Missing::Facts) {
        all.push(advice(
            Severity::Evidence,
            "Counters and limits before and after the capture decide most cases: save them both times and pass the file with --facts.",
            Some(READ_FACTS),
        ));
    }
    if missing(Missing::Handlers) && !missing(Missing::DstGc) {
        all.push(advice(
            Severity::Evidence,
            "Tail calls hide the handler of some drops: trace the entries of ip6_pkt_discard and ip6_pkt_prohibit.",
            Some(TRACE_MORE),
        ));
    }
    all
}
