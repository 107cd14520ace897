//! What HTML needs: text that stays text, tables, and shares as percentages.

use std::fmt::{self, Display, Write};

use crate::text::is_harmful;

/// Appends to a page. Out of line, as all of the page is made of it.
#[inline(never)]
pub(crate) fn add(out: &mut String, text: fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = out.write_fmt(text);
}

/// Swatches of the style sheet; the one behind them is for what is of no class.
pub(crate) const SWATCHES: usize = 8;

/// The swatch of the class at that place; one that has none of its own shares the last.
pub(crate) fn swatch(class: usize) -> usize {
    class.min(SWATCHES - 1)
}

/// The cells of a row.
#[inline(never)]
pub(crate) fn cells(values: &[&dyn Display]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Text as the content of an element or of a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No characters at all, in XML even an error.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c != '\n' && is_harmful(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// Longest text of the input that is shown in one place, in characters.
const MAX_TEXT: usize = 200;

/// Text of the input: harmless, cut to a length that people read, and escaped.
pub(crate) fn foreign(text: &impl Display) -> String {
    let text = text.to_string();
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => escaped(&text[..at]) + "…",
        None => escaped(&text),
    }
}

/// `part` of `whole` for an SVG attribute: `12.5%`.
pub(crate) fn percent(part: f64, whole: f64) -> String {
    let share = if whole > 0.0 {
        part / whole * 100.0
    } else {
        0.0
    };
    let text = format!("{share:.3}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Attributes of the cell in a row and a column, each with a space before it; the head is row 0.
pub(crate) type Marks<'a> = &'a dyn Fn(usize, usize) -> String;

/// A table in a container of its own that scrolls; the first row is the head, the first cell
/// of each row its name.
pub(crate) fn table(caption: &str, rows: &[Vec<String>]) -> String {
    marked_table(caption, rows, &|_, _| String::new())
}

/// The same, with marks for the script.
pub(crate) fn marked_table(caption: &str, rows: &[Vec<String>], marks: Marks<'_>) -> String {
    written_table("<table>", caption, rows, marks)
}

/// The same, to be sorted by the script, and to look for rows in.
pub(crate) fn sortable(caption: &str, rows: &[Vec<String>], marks: Marks<'_>) -> String {
    written_table("<table class=\"sortable\">", caption, rows, marks)
}

fn written_table(start: &str, caption: &str, rows: &[Vec<String>], marks: Marks<'_>) -> String {
    let caption = escaped(caption);
    let mut out = format!(
        "<div class=\"scroll\" role=\"group\" aria-label=\"{caption}\" tabindex=\"0\">{start}<caption>{caption}</caption>\n"
    );
    for (at, row) in rows.iter().enumerate() {
        out.push_str(if at == 0 { "<thead><tr>" } else { "<tr>" });
        for (column, cell) in row.iter().enumerate() {
            let (cell, marks) = (escaped(cell), marks(at, column));
            out.push_str(&match (at, column) {
                (0, _) => format!("<th scope=\"col\"{marks}>{cell}</th>"),
                (_, 0) => format!("<th scope=\"row\"{marks}>{cell}</th>"),
                _ => format!("<td{marks}>{cell}</td>"),
            });
        }
        out.push_str(if at == 0 {
            "</tr></thead><tbody>\n"
        } else {
            "</tr>\n"
        });
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// A list, an item a line.
pub(crate) fn list(items: &[String]) -> String {
    let items: String = items
        .iter()
        .map(|item| format!("<li>{}</li>\n", escaped(item)))
        .collect();
    format!("<ul>\n{items}</ul>\n")
}

/// Numbers that are asked for first, each with its name.
pub(crate) fn figures(figures: &[(&str, String)]) -> String {
    let all: String = figures
        .iter()
        .map(|(name, n)| format!("<div><dt>{name}</dt><dd>{n}</dd></div>\n"))
        .collect();
    format!("<dl class=\"figures\">\n{all}</dl>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Untrusted;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
        assert_eq!(
            foreign(&<Untrusted>::from("</title>\x1b")),
            "&lt;/title&gt;\\u{1b}"
        );
        assert_eq!(foreign(&"x".repeat(300)).chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn every_class_has_a_swatch() {
        assert_eq!([0, 7, 8, 99].map(swatch), [0, 7, 7, 7]);
    }

    #[test]
    fn shares_are_short() {
        assert_eq!(percent(1.0, 8.0), "12.5%");
        assert_eq!(percent(1.0, 3.0), "33.333%");
        assert_eq!(percent(8.0, 8.0), "100%");
        assert_eq!(percent(0.0, 0.0), "0%");
    }
}
