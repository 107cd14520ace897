//! The report for people: the verdict first.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::diagnosis::advice::Severity;
use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::findings::GcCounts;
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::kernel::functions::Origin;
use crate::render::format::{Extras, Format};
use crate::render::paper::Paper;
use crate::render::report::entry_tables;
use crate::render::report::first_screen::{Entry, Plan, Said, entries};
use crate::render::report::headline::sentence;
use crate::render::report::json::ORIGINS;
use crate::render::report::packet_tables::{self, LONG, SHORT};
use crate::render::report::sparks::{add_bars, sparks};
use crate::render::report::tables;
use crate::render::report::words::{
    cache_lines, health_lines, meanwhile_lines, source, trigger_sentence,
};
use crate::render::table::table;
use crate::render::view::{ReportDocument, ReportLook, ReportView};
use crate::render::words::BRIEF;
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

fn classes(summary: &Summary, look: &ReportLook, out: &mut dyn Write) -> io::Result<()> {
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
    let paper = look.paper();
    table(out, &rows, paper)?;
    for class in Class::ALL {
        if summary.findings.of_class(class) == 0 {
            continue;
        }
        let meaning = format!("{}: {}", class.name(), class.meaning());
        paragraph(&meaning, ("  ", "    "), paper, out)?;
        for (confidence, rule, n) in summary.findings.rules_of(class) {
            let name = match look.verbose {
                true => format!("{}: ", rule.name),
                false => String::new(),
            };
            let text = format!("{n} {}: {name}{}", confidence.name(), rule.reason);
            paragraph(&text, ("    ", "      "), paper, out)?;
        }
    }
    Ok(())
}

fn gc(summary: &Summary, paper: Paper, out: &mut dyn Write) -> io::Result<()> {
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
    table(out, &rows, paper)
}

fn stacks(summary: &Summary, look: &ReportLook, out: &mut dyn Write) -> io::Result<()> {
    let all = numbered_stacks(summary);
    let (most, deepest) = match look.verbose {
        true => (usize::MAX, usize::MAX),
        false => (MAX_STACKS, MAX_FRAMES),
    };
    for stack in all.iter().take(most) {
        let frames = stack.frames.iter().take(deepest);
        let mut frames: Vec<String> = frames.map(|frame| harmless(frame)).collect();
        let more = stack.frames.len().saturating_sub(deepest);
        frames.extend((more > 0).then(|| format!("… {more} more")));
        let text = format!(
            "{} × {}  {}",
            stack.count,
            stack.class.name(),
            frames.join(" < ")
        );
        paragraph(&text, ("  ", "      "), look.paper(), out)?;
    }
    if all.len() > most {
        writeln!(out, "  … {} more stacks (-v shows all)", all.len() - most)?;
    }
    Ok(())
}

fn tasks(summary: &Summary, paper: Paper, out: &mut dyn Write) -> io::Result<()> {
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
    let text = format!("{}{more}", shown.join(", "));
    paragraph(&text, ("  ", "  "), paper, out)
}

/// A paragraph: its first line behind the one indent, the others behind the other.
fn paragraph(
    text: &str,
    (first, rest): (&str, &str),
    paper: Paper,
    out: &mut dyn Write,
) -> io::Result<()> {
    let lines = paper.wrap(text, first, rest);
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn indented(lines: &[String], paper: Paper, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = lines.iter();
    lines.try_for_each(|line| paragraph(line, ("  ", "    "), paper, out))
}

/// Whose packets were dropped: where they were going, and in short which way they came.
fn packets(
    summary: &Summary,
    look: &ReportLook,
    section: impl Fn(&mut dyn Write, &str) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if summary.packets.is_none() {
        return Ok(());
    }
    section(out, &packet_tables::heading(summary))?;
    let paper = look.paper();
    if look.verbose {
        let mut tables = packet_tables::tables(summary, LONG).into_iter();
        return tables.try_for_each(|rows| table(out, &rows, paper));
    }
    if let Some(rows) = packet_tables::destinations(summary) {
        table(out, &rows, paper)?;
    }
    indented(&packet_tables::lines(summary), paper, out)
}

fn live_sections(
    summary: &Summary,
    paper: Paper,
    section: impl Fn(&mut dyn Write, &str) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Some(rows) = tables::namespaces(summary) {
        section(out, "Network namespaces with drops")?;
        table(out, &rows, paper)?;
    }
    if let Some(trigger) = &summary.trigger {
        section(out, "Trigger")?;
        paragraph(&trigger_sentence(trigger), ("  ", "    "), paper, out)?;
        if let Some(rows) = tables::trigger(summary, trigger) {
            table(out, &rows, paper)?;
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
        if look.brief {
            return in_brief(summary, look, out);
        }
        first_screen(summary, look, out)?;
        sections(view, out)?;
        advice(summary, look, out)
    }
}

/// Everything behind the first screen and before the advice.
fn sections(view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (summary, look) = (view.summary, &view.look);
    let (paper, bold) = (look.paper(), styles(summary, look.color).bold);
    let section = |out: &mut dyn Write, name: &str| writeln!(out, "\n{bold}{name}{bold:#}");
    packets(summary, look, section, out)?;
    if !summary.per_cpu.is_empty() {
        section(out, "Per CPU")?;
        let mut rows = tables::per_cpu(summary, look.all_cpus);
        if let Some(terminal) = look.terminal {
            let has_sum = rows.len() > 2;
            add_bars(&mut rows, has_sum, terminal);
        }
        table(out, &rows, paper)?;
    }
    let sparks = look
        .terminal
        .map(|terminal| sparks(view.timelines, terminal));
    if let Some(sparks) = sparks.filter(|lines| !lines.is_empty()) {
        section(out, "Drops over time")?;
        indented(&sparks, paper, out)?;
    }
    if summary.findings.drops() > 0 {
        section(out, "Drops by class")?;
        classes(summary, look, out)?;
    }
    if !summary.findings.gc.is_empty() {
        section(out, "Allocations attempted under pressure")?;
        gc(summary, paper, out)?;
    }
    if let Some(entries) = &summary.entries {
        section(out, &entry_tables::heading(summary, entries))?;
        let most = if look.verbose { LONG } else { SHORT };
        table(out, &entry_tables::table(summary, entries, most), paper)?;
        indented(&entry_tables::lines(entries), paper, out)?;
    }
    if !summary.stacks.is_empty() {
        section(out, "Stacks, innermost first")?;
        stacks(summary, look, out)?;
    }
    if !summary.tasks.is_empty() {
        section(out, "Running at the time")?;
        tasks(summary, paper, out)?;
    }
    live_sections(summary, paper, section, out)?;
    let meanwhile = meanwhile_lines(summary);
    if !meanwhile.is_empty() {
        section(out, "Meanwhile, by the kernel's counters")?;
        indented(&meanwhile, paper, out)?;
    }
    let cache = cache_lines(summary);
    if !cache.is_empty() {
        section(out, "Route cache")?;
        indented(&cache, paper, out)?;
    }
    section(out, "Health")?;
    indented(&[source(summary)], paper, out)?;
    indented(&health_lines(summary), paper, out)
}

/// What there is to do beside what the first screen says.
fn advice(summary: &Summary, look: &ReportLook, out: &mut dyn Write) -> io::Result<()> {
    let (paper, bold) = (look.paper(), styles(summary, look.color).bold);
    let rest = Plan::of(summary).rest;
    if !rest.is_empty() {
        writeln!(out, "\n{bold}What else to do{bold:#}")?;
    }
    for item in rest {
        let mark = match item.severity {
            Severity::Action => "  ! ",
            Severity::Evidence => "  ? ",
            Severity::Note => "  - ",
        };
        paragraph(&item.text, (mark, "    "), paper, out)?;
        if let Some(command) = &item.command {
            let lines = paper.command(&harmless(command.as_bytes()), "      ", "        ");
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
    }
    Ok(())
}

/// Columns of the labels on the first screen.
const LABEL: usize = 10;

/// The lines of one entry of the first screen; the label is the first word of the first.
fn entry_lines(entry: &Entry, paper: Paper) -> Vec<String> {
    let behind = " ".repeat(LABEL);
    let label = format!("{:<LABEL$}", entry.label);
    let mut lines = Vec::new();
    for (at, said) in entry.said.iter().enumerate() {
        let first = if at == 0 { &label } else { &behind };
        lines.extend(match said {
            Said::Text(text) => paper.wrap(text, first, &behind),
            Said::Command(command) => {
                paper.command(&harmless(command.as_bytes()), first, &format!("{behind}  "))
            }
        });
    }
    lines
}

/// The answer, how sure it is and why, how much, and what to do now.
fn first_screen(summary: &Summary, look: &ReportLook, out: &mut dyn Write) -> io::Result<()> {
    let (paper, Styles { bold, head }) = (look.paper(), styles(summary, look.color));
    for line in paper.wrap(&sentence(summary), "", "") {
        writeln!(out, "{head}{line}{head:#}")?;
    }
    for entry in entries(summary, look.terminal) {
        for (at, line) in entry_lines(&entry, paper).into_iter().enumerate() {
            let (label, text) = line.split_at(if at == 0 { LABEL } else { 0 });
            writeln!(out, "{bold}{label}{bold:#}{text}")?;
        }
    }
    Ok(())
}

/// The first thing that an entry says, on one line.
fn one_line(entry: &Entry, paper: Paper) -> String {
    let text = match entry.said.first() {
        Some(Said::Text(text) | Said::Command(text)) => text.as_str(),
        None => "",
    };
    paper.line(&format!("{:<LABEL$}{text}", entry.label))
}

/// The answer, how sure, how many, and the command that helps, in a few lines.
fn in_brief(summary: &Summary, look: &ReportLook, out: &mut dyn Write) -> io::Result<()> {
    let (paper, Styles { head, .. }) = (look.paper(), styles(summary, look.color));
    let answer = paper.wrap(&sentence(summary), "", "");
    let all = entries(summary, look.terminal);
    let commands = all.iter().flat_map(|entry| &entry.said);
    let commands = commands.filter_map(|said| match said {
        Said::Command(command) => Some(paper.command(&harmless(command.as_bytes()), "", "  ")),
        Said::Text(_) => None,
    });
    let command = commands.take(1).flatten().collect::<Vec<_>>();
    let is_short = |entry: &&Entry| ["Trace", "Drops", "Cache"].contains(&entry.label);
    let short = all.iter().filter(is_short);
    let mut rest: Vec<String> = short.map(|entry| one_line(entry, paper)).collect();
    rest.truncate(BRIEF.saturating_sub(answer.len() + command.len()));
    for line in answer.iter().take(BRIEF - 1) {
        writeln!(out, "{head}{line}{head:#}")?;
    }
    let mut lines = rest.iter().chain(&command);
    lines.try_for_each(|line| writeln!(out, "{line}"))
}
