//! Tables of plain text.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::render::paper::Paper;

/// Columns that a name keeps of itself.
const NAME: usize = 16;

/// Writes rows with the first column to the left and all others to the right. What is wider than
/// the paper goes on below, behind the first column again.
pub(crate) fn table(out: &mut dyn Write, rows: &[Vec<String>], paper: Paper) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let column = |at: usize, most: usize| -> Vec<String> {
        let cells = rows
            .iter()
            .map(|row| row.get(at).map_or("", String::as_str));
        cells.map(|cell| paper.name(cell, most)).collect()
    };
    let room = paper.width.saturating_sub(2);
    let cells = rows.iter().flat_map(|row| row.iter().skip(1));
    let widest = cells.map(|cell| cell.width()).max().unwrap_or(0);
    // Names give way to what stands beside them.
    let most = room.saturating_sub(widest + 2).max(NAME);
    let names = Column::new(column(0, most));
    let left = room.saturating_sub(names.width);
    let mut group: Vec<Column> = Vec::new();
    let mut taken = 0;
    for at in 1..columns {
        let next = Column::new(column(at, left.saturating_sub(2)));
        if !group.is_empty() && taken + 2 + next.width > left {
            write_columns(out, &names, &group)?;
            group.clear();
            taken = 0;
        }
        taken += 2 + next.width;
        group.push(next);
    }
    write_columns(out, &names, &group)
}

/// The cells of a column.
struct Column {
    cells: Vec<String>,
    /// Of its widest cell, in columns of a terminal.
    width: usize,
}

impl Column {
    fn new(cells: Vec<String>) -> Column {
        let width = cells.iter().map(|cell| cell.width()).max().unwrap_or(0);
        Column { cells, width }
    }

    fn pad(&self, cell: &str) -> String {
        " ".repeat(self.width - cell.width())
    }
}

fn write_columns(out: &mut dyn Write, names: &Column, group: &[Column]) -> io::Result<()> {
    for (row, name) in names.cells.iter().enumerate() {
        let mut line = format!("  {name}{}", names.pad(name));
        for column in group {
            let cell = &column.cells[row];
            line.push_str("  ");
            line.push_str(&column.pad(cell));
            line.push_str(cell);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &[&[&str]], width: usize) -> String {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect();
        let paper = Paper {
            width,
            whole_names: false,
        };
        let mut out = Vec::new();
        table(&mut out, &rows, paper).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_to_the_left_and_numbers_to_the_right() {
        let rows: [&[&str]; 3] = [&["CPU", "drops"], &["0", "12"], &["漢字", "7"]];
        let wanted = "  CPU   drops\n  0        12\n  漢字      7\n";
        assert_eq!(written(&rows, 80), wanted);
    }

    #[test]
    fn what_is_too_wide_goes_on_below() {
        let rows: [&[&str]; 2] = [&["CPU", "drops", "calls"], &["0", "12", "345"]];
        assert_eq!(
            written(&rows, 19),
            "  CPU  drops  calls\n  0       12    345\n"
        );
        assert_eq!(
            written(&rows, 18),
            "  CPU  drops\n  0       12\n  CPU  calls\n  0      345\n"
        );
    }

    #[test]
    fn long_names_lose_their_middle() {
        let rows: [&[&str]; 2] = [&["name", "drops"], &["abcdefghijklmnopqrst", "12"]];
        let wanted = "  name                  drops\n  abcdefghijklmnopqrst     12\n";
        assert_eq!(written(&rows, 29), wanted);
        let wanted = "  name                 drops\n  abcdefghi…lmnopqrst     12\n";
        assert_eq!(written(&rows, 28), wanted);
    }

    #[test]
    fn rows_may_be_short_and_none_may_be_there() {
        assert_eq!(written(&[&["a", "b"], &["c"]], 80), "  a  b\n  c\n");
        assert_eq!(written(&[], 80), "");
    }
}
