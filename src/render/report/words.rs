//! What a report says in sentences and lines, the same in every format for people.

use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::findings::{Around, Control};
use crate::diagnosis::health::NetfilterDrops;
use crate::diagnosis::verdict::{Headline, Verdict};
use crate::exit::Exit;
use crate::host::way_back_rules::RuleRise;
use crate::render::words::{count, drops};
use crate::report::summary::{CpuKey, Summary, TriggerRuns};
use crate::text::harmless;

/// `CPUs 0-3, 7`.
fn cpu_ranges(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match ranges.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(cpu) => *to = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let texts: Vec<String> = ranges
        .iter()
        .map(|(from, to)| {
            if from == to {
                format!("{from}")
            } else {
                format!("{from}-{to}")
            }
        })
        .collect();
    let word = if cpus.len() == 1 { "CPU" } else { "CPUs" };
    format!("{word} {}", texts.join(", "))
}

fn where_dropped(summary: &Summary, class: Class) -> String {
    let cpus: Vec<u32> = summary
        .per_cpu
        .iter()
        .filter(|(_, row)| row.by_class.get(&class).is_some_and(|n| *n > 0))
        .filter_map(|(cpu, _)| match cpu {
            CpuKey::Cpu(cpu) => Some(*cpu),
            CpuKey::None => None,
        })
        .collect();
    if cpus.is_empty() {
        String::new()
    } else {
        format!(" on {}", cpu_ranges(&cpus))
    }
}

/// What filters left out, of the report or of the recording; nothing where that is nothing.
#[must_use]
pub(crate) fn left_out(summary: &Summary) -> Option<String> {
    let nameless = match summary.findings.nameless {
        0 => String::new(),
        n => format!("; of {n} of them the trace does not name the packet"),
    };
    let all = summary.left_out;
    let recorded = summary.recorded.as_ref();
    let recorded = recorded.map(|asked| format!("Only these drops were recorded: {asked}."));
    let shown = (all > 0).then(|| format!("Filters left out {}{nameless}.", drops(all)));
    let said: Vec<String> = recorded.into_iter().chain(shown).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// What a text holds that shows no drop.
fn holds(summary: &Summary) -> String {
    let lines = &summary.findings.health.lines;
    let parts = [
        (
            lines.events,
            "event of other kinds",
            "events of other kinds",
        ),
        (lines.banners, "header line", "header lines"),
        (
            lines.unparsed,
            "line that is no trace",
            "lines that are no trace",
        ),
    ];
    let parts = parts.into_iter().filter(|(n, ..)| *n > 0);
    let parts: Vec<String> = parts.map(|(n, one, many)| count(n, one, many)).collect();
    parts.join(", ")
}

/// What there is to say where no drop passes the filters, or none is there.
fn without_drops(summary: &Summary, headline: Headline) -> String {
    let is_filtered = summary.left_out > 0 || summary.recorded.is_some();
    // What filters left out is in the trace all the same.
    let none = |place: &str| match is_filtered {
        true => "no IPv6 drop passes the filters".to_owned(),
        false => format!("no IPv6 drop is in {place}"),
    };
    let counted = |n: u64| {
        let more = if is_filtered { " more" } else { "" };
        format!("the kernel counted {}{more} (Ip6InNoRoutes)", drops(n))
    };
    let around = |all: Around, what: String| {
        let begins = if all.is_over {
            "The IPv6 route cache is over its limit, and"
        } else {
            "No verdict:"
        };
        format!(
            "{begins} {}, but {what} in the {:.1} s from before tracing was set up to after it was put back.",
            none("this trace"),
            all.seconds
        )
    };
    match headline {
        Headline::CacheRefusedAll => format!("{REFUSED_ALL}; {}.", none("this trace")),
        Headline::OnlyLogged => {
            "The IPv6 route cache was full, the kernel's log says; no dropped packet is in this text.".to_owned()
        }
        Headline::Unreadable => format!(
            "No verdict: {}, but part of the trace is missing or unreadable.",
            none("what could be read")
        ),
        Headline::OnlyCounted(n) => format!(
            "No verdict: {}, but {} between the two readings.",
            none("this trace"),
            counted(n)
        ),
        Headline::OnlyAround(all) => around(all, counted(all.drops)),
        Headline::OnlyMetByRules(all) => around(
            all,
            format!(
                "rules of netfilter that ask for the way back to a source dropped {} that it does not show",
                count(all.drops, "packet", "packets")
            ),
        ),
        Headline::Unfinished => format!(
            "No verdict: {}, and the recording was cut off or never began: it does not say how it ended.",
            none("this recording")
        ),
        Headline::Untraced => format!(
            "No verdict: {}, but it could not have shown one: nothing says that ip6_pkt_drop was traced. It holds {}.",
            none("this trace"),
            holds(summary)
        ),
        Headline::Eventless => format!(
            "No verdict: this text says nothing of drops: it holds no event, but {}.",
            holds(summary)
        ),
        Headline::WayBackHidden => format!(
            "No verdict: {}, but rules of netfilter ask for the way back to a source (rpfilter, or fib of nftables), and packets that they drop because the route cache is full were not recorded.",
            none("this trace")
        ),
        Headline::OnlyNameless(n) => format!(
            "No verdict: no IPv6 drop is known to pass the filters, but the trace does not name the packet of {}.",
            drops(n)
        ),
        _ if is_filtered => "No IPv6 drop passes the filters.".to_owned(),
        _ => "No IPv6 drop in this trace.".to_owned(),
    }
}

const REFUSED_ALL: &str = "The IPv6 route cache refused every allocation in this window";

/// The verdict in one sentence, and how sure it is.
#[must_use]
pub(crate) fn sentence(summary: &Summary) -> String {
    let verdict = Verdict::of(&summary.findings);
    let Some((class, confidence)) = verdict.class.zip(verdict.confidence) else {
        return without_drops(summary, verdict.headline);
    };
    let head = match verdict.headline {
        Headline::CacheRefusedAll => REFUSED_ALL,
        Headline::CacheOverLimit => "The IPv6 route cache is over its limit",
        Headline::CacheProbablyFull => "The IPv6 route cache is probably full",
        Headline::CacheMayBeFull => "The IPv6 route cache may be full",
        _ => class.headline(),
    };
    let n = summary.findings.of_class(class);
    let sure = summary.findings.count(class, confidence);
    let place = where_dropped(summary, class);
    let how = if sure == n {
        confidence.name().to_owned()
    } else {
        format!("{sure} {}", confidence.name())
    };
    let all = summary.findings.drops();
    let share = if n == all {
        drops(n)
    } else {
        format!("{n} of {all} drops")
    };
    let mut text = format!("{head}: {share}{place} ({}, {how}).", class.name());
    if verdict.exit == Exit::Inconclusive {
        text.push_str(
            " No verdict: events are missing from the trace, or it is unreadable in part.",
        );
    }
    text
}

fn regime(summary: &Summary) -> Option<String> {
    let counters = summary.findings.counters.as_ref()?;
    let names = counters.assessment.state.names();
    if names.is_empty() {
        return None;
    }
    let numbers = [
        ("slow", counters.slow),
        ("max_size", counters.max_size),
        ("gc_thresh", counters.gc_thresh),
        ("fast", counters.fast.map(|fast| fast.last)),
    ];
    let known: Vec<String> = numbers
        .iter()
        .filter_map(|(name, n)| Some(format!("{name} {}", (*n)?)))
        .collect();
    Some(format!(
        "Regime when last read: {} ({}).",
        names.join(" or "),
        known.join(", ")
    ))
}

/// What is proven of the cache, where that is more than is of single drops.
fn cache(summary: &Summary) -> Option<String> {
    let proven = summary.findings.refused_all?;
    let attempts = proven.attempts;
    let how = match proven.confidence {
        Confidence::Confirmed => "Proven",
        _ => "Probable",
    };
    Some(format!(
        "{how} of the cache, not of each drop: no entry was allocated between the two readings of the counters, and {} traced.",
        count(attempts, "attempt was", "attempts were")
    ))
}

/// What stands behind most drops of the verdict's class.
fn evidence(summary: &Summary) -> Option<String> {
    let verdict = Verdict::of(&summary.findings);
    let (class, confidence) = verdict.class.zip(verdict.confidence)?;
    let of_verdict = summary
        .findings
        .rules
        .iter()
        .filter(|((c, how, _), _)| (*c, *how) == (class, confidence));
    let ((_, _, rule), _) = of_verdict.max_by_key(|(_, drops)| **drops)?;
    Some(format!("Evidence: {}.", rule.reason))
}

/// What the kernel's log says of refused allocations.
fn log(summary: &Summary) -> Option<String> {
    let log = &summary.findings.health.log;
    let failed = match (log.failed, log.suppressed) {
        (0, 0) => return None,
        (n, 0) => count(n, "allocation", "allocations"),
        (n, more) => format!(
            "{} ({n} told, {more} suppressed)",
            count(n.saturating_add(more), "allocation", "allocations")
        ),
    };
    let when = |text: &Option<Vec<u8>>| harmless(text.as_deref().unwrap_or_default());
    let (first, last) = (when(&log.first), when(&log.last));
    let span = match (first.is_empty(), first == last) {
        (true, _) => String::new(),
        (false, true) => format!(", at {first}"),
        (false, false) => format!(", first at {first}, last at {last}"),
    };
    Some(format!("Kernel log: dst_alloc refused {failed}{span}."))
}

/// What stands behind the verdict, in a line: the regime and the main reason.
#[must_use]
pub(crate) fn grounds(summary: &Summary) -> Option<String> {
    let parts: Vec<String> = [
        cache(summary),
        regime(summary),
        evidence(summary),
        log(summary),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn distance(to_slow: i64) -> String {
    let side = if to_slow < 0 { "above" } else { "below" };
    format!(", {} {side} slow", to_slow.unsigned_abs())
}

/// Counters, limits and regime, a line each; none without facts.
pub(crate) fn cache_lines(summary: &Summary) -> Vec<String> {
    let Some(counters) = &summary.findings.counters else {
        return Vec::new();
    };
    let number = |n: Option<i64>| n.map_or("not available".to_owned(), |n| n.to_string());
    let assessment = &counters.assessment;
    let mut lines = vec![format!(
        "entries (slow) {}, max_size {}, gc_thresh {}, batch {}",
        number(counters.slow),
        number(counters.max_size),
        number(counters.gc_thresh),
        number(assessment.batch)
    )];
    lines.push(match (counters.fast, assessment.fast) {
        (Some(fast), _) => {
            let batches = counters
                .fast_in_batches()
                .zip(assessment.batch)
                .map_or(String::new(), |(n, batch)| format!(" = {n} x {batch}"));
            format!(
                "fast {} to {}, last {}{batches}{} (in {})",
                fast.min,
                fast.max,
                fast.last,
                counters.fast_to_slow().map_or(String::new(), distance),
                count(fast.samples, "call", "calls")
            )
        }
        (None, Some((low, high))) => format!("fast not read; between {low} and {high}"),
        (None, None) => "fast not available".to_owned(),
    });
    let regimes = assessment.state.names();
    match regimes[..] {
        [] => {}
        [regime] => lines.push(format!("regime {regime}: {}", assessment.state.meaning())),
        _ => lines.push(format!("regime one of {}", regimes.join(", "))),
    }
    lines
}

/// How well the input could be read, and whether all drops are in it, a line each.
pub(crate) fn health_lines(summary: &Summary) -> Vec<String> {
    let health = &summary.findings.health;
    let lost = match (health.lost_events(), health.lost_uncounted) {
        (n, 0) => format!("{n} lost events"),
        (0, _) => "lost events, not counted by the kernel".to_owned(),
        (n, _) => format!("at least {n} lost events"),
    };
    let mut lines = vec![format!(
        "{}: {}, {}, {} of them empty; {lost}; {} not understood",
        count(health.lines.total, "line", "lines"),
        count(health.lines.events, "event", "events"),
        count(health.stacks, "stack", "stacks"),
        health.empty_stacks,
        health.lines.unparsed
    )];
    for sample in &health.samples {
        lines.push(format!("  not understood: {}", harmless(sample)));
    }
    if health.broken_inputs > 0 {
        lines.push(format!(
            "{} could not be read to the end",
            count(health.broken_inputs, "input", "inputs")
        ));
    }
    if health.unfinished > 0 {
        lines.push(format!(
            "{} not finished: what came behind, and what was lost, is not known",
            count(health.unfinished, "recording is", "recordings are")
        ));
    }
    let netfilter = health.netfilter;
    if netfilter != NetfilterDrops::default() {
        lines.push(format!(
            "netfilter dropped {} beside these: {} with no way back by the interface they came in by, {} by other rules",
            count(netfilter.no_way_back + netfilter.other_rule, "packet", "packets"),
            netfilter.no_way_back,
            netfilter.other_rule
        ));
    }
    for RuleRise { rule, packets } in summary.rules.iter().flatten() {
        lines.push(format!(
            "a rule of netfilter dropped {} meanwhile: {}",
            count(*packets, "packet", "packets"),
            harmless(rule.as_bytes())
        ));
    }
    let rise = summary.findings.in_no_routes.unwrap_or_default();
    let seen = summary.findings.receive_drops_seen;
    lines.push(match summary.findings.control() {
        Control::Unknown => {
            "control total: not available (needs Ip6InNoRoutes before and after)".to_owned()
        }
        Control::Equal => {
            format!("control total: Ip6InNoRoutes rose by {rise}, as many as receive-path drops seen")
        }
        Control::Missing(n) => format!(
            "control total: Ip6InNoRoutes rose by {rise}, and {seen} receive-path drops were seen: {n} are not in the trace"
        ),
        Control::Foreign => format!(
            "control total: Ip6InNoRoutes rose by {rise}, but {seen} receive-path drops were seen: some are of another network namespace than the facts, or older"
        ),
    });
    lines
}

/// How often a trigger ran and failed.
pub(crate) fn trigger_sentence(trigger: &TriggerRuns) -> String {
    let total = trigger.outcome.total();
    let mut text = format!(
        "{}: {}, {} failed",
        harmless(trigger.command.as_bytes()),
        count(total.runs, "run", "runs"),
        total.failures
    );
    if let Some(last) = &trigger.outcome.last_failure {
        text.push_str(&format!(" (last with {last})"));
    }
    if total.stopped > 0 {
        text.push_str(&format!(
            ", {} stopped because the time was over",
            total.stopped
        ));
    }
    if trigger.outcome.left_running > 0 {
        text.push_str(&format!(
            "; {} that it left running ended with it",
            count(trigger.outcome.left_running, "process", "processes")
        ));
    }
    text
}

/// Where the text comes from.
pub(crate) fn source(summary: &Summary) -> String {
    let harmless_all = |texts: Vec<&String>| {
        let texts: Vec<String> = texts.iter().map(|t| harmless(t.as_bytes())).collect();
        texts.join(", ")
    };
    let kernels = if summary.kernels.is_empty() {
        String::new()
    } else {
        format!(
            ", kernel {}",
            harmless_all(summary.kernels.iter().collect())
        )
    };
    let formats: Vec<&str> = summary.formats.iter().copied().collect();
    format!(
        "from {} ({}{kernels})",
        harmless_all(summary.inputs.iter().collect()),
        formats.join(", ")
    )
}
