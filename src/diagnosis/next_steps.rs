//! What to do next, from what a report found.

use crate::diagnosis::advice::{Advice, Severity};
use crate::diagnosis::class::{Cause, Class, Confidence};
use crate::diagnosis::findings::{Control, Findings, Missing};
use crate::diagnosis::remedy::over_limit;
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
const TRACE_RETURNS: &str = "ip6drop record --probes full --duration 30s -o trace.txt";
const READ_FACTS: &str = "cat /proc/net/rt6_stats /proc/net/snmp6; sysctl net.ipv6.route; nproc";
const READ_POLICY: &str = "ip -6 rule; ip -6 route show table all type throw | wc -l";

const ALL_NETNS: &str = "ip6drop status --all-netns";

/// What to do about a cache that refuses: sized limits where one is seen to be over its limit,
/// else where to look for it.
fn full_cache(found: &Findings) -> Vec<Advice> {
    let mut all: Vec<Advice> = over_limit(found)
        .flat_map(|cache| cache.advice.clone())
        .collect();
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

/// Why counters within their limits prove nothing where the reverse-path filter drops packets.
fn in_flight() -> Advice {
    advice(
        Severity::Note,
        "The reverse-path filter makes an entry for each packet and gives it back only after an RCU grace period: entries in flight. Under load slow rises by itself, so that counters within limits before and after prove nothing here, and max_size needs room for the packets of a grace period on top.",
        None,
    )
}

/// What to do where nothing was dropped.
fn look_longer() -> Advice {
    advice(
        Severity::Note,
        "Nothing was dropped in this time. Run it while the symptom shows: with what fails now and then as the trigger, or for longer; without tracing, the counters show when it begins.",
        Some("ip6drop diagnose --duration 5m --trigger 'ping -6 -c 1 -W 1 ADDRESS'"),
    )
}

/// What to do where no drop could have shown.
fn trace_drops() -> Advice {
    advice(
        Severity::Evidence,
        "Record what drops packets. If ip6_pkt_drop was traced while this text was written, and dropped nothing, say so with --traced ip6_pkt_drop.",
        Some("ip6drop record --duration 30s -o trace.txt"),
    )
}

/// What to do about a report.
#[must_use]
pub(crate) fn advise(found: &Findings) -> Vec<Advice> {
    let mut all = Vec::new();
    let over = over_limit(found).any(|cache| !cache.advice.is_empty());
    let logged = found.health.log.refusals() > 0;
    let reverse = found.of_cause(Cause::ReverseDstAlloc) > 0;
    let failed = found.of_cause(Cause::DstAlloc) > 0 || reverse;
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
    all.extend(reverse.then(in_flight));
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
            "There is no route to where these packets go: ask for their destination (named above where the trace has the packets, else a capture on the interface shows it), and look for unreachable routes. While the cache is full, `ip -6 route get` answers unreachable also for routes that exist.",
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
    if found.drops() == 0 {
        all.extend(found.health.is_blind().then(trace_drops));
        // Somebody looked at the whole host just now.
        all.extend((all.is_empty() && found.elsewhere.is_some()).then(look_longer));
    }
    if found.health.has_only_empty_stacks() {
        all.push(advice(
            Severity::Evidence,
            "Every stack is empty: this kernel's unwinder loses its way in the tracer. Take stacks in a private instance instead; `record` chooses what works here.",
            Some("ip6drop check"),
        ));
    }
    together(all)
}

/// What is asked for by the same command is one advice.
fn together(all: Vec<Advice>) -> Vec<Advice> {
    let mut kept: Vec<Advice> = Vec::new();
    for one in all {
        let same = |known: &&mut Advice| {
            one.command.is_some()
                && (&known.command, known.severity) == (&one.command, one.severity)
        };
        match kept.iter_mut().find(same) {
            Some(known) => known.text = format!("{} {}", known.text, one.text),
            None => kept.push(one),
        }
    }
    kept
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
    } else if missing(Missing::Returns) {
        all.push(advice(
            Severity::Evidence,
            "Whether collections left room for the allocations that ran them was not recorded: the return of ip6_dst_gc tells.",
            Some(TRACE_RETURNS),
        ));
    }
    if missing(Missing::Policy) {
        all.push(advice(
            Severity::Evidence,
            "Whether a refused route would have decided, the policy rules and throw routes of the namespace that drops say: `record` saves them; for this trace pass them with --facts, as `ip -6 rule` prints them and as a line `throw_routes N`.",
            Some(READ_POLICY),
        ));
    } else if found.count(Class::RcvDstAlloc, Confidence::Probable) > 0 && !missing(Missing::DstGc)
    {
        all.push(advice(
            Severity::Evidence,
            "The entry of ip6_route_input marks where a packet's lookup starts: with it in the trace, and the policy rules that `record` saves, a refused allocation before a drop is this packet's own or is not.",
            Some(TRACE_MORE),
        ));
    }
    if missing(Missing::LookupsFilter) {
        all.push(advice(
            Severity::Evidence,
            "What the tables said is in the trace, but not which lookups the kernel left out: pass the filter of fib6_table_lookup with --facts, as a line `lookups FILTER` (`lookups all` without one), and the policy rules beside it.",
            Some(READ_POLICY),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::assessment::{Assessment, Headroom};
    use crate::diagnosis::class::Class::{
        OutDstAlloc, OutNoRoute, OutProhibited, RcvDstAlloc, RcvNoRoute, RcvProhibited,
        RcvUndetermined,
    };
    use crate::diagnosis::class::Confidence::{Confirmed, Possible, Probable};
    use crate::diagnosis::counters::Counters;
    use crate::diagnosis::findings::GcCounts;
    use crate::diagnosis::remedy;
    use crate::diagnosis::state::State;
    use Severity::{Action, Evidence, Note};

    /// The severity and the first words of each advice.
    fn advised(change: impl FnOnce(&mut Findings)) -> Vec<(Severity, String)> {
        let mut found = Findings::default();
        change(&mut found);
        let start = |text: String| text.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let all = advise(&found).into_iter();
        all.map(|one| (one.severity, start(one.text))).collect()
    }

    fn one(severity: Severity, start: &str) -> Vec<(Severity, String)> {
        vec![(severity, start.to_owned())]
    }

    fn dropped(found: &mut Findings, class: Class, confidence: Confidence) {
        found.classes.insert((class, confidence), 1);
    }

    /// Counters of a cache with 616 entries and this limit.
    fn counters(max_size: i64) -> Counters {
        remedy::tests::found(max_size).counters.unwrap()
    }

    #[test]
    fn nothing_found_is_nothing_to_do() {
        assert_eq!(advised(|_| ()), []);
    }

    #[test]
    fn a_cache_that_refuses_is_sized_or_looked_for() {
        for class in [RcvDstAlloc, OutDstAlloc] {
            let found = advised(|found| dropped(found, class, Confirmed));
            assert_eq!(found, one(Action, "Compare the"));
        }
        let sized = |max_size| advised(|found| found.counters = Some(counters(max_size)));
        let raise = [one(Action, "The IPv6"), one(Action, "To last")].concat();
        assert_eq!(sized(200), raise);
        assert_eq!(sized(616), []);
        let refused = advised(|found| {
            dropped(found, RcvDstAlloc, Confirmed);
            found.counters = Some(counters(200));
        });
        assert_eq!(refused, raise);
    }

    #[test]
    fn a_refused_way_back_is_explained() {
        use crate::diagnosis::class::Class::RcvRpfilterDstAlloc;
        let reverse = advised(|found| dropped(found, RcvRpfilterDstAlloc, Confirmed));
        let refused = advised(|found| dropped(found, RcvDstAlloc, Confirmed));
        assert_eq!(reverse[..refused.len()], refused);
        assert_eq!(reverse.len(), refused.len() + 1);
    }

    #[test]
    fn another_namespace_is_looked_for_where_nobody_has() {
        let foreign = |elsewhere| {
            advised(|found| {
                dropped(found, RcvDstAlloc, Confirmed);
                found.in_no_routes = Some(0);
                found.receive_drops_seen = 1;
                found.elsewhere = elsewhere;
            })
        };
        assert_eq!(foreign(None), one(Action, "Some of"));
        assert_eq!(foreign(Some(vec![])), one(Action, "Compare the"));
        let equal = advised(|found| {
            dropped(found, RcvDstAlloc, Confirmed);
            found.in_no_routes = Some(1);
            found.receive_drops_seen = 1;
        });
        assert_eq!(equal, one(Action, "Compare the"));
    }

    #[test]
    fn other_namespaces_that_are_over_their_limit_are_sized() {
        let actions = |all: Vec<(Severity, String)>| {
            all.iter()
                .filter(|(severity, _)| *severity == Action)
                .count()
        };
        let elsewhere = |change: fn(&mut Assessment)| {
            let mut there = counters(200).assessment;
            change(&mut there);
            actions(advised(|found| found.elsewhere = Some(vec![there])))
        };
        assert_eq!(elsewhere(|_| ()), 2);
        assert_eq!(elsewhere(|there| there.state = State::Unaffected), 0);
        assert_eq!(elsewhere(|there| there.headroom = None), 0);
        let room = |entries| {
            Some(Headroom {
                entries,
                percent: 0.0,
            })
        };
        let none = room(0);
        let with = |headroom| {
            let there = Assessment {
                headroom,
                ..counters(200).assessment
            };
            actions(advised(|found| found.elsewhere = Some(vec![there])))
        };
        assert_eq!((with(none), with(room(1)), with(room(-1))), (0, 0, 2));
    }

    #[test]
    fn a_refusal_in_the_log_is_explained() {
        let found = advised(|found| found.health.log.failed = 1);
        let wanted = [one(Action, "Compare the"), one(Note, "\"Route cache")].concat();
        assert_eq!(found, wanted);
    }

    #[test]
    fn refusals_without_a_drop_are_named() {
        let refused = |origin, failed| {
            advised(|found| {
                let counts = GcCounts {
                    calls: 5,
                    failed,
                    succeeded: 0,
                };
                found.gc.insert(origin, counts);
            })
        };
        assert_eq!(refused(Origin::Ndisc, 2), one(Action, "2 allocations"));
        assert_eq!(refused(Origin::Output, 3), one(Action, "3 lookups"));
        assert_eq!(refused(Origin::Ndisc, 0), []);
        assert_eq!(refused(Origin::Output, 0), []);
        assert_eq!(refused(Origin::Receive, 2), []);
    }

    #[test]
    fn routes_are_looked_for_and_prohibits_asked_about() {
        let confirmed = |class| advised(|found| dropped(found, class, Confirmed));
        for class in [RcvNoRoute, OutNoRoute] {
            assert_eq!(confirmed(class), one(Action, "There is"));
        }
        for class in [RcvProhibited, OutProhibited] {
            assert_eq!(confirmed(class), one(Action, "A prohibit"));
        }
        let both = advised(|found| {
            dropped(found, RcvNoRoute, Confirmed);
            dropped(found, OutNoRoute, Confirmed);
        });
        assert_eq!(both, one(Action, "There is"));
    }

    /// What is asked for where a drop is unsure and this is missing.
    fn asked(class: Class, confidence: Confidence, missing: &[Missing]) -> Vec<String> {
        let all = advised(|found| {
            dropped(found, class, confidence);
            found.missing.extend(missing);
        });
        let evidence = all
            .into_iter()
            .filter(|(severity, _)| *severity == Evidence);
        evidence.map(|(_, start)| start).collect()
    }

    #[test]
    fn evidence_is_asked_for_where_it_is_thin() {
        use Missing::{DstGc, Facts, Handlers, Outcomes, Returns};
        let unsure = |missing: &[Missing]| asked(RcvUndetermined, Possible, missing);
        assert_eq!(unsure(&[]), [""; 0]);
        assert_eq!(unsure(&[DstGc]), ["With ip6_pkt_drop"]);
        assert_eq!(unsure(&[Outcomes]), ["Allocations were"]);
        assert_eq!(unsure(&[Returns]), ["Whether collections"]);
        assert_eq!(unsure(&[DstGc, Outcomes]), ["With ip6_pkt_drop"]);
        assert_eq!(unsure(&[Facts]), ["Counters and"]);
        assert_eq!(unsure(&[Handlers]), ["Tail calls"]);
        assert_eq!(unsure(&[DstGc, Handlers]), ["With ip6_pkt_drop"]);
        assert_eq!(asked(RcvDstAlloc, Probable, &[]), ["The entry"]);
        assert_eq!(
            asked(RcvDstAlloc, Probable, &[DstGc]),
            ["With ip6_pkt_drop"]
        );
        assert_eq!(asked(RcvDstAlloc, Possible, &[]), [""; 0]);
        let all = [DstGc, Outcomes, Facts, Handlers];
        assert_eq!(asked(RcvUndetermined, Confirmed, &all), [""; 0]);
        let none = advised(|found| {
            found.classes.insert((RcvUndetermined, Possible), 0);
            found.missing.extend(all);
        });
        assert_eq!(none, []);
    }

    #[test]
    fn what_one_command_brings_is_one_advice() {
        let with = |severity, text: &str, command| advice(severity, text, command);
        let all = vec![
            with(Evidence, "a", Some("x")),
            with(Evidence, "b", None),
            with(Action, "c", Some("x")),
            with(Evidence, "d", Some("x")),
            with(Evidence, "e", None),
        ];
        let texts: Vec<String> = together(all).into_iter().map(|one| one.text).collect();
        assert_eq!(texts, ["a d", "b", "c", "e"]);
    }

    #[test]
    fn what_is_missing_from_the_trace_is_asked_for() {
        let found = advised(|found| found.health.lost_uncounted = 1);
        assert_eq!(found, one(Evidence, "Events are"));
        let found = advised(|found| {
            found.health.stacks = 1;
            found.health.empty_stacks = 1;
        });
        assert_eq!(found, one(Evidence, "Every stack"));
    }

    #[test]
    fn a_host_that_drops_nothing_is_looked_at_for_longer() {
        let looked = |change: fn(&mut Findings)| {
            advised(|found| {
                found.elsewhere = Some(Vec::new());
                change(found);
            })
        };
        assert_eq!(looked(|_| ()), one(Note, "Nothing was"));
        assert_eq!(looked(|found| found.elsewhere = None), []);
        let dropped = looked(|found| dropped(found, RcvNoRoute, Confirmed));
        assert_eq!(dropped, one(Action, "There is"));
        let logged = looked(|found| found.health.lost_uncounted = 1);
        assert_eq!(logged, one(Evidence, "Events are"));
    }

    #[test]
    fn commands_are_given_where_one_helps() {
        let mut found = Findings::default();
        dropped(&mut found, RcvDstAlloc, Probable);
        let all = advise(&found);
        assert_eq!(all[0].command.as_deref(), Some(ALL_NETNS));
        assert_eq!(all[1].command.as_deref(), Some(TRACE_MORE));
    }
}
