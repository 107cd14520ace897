//! Drops over time: all CPUs above, the map of single ones below, on one axis.

use crate::diagnosis::class::Class;
use crate::render::html::markup::{add, cells, percent, swatch, table};
use crate::render::report::html::heat;
use crate::render::report::html::lanes::{
    begins, busiest, in_words, lane, row_total, rows, scale, sum,
};
use crate::render::words::{count, drops, stamp};
use crate::report::timeline::{Axis, BINS, Cell, Row, Timeline};

/// Heights in pixels: of all CPUs together, and of one.
const TALL: u64 = 96;
const LOW: u64 = 26;
/// Rows of single CPUs by class that are shown unasked.
const MAX_OPEN: usize = 8;

/// The bars of one row, where `most` drops in a bin are as high as the strip.
fn bars(axis: Axis, row: &Row, most: u64, height: u64) -> String {
    let mut out = String::new();
    let bins = BINS as f64;
    for (bin, cell) in row.iter().enumerate().filter(|(_, cell)| sum(cell) > 0) {
        let from = begins(axis, bin);
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
    let attributes = format!("height=\"{height}\"");
    lane(axis, name, row, &attributes, &bars(axis, row, most, height))
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
        let from = begins(axis, bin);
        rows.push(cells(&[&from, &sum(cell), &in_words(cell)]));
    }
    let table = table("Drops over time, all CPUs", &rows);
    format!("<details><summary>The same as numbers</summary>\n{table}</details>\n")
}

/// Each CPU by class, where there are several: the map does not tell them apart.
fn by_class(timeline: &Timeline, axis: Axis) -> String {
    let rows = rows(timeline);
    let most = rows.iter().map(|(_, row)| busiest(row)).max().unwrap_or(0);
    let open = if rows.len() > MAX_OPEN {
        ""
    } else {
        " open=\"\""
    };
    let mut out =
        format!("<details{open}><summary>Each CPU by class</summary>\n<div class=\"lanes\">\n",);
    for (name, row) in rows {
        out.push_str(&strip(axis, &name, row, most, LOW));
    }
    out.push_str(&scale(axis));
    add(
        &mut out,
        format_args!(
            "</div>\n<p class=\"note\">The strips share one scale: full height is {} in a bar.</p>\n</details>\n",
            drops(most)
        ),
    );
    out
}

/// Drops of one input over time. With `narrows` a selection narrows the page's tables.
pub(super) fn write(timeline: &Timeline, narrows: bool) -> String {
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
    out.push_str(&scale(axis));
    out.push_str(&heat::write(timeline, axis, narrows));
    out.push_str("</div>\n");
    if timeline.quiet > 0 {
        let quiet = count(timeline.quiet as u64, "CPU", "CPUs");
        add(
            &mut out,
            format_args!("<p class=\"note\">{quiet} without a drop.</p>\n"),
        );
    }
    if all.iter().filter(|n| **n > 0).count() > 1 {
        out.push_str(&by_class(timeline, axis));
    }
    out.push_str(&numbers(axis, &total));
    out
}
