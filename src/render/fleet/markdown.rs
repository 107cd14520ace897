//! The table of a fleet for tickets.

use std::io::{self, Write};

use crate::fleet::totals::Totals;
use crate::render::fleet::tables;
use crate::render::fleet::words::{accounting, problem_line, repeats, sentence};
use crate::render::format::Format;
use crate::render::markdown::{escaped, table};
use crate::render::view::{FleetDocument, FleetView};

/// Documents that could not be used and are named.
const MAX_NAMED: usize = 20;

/// For tickets.
#[derive(Debug)]
pub(crate) struct MarkdownTable;

impl Format<FleetDocument> for MarkdownTable {
    fn write(&self, view: &FleetView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let fleet = view.fleet;
        let rows = fleet.worst_first();
        let totals = Totals::of(&rows);
        writeln!(out, "**{}**", escaped(&sentence(fleet, &totals.all)))?;
        let (hosts, left_out) = tables::hosts(&rows, view.all_hosts);
        if hosts.len() > 1 {
            writeln!(out, "\n### Hosts, worst first\n")?;
            table(&hosts, out)?;
        }
        if let Some(note) = left_out {
            writeln!(out, "\n{}", escaped(&note))?;
        }
        if !rows.is_empty() {
            writeln!(out, "\n### By kernel\n")?;
            table(&tables::by_kernel(&totals), out)?;
            writeln!(out, "\n### By limit\n")?;
            table(&tables::by_limit(&totals), out)?;
        }
        writeln!(out, "\n### Documents\n\n{}.", escaped(&accounting(fleet)))?;
        if let Some(note) = repeats(fleet) {
            writeln!(out, "\n{}.", escaped(&note))?;
        }
        let named = fleet.problems.named();
        if !named.is_empty() {
            writeln!(out)?;
        }
        for problem in named.iter().take(MAX_NAMED) {
            let line = problem_line(problem);
            writeln!(out, "- {}", escaped(&line))?;
        }
        let more = (named.len() as u64 + fleet.problems.unnamed()).saturating_sub(MAX_NAMED as u64);
        if more > 0 {
            writeln!(out, "- … {more} more")?;
        }
        Ok(())
    }
}
