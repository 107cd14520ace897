//! The page as a whole.

use std::io::{self, Write};

use crate::render::format::{Extras, Format};
use crate::render::report::html::markup::{SWATCHES, add, foreign};
use crate::render::report::html::policy::{SCRIPT, STYLE, policy};
use crate::render::report::html::{cache, flame, packets, sections, timeline};
use crate::render::view::{ReportDocument, ReportView};
use crate::report::timeline::Timeline;

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

fn patterns() -> String {
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
fn section(id: &str, heading: &str, body: Option<String>) -> String {
    body.map_or(String::new(), |body| {
        format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{heading}</h2>\n{body}</section>\n"
        )
    })
}

/// Something drawn for each input, under the input's name where there are several.
fn for_each(
    timelines: &[Timeline],
    inputs: usize,
    draw: impl Fn(&Timeline) -> String,
) -> Option<String> {
    if timelines.is_empty() {
        return None;
    }
    let mut out = String::new();
    if inputs > 1 {
        out.push_str("<p>Each input has its own clock, and so its own picture.</p>\n");
    }
    for timeline in timelines {
        if inputs > 1 {
            add(
                &mut out,
                format_args!("<h3>{}</h3>\n", foreign(timeline.name.as_bytes())),
            );
        }
        out.push_str(&draw(timeline));
    }
    if inputs > timelines.len() {
        add(
            &mut out,
            format_args!(
                "<p>{} of {inputs} inputs are drawn; all are in the tables.</p>\n",
                timelines.len()
            ),
        );
    }
    Some(out)
}

/// The page. The timelines are those of the first inputs,
/// [`MAX_TIMELINES`](crate::report::timeline::MAX_TIMELINES) at most.
#[derive(Debug)]
pub(crate) struct HtmlReport;

impl Format<ReportDocument> for HtmlReport {
    fn extras(&self) -> Extras {
        Extras::Timelines
    }

    fn write(&self, view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (summary, timelines) = (view.summary, view.timelines);
        let inputs = summary.inputs.len();
        let names: Vec<String> = summary
            .inputs
            .iter()
            .take(3)
            .map(|name| foreign(name.as_bytes()))
            .collect();
        write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta http-equiv=\"Content-Security-Policy\" content=\"{}\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"referrer\" content=\"no-referrer\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n<meta name=\"generator\" content=\"ip6drop {}\"/>\n<title>IPv6 drops: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n{}",
            policy(),
            env!("CARGO_PKG_VERSION"),
            names.join(", "),
            patterns()
        )?;
        out.write_all(sections::head(summary).as_bytes())?;
        writeln!(out, "<main id=\"main\" tabindex=\"-1\">")?;
        let parts = [
            section("advice", "What to do next", sections::advice(summary)),
            section("packets", "Packets", packets::write(view)?),
            section(
                "time",
                "Drops over time",
                for_each(timelines, inputs, timeline::write),
            ),
            section(
                "cache",
                "Route cache",
                sections::cache(summary, for_each(timelines, inputs, cache::write)),
            ),
            section("stacks", "Drop stacks", flame::write(summary)),
            section("cpus", "Per CPU", sections::cpus(summary)),
            section("classes", "Drops by class", sections::classes(summary)),
            section(
                "gc",
                "Allocations attempted under pressure",
                sections::gc(summary),
            ),
            section("tasks", "Running at the time", sections::tasks(summary)),
            section(
                "netns",
                "Network namespaces with drops",
                sections::namespaces(summary),
            ),
            section("trigger", "Trigger", sections::trigger(summary)),
            section("health", "Health", Some(sections::health(summary))),
        ];
        for part in parts {
            out.write_all(part.as_bytes())?;
        }
        write!(
            out,
            "</main>\n<p id=\"said\" role=\"status\"></p>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
        )
    }
}
