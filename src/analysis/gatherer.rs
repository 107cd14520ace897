//! What has been gathered from one input, record by record.

use crate::diagnosis::collect::collector::Collector;
use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::collect::signal::Signal;
use crate::report::drops::Drops;
use crate::trace::assemble::{Assembler, TextFacts};
use crate::trace::stacks::{Stacks, Table};
use crate::trace::{Record, RecordOf, Records, Sink};

/// Takes the records of one input, in the order of the text.
#[derive(Clone)]
pub(super) struct Gatherer<'f> {
    pub(super) assembler: Assembler,
    pub(super) collector: Collector<Drops<'f>>,
}

impl<'f> Gatherer<'f> {
    pub(super) fn new(drops: Drops<'f>) -> Self {
        Gatherer {
            assembler: Assembler::default(),
            collector: Collector::new(drops),
        }
    }

    /// The end of the input, and whether that is the end of what it is a recording of: what was
    /// gathered, whoever took the drops, and what is true of the text as a whole.
    pub(super) fn finish(
        mut self,
        stacks: &mut Stacks,
        is_over: bool,
    ) -> (Gathered, Drops<'f>, TextFacts) {
        self.assembler
            .finish(&mut Table::Own(stacks), &mut self.collector);
        let (gathered, drops) = self.collector.finish(is_over);
        (gathered, drops, self.assembler.into_text())
    }
}

/// Gathers from records as they come.
pub(super) struct AtOnce<'a, 'f> {
    pub(super) gatherer: &'a mut Gatherer<'f>,
    /// The chunk that the records are of.
    pub(super) bytes: &'a [u8],
    pub(super) table: Table<'a>,
}

impl Records<Signal> for AtOnce<'_, '_> {
    #[inline(always)]
    fn stacks(&self) -> &Stacks {
        self.table.stacks()
    }

    #[inline(always)]
    fn take(&mut self, record: RecordOf<Signal>) {
        let Gatherer {
            assembler,
            collector,
        } = &mut *self.gatherer;
        if let Record::Aside(aside) = record {
            // It ends nothing that is open, and the event that it is of comes next.
            return collector.aside(aside);
        }
        assembler.push(&record, self.bytes, &mut self.table, collector);
    }
}
