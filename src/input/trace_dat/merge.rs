//! The events of all CPUs and buffers in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::input::trace_dat::contents::{Contents, CpuData};
use crate::input::trace_dat::damage::{Damage, Damages};
use crate::input::trace_dat::store::Store;
use crate::input::trace_dat::stream::{Step, Stream};
use crate::ring::clock::Clock;
use crate::ring::machine::Machine;
use crate::ring::page::PageLayout;

/// An event, or the news that some were lost.
pub(super) struct MergedEvent<'a> {
    /// Number of its buffer in the file.
    pub(crate) buffer: usize,
    /// CPU number.
    pub(crate) cpu: u32,
    /// When, as it is printed.
    pub(crate) time: u64,
    /// The clock of its buffer.
    pub(crate) clock: Clock,
    /// Events lost in front of it, and how many, where that is known.
    pub(crate) lost: Option<Option<u64>>,
    /// Its bytes; none where only a loss is left to tell.
    pub(crate) bytes: Option<&'a [u8]>,
}

/// All CPUs of all buffers.
pub(super) struct Merge {
    layout: PageLayout,
    machine: Machine,
    clocks: Vec<Clock>,
    streams: Vec<(Stream, Option<Step>)>,
    /// Whose turn it is: by time, then in the order of the file.
    turns: BinaryHeap<Reverse<(u64, usize)>>,
    /// The stream whose event was given out last.
    given: Option<usize>,
}

impl Merge {
    /// Starts all streams.
    ///
    /// # Errors
    /// Fails where the file does not say how pages are laid out.
    pub(super) fn new(
        contents: &Contents,
        store: &mut Store,
        damages: &mut Damages,
    ) -> Result<Self, Damage> {
        let Some(layout) = contents.page else {
            return Err(Damage::new("header info", 0, "is missing"));
        };
        let mut merge = Merge {
            layout,
            machine: contents.machine,
            clocks: Vec::new(),
            streams: Vec::new(),
            turns: BinaryHeap::new(),
            given: None,
        };
        // Data that is said to be in several places at once could be read without end.
        let mut left = store.len();
        for (number, buffer) in contents.buffers.iter().enumerate() {
            let own = buffer.clock.map(|clock| clock.counts);
            merge.clocks.push(Clock {
                counts: own.unwrap_or(contents.clock.counts),
                ..contents.clock
            });
            if buffer.page_size <= layout.data as u64 && !buffer.cpus.is_empty() {
                let what = format!("has sub-buffers of {} bytes", buffer.page_size);
                damages.push(Damage::new("buffer", buffer.offset, what));
                continue;
            }
            for data in &buffer.cpus {
                let size = data.size.min(left);
                left = left.saturating_sub(size);
                let there = CpuData { size, ..*data };
                let mut stream = Stream::new(number, there, buffer.compression, buffer.page_size);
                if size < data.size {
                    let what = format!("of CPU {} claims more than the file holds", data.cpu);
                    damages.push(Damage::new("CPU data", data.offset, what));
                    stream.lose();
                }
                if contents.dropping.contains(&data.cpu) {
                    stream.expect_gaps();
                }
                merge.streams.push((stream, None));
            }
        }
        for at in 0..merge.streams.len() {
            merge.advance(at, store, damages);
        }
        Ok(merge)
    }

    fn advance(&mut self, at: usize, store: &mut Store, damages: &mut Damages) {
        let Some((stream, next)) = self.streams.get_mut(at) else {
            return;
        };
        let (step, done) = stream.step(store, self.layout, self.machine);
        damages.note(done);
        if let Some(step) = &step {
            let clock = self.clocks.get(stream.buffer).copied().unwrap_or_default();
            self.turns.push(Reverse((clock.time(step.time), at)));
        }
        *next = step;
    }

    /// The next event.
    pub(super) fn next(
        &mut self,
        store: &mut Store,
        damages: &mut Damages,
    ) -> Option<MergedEvent<'_>> {
        if let Some(at) = self.given.take() {
            self.advance(at, store, damages);
        }
        let Reverse((time, at)) = self.turns.pop()?;
        self.given = Some(at);
        let (stream, step) = self.streams.get(at)?;
        let step = step.as_ref()?;
        Some(MergedEvent {
            buffer: stream.buffer,
            cpu: stream.cpu,
            time,
            clock: self.clocks.get(stream.buffer).copied().unwrap_or_default(),
            lost: step.lost,
            bytes: step.event.clone().map(|event| stream.bytes(event)),
        })
    }
}
