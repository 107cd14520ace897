//! The report for people: the verdict first.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::diagnosis::advice::Severity;
use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::findings::GcCounts;
use crate::diagnosis::next_steps::advise;
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::kernel::functions::Origin;
use crate::render::format::{Extras, Format};
use crate::render::report::json::ORIGINS;
use crate::render::report::packet_tables::{self, LONG};
use crate::render::report::sparks::{add_bars, sparks};
use crate::render::report::tables;
use crate::render::report::words::{
    cache_lines, grounds, health_lines, left_out, sentence, source, trigger_sentence,
};
use crate::render::table::table;
use crate::render::view::{ReportDocument, ReportView};
use crate::report::stacks::numbered_stacks;
use crate::report::summary::Summary;
use crate::text::harmless;

/// Stacks and tasks shown.
const MAX_STACKS: usize = 5;
const MAX_TASKS: usize = 8;
/// Frames shown of a folded stack.
const MAX_FRAMES: usize = 14;

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

fn classes(summary: &Summary, rules: bool, out: &mut dyn Write) -> io::Result<()> {
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
            write!(out, "    {n} {}: ", confidence.name())?;
            if rules {
                write!(out, "{}: ", rule.name)?;
            }
            writeln!(out, "{}", rule.reason)?;
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

fn indented(lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

/// Whose packets were dropped: where they were going, and in short which way they came.
fn packets(
    summary: &Summary,
    verbose: bool,
    section: impl Fn(&mut dyn Write, &str) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if summary.packets.is_none() {
        return Ok(());
    }
    section(out, &packet_tables::heading(summary))?;
    if verbose {
        let mut tables = packet_tables::tables(summary, LONG).into_iter();
        return tables.try_for_each(|rows| table(out, &rows));
    }
    if let Some(rows) = packet_tables::destinations(summary) {
        table(out, &rows)?;
    }
    indented(&packet_tables::lines(summary), out)
}

fn live_sections(
    summary: &Summary,
    section: impl Fn(&mut dyn Write, &str) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Some(rows) = tables::namespaces(summary) {
        section(out, "Network namespaces with drops")?;
        table(out, &rows)?;
    }
    if let Some(trigger) = &summary.trigger {
        section(out, "Trigger")?;
        writeln!(out, "  {}", trigger_sentence(trigger))?;
        if let Some(rows) = tables::trigger(summary, trigger) {
            table(out, &rows)?;
        }
    }
    Ok(())
}

/// For people.
#[derive(Debug)]
pub(crate) struct TextReport;

impl Format<ReportDocument> for TextReport {
    fn extras(&self) -> Extras {
        Extras::TimelinesOnTerminal
    }

    fn write(&self, view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (summary, look) = (view.summary, &view.look);
        let Styles { bold, head } = styles(summary, look.color);
        writeln!(out, "{head}{}{head:#}", sentence(summary))?;
        if let Some(grounds) = grounds(summary) {
            writeln!(out, "{grounds}")?;
        }
        if let Some(left_out) = left_out(summary) {
            writeln!(out, "{left_out}")?;
        }
        let section = |out: &mut dyn Write, name: &str| writeln!(out, "\n{bold}{name}{bold:#}");
        packets(summary, look.verbose, section, out)?;
        if !summary.per_cpu.is_empty() {
            section(out, "Per CPU")?;
            let mut rows = tables::per_cpu(summary, look.all_cpus);
            if let Some(terminal) = look.terminal {
                add_bars(&mut rows, terminal);
            }
            table(out, &rows)?;
        }
        let sparks = look
            .terminal
            .map(|terminal| sparks(view.timelines, terminal));
        if let Some(sparks) = sparks.filter(|lines| !lines.is_empty()) {
            section(out, "Drops over time")?;
            indented(&sparks, out)?;
        }
        if summary.findings.drops() > 0 {
            section(out, "Drops by class")?;
            classes(summary, look.verbose, out)?;
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
}
