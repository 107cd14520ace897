//! One object a drop, in the order of the trace, and the report as the last line.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::diagnosis::class::Class;
use crate::diagnosis::collect::packet_drop::{DropSink, PacketDrop};
use crate::diagnosis::evidence::EvidenceTable;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::rules::classify::classify;
use crate::diagnosis::rules::explain::explain;
use crate::render::report::json::{time, value};
use crate::report::filter::Filter;
use crate::report::stacks::numbered_stacks;
use crate::report::summary::Summary;
use crate::trace::event::Frames;
use crate::trace::{Name, StackId};

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
    /// Which drops to write.
    pub filter: &'a Filter,
    /// What is known of the input as a whole.
    pub knowledge: &'a Knowledge,
    /// Numbers of stacks.
    pub numbers: &'a StackNumbers,
    /// Where to.
    pub out: &'a mut dyn Write,
    table: EvidenceTable,
    frames: HashMap<StackId, Frames>,
    error: Option<io::Error>,
}

impl<'a> Lines<'a> {
    /// A writer of drops.
    pub fn new(
        filter: &'a Filter,
        knowledge: &'a Knowledge,
        numbers: &'a StackNumbers,
        out: &'a mut dyn Write,
    ) -> Self {
        Lines {
            filter,
            knowledge,
            numbers,
            out,
            table: EvidenceTable::default(),
            frames: HashMap::new(),
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

impl DropSink for Lines<'_> {
    fn matches_stack(&mut self, id: Option<StackId>, frames: &[Name]) -> bool {
        if let Some(id) = id {
            self.frames.entry(id).or_insert_with(|| frames.into());
        }
        self.filter.takes_stack(frames)
    }

    fn drop(&mut self, drop: &PacketDrop) {
        // The same table as the report's own, so that a full one forgets the same attempts.
        let at = self.table.intern(drop.evidence);
        let evidence = self.table.get(at);
        let decided = classify(evidence, self.knowledge);
        let wanted = drop.stack_matches
            && self.filter.takes_context(drop.context.as_ref())
            && self.filter.takes_class(decided.class);
        if self.error.is_some() || !wanted {
            return;
        }
        let number = drop.stack.and_then(|id| {
            let frames = self.frames.get(&id)?.clone();
            self.numbers.get(&(frames, decided.class)).copied()
        });
        let context = drop.context.as_ref();
        let line = json!({
            "type": "drop",
            "time": context.map(|c| time(c.time)),
            "cpu": context.map(|c| c.cpu),
            "pid": context.map(|c| c.pid),
            "comm": context.map(|c| String::from_utf8_lossy(c.comm.as_bytes())),
            "class": decided.class.name(),
            "confidence": decided.confidence.name(),
            "rule": decided.rule.name,
            "evidence": explain(evidence, self.knowledge, &decided),
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
