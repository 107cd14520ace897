//! Drops by CPU and time as a map. The script lets people select in it.

use crate::render::html::markup::add;
use crate::render::report::html::lanes::{begins, busiest, lane, rows, sum};
use crate::report::timeline::{Axis, BINS, Row, Timeline};

/// Shades, and heights, from few drops to most.
const LEVELS: usize = 5;
/// Height of a row in pixels.
const HEIGHT: u64 = 20;

/// The smallest number of drops of each level: equal steps of the logarithm up to the most in
/// a bin, so that a single drop and a flood are both to be seen.
fn floors(most: u64) -> [u64; LEVELS] {
    let half = (most as f64).sqrt();
    let quarter = half.sqrt();
    let [second, third, fourth] = [quarter, half, half * quarter].map(|root| root.ceil() as u64);
    [1, second, third, fourth, most]
}

fn level(floors: &[u64; LEVELS], drops: u64) -> usize {
    floors.iter().filter(|floor| **floor <= drops).count()
}

/// Height of a cell of a level, in the units of the picture; it stands in the middle of its row.
fn tall(level: usize) -> usize {
    2 + 2 * level
}

/// A row's cells, one path a level. Higher is also darker, so that neither is needed alone.
fn cells(row: &Row, floors: &[u64; LEVELS]) -> String {
    let mut out = String::new();
    for of in 1..=LEVELS {
        let here = |cell: &[u64]| cell.iter().sum::<u64>() > 0;
        let bins = row.iter().enumerate();
        let mut bins = bins.filter(|(_, cell)| here(*cell) && level(floors, sum(cell)) == of);
        let Some(first) = bins.next() else { continue };
        add(&mut out, format_args!("<path class=\"q{of}\" d=\""));
        for (bin, _) in std::iter::once(first).chain(bins) {
            let (top, tall) = (LEVELS - of, tall(of));
            add(&mut out, format_args!("M{bin} {top}h1v{tall}h-1z"));
        }
        out.push_str("\"/>");
    }
    out
}

/// The key: drops in a cell of each level.
fn key(floors: &[u64; LEVELS]) -> String {
    let mut out = String::from("<ul class=\"legend\">\n<li>Drops in a cell:</li>\n");
    for (at, floor) in floors.iter().enumerate() {
        let range = match floors.get(at + 1) {
            Some(next) if next <= floor => continue,
            Some(next) if *next == floor + 1 => floor.to_string(),
            Some(next) => format!("{floor}–{}", next - 1),
            None => floor.to_string(),
        };
        let (of, top) = (at + 1, LEVELS - at - 1);
        add(
            &mut out,
            format_args!(
                "<li><svg aria-hidden=\"true\" width=\"10\" height=\"{HEIGHT}\" viewBox=\"0 0 10 {}\" preserveAspectRatio=\"none\"><rect class=\"q{of}\" y=\"{top}\" width=\"10\" height=\"{}\"/></svg> {range}</li>\n",
                tall(LEVELS),
                tall(of),
            ),
        );
    }
    out.push_str("</ul>\n");
    out
}

/// The map and its key. With `narrows` the script narrows the page's tables to what is selected.
pub(super) fn write(timeline: &Timeline, axis: Axis, narrows: bool) -> String {
    let rows = rows(timeline);
    let most = rows.iter().map(|(_, row)| busiest(row)).max();
    let floors = floors(most.unwrap_or(0));
    let times: Vec<String> = (0..=BINS).map(|bin| begins(axis, bin)).collect();
    let grounds = timeline.moments.grounds().iter();
    let classes: Vec<&str> = grounds.map(|ground| ground.class.name()).collect();
    let mut out = format!(
        "<div class=\"map\" data-times=\"{}\" data-classes=\"{}\"{}>\n",
        times.join(" "),
        classes.join(" "),
        if narrows { " data-narrows=\"\"" } else { "" },
    );
    for (at, (name, row)) in rows.iter().enumerate() {
        let mut drops = String::new();
        for (bin, ground, n) in timeline.moments.of_row(at) {
            let space = if drops.is_empty() { "" } else { " " };
            add(&mut drops, format_args!("{space}{bin}.{ground}.{n}"));
        }
        let attributes = format!(
            "height=\"{HEIGHT}\" viewBox=\"0 0 {BINS} {}\" preserveAspectRatio=\"none\" data-drops=\"{drops}\"",
            tall(LEVELS)
        );
        out.push_str(&lane(axis, name, row, &attributes, &cells(row, &floors)));
    }
    out.push_str("</div>\n");
    out + &key(&floors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_reach_from_one_drop_to_the_most() {
        let levels = |most, drops: &[u64]| {
            let floors = floors(most);
            drops.iter().map(|n| level(&floors, *n)).collect::<Vec<_>>()
        };
        assert_eq!(levels(1, &[1]), [5]);
        assert_eq!(levels(2, &[1, 2]), [1, 5]);
        assert_eq!(
            levels(10_000, &[1, 9, 10, 100, 999, 1000, 9999, 10_000]),
            [1, 1, 2, 3, 3, 4, 4, 5]
        );
        assert_eq!(levels(u64::MAX, &[1, u64::MAX]), [1, 5]);
    }

    #[test]
    fn the_key_names_every_number_once() {
        assert_eq!(key(&floors(1)).matches("<svg").count(), 1);
        let key = key(&floors(100));
        for range in ["> 1–3<", "> 4–9<", "> 10–31<", "> 32–99<", "> 100<"] {
            assert!(key.contains(range), "{key}");
        }
    }
}
