//! The middle of the screen: the CPUs, a row each, and below or beside them where packets were going and the last
//! drops.

use ratatui_core::layout::Rect;

use crate::render::watch::cpus;
use crate::render::watch::detail;
use crate::render::watch::lists;
use crate::render::watch::pen::{Pen, beside, split};
use crate::watch::last::LastDrop;
use crate::watch::model::Model;

/// Columns from which on lists stand beside the CPUs.
const WIDE: u16 = 160;

/// Draws it.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let cpus = model.cpus();
    if let Some((_, cpu)) = model.selected(&cpus).filter(|_| model.is_detail) {
        detail::draw(model, cpu, pen, area);
        return;
    }
    let is_wide = area.width >= WIDE;
    let (left, right) = beside(area, area.width / 2 - 1, 2);
    let left = if is_wide { left } else { area };
    let share = match is_wide {
        true => left.height * 2 / 3,
        false => left.height * 2 / 5,
    };
    let wanted = u16::try_from(cpus.len()).unwrap_or(u16::MAX);
    let (above, below) = split(left, wanted.saturating_add(1).min(share.max(3)));
    cpus::rows(model, &cpus, pen, above);
    let below = pen.gap(below);
    let share = if is_wide {
        below.height
    } else {
        below.height / 3
    };
    let below = lists::destinations(model, pen, below, share.max(2));
    let below = pen.gap(below);
    let all: Vec<&LastDrop> = model.shown().last().iter().collect();
    lists::last(model, &all, pen, if is_wide { right } else { below });
}
