//! The parts of the page that are text and tables.

use crate::diagnosis::advice::Severity;
use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::next_steps::advise;
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::render::html::markup::{self, add, cells, escaped, foreign, list, marked_table, table};
use crate::render::report::entry_tables;
use crate::render::report::headline::{left_out, sentence};
use crate::render::report::html::narrow::{Narrow, WHOLE};
use crate::render::report::json::ORIGINS;
use crate::render::report::packet_tables::LONG;
use crate::render::report::tables;
use crate::render::report::words::{cache_lines, grounds, health_lines, source, trigger_sentence};
use crate::render::words::count;
use crate::report::moments::Ground;
use crate::report::summary::Summary;
use crate::text::harmless;

/// Tasks with a row of their own.
const MAX_TASKS: usize = 25;
/// Inputs that are named in the page's head.
const MAX_NAMED: usize = 8;

/// The verdict in a word, with the class of its colour.
fn badge(exit: Exit) -> (&'static str, &'static str) {
    match exit {
        Exit::Confirmed => ("bad", "Full route cache, confirmed"),
        Exit::Suspected => ("warn", "Full route cache suspected"),
        Exit::OtherDrops => ("warn", "Other IPv6 drops"),
        Exit::Inconclusive => ("warn", "Inconclusive"),
        _ => ("good", "No IPv6 drop found"),
    }
}

/// Numbers that are asked for first.
fn figures(summary: &Summary) -> String {
    let dropping = summary.per_cpu.values().filter(|row| row.drops() > 0);
    let unknown = || "–".to_owned();
    let lost = match (
        summary.findings.health.lost_events(),
        summary.findings.health.lost_uncounted,
    ) {
        (n, 0) => n.to_string(),
        (0, _) => "some".to_owned(),
        (n, _) => format!("{n} or more"),
    };
    let figures = [
        ("drops", summary.findings.drops().to_string()),
        (
            "CPUs with drops",
            format!("{} of {}", dropping.count(), summary.per_cpu.len()),
        ),
        (
            "seconds traced",
            summary
                .seconds()
                .map_or_else(unknown, |s| format!("{s:.3}")),
        ),
        (
            "rise of Ip6InNoRoutes",
            summary
                .findings
                .in_no_routes
                .map_or_else(unknown, |rise| rise.to_string()),
        ),
        ("events lost", lost),
    ];
    markup::figures(&figures)
}

/// Verdict and grounds.
pub(super) fn head(summary: &Summary) -> String {
    let (class, word) = badge(Verdict::of(&summary.findings).exit);
    let mut out = format!(
        "<header>\n<p class=\"badge {class}\">{word}</p>\n<h1>{}</h1>\n",
        escaped(&sentence(summary))
    );
    if let Some(grounds) = grounds(summary) {
        add(&mut out, format_args!("<p>{}</p>\n", escaped(&grounds)));
    }
    if let Some(left_out) = left_out(summary) {
        add(&mut out, format_args!("<p>{left_out}</p>\n"));
    }
    out.push_str(&figures(summary));
    out.push_str("</header>\n");
    out
}

/// Text in which backquotes mark what is typed.
fn with_code(text: &str) -> String {
    let parts = text.split('`').map(escaped).enumerate();
    let marked = parts.map(|(at, part)| match at % 2 {
        0 => part,
        _ => format!("<code>{part}</code>"),
    });
    marked.collect()
}

/// Commands to apply, with their reasons.
pub(super) fn advice(summary: &Summary) -> Option<String> {
    let advice = advise(&summary.findings);
    if advice.is_empty() {
        return None;
    }
    let mut out = String::from("<ul class=\"advice\">\n");
    for item in advice {
        let word = match item.severity {
            Severity::Action => "Do",
            Severity::Evidence => "Look",
            Severity::Note => "Note",
        };
        add(
            &mut out,
            format_args!("<li><p><b>{word}:</b> {}</p>", with_code(&item.text)),
        );
        if let Some(command) = &item.command {
            add(
                &mut out,
                format_args!(
                    "<div class=\"run\"><pre class=\"command\" tabindex=\"0\">{}</pre></div>",
                    escaped(&harmless(command.as_bytes()))
                ),
            );
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ul>\n");
    Some(out)
}

/// What the counters say, below their picture.
pub(super) fn cache(summary: &Summary, picture: Option<String>) -> Option<String> {
    let lines = cache_lines(summary);
    if lines.is_empty() {
        return None;
    }
    Some(picture.unwrap_or_default() + &list(&lines))
}

/// The table of CPUs.
pub(super) fn cpus(summary: &Summary, narrow: Option<Narrow<'_>>) -> Option<String> {
    let rows = tables::per_cpu(summary, false);
    let marks = |row: usize, column: usize| {
        let Some(narrow) = narrow.filter(|_| row > 0 && column > 0) else {
            return String::new();
        };
        let head = rows[0][column].as_str();
        match Class::ALL.into_iter().find(|class| class.name() == head) {
            None if head != "drops" => WHOLE.to_owned(),
            class => narrow.on_cpu(&rows[row][0], class),
        }
    };
    (!summary.per_cpu.is_empty())
        .then(|| marked_table("Drops and collections on each CPU", &rows, &marks))
}

/// Classes, what they mean, and the reasons.
pub(super) fn classes(summary: &Summary, narrow: Option<Narrow<'_>>) -> Option<String> {
    if summary.findings.drops() == 0 {
        return None;
    }
    const SURE: [Confidence; 3] = [
        Confidence::Confirmed,
        Confidence::Probable,
        Confidence::Possible,
    ];
    let found = |class: &Class| summary.findings.of_class(*class) > 0;
    let found: Vec<Class> = Class::ALL.into_iter().filter(found).collect();
    let mut rows = vec![cells(&[
        &"class",
        &"drops",
        &"confirmed",
        &"probable",
        &"possible",
    ])];
    let mut meanings = Vec::new();
    for class in &found {
        let mut row = cells(&[&class.name(), &summary.findings.of_class(*class)]);
        row.extend(SURE.map(|sure| summary.findings.count(*class, sure).to_string()));
        rows.push(row);
        meanings.push(format!("{}: {}", class.name(), class.meaning()));
    }
    let marks = |row: usize, column: usize| match narrow {
        Some(narrow) if row > 0 && column > 0 => {
            let sure = column.checked_sub(2).map(|at| SURE[at]);
            narrow.of_class(Some(found[row - 1]), sure)
        }
        _ => String::new(),
    };
    let many = marked_table("How many, and how sure", &rows, &marks);
    Some(many + &list(&meanings) + &reasons(summary, &found, narrow))
}

/// By which rules drops are of their classes.
fn reasons(summary: &Summary, classes: &[Class], narrow: Option<Narrow<'_>>) -> String {
    let mut rows = vec![cells(&[&"class", &"drops", &"confidence", &"because"])];
    let mut grounds = Vec::new();
    for class in classes {
        for (confidence, rule, n) in summary.findings.rules_of(*class) {
            rows.push(cells(&[
                &class.name(),
                &n,
                &confidence.name(),
                &rule.reason,
            ]));
            grounds.push(Ground {
                class: *class,
                confidence,
                rule: rule.name,
            });
        }
    }
    let marks = |row: usize, column: usize| match narrow {
        Some(narrow) if row > 0 && column == 1 => narrow.of_ground(grounds[row - 1]),
        _ => String::new(),
    };
    marked_table("Why", &rows, &marks)
}

/// Collections by what they were for.
pub(super) fn gc(summary: &Summary) -> Option<String> {
    let mut rows = vec![cells(&[
        &"ip6_dst_gc for",
        &"calls",
        &"refused",
        &"granted",
        &"unknown",
    ])];
    let found = ORIGINS.into_iter().filter_map(|(origin, name)| {
        let counts = summary.findings.gc.get(&origin)?;
        Some((name, *counts))
    });
    for (name, counts) in found.chain([("all", summary.findings.gc_total())]) {
        rows.push(cells(&[
            &name,
            &counts.calls,
            &counts.failed,
            &counts.succeeded,
            &counts.unknown(),
        ]));
    }
    let calls = || table("Calls of ip6_dst_gc by their origin", &rows);
    let mut out = (!summary.findings.gc.is_empty()).then(calls)?;
    if let Some(entries) = &summary.entries {
        let heading = entry_tables::heading(summary, entries);
        let rows = entry_tables::table(summary, entries, LONG);
        out.push_str(&table(&heading, &rows));
    }
    Some(out)
}

/// Tasks that were interrupted by the packets.
pub(super) fn tasks(summary: &Summary) -> Option<String> {
    if summary.tasks.is_empty() {
        return None;
    }
    let tasks = summary.tasks_by_drops();
    let mut rows = vec![cells(&[&"task", &"pid", &"drops"])];
    for (pid, row) in tasks.iter().take(MAX_TASKS) {
        rows.push(cells(&[&harmless(&row.comm), pid, &row.drops]));
    }
    let rest = tasks.iter().skip(MAX_TASKS);
    if rest.len() > 0 {
        let name = count(rest.len() as u64, "more task", "more tasks");
        let dropped: u64 = rest.map(|(_, row)| row.drops).sum();
        rows.push(cells(&[&name, &"–", &dropped]));
    }
    let note = "<p class=\"note\">A packet is dropped in whatever task its softirq interrupts: mostly not the one it is for.</p>\n";
    Some(table("Tasks with drops", &rows) + note)
}

/// Namespaces whose counters rose.
pub(super) fn namespaces(summary: &Summary) -> Option<String> {
    let rows = tables::namespaces(summary)?;
    Some(table("Drop counters of network namespaces", &rows))
}

/// How a reproducer fared.
pub(super) fn trigger(summary: &Summary) -> Option<String> {
    let trigger = summary.trigger.as_ref()?;
    let mut out = format!("<p>{}</p>\n", escaped(&trigger_sentence(trigger)));
    if let Some(rows) = tables::trigger(summary, trigger) {
        out.push_str(&table("Runs on each CPU", &rows));
    }
    Some(out)
}

/// How well the input could be read.
pub(super) fn health(summary: &Summary) -> String {
    let mut out = list(&health_lines(summary));
    if summary.inputs.len() <= MAX_NAMED {
        add(
            &mut out,
            format_args!("<p>{}</p>\n", escaped(&source(summary))),
        );
        return out;
    }
    let named: String = summary
        .inputs
        .iter()
        .take(MAX_NAMED)
        .map(|name| format!("<li>{}</li>\n", foreign(name)))
        .collect();
    add(
        &mut out,
        format_args!(
            "<p>From {} inputs:</p>\n<ul>\n{named}<li>… {} more</li>\n</ul>\n",
            summary.inputs.len(),
            summary.inputs.len() - MAX_NAMED
        ),
    );
    out
}
