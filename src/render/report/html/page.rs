//! The page as a whole.

use std::io::{self, Write};

use crate::render::format::{Extras, Format};
use crate::render::html::markup::{add, foreign};
use crate::render::html::page::{self, patterns, section};
use crate::render::report::html::narrow::Narrow;
use crate::render::report::html::{cache, flame, packets, sections, timeline};
use crate::render::view::{ReportDocument, ReportView};
use crate::report::timeline::Timeline;

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
        let narrow = Narrow::of(timelines, inputs);
        let parts = [
            section("advice", "What to do next", sections::advice(summary)),
            section("packets", "Packets", packets::write(view, narrow)?),
            section(
                "time",
                "Drops over time",
                for_each(timelines, inputs, |of| {
                    timeline::write(of, narrow.is_some())
                }),
            ),
            section(
                "cache",
                "Route cache",
                sections::cache(summary, for_each(timelines, inputs, cache::write)),
            ),
            section("stacks", "Drop stacks", flame::write(summary)),
            section("cpus", "Per CPU", sections::cpus(summary, narrow)),
            section(
                "classes",
                "Drops by class",
                sections::classes(summary, narrow),
            ),
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
        let title = format!("IPv6 drops: {}", names.join(", "));
        let head = patterns() + &sections::head(summary);
        page::write(out, &title, &head, &parts)
    }
}
