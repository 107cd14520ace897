//! The report for tickets.

use std::io::{self, Write};

use crate::diagnosis::advice::Severity;
use crate::diagnosis::class::Class;
use crate::diagnosis::next_steps::advise;
use crate::render::format::Format;
use crate::render::markdown::{escaped, list, table};
use crate::render::report::entry_tables;
use crate::render::report::headline::sentence;
use crate::render::report::packet_tables::{self, SHORT};
use crate::render::report::tables;
use crate::render::report::words::{
    cache_lines, grounds, health_lines, meanwhile_lines, source, trigger_sentence,
};
use crate::render::view::{ReportDocument, ReportView};
use crate::report::summary::Summary;
use crate::text::harmless;

/// Whose packets were dropped.
fn packets(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.packets.is_some() {
        writeln!(out, "\n### {}", packet_tables::heading(summary))?;
    }
    for rows in packet_tables::tables(summary, SHORT) {
        writeln!(out)?;
        table(&rows, out)?;
    }
    Ok(())
}

/// For tickets: verdict, table, commands to apply, evidence, and the facts of the host.
#[derive(Debug)]
pub(crate) struct MarkdownReport;

impl Format<ReportDocument> for MarkdownReport {
    fn write(&self, view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let summary = view.summary;
        writeln!(out, "**{}**", escaped(&sentence(summary)))?;
        if let Some(grounds) = grounds(summary) {
            writeln!(out, "\n{}", escaped(&grounds))?;
        }
        packets(summary, out)?;
        if !summary.per_cpu.is_empty() {
            writeln!(out, "\n### Per CPU\n")?;
            table(&tables::per_cpu(summary, false), out)?;
        }
        if let Some(entries) = &summary.entries {
            writeln!(out, "\n### {}\n", entry_tables::heading(summary, entries))?;
            table(&entry_tables::table(summary, entries, SHORT), out)?;
        }
        if let Some(rows) = tables::namespaces(summary) {
            writeln!(out, "\n### Network namespaces with drops\n")?;
            table(&rows, out)?;
        }
        let meanwhile = meanwhile_lines(summary);
        if !meanwhile.is_empty() {
            writeln!(out, "\n### Meanwhile, by the kernel's counters\n")?;
            list(&meanwhile, out)?;
        }
        if let Some(trigger) = &summary.trigger {
            writeln!(out, "\n### Trigger\n")?;
            writeln!(out, "{}", escaped(&trigger_sentence(trigger)))?;
            if let Some(rows) = tables::trigger(summary, trigger) {
                writeln!(out)?;
                table(&rows, out)?;
            }
        }
        let advice = advise(&summary.findings);
        if !advice.is_empty() {
            writeln!(out, "\n### What to do next")?;
        }
        for item in advice {
            let word = match item.severity {
                Severity::Action => "Do",
                Severity::Evidence => "Look",
                Severity::Note => "Note",
            };
            writeln!(out, "\n{word}: {}", escaped(&item.text))?;
            if let Some(command) = &item.command {
                writeln!(out, "\n    {}", harmless(command.as_bytes()))?;
            }
        }
        if summary.findings.drops() > 0 {
            writeln!(out, "\n### Evidence\n")?;
            let mut rows = vec![
                ["drops", "class", "confidence", "because"]
                    .map(String::from)
                    .to_vec(),
            ];
            for class in Class::ALL {
                for ((_, confidence, rule), n) in summary
                    .findings
                    .rules
                    .iter()
                    .filter(|((c, ..), _)| *c == class)
                {
                    rows.push(vec![
                        n.to_string(),
                        class.name().to_owned(),
                        confidence.name().to_owned(),
                        rule.reason.to_owned(),
                    ]);
                }
            }
            table(&rows, out)?;
        }
        let cache = cache_lines(summary);
        if !cache.is_empty() {
            writeln!(out, "\n### Route cache\n")?;
            list(&cache, out)?;
        }
        writeln!(out, "\n### Host and capture\n")?;
        list(&[source(summary)], out)?;
        list(&health_lines(summary), out)
    }
}
