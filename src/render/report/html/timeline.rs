//! Drops over time: all CPUs above, a strip for each below, on one axis.

use crate::diagnosis::class::Class;
use crate::render::html::markup::{add, cells, percent, swatch, table};
use crate::render::words::{count, drops, stamp};
use crate::report::summary::CpuKey;
use crate::report::timeline::{Axis, BINS, Cell, Row, Timeline};

/// Heights in pixels: of all CPUs together, and of one.
const TALL: u64 = 96;
const LOW: u64 = 26;

fn sum(cell: &Cell) -> u64 {
    cell.iter().sum()
}

fn busiest(row: &Row) -> u64 {
    row.iter().map(sum).max().unwrap_or(0)
}

/// What a bin or a row holds, class by class.
fn in_words(cell: &Cell) -> String {
    let parts: Vec<String> = Class::ALL
        .into_iter()
        .zip(cell)
        .filter(|(_, n)| **n > 0)
        .map(|(class, n)| format!("{n} {}", class.name()))
        .collect();
    parts.join(", ")
}

fn row_total(row: &Row) -> Cell {
    let mut total = Cell::default();
    for cell in row {
        total.iter_mut().zip(cell).for_each(|(sum, n)| *sum += n);
    }
    total
}

/// The bars of one row, where `most` drops in a bin are as high as the strip.
fn bars(axis: Axis, row: &Row, most: u64, height: u64) -> String {
    let mut out = String::new();
    let bins = BINS as f64;
    for (bin, cell) in row.iter().enumerate().filter(|(_, cell)| sum(cell) > 0) {
        let from = stamp(Some(axis.at(bin as f64 / bins)));
        add(
            &mut out,
            format_args!("<g><title>{from}: {}</title>", in_words(cell)),
        );
        let mut below = 0.0;
        let scale = height as f64 / most.max(1) as f64;
        for (class, n) in cell.iter().enumerate().filter(|(_, n)| **n > 0) {
            // One drop among thousands is still to be seen.
            let tall = (*n as f64 * scale).max(1.5);
            let top = (height as f64 - below - tall).max(0.0);
            add(
                &mut out,
                format_args!(
                    "<rect class=\"f{}\" x=\"{}\" y=\"{top:.1}\" width=\"{}\" height=\"{tall:.1}\"/>",
                    swatch(class),
                    percent(bin as f64, bins),
                    percent(0.9, bins),
                ),
            );
            below += tall;
        }
        out.push_str("</g>");
    }
    out
}

fn strip(axis: Axis, name: &str, row: &Row, most: u64, height: u64) -> String {
    let total = row_total(row);
    let peak = row
        .iter()
        .enumerate()
        .max_by_key(|(bin, cell)| (sum(cell), std::cmp::Reverse(*bin)));
    let peak = peak.map_or(String::new(), |(bin, cell)| {
        let at = stamp(Some(axis.at(bin as f64 / BINS as f64)));
        format!("; most at {at}: {}", sum(cell))
    });
    format!(
        "<div class=\"lane\"><span>{name}</span><svg role=\"img\" aria-label=\"{name}: {}{peak}\" width=\"100%\" height=\"{height}\">{}</svg><span class=\"n\">{}</span></div>\n",
        in_words(&total),
        bars(axis, row, most, height),
        sum(&total),
    )
}

/// The marks of the time axis, as the trace prints its time.
pub(super) fn scale(axis: Axis) -> String {
    let marks: String = [0.0, 0.25, 0.5, 0.75, 1.0]
        .into_iter()
        .map(|share| format!("<span>{}</span>", stamp(Some(axis.at(share)))))
        .collect();
    format!(
        "<div class=\"lane\" aria-hidden=\"true\"><span></span><div class=\"scale\">{marks}</div><span></span></div>\n"
    )
}

/// What the colours and patterns mean.
pub(super) fn legend(total: &Cell) -> String {
    let keys: String = Class::ALL
        .into_iter()
        .zip(total)
        .enumerate()
        .filter(|(_, (_, n))| **n > 0)
        .map(|(at, (class, n))| {
            format!(
                "<li><svg aria-hidden=\"true\" width=\"18\" height=\"14\"><rect class=\"f{}\" width=\"18\" height=\"14\"/></svg> {} <b>{n}</b></li>\n",
                swatch(at),
                class.name()
            )
        })
        .collect();
    format!("<ul class=\"legend\">\n{keys}</ul>\n")
}

/// The same as numbers: bins with drops, for those who cannot see the picture.
fn numbers(axis: Axis, total: &Row) -> String {
    let mut rows = vec![cells(&[&"from", &"drops", &"classes"])];
    for (bin, cell) in total.iter().enumerate().filter(|(_, cell)| sum(cell) > 0) {
        let from = stamp(Some(axis.at(bin as f64 / BINS as f64)));
        rows.push(cells(&[&from, &sum(cell), &in_words(cell)]));
    }
    let table = table("Drops over time, all CPUs", &rows);
    format!("<details><summary>The same as numbers</summary>\n{table}</details>\n")
}

/// Drops of one input over time.
pub(super) fn write(timeline: &Timeline) -> String {
    let total = timeline.total();
    let all = row_total(&total);
    let Some(axis) = timeline.axis else {
        return "<p>This input has no time stamps of one clock, so there is no timeline.</p>\n"
            .to_owned();
    };
    let mut out = String::new();
    if timeline.untimed > 0 {
        add(
            &mut out,
            format_args!(
                "<p>{} without a time stamp: not in the picture.</p>\n",
                drops(timeline.untimed)
            ),
        );
    }
    if sum(&all) == 0 {
        out.push_str("<p>No drop to show.</p>\n");
        return out;
    }
    add(
        &mut out,
        format_args!(
            "<p>{} to {} on the trace's own clock, {} in all. A bar is {}; the highest {}.</p>\n",
            stamp(Some(axis.first)),
            stamp(Some(axis.last)),
            axis.span(1.0),
            axis.span(1.0 / BINS as f64),
            count(busiest(&total), "drop", "drops"),
        ),
    );
    out.push_str(&legend(&all));
    out.push_str("<div class=\"lanes\">\n");
    out.push_str(&strip(axis, "all CPUs", &total, busiest(&total), TALL));
    let most = timeline.rows.values().map(busiest).max().unwrap_or(0);
    for (cpu, row) in &timeline.rows {
        let name = match cpu {
            CpuKey::Cpu(cpu) => format!("CPU {cpu}"),
            CpuKey::None => "unknown".to_owned(),
        };
        out.push_str(&strip(axis, &name, row, most, LOW));
    }
    let (others, row) = &timeline.others;
    if *others > 0 {
        let name = count(*others as u64, "other CPU", "other CPUs");
        out.push_str(&strip(axis, &name, row, busiest(row).max(most), LOW));
    }
    out.push_str(&scale(axis));
    out.push_str("</div>\n");
    add(
        &mut out,
        format_args!(
            "<p class=\"note\">The strips of single CPUs share one scale: full height is {} in a bar.",
            drops(most)
        ),
    );
    if timeline.quiet > 0 {
        let quiet = count(timeline.quiet as u64, "CPU", "CPUs");
        add(&mut out, format_args!(" {quiet} without a drop."));
    }
    out.push_str("</p>\n");
    out.push_str(&numbers(axis, &total));
    out
}
