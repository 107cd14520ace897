//! An input read through to the evidence in it, on one thread or several.
//!
//! Threads make records of chunks; the calling thread takes the records in the order of the
//! text and gathers evidence from them, so that the result does not depend on their number.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::analysis::gatherer::{AtOnce, Gatherer};
use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::collect::signal::Signal;
use crate::input::{Chunk, Chunks, Source};
use crate::report::drops::Drops;
use crate::trace::{Parser, Record, RecordOf, Records, Stacks, Table, TextFacts};

/// Most threads that read one input; more would wait for the one that gathers.
pub(super) const MAX_THREADS: usize = 64;
/// Batches for each thread besides: one to read into while another waits to be taken.
const BATCHES: usize = 2;
/// Files from this size on, in bytes, are read by two threads where there are two CPUs.
const LARGE: u64 = 16 * 1024 * 1024;

/// What one input gave.
pub(super) struct Reading<'f> {
    /// Everything but the drops.
    pub(crate) gathered: Gathered,
    /// Whoever took the drops.
    pub(crate) drops: Drops<'f>,
    /// What is true of the text as a whole.
    pub(crate) text: TextFacts,
    /// Bytes of text read.
    pub(crate) bytes: u64,
    /// The error that ended the input early.
    pub(crate) error: Option<io::Error>,
}

/// A chunk and its records.
#[derive(Default)]
struct Batch {
    chunk: Chunk,
    records: Vec<RecordOf<Signal>>,
    /// Some stack in it may be new.
    new: bool,
}

/// Keeps records until it is their turn.
struct BatchRecords<'a> {
    stacks: &'a Stacks,
    records: &'a mut Vec<RecordOf<Signal>>,
    new: bool,
}

impl Records<Signal> for BatchRecords<'_> {
    fn stacks(&self) -> &Stacks {
        self.stacks
    }

    fn take(&mut self, record: RecordOf<Signal>) {
        self.new |= matches!(
            record,
            Record::NewStack(_) | Record::Frame(..) | Record::Foreign(_)
        );
        self.records.push(record);
    }
}

impl Batch {
    /// Reads the next chunk; false at the end.
    fn read(
        &mut self,
        chunks: &Chunks<impl Read>,
        parser: &mut Parser<Signal>,
        stacks: &RwLock<&mut Stacks>,
    ) -> bool {
        let more = chunks.next(&mut self.chunk);
        if more {
            self.records.clear();
            let stacks = stacks.read().unwrap_or_else(PoisonError::into_inner);
            let mut kept = BatchRecords {
                stacks: &stacks,
                records: &mut self.records,
                new: false,
            };
            let chunk = &self.chunk;
            let (ahead, len) = (chunk.ahead(), chunk.bytes().len());
            parser.parse(ahead, len, chunk.state(), &mut kept);
            self.new = kept.new;
        }
        more
    }
}

impl Gatherer<'_> {
    fn take(&mut self, batch: &Batch, stacks: &RwLock<&mut Stacks>) {
        // Mostly no stack is new, and threads go on looking up theirs meanwhile.
        if batch.new || self.assembler.has_frames() {
            let mut stacks = stacks.write().unwrap_or_else(PoisonError::into_inner);
            self.take_with(batch, &mut Table::Own(&mut stacks));
        } else {
            let stacks = stacks.read().unwrap_or_else(PoisonError::into_inner);
            self.take_with(batch, &mut Table::Shared(&stacks));
        }
    }

    fn take_with(&mut self, batch: &Batch, table: &mut Table<'_>) {
        let bytes = batch.chunk.bytes();
        for record in &batch.records {
            self.assembler
                .push(record, bytes, table, &mut self.collector);
        }
    }

    /// Reads and takes everything on this thread, each record as soon as it is there.
    fn read(&mut self, chunks: &Chunks<impl Read>, stacks: &mut Stacks, after: After<'_>) {
        let mut parser = Parser::default();
        let mut chunk = Chunk::default();
        while chunks.next(&mut chunk) {
            let mut at_once = AtOnce {
                gatherer: self,
                bytes: chunk.bytes(),
                table: Table::Own(stacks),
            };
            let (ahead, len) = (chunk.ahead(), chunk.bytes().len());
            parser.parse(ahead, len, chunk.state(), &mut at_once);
            after(self.collector.sink_mut(), stacks, chunks.bytes());
        }
    }

    /// The same with others that read as well.
    fn read_with(
        &mut self,
        helpers: usize,
        chunks: &Chunks<impl Read + Send>,
        stacks: &RwLock<&mut Stacks>,
        after: After<'_>,
    ) {
        std::thread::scope(|scope| {
            let (full, filled) = mpsc::channel::<Batch>();
            let (free, freed) = mpsc::channel::<Batch>();
            let freed = Arc::new(Mutex::new(freed));
            for _ in 0..helpers {
                for _ in 0..BATCHES {
                    // The receiver is right here.
                    let _ = free.send(Batch::default());
                }
                let (full, freed) = (full.clone(), Arc::clone(&freed));
                scope.spawn(move || help(chunks, stacks, &freed, &full));
            }
            drop(full);
            let mut parser = Parser::default();
            let mut own = Some(Batch::default());
            let mut waiting = BTreeMap::new();
            let mut next = 0;
            let mut at_end = false;
            loop {
                for batch in filled.try_iter() {
                    waiting.insert(batch.chunk.index(), batch);
                }
                if let Some(batch) = waiting.remove(&next) {
                    self.take(&batch, stacks);
                    let known = stacks.read().unwrap_or_else(PoisonError::into_inner);
                    after(self.collector.sink_mut(), &known, chunks.bytes());
                    drop(known);
                    next += 1;
                    if own.is_none() {
                        own = Some(batch);
                    } else {
                        // Helpers that have come to the end need none.
                        let _ = free.send(batch);
                    }
                } else if let Some(mut batch) = own.take_if(|_| !at_end) {
                    if batch.read(chunks, &mut parser, stacks) {
                        waiting.insert(batch.chunk.index(), batch);
                    } else {
                        at_end = true;
                    }
                } else if let Ok(batch) = filled.recv() {
                    waiting.insert(batch.chunk.index(), batch);
                } else {
                    return;
                }
            }
        });
    }
}

/// Reads chunks until there are no more, as long as there are batches to read them into.
fn help(
    chunks: &Chunks<impl Read>,
    stacks: &RwLock<&mut Stacks>,
    freed: &Mutex<Receiver<Batch>>,
    full: &Sender<Batch>,
) {
    let mut parser = Parser::default();
    loop {
        let free = freed.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut batch) = free else { return };
        if !batch.read(chunks, &mut parser, stacks) || full.send(batch).is_err() {
            return;
        }
    }
}

/// Threads that pay for an input of that kind.
fn usual_threads<R>(source: &Source<R>) -> usize {
    let length = match source {
        Source::File(file, _) => file.metadata().map_or(0, |m| m.len()),
        Source::Stream(_) => 0,
    };
    if length < LARGE {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2))
}

/// Called after each chunk, with whoever takes the drops, the stacks known by then, and the bytes read.
type After<'a> = &'a mut dyn FnMut(&mut Drops<'_>, &Stacks, u64);

/// Runs one input through a collector, on so many threads; with 0 on as many as pay.
pub(super) fn read_through<'f>(
    source: Source<impl Read + Send>,
    threads: usize,
    stacks: &mut Stacks,
    drops: Drops<'f>,
    after: After<'_>,
) -> Reading<'f> {
    let threads = match threads {
        0 => usual_threads(&source),
        threads => threads.min(MAX_THREADS),
    };
    let chunks = Chunks::new(source);
    let mut gatherer = Gatherer::new(drops);
    if threads == 1 {
        gatherer.read(&chunks, stacks, after);
    } else {
        gatherer.read_with(threads - 1, &chunks, &RwLock::new(&mut *stacks), after);
    }
    let (gathered, mut drops, text) = gatherer.finish(stacks, true);
    after(&mut drops, stacks, chunks.bytes());
    let (bytes, error) = chunks.finish();
    Reading {
        gathered,
        drops,
        text,
        bytes,
        error,
    }
}
