//! The table of a fleet for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::fleet::hosts::Fleet;
use crate::fleet::row::Finding;
use crate::fleet::totals::Totals;
use crate::render::fleet::tables;
use crate::render::fleet::words::{accounting, repeats, sentence};
use crate::render::table::table;

/// How the text is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// With colour.
    pub color: bool,
    /// A row for every host.
    pub all_hosts: bool,
}

fn head_style(fleet: &Fleet, color: bool) -> Style {
    let color = match fleet.worst() {
        _ if !color => return Style::new(),
        Some(Finding::Clean) => AnsiColor::Green,
        Some(Finding::Confirmed) => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

/// Writes it.
///
/// # Errors
/// Those of the writer.
pub fn write(fleet: &Fleet, options: Options, out: &mut dyn Write) -> io::Result<()> {
    let rows = fleet.worst_first();
    let totals = Totals::of(&rows);
    let head = head_style(fleet, options.color);
    let bold = if options.color {
        Style::new().bold()
    } else {
        Style::new()
    };
    let section = |out: &mut dyn Write, name: &str| writeln!(out, "\n{bold}{name}{bold:#}");
    writeln!(out, "{head}{}{head:#}", sentence(fleet, &totals.all))?;
    let (hosts, left_out) = tables::hosts(&rows, options.all_hosts);
    if hosts.len() > 1 {
        section(out, "Hosts, worst first")?;
        table(out, &hosts)?;
    }
    if let Some(note) = left_out {
        writeln!(out, "  {note}")?;
    }
    if totals.all.drops > 0 {
        section(out, "Drops by class")?;
        let classes = totals.all.by_class.all().filter(|(_, drops)| *drops > 0);
        let rows: Vec<Vec<String>> = classes
            .map(|(name, drops)| vec![name.to_owned(), drops.to_string()])
            .collect();
        table(out, &rows)?;
    }
    if !rows.is_empty() {
        section(out, "By kernel")?;
        table(out, &tables::by_kernel(&totals))?;
        section(out, "By limit")?;
        table(out, &tables::by_limit(&totals))?;
    }
    section(out, "Documents")?;
    writeln!(out, "  {}", accounting(fleet))?;
    if let Some(note) = repeats(fleet) {
        writeln!(out, "  {note}")?;
    }
    if fleet.problems.lost() > 0 {
        writeln!(
            out,
            "  each that could not be used is named on standard error"
        )?;
    }
    Ok(())
}
