//! One CPU.

use ratatui_core::layout::Rect;

use crate::render::watch::lists;
use crate::render::watch::pen::{Pen, Tone, split};
use crate::render::watch::top::{of, rate, span};
use crate::render::watch::words::{number, tone};
use crate::report::summary::CpuKey;
use crate::watch::history::COLUMNS;
use crate::watch::last::LastDrop;
use crate::watch::model::Model;

/// Draws it.
pub(super) fn draw(model: &Model, cpu: CpuKey, pen: &mut Pen<'_>, area: Rect) {
    let picture = model.shown();
    let row = picture
        .summary()
        .per_cpu
        .get(&cpu)
        .cloned()
        .unwrap_or_default();
    let (line, area) = split(area, 1);
    pen.fill(line, Tone::Heading);
    let title = format!("CPU {}  (Enter or Esc: all CPUs)", number(cpu));
    pen.text((line.x, line.y), line.width, &title, Tone::Heading);
    let (lines, area) = split(area, 3);
    let (x, y) = (lines.x + 2, lines.y);
    let room = lines.width - 2;
    let total = picture.seen.totals.get(&cpu).copied().unwrap_or(0);
    let now = picture.history.per_second(picture.history.now(cpu));
    let window = span(picture.seen.span.as_secs());
    let text = format!(
        "{} in {window}, {total} since the start, {} now",
        of(row.drops()),
        rate(now)
    );
    pen.text((x, y), room, &text, Tone::Strong);
    let gc = row.gc;
    let text = format!(
        "ip6_dst_gc: {} calls, {} refused, {} granted, {} unknown",
        gc.calls,
        gc.failed,
        gc.succeeded,
        gc.unknown()
    );
    pen.text((x, y + 1), room, &text, Tone::Plain);
    let columns = room.saturating_sub(24).min(COLUMNS as u16);
    let heights = picture.history.of_cpu(cpu, columns.into());
    let most = heights.iter().copied().max().unwrap_or(0);
    pen.blocks((x, y + 2), &heights, most, Tone::Line);
    let time = picture.history.span(columns.into(), picture.interval);
    let end = format!("at most {most} in {}", span(time.as_secs()));
    let behind = x + columns + 1;
    pen.text(
        (behind, y + 2),
        lines.right().saturating_sub(behind),
        &end,
        Tone::Faint,
    );
    let (causes, area) = split(area, row.by_class.len().max(1) as u16);
    for (y, (class, n)) in (causes.y..causes.bottom()).zip(&row.by_class) {
        pen.right((x + 7, y), 7, &n.to_string(), Tone::Strong);
        let end = pen.text((x + 9, y), 24, class.name(), tone(*class));
        let rest = causes.right().saturating_sub(end + 2);
        pen.text((end + 2, y), rest, class.meaning(), Tone::Faint);
    }
    let drops = picture.last().iter().filter(|drop| drop.cpu == cpu);
    let drops: Vec<&LastDrop> = drops.collect();
    lists::last(model, &drops, pen, area);
}
