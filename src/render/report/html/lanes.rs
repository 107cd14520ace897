//! What pictures over time share: rows and their names, words for what they hold, the axis.

use crate::diagnosis::class::Class;
use crate::render::html::markup::add;
use crate::render::words::{count, stamp};
use crate::report::summary::CpuKey;
use crate::report::timeline::{Axis, BINS, Cell, Row, Timeline};

pub(super) fn sum(cell: &Cell) -> u64 {
    cell.iter().sum()
}

pub(super) fn busiest(row: &Row) -> u64 {
    row.iter().map(sum).max().unwrap_or(0)
}

/// What a bin or a row holds, class by class.
pub(super) fn in_words(cell: &Cell) -> String {
    let parts: Vec<String> = Class::ALL
        .into_iter()
        .zip(cell)
        .filter(|(_, n)| **n > 0)
        .map(|(class, n)| format!("{n} {}", class.name()))
        .collect();
    parts.join(", ")
}

pub(super) fn row_total(row: &Row) -> Cell {
    let mut total = Cell::default();
    for cell in row {
        total.iter_mut().zip(cell).for_each(|(sum, n)| *sum += n);
    }
    total
}

/// When a bin begins.
pub(super) fn begins(axis: Axis, bin: usize) -> String {
    stamp(Some(axis.at(bin as f64 / BINS as f64)))
}

/// The rows of single CPUs, and behind them the one that the others share.
pub(super) fn rows(timeline: &Timeline) -> Vec<(String, &Row)> {
    let own = timeline.rows.iter().map(|(cpu, row)| match cpu {
        CpuKey::Cpu(cpu) => (format!("CPU {cpu}"), row),
        CpuKey::None => ("unknown".to_owned(), row),
    });
    let (others, row) = &timeline.others;
    let shared = (*others > 0).then(|| (count(*others as u64, "other CPU", "other CPUs"), row));
    own.chain(shared).collect()
}

/// A row's name, picture and number; `attributes` are those of the picture.
pub(super) fn lane(axis: Axis, name: &str, row: &Row, attributes: &str, picture: &str) -> String {
    let total = row_total(row);
    let peak = row
        .iter()
        .enumerate()
        .max_by_key(|(bin, cell)| (sum(cell), std::cmp::Reverse(*bin)));
    let peak = peak.map_or(String::new(), |(bin, cell)| {
        format!("; most at {}: {}", begins(axis, bin), sum(cell))
    });
    format!(
        "<div class=\"lane\"><span>{name}</span><svg role=\"img\" aria-label=\"{name}: {}{peak}\" width=\"100%\" {attributes}>{picture}</svg><span class=\"n\">{}</span></div>\n",
        in_words(&total),
        sum(&total),
    )
}

/// The marks of the time axis, as the trace prints its time.
pub(super) fn scale(axis: Axis) -> String {
    let mut marks = String::new();
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        add(
            &mut marks,
            format_args!("<span>{}</span>", stamp(Some(axis.at(share)))),
        );
    }
    format!(
        "<div class=\"lane\" aria-hidden=\"true\"><span></span><div class=\"scale\">{marks}</div><span></span></div>\n"
    )
}
