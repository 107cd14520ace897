//! Pictures of a line each, for terminals: bars beside the CPUs, drops over time.

use crate::os::terminal::Terminal;
use crate::render::words::{drops, stamp};
use crate::report::timeline::{BINS, Timeline};

/// Eighths of a column from empty to full, upwards and to the right.
const UP: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const RIGHT: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// The same for terminals that know ASCII alone.
const ASCII: [char; 9] = [' ', '.', '.', ':', '-', '=', '+', '*', '#'];

/// Columns of a bar.
const MIN_BAR: usize = 8;
const MAX_BAR: usize = 24;
/// Columns of a sparkline, the widest that fits; all divide [`BINS`].
const SPARKS: [usize; 4] = [BINS, BINS / 2, BINS / 3, BINS / 4];

fn ramp(terminal: Terminal, unicode: [char; 9]) -> [char; 9] {
    if terminal.unicode { unicode } else { ASCII }
}

/// A block for each number, as high as its share of the highest; whatever is not nothing shows.
pub(super) fn blocks(heights: &[u64], terminal: Option<Terminal>) -> String {
    let most = heights.iter().copied().max().unwrap_or(0);
    blocks_of(
        heights,
        most,
        terminal.is_none_or(|terminal| terminal.unicode),
    )
}

/// The same, where one of the full height stands for `most`.
pub(crate) fn blocks_of(heights: &[u64], most: u64, unicode: bool) -> String {
    let ramp = if unicode { UP } else { ASCII };
    let most = most.max(1);
    let height = |n: &u64| {
        let height = (u128::from(*n) * 8).div_ceil(u128::from(most));
        ramp[height.min(8) as usize]
    };
    heights.iter().map(height).collect()
}

/// A bar of `n` where `most` is `width` columns wide; whatever is not nothing shows.
fn bar(n: u64, most: u64, width: usize, ramp: [char; 9]) -> String {
    let eighths = (n as f64 / most.max(1) as f64 * width as f64 * 8.0).round() as usize;
    let eighths = eighths.max(usize::from(n > 0));
    let mut bar: String = std::iter::repeat_n(ramp[8], eighths / 8).collect();
    if eighths % 8 > 0 {
        bar.push(ramp[eighths % 8]);
    }
    bar
}

/// The same for a terminal.
pub(crate) fn bar_of(n: u64, most: u64, width: usize, unicode: bool) -> String {
    bar(
        n.min(most),
        most,
        width,
        if unicode { RIGHT } else { ASCII },
    )
}

/// Adds a bar to each row of a table, but for its last where that is the sum, if the terminal is wide
/// enough. The second column holds the number.
pub(crate) fn add_bars(rows: &mut [Vec<String>], has_sum: bool, terminal: Terminal) {
    let columns = rows.first().map_or(0, Vec::len);
    let cell = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
    let taken: usize = (0..columns)
        .map(|at| 2 + rows.iter().map(|row| cell(row, at)).max().unwrap_or(0))
        .sum();
    let room = terminal.width.saturating_sub(taken + 2);
    let parts = rows.len() - usize::from(has_sum);
    let Some(rows) = rows.get_mut(..parts).filter(|_| room >= MIN_BAR) else {
        return;
    };
    let width = room.min(MAX_BAR);
    let of = |row: &Vec<String>| row.get(1).and_then(|drops| drops.parse::<u64>().ok());
    let most = rows.iter().filter_map(of).max().unwrap_or(0);
    let ramp = ramp(terminal, RIGHT);
    for row in rows {
        // The head has no number.
        let drawn = of(row).map_or(String::new(), |n| bar(n, most, width, ramp));
        row.push(format!("{drawn:<width$}"));
    }
}

/// One line of drops over time and what its height means, for each input.
pub(super) fn sparks(timelines: &[Timeline], terminal: Terminal) -> Vec<String> {
    let mut lines = Vec::new();
    for timeline in timelines {
        let Some(spark) = spark(timeline, terminal) else {
            continue;
        };
        if timelines.len() > 1 {
            lines.push(timeline.name.to_string());
        }
        lines.extend(spark);
    }
    lines
}

fn spark(timeline: &Timeline, terminal: Terminal) -> Option<[String; 2]> {
    let axis = timeline.axis?;
    let (first, last) = (stamp(Some(axis.first)), stamp(Some(axis.last)));
    let room = terminal.width.checked_sub(first.len() + last.len() + 6)?;
    let columns = SPARKS.into_iter().find(|columns| *columns <= room)?;
    let total = timeline.total();
    let heights: Vec<u64> = total
        .chunks(BINS / columns)
        .map(|bins| bins.iter().flatten().sum())
        .collect();
    let most = heights.iter().copied().max().filter(|most| *most > 0)?;
    let line = blocks(&heights, Some(terminal));
    Some([
        format!("{first} {line} {last}"),
        format!(
            "highest: {} in {}",
            drops(most),
            axis.span(1.0 / columns as f64)
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
        vec![
            row(["CPU", "drops", "gc"]),
            row(["0", "8", "1"]),
            row(["1", "1", "1"]),
            row(["2", "0", "1"]),
            row(["all", "9", "3"]),
        ]
    }

    fn bars(width: usize, unicode: bool) -> Vec<Option<String>> {
        let mut rows = rows();
        add_bars(&mut rows, true, Terminal { width, unicode });
        let bar = |row: &Vec<String>| row.get(3).map(|bar| bar.trim_end().to_owned());
        rows.iter().map(bar).collect()
    }

    #[test]
    fn bars_are_as_wide_as_the_terminal_allows() {
        let some = |bar: &str| Some(bar.to_owned());
        assert_eq!(
            bars(26, true),
            [some(""), some("████████"), some("█"), some(""), None]
        );
        assert_eq!(
            bars(26, false),
            [some(""), some("########"), some("#"), some(""), None]
        );
        assert_eq!(bars(20, true), vec![None; 5]);
        let widest = bars(500, true)[1].clone().unwrap();
        assert_eq!(widest.chars().count(), MAX_BAR);
    }

    #[test]
    fn what_is_not_nothing_shows() {
        assert_eq!(bar(1, 1_000_000, 8, RIGHT), "▏");
        assert_eq!(bar(0, 1_000_000, 8, RIGHT), "");
        assert_eq!(bar(u64::MAX, u64::MAX, 8, ASCII), "########");
    }
}
