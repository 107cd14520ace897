//! What Markdown needs: text that stays text, and tables.

use std::io::{self, Write};

/// Text that a table cell and a paragraph take as it is.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_[]<>|#".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
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
