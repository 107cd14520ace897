//! The records of one CPU: blocks of the file, sub-buffers in them, records in those
//! (include/linux/ring_buffer.h, `enum ring_buffer_type`; kernel/trace/ring_buffer.c).

use std::ops::Range;

use crate::input::trace_dat::bytes::Machine;
use crate::input::trace_dat::compression::Compression;
use crate::input::trace_dat::contents::{CpuData, PageLayout};
use crate::input::trace_dat::damage::Damage;
use crate::input::trace_dat::store::Store;

const PART: &str = "CPU data";
/// Set in `commit` where events in front of the sub-buffer were lost (`RB_MISSED_EVENTS`).
const MISSED: u64 = 1 << 31;
/// Their number stands behind the records (`RB_MISSED_STORED`).
const MISSED_STORED: u64 = 1 << 30;
/// The bits of `commit` that hold the number of bytes used.
const COMMIT: u64 = (1 << 27) - 1;
/// Bits of a time difference in the header of a record.
const TIME_BITS: u32 = 27;
/// Bits that an absolute time stamp does not hold.
const TIME_MSB: u64 = 0xf8 << 56;

/// A part of the file in pieces, decompressed.
pub(super) struct Blocks {
    offset: u64,
    end: u64,
    compression: Option<Compression>,
    /// Compressed chunks left; none before their number was read. Their number tells where
    /// the part ends: trace-cmd leaves the four bytes of that out of the size.
    chunks: Option<u64>,
    step: u64,
}

impl Blocks {
    /// `size` bytes from `offset` on; those that are not compressed in pieces of `step` bytes.
    pub(super) fn new(offset: u64, size: u64, compression: Option<Compression>, step: u64) -> Self {
        Blocks {
            offset,
            end: offset.saturating_add(size),
            compression,
            chunks: None,
            step: step.max(1),
        }
    }

    /// Where in the file the next piece starts.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next piece, which is to be given back to the store; nothing follows an error.
    pub(super) fn next(&mut self, store: &mut Store) -> Result<Option<Vec<u8>>, Damage> {
        let next = self.read(store);
        if next.is_err() {
            self.offset = self.end;
            self.chunks = self.compression.map(|_| 0);
        }
        next
    }

    fn read(&mut self, store: &mut Store) -> Result<Option<Vec<u8>>, Damage> {
        if self.offset >= self.end && self.chunks.is_none() {
            return Ok(None);
        }
        let Some(compression) = self.compression else {
            let there = self.end.min(store.len());
            if self.offset >= there {
                return Err(Damage::cut_off(PART, self.offset));
            }
            let len = self.step.min(there - self.offset);
            let bytes = store.bytes(PART, self.offset, len)?;
            self.offset += len;
            return Ok(Some(bytes));
        };
        let chunks = match self.chunks {
            Some(chunks) => chunks,
            None => {
                let count = store.bytes(PART, self.offset, 4)?;
                store.give_back(&count);
                self.offset += 4;
                compression.machine.number(&count)
            }
        };
        self.chunks = Some(chunks.saturating_sub(1));
        if chunks == 0 {
            return Ok(None);
        }
        let (bytes, end) = store.block(PART, self.offset, store.len(), compression)?;
        self.offset = end;
        Ok(Some(bytes))
    }
}

/// Where a CPU stands.
pub(super) struct Stream {
    /// Number of its buffer in the file.
    pub buffer: usize,
    /// CPU number.
    pub cpu: u32,
    blocks: Blocks,
    block: Vec<u8>,
    page_size: usize,
    /// What of the block has not been begun.
    rest: Range<usize>,
    /// Records of the sub-buffer that have not been read.
    records: Range<usize>,
    time: u64,
    /// Losses in front of what comes next: how many events, where that is known.
    lost: Option<Option<u64>>,
    /// Events may be missing between any two sub-buffers.
    gaps: bool,
}

/// What a stream has next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Time stamp in the buffer's own unit.
    pub time: u64,
    /// Events lost in front of it.
    pub lost: Option<Option<u64>>,
    /// Where in the block the event is; none where only a loss is left to tell.
    pub event: Option<Range<usize>>,
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
            records: 0..0,
            time: 0,
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
            match self.record(machine) {
                Ok(Some(event)) => {
                    let step = Step {
                        time: self.time,
                        lost: self.lost.take(),
                        event: Some(event),
                    };
                    return (Some(step), done);
                }
                Ok(None) => {}
                Err(what) => {
                    self.records = 0..0;
                    self.lost = Some(None);
                    done = done.and(Err(self.damage(what)));
                }
            }
            match self.page(store, layout, machine) {
                Ok(true) => {}
                Ok(false) => {
                    let step = self.lost.take().map(|lost| Step {
                        time: self.time,
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
    fn page(
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
        let number = |at: usize, size: usize| {
            let bytes = page.get(at..at.checked_add(size)?)?;
            Some(machine.number(bytes))
        };
        let (Some(time), Some(commit)) = (
            number(layout.timestamp, 8),
            number(layout.commit, machine.long),
        ) else {
            return Err(self.damage("ends inside the header of a sub-buffer"));
        };
        let used = layout.data.saturating_add((commit & COMMIT) as usize);
        if used > page.len() {
            return Err(self.damage("holds a sub-buffer that claims more than its size"));
        }
        if commit & MISSED != 0 {
            let stored = number(used, machine.long).filter(|_| commit & MISSED_STORED != 0);
            // A loss that was not counted is not made smaller by one that was.
            self.lost = match self.lost {
                Some(None) => Some(None),
                _ => Some(stored),
            };
        }
        if self.gaps {
            self.lost = Some(None);
        }
        self.time = time;
        self.records = start + layout.data..start + used;
        Ok(true)
    }

    /// The next record that is an event.
    fn record(&mut self, machine: Machine) -> Result<Option<Range<usize>>, &'static str> {
        let word = |block: &[u8], at: usize| block.get(at..at + 4).map(|b| machine.number(b));
        loop {
            let Range { start, end } = self.records;
            let block = self.block.get(..end).unwrap_or_default();
            let Some(header) = word(block, start) else {
                return Ok(None);
            };
            let (kind, delta) = if machine.big_endian {
                (header >> TIME_BITS, header & ((1 << TIME_BITS) - 1))
            } else {
                (header & 31, header >> 5)
            };
            let long = || word(block, start + 4).ok_or("ends inside the header of a record");
            let event = match kind {
                // Nothing follows an empty one; another stands where an event was taken back.
                29 if delta == 0 => start..end,
                29 => start + 4..start + 4 + long()? as usize,
                30 | 31 => start + 8..start + 8,
                0 => {
                    let len = long()?
                        .checked_sub(4)
                        .ok_or("holds a record without size")?;
                    start + 8..start + 8 + len.next_multiple_of(4) as usize
                }
                words => start + 4..start + 4 + 4 * words as usize,
            };
            self.time = match kind {
                30 => self.time.wrapping_add((long()? << TIME_BITS) + delta),
                31 => ((long()? << TIME_BITS) + delta) | (self.time & TIME_MSB),
                _ => self.time.wrapping_add(delta),
            };
            if event.end > end {
                return Err("holds a record that is longer than its sub-buffer");
            }
            self.records.start = event.end.max(start + 4);
            if kind < 29 {
                return Ok(Some(event));
            }
        }
    }
}
