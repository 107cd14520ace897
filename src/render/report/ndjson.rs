//! One object a drop, in the order of the trace, and the report as the last line.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::diagnosis::class::Class;
use crate::diagnosis::rules::explain::explain;
use crate::render::report::json::{time, value};
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::report::stacks::numbered_stacks;
use crate::report::summary::Summary;
use crate::trace::event::Frames;

/// The numbers of the stacks in a report.
pub type StackNumbers = HashMap<(Frames, Class), u64>;

/// Looks up the numbers that the summary line gives its stacks.
#[must_use]
pub fn stack_numbers(summary: &Summary) -> StackNumbers {
    numbered_stacks(summary)
        .into_iter()
        .map(|s| ((s.frames, s.class), s.id))
        .collect()
}

/// Writes each drop as it comes.
pub struct Lines<'a> {
    /// Numbers of stacks.
    numbers: &'a StackNumbers,
    /// Where to.
    out: &'a mut dyn Write,
    error: Option<io::Error>,
}

impl<'a> Lines<'a> {
    /// A writer of drops.
    pub fn new(numbers: &'a StackNumbers, out: &'a mut dyn Write) -> Self {
        Lines {
            numbers,
            out,
            error: None,
        }
    }

    /// The first error of the writer, if there was one.
    ///
    /// # Errors
    /// That error.
    pub fn finish(self) -> io::Result<()> {
        self.error.map_or(Ok(()), Err)
    }
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
            "cpu": context.map(|c| c.cpu),
            "pid": context.map(|c| c.pid),
            "comm": context.map(|c| String::from_utf8_lossy(c.comm.as_bytes())),
            "class": decided.class.name(),
            "confidence": decided.confidence.name(),
            "rule": decided.rule.name,
            "evidence": explain(drop.evidence, drop.knowledge, decided),
            "stack": number,
            "count": drop.count,
        });
        self.error = writeln!(self.out, "{line}").err();
    }
}

/// Writes the last line.
///
/// # Errors
/// Those of the writer.
pub fn write_summary(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut line = json!({"type": "summary"});
    if let (Value::Object(line), Value::Object(report)) = (&mut line, value(summary)?) {
        line.extend(report);
    }
    writeln!(out, "{line}")
}
