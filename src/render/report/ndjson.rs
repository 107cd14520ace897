//! One object a drop, in the order of the trace, and the report as the last line.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::diagnosis::class::Class;
use crate::diagnosis::rules::explain::explain;
use crate::render::format::{Extras, Format};
use crate::render::json::json;
use crate::render::report::json::{ReportObject, time};
use crate::render::report::packets::packet;
use crate::render::utc::rfc3339;
use crate::render::view::{ReportDocument, ReportView};
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::report::stacks::numbered_stacks;
use crate::trace::event::Frames;

/// Writes each drop as it comes.
struct Lines<'a> {
    /// Numbers of the stacks in the last line.
    numbers: HashMap<(Frames, Class), u64>,
    out: &'a mut dyn Write,
    /// The first error of the writer.
    error: Option<io::Error>,
}

impl DecidedSink for Lines<'_> {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        if self.error.is_some() {
            return;
        }
        let (context, decided) = (drop.context, drop.classification);
        let number = drop
            .frames
            .and_then(|frames| self.numbers.get(&(frames.clone(), decided.class)).copied());
        let line = json!({
            "type": "drop",
            "time": context.map(|c| time(c.time)),
            "wall": drop.wall().and_then(rfc3339),
            "cpu": context.map(|c| c.cpu),
            "pid": context.map(|c| c.pid),
            "comm": context.map(|c| String::from_utf8_lossy(c.comm.as_bytes())),
            "class": decided.class.name(),
            "confidence": decided.confidence.name(),
            "rule": decided.rule.name,
            "evidence": explain(drop.evidence, drop.knowledge, decided),
            "stack": number,
            "count": drop.count,
            "packet": packet(drop),
        });
        self.error = writeln!(self.out, "{line}").err();
    }
}

/// Drop by drop.
#[derive(Debug)]
pub(crate) struct NdjsonReport;

impl Format<ReportDocument> for NdjsonReport {
    fn extras(&self) -> Extras {
        Extras::Drops
    }

    fn write(&self, view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let stacks = numbered_stacks(view.summary).into_iter();
        let mut lines = Lines {
            numbers: stacks.map(|s| ((s.frames, s.class), s.id)).collect(),
            out,
            error: None,
        };
        (view.walk)(&mut lines)?;
        if let Some(error) = lines.error {
            return Err(error);
        }
        let last = ReportObject::last_line(view.summary);
        serde_json::to_writer(&mut *out, &last)?;
        writeln!(out)
    }
}
