//! One line a stack, outermost frame first, for flame-graph tools.

use std::io::{self, Write};

use crate::order::sort_by_key;
use crate::render::format::Format;
use crate::render::view::{ReportDocument, ReportView};
use crate::text::harmless;

/// `outermost;…;innermost COUNT` lines, most frequent first.
#[derive(Debug)]
pub(crate) struct FoldedReport;

impl Format<ReportDocument> for FoldedReport {
    fn write(&self, view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut folded = std::collections::BTreeMap::<String, u64>::new();
        for ((frames, _), drops) in &view.summary.stacks {
            let names: Vec<String> = frames
                .iter()
                .rev()
                .map(|frame| harmless(frame).replace([';', ' '], "_"))
                .collect();
            *folded.entry(names.join(";")).or_default() += drops;
        }
        let mut lines: Vec<_> = folded.into_iter().collect();
        sort_by_key(&mut lines, |(_, drops)| std::cmp::Reverse(*drops));
        for (stack, drops) in lines {
            writeln!(out, "{stack} {drops}")?;
        }
        Ok(())
    }
}
