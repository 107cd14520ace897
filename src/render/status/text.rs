//! `status` for people: the verdict first.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::diagnosis::advice::Severity;
use crate::exit::Exit;
use crate::kernel::sysctls::SYSCTLS;
use crate::render::format::Format;
use crate::render::paper::Paper;
use crate::render::status::words::{
    description, hidden, kernel_log, sentence, short_name, state_name,
};
use crate::render::table::table;
use crate::render::view::{Round, StatusDocument, StatusView};
use crate::render::words::{BRIEF, or_dash};
use crate::status::sampler::{NetNsStatus, Status};
use crate::text::harmless;

fn percent(row: &NetNsStatus) -> String {
    or_dash(
        row.assessment
            .headroom
            .map(|h| format!("{:.1} %", h.percent)),
    )
}

fn per_second(rate: Option<f64>) -> String {
    or_dash(rate.map(|rate| format!("{rate:.1}")))
}

/// Columns of one row a namespace.
pub(super) const COLUMNS: [&str; 9] = [
    "namespace",
    "regime",
    "entries",
    "max_size",
    "headroom",
    "%",
    "gc_thresh",
    "InNoRoutes",
    "OutNoRoutes",
];

/// The cells under [`COLUMNS`].
pub(super) fn cells(row: &NetNsStatus) -> Vec<String> {
    vec![
        short_name(&row.netns),
        state_name(row),
        or_dash(row.snapshot.slow()),
        or_dash(row.snapshot.max_size()),
        or_dash(row.assessment.headroom.map(|h| h.entries)),
        percent(row),
        or_dash(row.snapshot.gc_thresh()),
        or_dash(row.snapshot.in_no_routes()),
        or_dash(row.out_no_routes()),
    ]
}

/// The numbers of one namespace: name, value, and a word on it.
pub(super) fn numbers(row: &NetNsStatus) -> Vec<[String; 3]> {
    let found = &row.assessment;
    let snapshot = &row.snapshot;
    let mut all: Vec<[String; 3]> = Vec::new();
    let mut add = |name: &str, value: String, word: &str| {
        all.push([name.to_owned(), value, word.to_owned()]);
    };
    add(
        "entries (slow)",
        or_dash(snapshot.slow()),
        "exact sum over all CPUs, held against max_size",
    );
    add(
        "headroom",
        or_dash(found.headroom.map(|h| h.entries)),
        &percent(row),
    );
    add(
        "fast, lowest",
        or_dash(found.fast.map(|f| f.0)),
        "the shared part, held against gc_thresh and max_size",
    );
    add("fast, highest", or_dash(found.fast.map(|f| f.1)), "");
    add(
        "batch",
        or_dash(found.batch),
        "what a CPU counts before it tells the shared part",
    );
    for name in SYSCTLS {
        add(name, or_dash(snapshot.route.get(name)), "");
    }
    let stats = snapshot.rt6_stats;
    add("FIB nodes", or_dash(stats.map(|s| s.fib_nodes)), "");
    add(
        "FIB nodes with routes",
        or_dash(stats.map(|s| s.fib_route_nodes)),
        "",
    );
    add("routes", or_dash(stats.map(|s| s.fib_rt_entries)), "");
    add(
        "cached exceptions",
        or_dash(stats.map(|s| s.fib_rt_cache)),
        "",
    );
    add(
        "allocations ever",
        or_dash(stats.map(|s| s.fib_rt_alloc)),
        match stats {
            Some(s) if s.counts_no_allocations() => "not counted by this kernel",
            _ => "successful ones; never falls",
        },
    );
    add(
        "discarded routes",
        or_dash(stats.map(|s| s.fib_discarded_routes)),
        "",
    );
    add(
        "Ip6InNoRoutes",
        or_dash(snapshot.in_no_routes()),
        "received packets dropped without a route, or with a full cache",
    );
    add(
        "Ip6OutNoRoutes",
        or_dash(row.out_no_routes()),
        "the same for packets this side sent",
    );
    all
}

fn head_style(status: &Status, color: bool) -> Style {
    if !color {
        return Style::new();
    }
    let color = match status.exit(true) {
        Exit::Clean => AnsiColor::Green,
        Exit::Confirmed => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

fn kernel_line(status: &Status) -> String {
    let kernel = &status.kernel;
    let checks = match kernel.checks {
        Some(true) => "checks max_size (CVE-2023-52340)",
        Some(false) => "does not check max_size",
        None => "may check max_size",
    };
    if kernel.release.is_empty() {
        return format!("unknown, {checks}");
    }
    format!("{}, {checks}: {}", kernel.release, kernel.reason)
}

fn advice(row: &NetNsStatus, paper: Paper, out: &mut dyn Write) -> io::Result<()> {
    for item in &row.assessment.advice {
        let word = match item.severity {
            Severity::Action => "do",
            Severity::Evidence => "look",
            Severity::Note => "note",
        };
        lines(&paper.wrap(&item.text, &format!("  {word}: "), "    "), out)?;
        if let Some(command) = &item.command {
            let command = harmless(command.as_bytes());
            lines(&paper.command(&command, "      ", "        "), out)?;
        }
    }
    Ok(())
}

fn lines(all: &[String], out: &mut dyn Write) -> io::Result<()> {
    all.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Writes the whole status.
fn write(view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let StatusView {
        status,
        color,
        paper,
        ..
    } = *view;
    let style = head_style(status, color);
    for line in paper.wrap(&sentence(status), "", "") {
        writeln!(out, "{style}{line}{style:#}")?;
    }
    writeln!(out)?;
    lines(
        &paper.wrap(&format!("Kernel {}", kernel_line(status)), "", "  "),
        out,
    )?;
    let cpus = status.cpus;
    writeln!(
        out,
        "CPUs {} online, {} present",
        or_dash(cpus.map(|c| c.online)),
        or_dash(cpus.map(|c| c.present))
    )?;
    for line in kernel_log(status).into_iter().chain(hidden(status)) {
        lines(&paper.wrap(&line, "", "  "), out)?;
    }
    writeln!(out)?;
    if let [row] = &status.rows[..] {
        return one(row, paper, out);
    }
    let mut rows = vec![COLUMNS.map(String::from).to_vec()];
    rows.extend(status.rows.iter().map(cells));
    table(out, &rows, paper)?;
    for row in &status.rows {
        if row.assessment.advice.is_empty() && row.problems.is_empty() {
            continue;
        }
        writeln!(out)?;
        writeln!(out, "{}", description(&row.netns))?;
        problems(row, paper, out)?;
        advice(row, paper, out)?;
    }
    Ok(())
}

/// The verdict, the worst namespace's numbers, and the command that helps, in a few lines.
fn in_brief(view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (status, paper) = (view.status, view.paper);
    let style = head_style(status, view.color);
    let head = paper.wrap(&sentence(status), "", "");
    let mut rest = Vec::new();
    if let Some(row) = status.worst().filter(|row| !row.is_unread()) {
        let snapshot = &row.snapshot;
        let counted = format!(
            "entries {}, max_size {}, gc_thresh {}; Ip6InNoRoutes {}",
            or_dash(snapshot.slow()),
            or_dash(snapshot.max_size()),
            or_dash(snapshot.gc_thresh()),
            or_dash(snapshot.in_no_routes())
        );
        rest.push(paper.line(&counted));
        let advice = row.assessment.advice.iter();
        let mut actions = advice.filter(|item| item.severity == Severity::Action);
        if let Some(command) = actions.find_map(|item| item.command.as_ref()) {
            rest.extend(paper.command(&harmless(command.as_bytes()), "", "  "));
        }
    }
    for line in head.iter().take(BRIEF.saturating_sub(rest.len()).max(1)) {
        writeln!(out, "{style}{line}{style:#}")?;
    }
    rest.truncate(BRIEF - 1);
    lines(&rest, out)
}

fn problems(row: &NetNsStatus, paper: Paper, out: &mut dyn Write) -> io::Result<()> {
    for problem in &row.problems {
        let text = problem.text.to_string();
        lines(
            &paper.wrap(&text, &format!("  {}: ", problem.kind), "    "),
            out,
        )?;
    }
    Ok(())
}

fn one(row: &NetNsStatus, paper: Paper, out: &mut dyn Write) -> io::Result<()> {
    let whose = format!("Network namespace: {}", description(&row.netns));
    lines(&paper.wrap(&whose, "", "  "), out)?;
    problems(row, paper, out)?;
    for [name, value, word] in numbers(row) {
        let first = format!("  {name:<22} {value:>12}  ");
        let rest = " ".repeat(first.len());
        let all = paper.wrap(&word, &first, &rest);
        all.iter()
            .try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
    }
    if !row.assessment.advice.is_empty() {
        writeln!(out)?;
        writeln!(out, "What to do")?;
        advice(row, paper, out)?;
    }
    Ok(())
}

/// The clock of a time in seconds since 1970, in UTC.
fn clock(time: f64) -> String {
    let seconds = time as u64 % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Writes the head of the lines of [`write_tick`].
fn write_tick_head(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<8} {:>8} {:>10} {:>9} {:>9} {:>9} {:>9}  regime  namespace",
        "UTC", "entries", "max_size", "entries/s", "allocs/s", "InNoRt/s", "OutNoRt/s"
    )
}

/// Writes one line a namespace: numbers, and rates since the round before.
fn write_tick(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    for row in &status.rows {
        let rates = row.rates.unwrap_or_default();
        writeln!(
            out,
            "{:<8} {:>8} {:>10} {:>9} {:>9} {:>9} {:>9}  {}  {}",
            clock(status.time),
            or_dash(row.snapshot.slow()),
            or_dash(row.snapshot.max_size()),
            per_second(rates.entries),
            per_second(rates.allocations),
            per_second(rates.in_no_routes),
            per_second(rates.out_no_routes),
            state_name(row),
            short_name(&row.netns)
        )?;
    }
    Ok(())
}

/// For people; of several rounds the later ones are a line a namespace.
#[derive(Debug)]
pub(crate) struct TextStatus;

impl Format<StatusDocument> for TextStatus {
    fn write(&self, view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
        if view.brief {
            return in_brief(view, out);
        }
        if view.round != Round::Later {
            write(view, out)?;
        }
        if view.round == Round::First {
            writeln!(out)?;
            write_tick_head(out)?;
        }
        if view.round != Round::Only {
            write_tick(view.status, out)?;
        }
        Ok(())
    }
}
