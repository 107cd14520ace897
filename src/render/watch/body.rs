//! The middle of the screen: the CPUs, a row each, and below or beside them where packets were going and the last
//! drops.

use ratatui_core::layout::Rect;

use crate::diagnosis::class::Class;
use crate::render::watch::detail;
use crate::render::watch::lists;
use crate::render::watch::pen::{Pen, Tone, beside, split};
use crate::render::watch::top::{rate, span};
use crate::report::summary::{CpuKey, CpuRow};
use crate::watch::history::COLUMNS;
use crate::watch::last::LastDrop;
use crate::watch::model::Model;

/// Columns from which on lists stand beside the CPUs.
const WIDE: u16 = 160;
/// Columns in front of the line of blocks.
const BLOCKS: u16 = 54;
/// The same where causes have room for the longest name.
const WIDE_BLOCKS: u16 = 64;
/// Columns from which on they have it.
pub(super) const ROOMY: u16 = 100;

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
    rows(model, &cpus, pen, above);
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

/// `3`, or `-` where the trace does not say.
pub(super) fn number(cpu: CpuKey) -> String {
    match cpu {
        CpuKey::Cpu(n) => n.to_string(),
        CpuKey::None => "-".to_owned(),
    }
}

/// The cause of most drops, and how many others there are.
fn cause(row: &CpuRow) -> String {
    let causes = row.by_class.iter().filter(|(_, n)| **n > 0);
    let most = causes
        .clone()
        .max_by_key(|(class, n)| (**n, std::cmp::Reverse(**class)));
    match (most, causes.count()) {
        (Some((class, _)), 1) => class.name().to_owned(),
        (Some((class, _)), others) => format!("{} +{}", class.name(), others - 1),
        (None, _) => String::new(),
    }
}

/// The tone of a cause.
pub(super) fn tone(class: Class) -> Tone {
    use crate::diagnosis::class::Weight;
    match class.weight() {
        Weight::Fault => Tone::Bad,
        Weight::MayBeFault => Tone::Warn,
        Weight::Other => Tone::Plain,
    }
}

fn rows(model: &Model, cpus: &[CpuKey], pen: &mut Pen<'_>, area: Rect) {
    let picture = model.shown();
    let (heading, area) = split(area, 1);
    let selected = model.selected(cpus);
    let height = usize::from(area.height);
    let first = selected.map_or(0, |(place, _)| (place + 1).saturating_sub(height));
    let shown = cpus.iter().skip(first).take(height);
    let blocks = if area.width >= ROOMY {
        WIDE_BLOCKS
    } else {
        BLOCKS
    };
    let columns = area.width.saturating_sub(blocks).min(COLUMNS as u16);
    let title = match cpus.len() > height {
        true => format!(
            "CPUs {}-{} of {} by {}",
            first + 1,
            first + height.min(cpus.len() - first),
            cpus.len(),
            model.sort.name()
        ),
        false => format!("CPUs by {}", model.sort.name()),
    };
    let time = picture.history.span(columns.into(), picture.interval);
    pen.fill(heading, Tone::Heading);
    let y = heading.y;
    pen.text(
        (heading.x, y),
        heading.width,
        "  CPU    drops       now  gc failed  cause",
        Tone::Heading,
    );
    let end = format!("{title}, last {}", span(time.as_secs()));
    pen.right(
        (heading.right(), y),
        heading.width.saturating_sub(44),
        &end,
        Tone::Heading,
    );
    let most = shown
        .clone()
        .flat_map(|cpu| picture.history.of_cpu(*cpu, columns.into()))
        .max();
    for (y, cpu) in (area.y..).zip(shown) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        let row = picture
            .summary()
            .per_cpu
            .get(cpu)
            .cloned()
            .unwrap_or_default();
        let drops = row.drops();
        let strong = if drops > 0 { Tone::Strong } else { Tone::Faint };
        let now = picture.history.per_second(picture.history.now(*cpu));
        let is_chosen = selected.is_some_and(|(_, chosen)| chosen == *cpu);
        let mark = if is_chosen { ">" } else { " " };
        pen.text((line.x, y), 1, mark, Tone::Strong);
        pen.right((line.x + 5, y), 4, &number(*cpu), strong);
        pen.right((line.x + 14, y), 8, &drops.to_string(), strong);
        pen.right(
            (line.x + 24, y),
            9,
            &rate(now),
            if now > 0.0 { Tone::Strong } else { Tone::Faint },
        );
        let failed = match (row.gc.failed, row.gc.calls) {
            (_, 0) => "-".to_owned(),
            (failed, calls) => format!("{failed}/{calls}"),
        };
        pen.right((line.x + 35, y), 10, &failed, Tone::Plain);
        let top = row
            .by_class
            .iter()
            .max_by_key(|(_, n)| **n)
            .map(|(class, _)| *class);
        pen.text(
            (line.x + 37, y),
            blocks - 38,
            &cause(&row),
            top.map_or(Tone::Plain, tone),
        );
        let heights = picture.history.of_cpu(*cpu, columns.into());
        pen.blocks(
            (line.x + blocks, y),
            &heights,
            most.unwrap_or(0),
            Tone::Line,
        );
        if is_chosen {
            pen.fill(line, Tone::Strong);
        }
    }
}
