//! The whole screen.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use crate::render::paper::Paper;
use crate::render::watch::body;
pub(crate) use crate::render::watch::pen::Look;
use crate::render::watch::pen::{Pen, Tone, split};
use crate::render::watch::top;
use crate::watch::model::Model;

/// The smallest screen that shows everything.
const LEAST: (u16, u16) = (60, 16);

const HELP: [(&str, &str); 11] = [
    ("q, Ctrl-C", "end; tracing is put back as it was"),
    (
        "p, space",
        "stand still, and go on; everything is still counted",
    ),
    ("s", "sort CPUs: by drops, by drops now, by number"),
    (
        "/",
        "show destinations and drops alone that have this text in them",
    ),
    ("up, down", "choose a CPU; also k and j, and a page at once"),
    ("Enter", "this CPU alone, and back"),
    ("d", "write the report on the window to a new file here"),
    ("Esc", "take back what was asked for last"),
    ("Ctrl-L", "draw everything anew"),
    (
        "[  g  m ]",
        "entries of the cache, gc_thresh and max_size beside them",
    ),
    (
        "?, ??",
        "behind a cause: probable, possible; others are confirmed",
    ),
];

const KEYS: &str = "q quit  ? help  p pause  s sort  / filter  d dump";

/// Draws it.
pub(crate) fn draw(model: &Model, look: Look, buffer: &mut Buffer) {
    let area = *buffer.area();
    let mut pen = Pen { buffer, look };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small(&mut pen, area);
        return;
    }
    let rest = top::draw(model, &mut pen, area);
    let (middle, last) = split(rest, rest.height - 1);
    if model.is_help {
        help(&mut pen, middle);
    } else {
        body::draw(model, &mut pen, middle);
    }
    footer(model, &mut pen, last);
}

fn too_small(pen: &mut Pen<'_>, area: Rect) {
    let (columns, lines) = LEAST;
    let text = format!(
        "ip6drop watch needs {columns} columns and {lines} lines, and this terminal has {} and {}: make it larger, or press q.",
        area.width, area.height
    );
    let paper = Paper {
        width: area.width.into(),
        whole_names: false,
    };
    for (y, line) in (area.y..area.bottom()).zip(paper.wrap(&text, "", "")) {
        pen.text((area.x, y), area.width, &line, Tone::Plain);
    }
}

fn help(pen: &mut Pen<'_>, area: Rect) {
    for (y, (key, does)) in (area.y + 1..area.bottom()).zip(HELP) {
        pen.text((area.x + 2, y), 10, key, Tone::Strong);
        pen.text((area.x + 14, y), area.width - 14, does, Tone::Plain);
    }
}

fn footer(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let at = (area.x, area.y);
    let (said, tone) = if model.is_typing {
        let said = format!("filter: {}_  Enter keeps it, Esc clears it", model.filter);
        (said, Tone::Strong)
    } else if let Some(note) = &model.note {
        (note.clone(), Tone::Strong)
    } else if let Some(unseen) = model.unseen() {
        let said = format!("PAUSED, {unseen} drops since; p goes on");
        (said, Tone::Warn)
    } else {
        (KEYS.to_owned(), Tone::Faint)
    };
    let own = format!("ip6drop {:.1} % of a CPU", model.live().own_cpu * 100.0);
    let room = area.width.saturating_sub(own.len() as u16 + 2);
    pen.text(at, room, &said, tone);
    pen.right((area.right(), area.y), area.width, &own, Tone::Faint);
}
