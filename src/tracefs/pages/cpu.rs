//! The pages of one CPU: read, and held until it is known that no other CPU has an earlier
//! event.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use rustix::io::Errno;

use crate::order::sort_by_key;
use crate::ring::machine::Machine;
use crate::ring::page::{Page, PageLayout};
use crate::tracefs::files::{Pipe, TraceFs, read_some};

/// A page, and where reading stands in it.
struct Held {
    bytes: Vec<u8>,
    page: Page,
    /// The next event.
    event: Range<usize>,
}

/// What the next event is.
pub(crate) struct Next<'a> {
    /// Losses in front of it: how many events, where that is known.
    pub(crate) lost: Option<Option<u64>>,
    /// Its time stamp.
    pub(crate) time: u64,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
}

/// One CPU.
pub(crate) struct CpuPages {
    /// Its number.
    pub(crate) number: u32,
    pipe: Box<dyn Pipe>,
    held: VecDeque<Held>,
    /// Losses in front of what is read next.
    lost: Option<Option<u64>>,
    /// The latest time stamp that was read.
    pub(crate) last: u64,
}

impl CpuPages {
    /// Opens all CPUs of a buffer, also those that are not there yet: the kernel has files for
    /// every CPU that it could have.
    ///
    /// # Errors
    /// The file, and what opening it answers.
    pub(crate) fn all(fs: &dyn TraceFs, dir: &str) -> Result<Vec<CpuPages>, (String, io::Error)> {
        let folder = format!("{dir}per_cpu");
        let names = fs.list(&folder).map_err(|e| (folder.clone(), e))?;
        let mut cpus = Vec::new();
        for name in names {
            let Some(number) = name.strip_prefix("cpu").and_then(|n| n.parse().ok()) else {
                continue;
            };
            let path = format!("{folder}/{name}/trace_pipe_raw");
            let pipe = fs.pipe(&path).map_err(|e| (path, e))?;
            cpus.push(CpuPages {
                number,
                pipe,
                held: VecDeque::new(),
                lost: None,
                last: 0,
            });
        }
        if cpus.is_empty() {
            return Err((folder, io::ErrorKind::NotFound.into()));
        }
        sort_by_key(&mut cpus, |cpu| cpu.number);
        Ok(cpus)
    }

    /// Reads up to so many pages, each to `spare` first. True where that is all there was.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(crate) fn read(
        &mut self,
        most: usize,
        layout: PageLayout,
        machine: Machine,
        spare: &mut Vec<u8>,
    ) -> io::Result<bool> {
        for _ in 0..most {
            spare.resize(layout.size, 0);
            let read = match read_some(self.pipe.as_mut(), spare) {
                // A CPU that has never run has no buffer.
                Err(e) if Errno::from_io_error(&e) == Some(Errno::NODEV) => None,
                other => other?,
            };
            let Some(len) = read else { return Ok(true) };
            spare.truncate(len);
            self.take(std::mem::take(spare), layout, machine);
        }
        Ok(false)
    }

    /// Takes a page. What is damaged counts as lost.
    fn take(&mut self, bytes: Vec<u8>, layout: PageLayout, machine: Machine) {
        let Ok(mut page) = Page::begin(&bytes, layout, machine) else {
            self.lost = Some(None);
            return;
        };
        if page.lost.is_some() {
            self.lost = match self.lost {
                None => page.lost,
                // Of two losses one without a number has none together.
                Some(_) => Some(None),
            };
        }
        let mut all = page.clone();
        let mut damaged = false;
        loop {
            match all.next(&bytes) {
                Ok(Some(_)) => self.last = self.last.max(all.time()),
                Ok(None) => break,
                Err(_) => {
                    damaged = true;
                    break;
                }
            }
        }
        if let Ok(Some(event)) = page.next(&bytes) {
            page.lost = self.lost.take();
            self.held.push_back(Held { bytes, page, event });
        }
        if damaged {
            self.lost = Some(None);
        }
    }

    /// Pages that are held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// The time of the next event.
    pub(crate) fn time(&self) -> Option<u64> {
        Some(self.held.front()?.page.time())
    }

    /// The next event.
    pub(crate) fn front(&self) -> Option<Next<'_>> {
        let held = self.held.front()?;
        Some(Next {
            lost: held.page.lost,
            time: held.page.time(),
            bytes: held.bytes.get(held.event.clone()).unwrap_or_default(),
        })
    }

    /// Goes on behind the next event.
    pub(crate) fn advance(&mut self) {
        let Some(held) = self.held.front_mut() else {
            return;
        };
        held.page.lost = None;
        match held.page.next(&held.bytes) {
            Ok(Some(event)) => held.event = event,
            _ => {
                self.held.pop_front();
            }
        }
    }
}
