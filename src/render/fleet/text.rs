//! The table of a fleet for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::fleet::hosts::Fleet;
use crate::fleet::row::Finding;
use crate::fleet::totals::Totals;
use crate::render::fleet::tables;
use crate::render::fleet::words::{accounting, repeats, sentence};
use crate::render::format::Format;
use crate::render::paper::Paper;
use crate::render::table::table;
use crate::render::view::{FleetDocument, FleetView};
use crate::render::words::BRIEF;

fn head_style(fleet: &Fleet, color: bool) -> Style {
    let color = match fleet.worst() {
        _ if !color => return Style::new(),
        Some(Finding::Clean) => AnsiColor::Green,
        Some(Finding::Confirmed) => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

/// For people.
#[derive(Debug)]
pub(crate) struct TextTable;

impl Format<FleetDocument> for TextTable {
    fn write(&self, view: &FleetView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let fleet = view.fleet;
        let rows = fleet.worst_first();
        let totals = Totals::of(&rows);
        let head = head_style(fleet, view.color);
        let paper = Paper::on(view.columns);
        let bold = if view.color {
            Style::new().bold()
        } else {
            Style::new()
        };
        let section = |out: &mut dyn Write, name: &str| writeln!(out, "\n{bold}{name}{bold:#}");
        let answer = paper.wrap(&sentence(fleet, &totals.all), "", "");
        let most = if view.brief { BRIEF - 1 } else { usize::MAX };
        for line in answer.iter().take(most) {
            writeln!(out, "{head}{line}{head:#}")?;
        }
        if view.brief {
            let worst = tables::worst(&rows, BRIEF.saturating_sub(answer.len()).max(1));
            let mut worst = worst.iter().map(|line| paper.line(line));
            return worst.try_for_each(|line| writeln!(out, "{line}"));
        }
        let (hosts, left_out) = tables::hosts(&rows, view.all_hosts);
        if hosts.len() > 1 {
            section(out, "Hosts, worst first")?;
            table(out, &hosts, paper)?;
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
            table(out, &rows, paper)?;
        }
        if !rows.is_empty() {
            section(out, "By kernel")?;
            table(out, &tables::by_kernel(&totals), paper)?;
            section(out, "By limit")?;
            table(out, &tables::by_limit(&totals), paper)?;
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
}
