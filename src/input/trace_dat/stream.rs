//! The events of one CPU: blocks of the file, pages in them, records in those.

use std::ops::Range;

use crate::input::trace_dat::blocks::{Blocks, PART};
use crate::input::trace_dat::compression::Compression;
use crate::input::trace_dat::contents::CpuData;
use crate::input::trace_dat::damage::Damage;
use crate::input::trace_dat::store::Store;
use crate::ring::machine::Machine;
use crate::ring::page::{Page, PageLayout};

/// Where a CPU stands.
pub(super) struct Stream {
    /// Number of its buffer in the file.
    pub(crate) buffer: usize,
    /// CPU number.
    pub(crate) cpu: u32,
    blocks: Blocks,
    block: Vec<u8>,
    page_size: usize,
    /// What of the block has not been begun.
    rest: Range<usize>,
    /// The page that is read, and where in the block it is.
    page: Page,
    place: Range<usize>,
    /// Losses in front of what comes next: how many events, where that is known.
    lost: Option<Option<u64>>,
    /// Events may be missing between any two sub-buffers.
    gaps: bool,
}

/// What a stream has next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Time stamp in the buffer's own unit.
    pub(crate) time: u64,
    /// Events lost in front of it.
    pub(crate) lost: Option<Option<u64>>,
    /// Where in the block the event is; none where only a loss is left to tell.
    pub(crate) event: Option<Range<usize>>,
}

impl Stream {
    /// The stream of one CPU of one buffer.
    pub(super) fn new(
        buffer: usize,
        data: CpuData,
        compression: Option<Compression>,
        page_size: u64,
    ) -> Self {
        Stream {
            buffer,
            cpu: data.cpu,
            blocks: Blocks::new(data.offset, data.size, compression, page_size),
            block: Vec::new(),
            page_size: page_size.max(1) as usize,
            rest: 0..0,
            page: Page::default(),
            place: 0..0,
            lost: None,
            gaps: false,
        }
    }

    /// Notes that events were dropped, the kernel does not say where: between sub-buffers.
    pub(super) fn expect_gaps(&mut self) {
        self.gaps = true;
    }

    /// Notes that events in front of what comes next were lost.
    pub(super) fn lose(&mut self) {
        self.lost = Some(None);
    }

    /// The bytes of an event.
    pub(super) fn bytes(&self, event: Range<usize>) -> &[u8] {
        self.block.get(event).unwrap_or_default()
    }

    /// Goes on to the next event. What is damaged counts as lost, and reading goes on behind.
    pub(super) fn step(
        &mut self,
        store: &mut Store,
        layout: PageLayout,
        machine: Machine,
    ) -> (Option<Step>, Result<(), Damage>) {
        let mut done = Ok(());
        loop {
            let page = self.block.get(self.place.clone()).unwrap_or_default();
            match self.page.next(page) {
                Ok(Some(event)) => {
                    let start = self.place.start;
                    let [from, to] = [event.start, event.end].map(|at| start.saturating_add(at));
                    let step = Step {
                        time: self.page.time(),
                        lost: self.lost.take(),
                        event: Some(from..to),
                    };
                    return (Some(step), done);
                }
                Ok(None) => {}
                Err(what) => {
                    self.lost = Some(None);
                    done = done.and(Err(self.damage(what)));
                }
            }
            match self.begin(store, layout, machine) {
                Ok(true) => {}
                Ok(false) => {
                    let step = self.lost.take().map(|lost| Step {
                        time: self.page.time(),
                        lost: Some(lost),
                        event: None,
                    });
                    return (step, done);
                }
                Err(damage) => {
                    self.lost = Some(None);
                    done = done.and(Err(damage));
                }
            }
        }
    }

    fn damage(&self, what: &str) -> Damage {
        let of = format!("of CPU {} {what}", self.cpu);
        Damage::new(PART, self.blocks.offset(), of)
    }

    /// Begins the next sub-buffer; false at the end.
    fn begin(
        &mut self,
        store: &mut Store,
        layout: PageLayout,
        machine: Machine,
    ) -> Result<bool, Damage> {
        if self.rest.is_empty() {
            store.give_back(&self.block);
            self.block = Vec::new();
            match self.blocks.next(store)? {
                Some(block) => self.block = block,
                None => return Ok(false),
            }
            self.rest = 0..self.block.len();
        }
        let start = self.rest.start;
        let end = start.saturating_add(self.page_size).min(self.rest.end);
        self.rest.start = end;
        let page = self.block.get(start..end).unwrap_or_default();
        self.page = Page::begin(page, layout, machine).map_err(|what| self.damage(what))?;
        self.place = start..end;
        if let Some(counted) = self.page.lost {
            // A loss that was not counted is not made smaller by one that was.
            self.lost = match self.lost {
                Some(None) => Some(None),
                _ => Some(counted),
            };
        }
        if self.gaps {
            self.lost = Some(None);
        }
        Ok(true)
    }
}
