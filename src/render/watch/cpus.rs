//! The CPUs, a row each.

use ratatui_core::layout::Rect;

use crate::render::watch::pen::{Pen, Tone, split};
use crate::render::watch::top::{rate, span};
use crate::render::watch::words::{ROOMY, cause, number, tone};
use crate::report::summary::CpuKey;
use crate::watch::history::COLUMNS;
use crate::watch::model::Model;

/// Columns in front of the line of blocks.
const BLOCKS: u16 = 54;
/// The same where causes have room for the longest name.
const WIDE_BLOCKS: u16 = 64;

/// How a row is drawn.
struct Row {
    cpu: CpuKey,
    is_chosen: bool,
    /// Columns in front of the line of blocks, and of it.
    blocks: (u16, u16),
    /// What a block of the full height stands for.
    most: u64,
}

/// Draws as many rows as there is room for; the chosen one is among them.
pub(super) fn rows(model: &Model, cpus: &[CpuKey], pen: &mut Pen<'_>, area: Rect) {
    let picture = model.shown();
    let (line, area) = split(area, 1);
    let selected = model.selected(cpus);
    let height = usize::from(area.height);
    let first = selected.map_or(0, |(place, _)| (place + 1).saturating_sub(height));
    let shown = cpus.iter().skip(first).take(height);
    let before = if area.width >= ROOMY {
        WIDE_BLOCKS
    } else {
        BLOCKS
    };
    let columns = area.width.saturating_sub(before).min(COLUMNS as u16);
    let sorted = model.sort.name();
    let title = match cpus.len() > height {
        true => {
            let last = first + height.min(cpus.len() - first);
            format!("CPUs {}-{last} of {} by {sorted}", first + 1, cpus.len())
        }
        false => format!("CPUs by {sorted}"),
    };
    let time = picture.history.span(columns.into(), picture.interval);
    heading(
        pen,
        line,
        &format!("{title}, last {}", span(time.as_secs())),
    );
    let lines = shown
        .clone()
        .map(|cpu| picture.history.of_cpu(*cpu, columns.into()));
    let most = lines.flatten().max().unwrap_or(0);
    for (y, &cpu) in (area.y..).zip(shown) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        let row = Row {
            cpu,
            is_chosen: selected.is_some_and(|(_, chosen)| chosen == cpu),
            blocks: (before, columns),
            most,
        };
        draw(model, &row, pen, line);
    }
}

fn heading(pen: &mut Pen<'_>, line: Rect, end: &str) {
    pen.fill(line, Tone::Heading);
    let names = "  CPU    drops       now  gc failed  cause";
    pen.text((line.x, line.y), line.width, names, Tone::Heading);
    let room = line.width.saturating_sub(44);
    pen.right((line.right(), line.y), room, end, Tone::Heading);
}

fn draw(model: &Model, row: &Row, pen: &mut Pen<'_>, line: Rect) {
    let picture = model.shown();
    let Rect { x, y, .. } = line;
    let counted = picture
        .summary()
        .per_cpu
        .get(&row.cpu)
        .cloned()
        .unwrap_or_default();
    let weight = |is_some: bool| if is_some { Tone::Strong } else { Tone::Faint };
    let drops = counted.drops();
    let now = picture.history.per_second(picture.history.now(row.cpu));
    pen.text(
        (x, y),
        1,
        if row.is_chosen { ">" } else { " " },
        Tone::Strong,
    );
    pen.right((x + 5, y), 4, &number(row.cpu), weight(drops > 0));
    pen.right((x + 14, y), 8, &drops.to_string(), weight(drops > 0));
    pen.right((x + 24, y), 9, &rate(now), weight(now > 0.0));
    let failed = match (counted.gc.failed, counted.gc.calls) {
        (_, 0) => "-".to_owned(),
        (failed, calls) => format!("{failed}/{calls}"),
    };
    pen.right((x + 35, y), 10, &failed, Tone::Plain);
    let (before, columns) = row.blocks;
    let top = counted.by_class.iter().max_by_key(|(_, n)| **n);
    let tone = top.map_or(Tone::Plain, |(class, _)| tone(*class));
    pen.text((x + 37, y), before - 38, &cause(&counted), tone);
    let heights = picture.history.of_cpu(row.cpu, columns.into());
    pen.blocks((x + before, y), &heights, row.most, Tone::Line);
    if row.is_chosen {
        pen.fill(line, Tone::Strong);
    }
}
