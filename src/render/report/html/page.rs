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
                format_args!("<h3>{}</h3>\n", foreign(&timeline.name)),
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

/// A part: its name, its heading, and what makes its body.
type Part<'a> = (
    &'static str,
    &'static str,
    &'a dyn Fn() -> io::Result<Option<String>>,
);

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
        let names: Vec<String> = summary.inputs.iter().take(3).map(foreign).collect();
        let narrow = Narrow::of(timelines, inputs);
        let parts: [Part<'_>; 12] = [
            ("advice", "What to do next", &|| {
                Ok(sections::advice(summary))
            }),
            ("packets", "Packets", &|| packets::write(view, narrow)),
            ("time", "Drops over time", &|| {
                Ok(for_each(timelines, inputs, |of| {
                    timeline::write(of, narrow.is_some())
                }))
            }),
            ("cache", "Route cache", &|| {
                Ok(sections::cache(
                    summary,
                    for_each(timelines, inputs, cache::write),
                ))
            }),
            ("stacks", "Drop stacks", &|| Ok(flame::write(summary))),
            ("cpus", "Per CPU", &|| Ok(sections::cpus(summary, narrow))),
            ("classes", "Drops by class", &|| {
                Ok(sections::classes(summary, narrow))
            }),
            ("gc", "Allocations attempted under pressure", &|| {
                Ok(sections::gc(summary))
            }),
            ("tasks", "Running at the time", &|| {
                Ok(sections::tasks(summary))
            }),
            ("netns", "Network namespaces with drops", &|| {
                Ok(sections::namespaces(summary))
            }),
            ("trigger", "Trigger", &|| Ok(sections::trigger(summary))),
            ("health", "Health", &|| Ok(Some(sections::health(summary)))),
        ];
        // One is made when the one before it is written.
        let mut parts = parts
            .into_iter()
            .map(|(id, heading, body)| Ok(section(id, heading, body()?)));
        let title = format!("IPv6 drops: {}", names.join(", "));
        let head = patterns() + &sections::head(summary);
        page::write(out, &title, &head, &mut parts)
    }
}
