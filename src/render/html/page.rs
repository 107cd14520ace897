//! The frame of a page: what stands before its parts, and behind them.

use std::io::{self, Write};

use crate::render::html::markup::SWATCHES;
use crate::render::html::policy::{SCRIPT, STYLE, policy};

/// Swatches of the classes: each has its own pattern, so that colour is not needed.
const PATTERNS: [&str; SWATCHES] = [
    "",
    "M-2 2L2 -2M0 8L8 0M6 10L10 6",
    "M4 0V8",
    "M0 0L8 8M0 8L8 0",
    "M0 4H8",
    "M-2 6L2 10M0 0L8 8M6 -2L10 2",
    "M0 4H8M4 0V8",
    "M2 2h2v2h-2z",
];

/// The patterns that pictures fill with, for a page that has some.
pub(crate) fn patterns() -> String {
    let all: String = PATTERNS
        .iter()
        .enumerate()
        .map(|(at, path)| {
            format!(
                "<pattern id=\"p{at}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"k{at}\" width=\"8\" height=\"8\"/><path class=\"h\" d=\"{path}\"/></pattern>"
            )
        })
        .collect();
    format!(
        "<svg class=\"defs\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>{all}</defs></svg>\n"
    )
}

/// A part of the page with a heading; nothing where the part has nothing to say.
pub(crate) fn section(id: &str, heading: &str, body: Option<String>) -> String {
    body.map_or(String::new(), |body| {
        format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{heading}</h2>\n{body}</section>\n"
        )
    })
}

/// Writes a page: its title, what is at its head, and its parts, each as it comes. All of it is
/// markup.
pub(crate) fn write(
    out: &mut dyn Write,
    title: &str,
    head: &str,
    parts: &mut dyn Iterator<Item = io::Result<String>>,
) -> io::Result<()> {
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta http-equiv=\"Content-Security-Policy\" content=\"{}\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"referrer\" content=\"no-referrer\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n<meta name=\"generator\" content=\"ip6drop {}\"/>\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n{head}<main id=\"main\" tabindex=\"-1\">\n",
        policy(),
        env!("CARGO_PKG_VERSION"),
    )?;
    for part in parts {
        out.write_all(part?.as_bytes())?;
    }
    write!(
        out,
        "</main>\n<p id=\"said\" role=\"status\"></p>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
