//! Counts events in trace text as it streams by.

use std::collections::BTreeMap;

use crate::kernel::functions::Function;
use crate::tracefs::seen::{ReadLine, Seen};

/// What one CPU did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CpuCounts {
    /// Drops: entries of `ip6_pkt_drop`.
    pub(crate) drops: u64,
    /// Events other than stacks, lost ones included.
    pub(crate) events: u64,
    /// Entries by function since the guard last looked.
    pub(crate) recent: BTreeMap<Vec<u8>, u64>,
    /// Events, lost ones included, since the guard last looked.
    pub(crate) recent_events: u64,
}

/// Counts of a stream of whole lines; a line cut by the end of a piece is held back.
#[derive(Debug)]
pub(crate) struct Counts {
    /// By CPU.
    pub(crate) cpus: BTreeMap<u32, CpuCounts>,
    /// Events other than stacks that were seen.
    pub(crate) events: u64,
    /// Events the kernel says it lost.
    pub(crate) lost: u64,
    read: ReadLine,
    rest: Vec<u8>,
}

impl Counts {
    /// Nothing counted yet; `read` reads the lines.
    #[must_use]
    pub(crate) fn new(read: ReadLine) -> Counts {
        Counts {
            cpus: BTreeMap::new(),
            events: 0,
            lost: 0,
            read,
            rest: Vec::new(),
        }
    }

    /// Counts the lines of `piece` and answers how many of its bytes belong to the first
    /// `most` events of the stream; all of them where that many have not been reached.
    pub(crate) fn take(&mut self, piece: &[u8], most: Option<u64>) -> usize {
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &piece[start..]) {
            let end = start + length + 1;
            let full = most.is_some_and(|most| self.events >= most);
            let is_event = if self.rest.is_empty() {
                self.line(&piece[start..end], full)
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(&piece[start..end]);
                self.line(&whole, full)
            };
            if full && is_event {
                return start;
            }
            start = end;
        }
        self.rest.extend_from_slice(&piece[start..]);
        piece.len()
    }

    /// True where the line is an event other than a stack; counted unless `full`.
    fn line(&mut self, text: &[u8], full: bool) -> bool {
        match (self.read)(text) {
            Seen::Event { cpu, name } => {
                if full {
                    return true;
                }
                self.events += 1;
                let cpu = self.cpus.entry(cpu).or_default();
                cpu.events += 1;
                cpu.recent_events += 1;
                if name == Function::PktDrop.name().as_bytes() {
                    cpu.drops += 1;
                }
                match cpu.recent.get_mut(name) {
                    Some(count) => *count += 1,
                    None => {
                        cpu.recent.insert(name.to_vec(), 1);
                    }
                }
                true
            }
            Seen::Lost { cpu, events } => {
                self.lost += events;
                let cpu = self.cpus.entry(cpu).or_default();
                cpu.events += events;
                cpu.recent_events += events;
                false
            }
            _ => false,
        }
    }

    /// Drops on all CPUs.
    #[must_use]
    pub(crate) fn drops(&self) -> u64 {
        self.cpus.values().map(|cpu| cpu.drops).sum()
    }

    /// Forgets entries of these functions since the guard last looked.
    pub(crate) fn forget_recent(&mut self, functions: &[String]) {
        for cpu in self.cpus.values_mut() {
            for function in functions {
                let gone = cpu.recent.remove(function.as_bytes()).unwrap_or(0);
                cpu.recent_events -= gone.min(cpu.recent_events);
            }
        }
    }

    /// Forgets what was counted since the guard last looked.
    pub(crate) fn clear_recent(&mut self) {
        for cpu in self.cpus.values_mut() {
            cpu.recent.clear();
            cpu.recent_events = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::seen::seen;

    const TEXT: &str = "         python3-1107  [003] ..s2   119.290676: ip6_pkt_drop <-process_backlog\n         python3-1107  [003] .Ns2   119.291989: <stack trace>\n => ip6_pkt_drop\nCPU:1 [LOST 57 EVENTS]\n         python3-1107  [003] ..s2   119.290676: icmp6_send <-x\n";

    #[test]
    fn pieces_of_any_size_count_the_same() {
        for size in [1, 7, 1000] {
            let mut counts = Counts::new(seen);
            for piece in TEXT.as_bytes().chunks(size) {
                assert_eq!(counts.take(piece, None), piece.len());
            }
            assert_eq!((counts.events, counts.drops(), counts.lost), (2, 1, 57));
            assert_eq!(counts.cpus[&3].recent_events, 2);
        }
    }

    #[test]
    fn the_limit_cuts_in_front_of_the_next_event() {
        let mut counts = Counts::new(seen);
        let kept = counts.take(TEXT.as_bytes(), Some(1));
        assert!(TEXT[..kept].ends_with("EVENTS]\n"), "{}", &TEXT[..kept]);
        assert_eq!(counts.events, 1);
    }
}
