//! Drops counted by their evidence, for each CPU, task and stack.

use std::collections::HashMap;

use crate::diagnosis::collect::packet_drop::PacketDrop;
use crate::diagnosis::evidence::{EvidenceTable, StackState};
use crate::hash::Seeded;
use crate::kernel::functions::Direction;
use crate::report::entries::WantedTally;
use crate::report::filter::Filter;
use crate::report::packet_tally::PacketTally;
use crate::report::rows::{RECENT, Rows, recent};
use crate::trace::{Comm, Name, StackId, Time};

/// Tasks with drops that get a row of their own; drops of further ones have none.
pub(crate) const MAX_TASKS: usize = 65_536;

/// Drops of one CPU and evidence.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tallied {
    pub(crate) drops: u64,
    pub(crate) span: Option<(Time, Time)>,
}

/// What decides in which rows of CPUs and tasks a drop counts.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    evidence: u32,
    task: Option<(u32, u64, Comm)>,
}

/// A stack and the number of the evidence.
type StackKey = (StackId, u32);

/// These rows.
#[derive(Clone, Copy)]
struct Places {
    cell: u32,
    task: Option<u32>,
}

/// Counts drops.
#[derive(Clone)]
pub(crate) struct Tally<'f> {
    pub(crate) filter: &'f Filter,
    /// The filter asks where and when drops were.
    by_context: bool,
    /// It asks which packets they were.
    by_packet: bool,
    matches: HashMap<StackId, bool, Seeded>,
    pub(crate) table: EvidenceTable,
    /// Receive-path drops, filtered or not.
    pub(crate) receive_drops: u64,
    /// Drops behind a lookup of the way back, filtered or not.
    pub(crate) way_back_drops: u64,
    /// Drops that may be asked for: the trace does not say enough of their packets.
    pub(crate) nameless: u64,
    /// All drops, filtered or not.
    pub(crate) all: u64,
    pub(crate) cpus: Rows<(Option<u32>, u32), Tallied>,
    pub(crate) comms: HashMap<u64, Comm, Seeded>,
    pub(crate) tasks: Rows<(u64, u32), u64>,
    pub(crate) stacks: Rows<StackKey, u64>,
    pub(crate) stacks_beyond: u64,
    pub(crate) packets: PacketTally,
    /// Attempts at new entries, whatever the filters.
    pub(crate) wanted: WantedTally,
    recent: Vec<Option<(Kind, Places)>>,
    recent_stacks: Vec<Option<(StackKey, Option<u32>)>>,
}

impl<'f> Tally<'f> {
    pub(crate) fn new(filter: &'f Filter) -> Self {
        Tally {
            filter,
            by_context: filter.asks_context(),
            by_packet: filter.packets.asks(),
            matches: HashMap::default(),
            table: EvidenceTable::default(),
            receive_drops: 0,
            way_back_drops: 0,
            nameless: 0,
            all: 0,
            cpus: Rows::new(),
            comms: HashMap::default(),
            tasks: Rows::new(),
            stacks: Rows::new(),
            stacks_beyond: 0,
            packets: PacketTally::new(),
            wanted: WantedTally::new(),
            recent: vec![None; RECENT],
            recent_stacks: vec![None; RECENT],
        }
    }

    /// The task's row, and its name by the way.
    fn place_task(&mut self, pid: u64, comm: Comm, evidence: u32) -> Option<u32> {
        if self.comms.len() >= MAX_TASKS && !self.comms.contains_key(&pid) {
            return None;
        }
        let known = self.comms.entry(pid).or_insert(comm);
        if known.is_unnamed() {
            *known = comm;
        }
        self.tasks.capped((pid, evidence))
    }

    /// The rows of drops of this kind. Once they are found they stay the same.
    fn places(&mut self, kind: Kind) -> Places {
        let (cpu, pid) = kind.task.map_or((0, 0), |(cpu, pid, _)| (cpu, pid));
        let recent = recent([cpu as usize, pid as usize, kind.evidence as usize]);
        if let Some((known, places)) = self.recent[recent]
            && known == kind
        {
            return places;
        }
        let evidence = kind.evidence;
        let key = (kind.task.map(|(cpu, ..)| cpu), evidence);
        let cell = match self.cpus.capped(key) {
            Some(own) => Some(own),
            None => self.cpus.place((None, evidence), true),
        };
        let places = Places {
            cell: cell.unwrap_or_default(),
            task: kind
                .task
                .and_then(|(_, pid, comm)| self.place_task(pid, comm, evidence)),
        };
        self.recent[recent] = Some((kind, places));
        places
    }

    /// The row of drops with this stack and evidence, likewise.
    fn place_stack(&mut self, stack: StackId, evidence: u32) -> Option<u32> {
        let key = (stack, evidence);
        let recent = recent([0, evidence as usize, stack.0 as usize]);
        if let Some((known, place)) = self.recent_stacks[recent]
            && known == key
        {
            return place;
        }
        let place = self.stacks.capped(key);
        self.recent_stacks[recent] = Some((key, place));
        place
    }
}

impl Tally<'_> {
    /// Whether a stack is one that the user asked for.
    pub(crate) fn matches_stack(&mut self, id: Option<StackId>, frames: &[Name]) -> bool {
        let filter = self.filter;
        match id {
            _ if filter.stack.is_none() => true,
            Some(id) => *self
                .matches
                .entry(id)
                .or_insert_with(|| filter.takes_stack(frames)),
            None => filter.takes_stack(frames),
        }
    }

    /// Counts a drop; the number of its evidence, where it passes the filters on stacks,
    /// contexts and packets.
    #[inline]
    pub(crate) fn count(&mut self, drop: &PacketDrop) -> Option<u32> {
        let evidence = self.table.intern(drop.evidence);
        self.all += drop.count;
        // Netfilter's are in no counter of routes.
        if drop.evidence.reverse.is_some() {
            self.way_back_drops += drop.count;
        } else if drop.evidence.direction == Direction::Receive {
            self.receive_drops += drop.count;
        }
        let takes_context = !self.by_context || self.filter.takes_context(drop.context.as_ref());
        let packet = drop.packet.as_deref().map(|identity| &identity.packet);
        if !drop.stack_matches || !takes_context {
            return None;
        }
        if self.by_packet {
            let takes_packet = self.filter.packets.takes(packet);
            if takes_packet.is_none() {
                self.nameless += drop.count;
            }
            takes_packet.filter(|takes| *takes)?;
        }
        let places = self.places(Kind {
            evidence,
            task: drop.context.map(|c| (c.cpu, c.pid, c.comm)),
        });
        let cell = self.cpus.value(places.cell);
        cell.drops += drop.count;
        if let Some(context) = &drop.context {
            let span = cell.span.get_or_insert((context.time, context.time));
            *span = (span.0.min(context.time), span.1.max(context.time));
        }
        if let Some(task) = places.task {
            *self.tasks.value(task) += drop.count;
        }
        let stack = drop.stack.and_then(|id| self.place_stack(id, evidence));
        match stack {
            Some(stack) => *self.stacks.value(stack) += drop.count,
            None => {
                let beyond = drop.stack.is_some() || drop.evidence.stack == StackState::Present;
                self.stacks_beyond += u64::from(beyond) * drop.count;
            }
        }
        if let Some(packet) = packet {
            self.packets.count(packet, evidence, drop.count);
        }
        Some(evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_have_a_cap() {
        let filter = Filter::default();
        let mut tally = Tally::new(&filter);
        let comm = Comm::new(b"ping");
        let most = MAX_TASKS as u64;
        assert!((0..most).all(|pid| tally.place_task(pid, comm, 0).is_some()));
        assert_eq!(tally.place_task(most, comm, 0), None);
        assert_eq!(tally.place_task(7, comm, 0), Some(7));
    }
}
