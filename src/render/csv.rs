//! CSV as RFC 4180 has it, for spreadsheets too.

use std::io::{self, Write};

use crate::text::Untrusted;

/// Text of foreign origin as a cell. A spreadsheet takes what begins with one of these for a
/// formula; behind an apostrophe it is text.
pub(crate) fn text(value: &Untrusted) -> String {
    let value = value.to_string();
    if value.starts_with(['=', '+', '-', '@']) {
        return format!("'{value}");
    }
    value
}

/// A number as a cell, empty where it is not known.
pub(crate) fn number<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Writes a record.
pub(crate) fn record(out: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let quoted = cells.iter().map(|cell| {
        if cell.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    });
    write!(out, "{}\r\n", quoted.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut out = Vec::new();
        let cells = ["a", "b,c", "say \"d\"", "e\r\nf", ""].map(String::from);
        record(&mut out, &cells).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "a,\"b,c\",\"say \"\"d\"\"\",\"e\r\nf\",\r\n"
        );
    }

    #[test]
    fn no_foreign_text_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(text(&formula.into()), format!("'{formula}"));
        }
        assert_eq!(text(&"node-1=a".into()), "node-1=a");
        // A tab or a line end before it would hide the sign.
        assert_eq!(text(&"\t=1".into()), "\\t=1");
        assert_eq!(number(Some(-3)), "-3");
        assert_eq!(number(None::<u64>), "");
    }
}
