//! What a report says in sentences and lines, the same in every format for people.

use crate::diagnosis::class::Confidence;
use crate::diagnosis::collect::fast::Doubt;
use crate::diagnosis::findings::Control;
use crate::diagnosis::health::NetfilterDrops;
use crate::diagnosis::verdict::Verdict;
use crate::host::way_back_rules::RuleRise;
use crate::render::status::words::short_name;
use crate::render::words::count;
use crate::report::summary::{Summary, TriggerRuns};
use crate::status::meanwhile::{Change, Meanwhile};
use crate::text::harmless;

/// The regime of the cache when it was last read, and the numbers that it follows from.
pub(super) fn regime(summary: &Summary) -> Option<(String, String)> {
    let counters = summary.findings.counters.as_ref()?;
    let names = counters.assessment.state.names();
    if names.is_empty() {
        return None;
    }
    let numbers = [
        ("slow", counters.slow),
        ("max_size", counters.max_size),
        ("gc_thresh", counters.gc_thresh),
        ("fast", counters.fast.map(|fast| fast.series.last)),
    ];
    let known: Vec<String> = numbers
        .iter()
        .filter_map(|(name, n)| Some(format!("{name} {}", (*n)?)))
        .collect();
    Some((names.join(" or "), known.join(", ")))
}

/// What is proven of the cache, where that is more than is of single drops.
pub(super) fn cache_claim(summary: &Summary) -> Option<String> {
    let proven = summary.findings.refused_all?;
    if summary.findings.confirms_each() {
        return None;
    }
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
pub(super) fn kernel_log(summary: &Summary) -> Option<String> {
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
        cache_claim(summary),
        regime(summary)
            .map(|(name, numbers)| format!("Regime when last read: {name} ({numbers}).")),
        evidence(summary),
        kernel_log(summary),
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

/// Why `fast` is not believed though it was read.
pub(super) fn fast_doubt(doubt: Doubt) -> String {
    let why = match doubt {
        Doubt::Facts => {
            "the counters around the trace do not say what it could be held against".to_owned()
        }
        Doubt::Threshold => {
            "the gc_thresh beside it is not that of the counters, or changed: another namespace"
                .to_owned()
        }
        Doubt::Low(value) => format!(
            "{value} was read, which is not above gc_thresh, as it is whenever ip6_dst_gc is called: this kernel keeps it elsewhere, RHEL 8 and its kin 200 bytes into struct dst_ops"
        ),
        Doubt::Far => "what was read is further from slow than the CPUs can hide".to_owned(),
        Doubt::Steps => "what was read does not change by whole batches".to_owned(),
        Doubt::Once => "it was read once".to_owned(),
        Doubt::Several => "two places could be it".to_owned(),
    };
    format!("not available ({why})")
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
                fast.series.min,
                fast.series.max,
                fast.series.last,
                counters.fast_to_slow().map_or(String::new(), distance),
                count(fast.series.samples, "call", "calls")
            )
        }
        (None, bounds) => {
            let why = counters
                .fast_doubt
                .map_or("not read".to_owned(), fast_doubt);
            let between = bounds.map(|(low, high)| format!("; between {low} and {high}"));
            format!("fast {why}{}", between.unwrap_or_default())
        }
    });
    if let Some(sizing) = assessment.sizing.as_ref().filter(|s| s.counts_copies) {
        lines.push(format!(
            "filled by {} routes x {} CPUs, up to {} copies, and {}",
            sizing.routes,
            sizing.cpus,
            sizing.copies,
            count(
                sizing.exceptions.try_into().unwrap_or(0),
                "exception (path MTU, redirects)",
                "exceptions (path MTU, redirects)"
            )
        ));
    }
    let regimes = assessment.state.names();
    match regimes[..] {
        [] => {}
        [regime] => lines.push(format!("regime {regime}: {}", assessment.meaning())),
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
            rule
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
        trigger.command,
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
    let kernels = summary.kernels.iter().map(ToString::to_string);
    let kernels: Vec<String> = kernels.collect();
    let kernels = match kernels.is_empty() {
        true => String::new(),
        false => format!(", kernel {}", kernels.join(", ")),
    };
    let formats: Vec<&str> = summary.formats.iter().copied().collect();
    format!(
        "from {} ({}{kernels})",
        source_names(summary),
        formats.join(", ")
    )
}

/// The names of the inputs.
pub(super) fn source_names(summary: &Summary) -> String {
    let names = summary.inputs.iter().map(ToString::to_string);
    names.collect::<Vec<_>>().join(", ")
}

/// Namespaces that are said in words.
const MAX_SAID: usize = 10;

/// A time that somebody has to wait.
fn wait(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

/// What happened in the network namespaces of the node meanwhile, a line each.
pub(super) fn meanwhile_lines(summary: &Summary) -> Vec<String> {
    let Some(Meanwhile { seconds, changes }) = &summary.meanwhile else {
        return Vec::new();
    };
    let line = |change: &Change| {
        let lost = change.lost.iter().map(|(name, n)| format!("{name} +{n}"));
        let mut parts = vec![match change.lost.is_empty() {
            true => "no counter of lost packets rose".to_owned(),
            false => lost.collect::<Vec<_>>().join(", "),
        }];
        if let Some(slow) = change.slow {
            let of = change
                .max_size
                .map_or(String::new(), |max_size| format!(" of {max_size}"));
            let grown = match change.grown {
                Some(0) | None => String::new(),
                Some(n) => format!(", {n:+} in {seconds:.0} s"),
            };
            let full = change.full_in(*seconds);
            let full = full.map_or(String::new(), |left| {
                format!(": full in {} at this rate", wait(left))
            });
            parts.push(format!("route cache {slow}{of} entries{grown}{full}"));
        }
        format!("{}: {}", short_name(&change.netns), parts.join("; "))
    };
    changes.iter().take(MAX_SAID).map(line).collect()
}
