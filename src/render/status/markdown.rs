//! `status` for tickets.

use std::io::{self, Write};

use crate::render::format::Format;
use crate::render::markdown::{escaped, row, rule};
use crate::render::status::text::{COLUMNS, cells, numbers};
use crate::render::status::words::{description, hidden, sentence};
use crate::render::view::{StatusDocument, StatusView};
use crate::text::harmless;

/// For tickets: verdict, table, commands to apply, and the facts of the host.
#[derive(Debug)]
pub(crate) struct MarkdownStatus;

impl Format<StatusDocument> for MarkdownStatus {
    fn repeats(&self) -> bool {
        false
    }

    fn write(&self, view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let status = view.status;
        writeln!(out, "**{}**", escaped(&sentence(status)))?;
        writeln!(out)?;
        row(&COLUMNS.map(String::from), out)?;
        rule(COLUMNS.len(), out)?;
        for namespace in &status.rows {
            row(&cells(namespace), out)?;
        }
        for namespace in &status.rows {
            let advice = &namespace.assessment.advice;
            if advice.is_empty() && namespace.problems.is_empty() {
                continue;
            }
            writeln!(out)?;
            writeln!(out, "### {}", escaped(&description(&namespace.netns)))?;
            for problem in &namespace.problems {
                let text = problem.text.to_string();
                writeln!(out, "\n- {}: {}", problem.kind, escaped(&text))?;
            }
            for item in advice {
                writeln!(out, "\n{}", escaped(&item.text))?;
                if let Some(command) = &item.command {
                    writeln!(out, "\n    {}", harmless(command.as_bytes()))?;
                }
            }
        }
        if let [namespace] = &status.rows[..] {
            writeln!(out, "\n### Evidence\n")?;
            row(&["number", "value", "meaning"].map(String::from), out)?;
            rule(3, out)?;
            for number in numbers(namespace) {
                row(&number, out)?;
            }
        }
        writeln!(out, "\n### Host\n")?;
        let kernel = &status.kernel;
        let release = kernel.release.to_string();
        writeln!(
            out,
            "- kernel {}: {}",
            escaped(&release),
            escaped(&kernel.reason)
        )?;
        if let Some(cpus) = status.cpus {
            writeln!(
                out,
                "- CPUs: {} online, {} present",
                cpus.online, cpus.present
            )?;
        }
        if let Some(hidden) = hidden(status) {
            writeln!(out, "- {hidden}")?;
        }
        for problem in &status.problems {
            let text = problem.text.to_string();
            writeln!(out, "- {}: {}", problem.kind, escaped(&text))?;
        }
        Ok(())
    }
}
