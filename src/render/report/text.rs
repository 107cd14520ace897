//! The report for people: the verdict first.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::diagnosis::advice::{Severity, advise};
use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::counters::Counters;
use crate::diagnosis::findings::GcCounts;
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::kernel::functions::Origin;
use crate::os::trigger::Runs;
use crate::render::report::json::{ORIGINS, numbered_stacks};
use crate::render::report::sparks::{Pictures, add_bars, sparks};
use crate::render::status::{short_name, state_name};
use crate::report::summary::{CpuKey, CpuRow, Summary, TriggerRuns};
use crate::status::rises::Rise;
use crate::text::harmless;
use crate::trace::{Stamp, Time};

/// CPU rows shown before quiet ones, and then the less busy ones, become one row.
const MAX_CPU_ROWS: usize = 32;
/// Stacks and tasks shown.
const MAX_STACKS: usize = 5;
const MAX_TASKS: usize = 8;
/// Frames shown of a folded stack.
const MAX_FRAMES: usize = 14;

/// How the text is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// With colour.
    pub color: bool,
    /// A row for every CPU.
    pub all_cpus: bool,
    /// Bars and sparklines, on a terminal.
    pub pictures: Option<Pictures<'a>>,
}

pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {many}")
    }
}

pub(crate) fn drops(n: u64) -> String {
    count(n, "drop", "drops")
}

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

fn is_over_limit(summary: &Summary) -> bool {
    summary
        .findings
        .counters
        .as_ref()
        .is_some_and(Counters::is_over)
}

/// The verdict in one sentence, and how sure it is.
#[must_use]
pub fn sentence(summary: &Summary) -> String {
    let verdict = Verdict::of(&summary.findings);
    let Some((class, confidence)) = verdict.class.zip(verdict.confidence) else {
        return match verdict.exit {
            Exit::Inconclusive => "No verdict: no IPv6 drop is in what could be read, but part of the trace is missing or unreadable.".to_owned(),
            Exit::Suspected => "The IPv6 route cache was full, the kernel's log says; no dropped packet is in this text.".to_owned(),
            _ if summary.left_out > 0 => "No IPv6 drop passes the filters.".to_owned(),
            _ => "No IPv6 drop in this trace.".to_owned(),
        };
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
    let head = match class {
        Class::RcvDstAlloc if confidence == Confidence::Confirmed => "The IPv6 route cache is full",
        // The counters speak of the cache itself, the confidence of single drops.
        Class::RcvDstAlloc if is_over_limit(summary) => "The IPv6 route cache is over its limit",
        Class::RcvDstAlloc if confidence == Confidence::Probable => {
            "The IPv6 route cache is probably full"
        }
        Class::RcvDstAlloc => "The IPv6 route cache may be full",
        Class::RcvUndetermined => "Undetermined: a full IPv6 route cache or a missing route",
        Class::RcvNoRoute | Class::OutNoRoute => "A route is missing",
        Class::RcvProhibited | Class::OutProhibited => "A prohibit route drops packets",
        Class::OutDstAlloc => "The IPv6 route cache refuses this host's own packets",
        Class::Unknown => "IPv6 packets are dropped, and the trace does not show why",
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
        "Regime {}: {}.",
        names.join(" or "),
        known.join(", ")
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
pub fn grounds(summary: &Summary) -> Option<String> {
    let parts: Vec<String> = [regime(summary), evidence(summary), log(summary)]
        .into_iter()
        .flatten()
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

pub(crate) fn stamp(time: Option<Time>) -> String {
    match time.map(Time::stamp) {
        None => "-".to_owned(),
        Some(Stamp::Count(n)) => n.to_string(),
        Some(Stamp::Nanoseconds(ns)) => {
            format!("{}.{:06}", ns / 1_000_000_000, ns / 1000 % 1_000_000)
        }
    }
}

/// Writes rows with the first column to the left and all others to the right.
pub(crate) fn table(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::from(" ");
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            if column == 0 {
                line.push_str(&format!(" {cell:<width$}"));
            } else {
                line.push_str(&format!("  {cell:>width$}"));
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

struct Styles {
    bold: Style,
    head: Style,
}

fn styles(summary: &Summary, color: bool) -> Styles {
    if !color {
        return Styles {
            bold: Style::new(),
            head: Style::new(),
        };
    }
    let color = match Verdict::of(&summary.findings).exit {
        Exit::Clean => AnsiColor::Green,
        Exit::Confirmed => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    Styles {
        bold: Style::new().bold(),
        head: Style::new().bold().fg_color(Some(color.into())),
    }
}

fn cpu_row(name: String, row: &CpuRow, classes: &[Class], seconds: Option<f64>) -> Vec<String> {
    let mut cells = vec![name, row.drops().to_string()];
    for class in classes {
        cells.push(row.by_class.get(class).copied().unwrap_or(0).to_string());
    }
    cells.push(row.gc.calls.to_string());
    cells.push(
        row.gc
            .known_failed()
            .map_or("?".to_owned(), |n| n.to_string()),
    );
    cells.push(seconds.map_or("-".to_owned(), |s| format!("{:.1}", row.drops() as f64 / s)));
    cells.push(stamp(row.span.map(|s| s.0)));
    cells.push(stamp(row.span.map(|s| s.1)));
    cells
}

fn add_row(sum: &mut CpuRow, row: &CpuRow) {
    for (class, n) in &row.by_class {
        *sum.by_class.entry(*class).or_default() += n;
    }
    sum.gc.add(row.gc);
    if let Some((first, last)) = row.span {
        let span = sum.span.get_or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    }
}

/// The table of CPUs, its head first.
pub(crate) fn per_cpu_rows(summary: &Summary, all_cpus: bool) -> Vec<Vec<String>> {
    let classes: Vec<Class> = Class::ALL
        .into_iter()
        .filter(|class| summary.findings.of_class(*class) > 0)
        .collect();
    let seconds = summary.rate_seconds();
    let mut head: Vec<String> = vec!["CPU".into(), "drops".into()];
    head.extend(classes.iter().map(|c| c.name().to_owned()));
    head.extend(["gc calls", "refused", "drops/s", "first", "last"].map(String::from));
    let mut rows = vec![head];
    let collapse = !all_cpus && summary.per_cpu.len() > MAX_CPU_ROWS;
    let mut busiest = summary.cpus_by_drops();
    busiest.truncate(MAX_CPU_ROWS);
    let (mut quiet, mut quiet_count) = (CpuRow::default(), 0u64);
    let (mut less, mut less_count) = (CpuRow::default(), 0u64);
    let mut total = CpuRow::default();
    for (cpu, row) in &summary.per_cpu {
        add_row(&mut total, row);
        if collapse && row.drops() == 0 {
            quiet_count += 1;
            add_row(&mut quiet, row);
        } else if collapse && !busiest.iter().any(|(_, shown)| shown == cpu) {
            less_count += 1;
            add_row(&mut less, row);
        } else {
            let name = match cpu {
                CpuKey::Cpu(cpu) => cpu.to_string(),
                CpuKey::None => "unknown".to_owned(),
            };
            rows.push(cpu_row(name, row, &classes, seconds));
        }
    }
    if less_count > 0 {
        let name = count(less_count, "less busy CPU", "less busy CPUs");
        rows.push(cpu_row(name, &less, &classes, seconds));
    }
    if quiet_count > 0 {
        rows.push(cpu_row(
            count(quiet_count, "quiet CPU", "quiet CPUs"),
            &quiet,
            &classes,
            seconds,
        ));
    }
    if rows.len() > 2 {
        rows.push(cpu_row("all".to_owned(), &total, &classes, seconds));
    }
    rows
}

fn classes(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![
        ["class", "drops", "confirmed", "probable", "possible"]
            .map(String::from)
            .to_vec(),
    ];
    for class in Class::ALL {
        let n = summary.findings.of_class(class);
        if n == 0 {
            continue;
        }
        let cell = |confidence| summary.findings.count(class, confidence).to_string();
        rows.push(vec![
            class.name().to_owned(),
            n.to_string(),
            cell(Confidence::Confirmed),
            cell(Confidence::Probable),
            cell(Confidence::Possible),
        ]);
    }
    table(out, &rows)?;
    for class in Class::ALL {
        if summary.findings.of_class(class) == 0 {
            continue;
        }
        writeln!(out, "  {}: {}", class.name(), class.meaning())?;
        for (confidence, rule, n) in summary.findings.rules_of(class) {
            writeln!(out, "    {n} {}: {}", confidence.name(), rule.reason)?;
        }
    }
    Ok(())
}

fn gc(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![
        ["ip6_dst_gc for", "calls", "refused", "granted", "unknown"]
            .map(String::from)
            .to_vec(),
    ];
    let row = |name: &str, counts: GcCounts| {
        let mut cells = vec![name.to_owned()];
        let numbers = [
            counts.calls,
            counts.failed,
            counts.succeeded,
            counts.unknown(),
        ];
        cells.extend(numbers.map(|n| n.to_string()));
        cells
    };
    for (origin, name) in ORIGINS {
        if let Some(counts) = summary.findings.gc.get(&origin) {
            // What no stack tells is counted with the others.
            let name = if origin == Origin::Other {
                "other or unknown"
            } else {
                name
            };
            rows.push(row(name, *counts));
        }
    }
    if rows.len() > 2 {
        rows.push(row("all", summary.findings.gc_total()));
    }
    table(out, &rows)
}

fn stacks(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let all = numbered_stacks(summary);
    for stack in all.iter().take(MAX_STACKS) {
        let mut frames: Vec<String> = stack
            .frames
            .iter()
            .take(MAX_FRAMES)
            .map(|f| harmless(f))
            .collect();
        if stack.frames.len() > MAX_FRAMES {
            frames.push(format!("… {} more", stack.frames.len() - MAX_FRAMES));
        }
        writeln!(
            out,
            "  {} × {}  {}",
            stack.count,
            stack.class.name(),
            frames.join(" < ")
        )?;
    }
    if all.len() > MAX_STACKS {
        writeln!(
            out,
            "  … {} more stacks (--format json or folded shows all)",
            all.len() - MAX_STACKS
        )?;
    }
    Ok(())
}

fn tasks(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let rows = summary.tasks_by_drops();
    let shown: Vec<String> = rows
        .iter()
        .take(MAX_TASKS)
        .map(|(pid, row)| format!("{} {pid} ({})", harmless(&row.comm), row.drops))
        .collect();
    let more = rows.len().saturating_sub(MAX_TASKS);
    let more = if more > 0 {
        format!(", … {more} more")
    } else {
        String::new()
    };
    writeln!(out, "  {}{more}", shown.join(", "))
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
    let seen = summary.findings.receive_drops_seen;
    lines.push(match summary.findings.in_no_routes {
        None => {
            "control total: not available (needs Ip6InNoRoutes before and after)".to_owned()
        }
        Some(rise) if rise == seen => {
            format!("control total: Ip6InNoRoutes rose by {rise}, as many as receive-path drops seen")
        }
        Some(rise) if rise > seen => format!(
            "control total: Ip6InNoRoutes rose by {rise}, and {seen} receive-path drops were seen: {} are not in the trace",
            rise - seen
        ),
        Some(rise) => format!(
            "control total: Ip6InNoRoutes rose by {rise}, but {seen} receive-path drops were seen: some are of another network namespace than the facts, or older"
        ),
    });
    lines
}

/// Columns of the table of namespaces.
pub(crate) const NAMESPACE_COLUMNS: [&str; 6] = [
    "namespace",
    "Ip6InNoRoutes",
    "Ip6OutNoRoutes",
    "slow",
    "max_size",
    "regime",
];

/// A namespace's row.
pub(crate) fn namespace_cells(rise: &Rise) -> Vec<String> {
    let number = |n: Option<i64>| n.map_or("-".to_owned(), |n| n.to_string());
    let snapshot = &rise.row.snapshot;
    vec![
        short_name(&rise.row.netns),
        format!("+{}", rise.in_no_routes),
        format!("+{}", rise.out_no_routes),
        number(snapshot.slow()),
        number(snapshot.max_size()),
        state_name(&rise.row),
    ]
}

/// Columns of the table of a trigger that was spread over the CPUs.
pub(crate) const TRIGGER_COLUMNS: [&str; 5] =
    ["on CPU", "runs", "failed", "stopped", "drops there"];

/// The rows of that table.
pub(crate) fn trigger_cells(summary: &Summary, trigger: &TriggerRuns) -> Vec<Vec<String>> {
    let drops = |cpu: u32| {
        summary
            .per_cpu
            .get(&CpuKey::Cpu(cpu))
            .map_or(0, CpuRow::drops)
    };
    let row = |(cpu, runs): (&Option<u32>, &Runs)| {
        vec![
            cpu.map_or("any".to_owned(), |cpu| cpu.to_string()),
            runs.runs.to_string(),
            runs.failures.to_string(),
            runs.stopped.to_string(),
            cpu.map_or("-".to_owned(), |cpu| drops(cpu).to_string()),
        ]
    };
    trigger.outcome.by_cpu.iter().map(row).collect()
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

fn indented(lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn live_sections(
    summary: &Summary,
    section: impl Fn(&mut dyn Write, &str) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let namespaces = summary.namespaces.as_deref().unwrap_or_default();
    if !namespaces.is_empty() {
        section(out, "Network namespaces with drops")?;
        let mut rows = vec![NAMESPACE_COLUMNS.map(String::from).to_vec()];
        rows.extend(namespaces.iter().map(namespace_cells));
        table(out, &rows)?;
    }
    if let Some(trigger) = &summary.trigger {
        section(out, "Trigger")?;
        writeln!(out, "  {}", trigger_sentence(trigger))?;
        if trigger.spread {
            let mut rows = vec![TRIGGER_COLUMNS.map(String::from).to_vec()];
            rows.extend(trigger_cells(summary, trigger));
            table(out, &rows)?;
        }
    }
    Ok(())
}

/// Writes the whole report.
///
/// # Errors
/// Those of the writer.
pub fn write(summary: &Summary, options: Options<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Styles { bold, head } = styles(summary, options.color);
    writeln!(out, "{head}{}{head:#}", sentence(summary))?;
    if let Some(grounds) = grounds(summary) {
        writeln!(out, "{grounds}")?;
    }
    if summary.left_out > 0 {
        writeln!(out, "Filters left out {}.", drops(summary.left_out))?;
    }
    let section = |out: &mut dyn Write, name: &str| writeln!(out, "\n{bold}{name}{bold:#}");
    if !summary.per_cpu.is_empty() {
        section(out, "Per CPU")?;
        let mut rows = per_cpu_rows(summary, options.all_cpus);
        if let Some(pictures) = options.pictures {
            add_bars(&mut rows, pictures.terminal);
        }
        table(out, &rows)?;
    }
    let sparks = options.pictures.map(sparks).unwrap_or_default();
    if !sparks.is_empty() {
        section(out, "Drops over time")?;
        indented(&sparks, out)?;
    }
    if summary.findings.drops() > 0 {
        section(out, "Drops by class")?;
        classes(summary, out)?;
    }
    if !summary.findings.gc.is_empty() {
        section(out, "Allocations attempted under pressure")?;
        gc(summary, out)?;
    }
    if !summary.stacks.is_empty() {
        section(out, "Stacks, innermost first")?;
        stacks(summary, out)?;
    }
    if !summary.tasks.is_empty() {
        section(out, "Running at the time")?;
        tasks(summary, out)?;
    }
    live_sections(summary, section, out)?;
    let cache = cache_lines(summary);
    if !cache.is_empty() {
        section(out, "Route cache")?;
        indented(&cache, out)?;
    }
    section(out, "Health")?;
    writeln!(out, "  {}", source(summary))?;
    indented(&health_lines(summary), out)?;
    let advice = advise(&summary.findings);
    if !advice.is_empty() {
        section(out, "What to do next")?;
    }
    for item in advice {
        let mark = match item.severity {
            Severity::Action => "!",
            Severity::Evidence => "?",
            Severity::Note => "-",
        };
        writeln!(out, "  {mark} {}", item.text)?;
        if let Some(command) = &item.command {
            writeln!(out, "      {}", harmless(command.as_bytes()))?;
        }
    }
    Ok(())
}
