//! What Markdown needs: text that stays text, and tables.

use std::io::{self, Write};

use crate::text::is_harmful;

/// Text that a table cell and a paragraph take as it is.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            out.extend(c.escape_default());
            continue;
        }
        if "\\`*_[]<>|#".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A table; the first row is its head, and shorter ones are filled up.
pub(crate) fn table(rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    let Some((head, rows)) = rows.split_first() else {
        return Ok(());
    };
    row(head, out)?;
    rule(head.len(), out)?;
    for cells in rows {
        let mut cells = cells.clone();
        cells.resize(head.len(), String::new());
        row(&cells, out)?;
    }
    Ok(())
}

/// A list, an item a line.
pub(crate) fn list(items: &[String], out: &mut dyn Write) -> io::Result<()> {
    items
        .iter()
        .try_for_each(|item| writeln!(out, "- {}", escaped(item)))
}

/// One row of a table.
pub(crate) fn row(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    writeln!(out, "| {} |", cells.join(" | "))
}

/// The line between a table's head and its rows.
pub(crate) fn rule(columns: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "|{}", " --- |".repeat(columns))
}
