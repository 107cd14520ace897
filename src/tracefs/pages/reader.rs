//! A pipe that reads pages of all CPUs and hands out their text in the order of time.
//!
//! In each round every CPU is read until it has nothing more. What is older than the newest
//! event of the round before is then complete, whichever CPU it is of, and is handed out; the
//! rest waits for the next round. Printing takes longer than reading: rounds go on meanwhile.
//!
//! Where events were lost the kernel writes their number behind the page that follows, if there
//! is room; else the line says `LOST EVENTS` without one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::ring::pipe_text::Origin;
use crate::tracefs::files::{Pipe, TraceFs};
use crate::tracefs::pages::cpu::CpuPages;
use crate::tracefs::pages::names::Comms;
use crate::tracefs::pages::source::Source;

/// Pages that are held at most: 16 MiB where they have 4 KiB. Where more would be, the oldest
/// events are handed out without waiting.
const MAX_HELD: usize = 4096;
/// The kernel's buffer is read after this time, also where not all of what it held before has
/// been printed: it must not fill meanwhile.
const ROUND: Duration = Duration::from_millis(50);
/// Text that is handed out at once, in bytes, as the kernel does it: few events, so that a limit
/// cuts between two of them.
const PIECE: usize = 4096;
/// Rounds after which catching up with a buffer that is filled faster than it is read ends.
const MAX_ROUNDS: usize = 8;

/// Reads the pages of a buffer as text.
pub(crate) struct PageReader<'a> {
    fs: &'a dyn TraceFs,
    source: Rc<Source>,
    cpus: Vec<CpuPages>,
    /// Whose event is next: by time, then by number.
    turns: BinaryHeap<Reverse<(u64, usize)>>,
    comms: Comms,
    /// The newest event that was read.
    newest: u64,
    /// Events up to this time are complete.
    until: u64,
    /// What is complete has not been handed out to its end.
    is_handing_out: bool,
    /// Only events up to this time are handed out now.
    up_to: Option<u64>,
    /// When the last round was.
    read: Option<Instant>,
    text: Vec<u8>,
    /// What of the text has been taken.
    taken: usize,
    /// Where the next page is read to.
    page: Vec<u8>,
    /// Pages that are held at most.
    pub(super) max_held: usize,
    /// Between two rounds, where there is enough to hand out.
    pub(super) between: Duration,
}

impl<'a> PageReader<'a> {
    /// Opens the buffer in `dir`.
    ///
    /// # Errors
    /// The file, and what opening it answers.
    pub(crate) fn open(
        fs: &'a dyn TraceFs,
        dir: &str,
        source: Rc<Source>,
    ) -> Result<PageReader<'a>, (String, io::Error)> {
        let cpus = CpuPages::all(fs, dir)?;
        source.symbols.begin();
        Ok(PageReader {
            fs,
            source,
            cpus,
            turns: BinaryHeap::new(),
            comms: Comms::new(),
            newest: 0,
            until: 0,
            is_handing_out: false,
            up_to: None,
            read: None,
            text: Vec::new(),
            taken: 0,
            page: Vec::new(),
            max_held: MAX_HELD,
            between: ROUND,
        })
    }

    #[cfg(test)]
    pub(super) fn cpus_are_empty(&self) -> bool {
        self.held() == 0 && self.turns.is_empty()
    }

    fn held(&self) -> usize {
        self.cpus.iter().map(CpuPages::held).sum()
    }

    /// Reads all CPUs; true where each of them was read until it had nothing more.
    fn round(&mut self) -> io::Result<bool> {
        let Source {
            layout, machine, ..
        } = *self.source;
        // Half of what may be held is for the round before.
        let most = (self.max_held / 2 / self.cpus.len()).max(1);
        let mut until = self.newest;
        let mut newest = self.newest;
        let mut is_all = true;
        for (at, cpu) in self.cpus.iter_mut().enumerate() {
            let waited = cpu.time().is_some();
            let is_whole = cpu.read(most, layout, machine, &mut self.page)?;
            if !waited && let Some(time) = cpu.time() {
                self.turns.push(Reverse((time, at)));
            }
            newest = newest.max(cpu.last);
            if !is_whole {
                until = until.min(cpu.last);
                is_all = false;
            }
        }
        self.newest = newest;
        self.until = self.until.max(until);
        self.comms.further_events();
        self.read = Some(Instant::now());
        Ok(is_all)
    }

    /// Prints the next event; false where it has to wait, or there is none.
    fn print(&mut self, may_wait: bool) -> bool {
        let until = self.up_to.unwrap_or(u64::MAX).min(self.until);
        let Some(&Reverse((time, at))) = self.turns.peek() else {
            return false;
        };
        if may_wait && time > until {
            return false;
        }
        self.turns.pop();
        let Some(cpu) = self.cpus.get_mut(at) else {
            return false;
        };
        if let Some(next) = cpu.front() {
            match next.lost {
                Some(Some(events)) => self
                    .text
                    .extend(format!("CPU:{} [LOST {events} EVENTS]\n", cpu.number).bytes()),
                Some(None) => self
                    .text
                    .extend(format!("CPU:{} [LOST EVENTS]\n", cpu.number).bytes()),
                None => {}
            }
            let source = &self.source;
            let origin = Origin {
                cpu: cpu.number,
                time: next.time,
                comm: self.comms.name(self.fs, source.text.pid(next.bytes)),
            };
            source.symbols.print(&mut self.text, |out, kallsyms| {
                source.text.print(out, next.bytes, origin, kallsyms)
            });
        }
        cpu.advance();
        if let Some(time) = cpu.time() {
            self.turns.push(Reverse((time, at)));
        }
        true
    }

    /// Prints events up to a piece of text, whole events.
    fn fill(&mut self) {
        let may_wait = self.held() <= self.max_held;
        while self.text.len() < PIECE && self.print(may_wait) {}
        self.is_handing_out = !self.text.is_empty();
    }
}

impl Read for PageReader<'_> {
    /// Whole lines, as far as they fit.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.text.len() {
            self.text.clear();
            self.taken = 0;
            let is_due = self.read.is_none_or(|last| last.elapsed() >= self.between);
            // What is held is half of what may be at most, so that a round has room.
            let has_room = self.held() <= self.max_held / 2;
            if !self.is_handing_out || (is_due && has_room) {
                self.round()?;
            }
            self.fill();
            if self.text.is_empty() {
                self.up_to = None;
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        let left = self.text.get(self.taken..).unwrap_or_default();
        let fits = left.get(..left.len().min(buffer.len())).unwrap_or_default();
        let lines = memchr::memrchr(b'\n', fits).map_or(fits.len(), |end| end + 1);
        buffer[..lines].copy_from_slice(&fits[..lines]);
        self.taken += lines;
        Ok(lines)
    }
}

impl Pipe for PageReader<'_> {
    /// The kernel would wake for every event, which costs what pages save.
    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn catch_up(&mut self) -> io::Result<()> {
        for _ in 0..MAX_ROUNDS {
            if self.round()? {
                break;
            }
        }
        // What came before the last of those rounds is complete after one more.
        self.round()?;
        self.up_to = Some(self.until);
        self.is_handing_out = true;
        Ok(())
    }
}
