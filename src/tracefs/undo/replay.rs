//! Replays changes in reverse and tells what became of each.

use std::io;

use crate::text::{harmless, shown};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{TraceFs, holds_tracing, read_text};
use crate::tracefs::undo::chains::{is_same_file, joined};
use crate::tracefs::undo::change::{Change, Undone, undo_probes};
use crate::tracefs::undo::journal::{JournalHeader, StateDir};

/// A change that could not be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftBehind {
    /// The change.
    pub change: Change,
    /// What the kernel answered.
    pub why: String,
    /// The shell command that mends it.
    pub mend: String,
}

/// The account of an undo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undo {
    /// What was put back, in words.
    pub(crate) restored: Vec<String>,
    /// What was left alone because it is somebody else's now, and what is as before only as
    /// nearly as the kernel can.
    pub notes: Vec<String>,
    /// What could not be put back.
    pub left: Vec<LeftBehind>,
}

impl Undo {
    /// Takes back `changes`, the last one first, but instances before all others and probes behind
    /// them: one that is on anywhere cannot be removed. A failure does not stop the others.
    #[must_use]
    pub fn replay(fs: &dyn TraceFs, changes: &[Change]) -> Undo {
        let mut undo = Undo::default();
        let changes = joined(changes);
        let is_instance = |change: &&Change| matches!(change, Change::Instance { .. });
        let instances = changes.iter().rev().filter(is_instance);
        let is_other = |change: &&Change| !is_instance(change) && !change.is_probe();
        let others = changes.iter().rev().filter(is_other);
        let probes: Vec<&Change> = changes.iter().rev().filter(|c| c.is_probe()).collect();
        let mut ends: Vec<_> = Vec::new();
        let mut stuck: Vec<&Change> = Vec::new();
        for change in instances.chain(others) {
            let end = if stuck.iter().any(|later| is_same_file(later, change)) {
                Err(io::Error::other(LATER))
            } else if !stuck.is_empty() && change.empties_filter() && takes_stacks(fs) {
                Err(io::Error::other(STACKS))
            } else {
                change.undo(fs)
            };
            if end.is_err() {
                stuck.push(change);
            }
            ends.push((change, end));
        }
        ends.extend(probes.iter().copied().zip(undo_probes(fs, &probes)));
        // Of a tracefs that is not mounted every file is missing, as if all was put back; but the
        // kernel keeps its state.
        let is_there = holds_tracing(fs);
        for (change, end) in ends {
            match end {
                _ if !is_there => undo.left.push(unmounted(fs, change)),
                Ok(Undone::Restored) => undo.restored.push(change.what()),
                Ok(Undone::Already) => {}
                Ok(Undone::Noted(note)) => undo.notes.push(note),
                Err(e) => undo.left.push(LeftBehind {
                    change: change.clone(),
                    why: e.to_string(),
                    mend: change.mend(fs),
                }),
            }
        }
        undo.numbered(fs)
    }

    /// Gives lines that cannot be read the number that they have in the settled journal.
    fn numbered(mut self, fs: &dyn TraceFs) -> Undo {
        const BEHIND_HEADER: usize = 2;
        for (number, left) in (BEHIND_HEADER..).zip(self.left.iter_mut().rev()) {
            if !left.change.is_known() {
                left.change.moves_to(number);
                left.mend = left.change.mend(fs);
            }
        }
        self
    }

    /// Settles the journal: what could not be put back stays in it.
    ///
    /// # Errors
    /// [`TraceError::Journal`], or [`TraceError::Left`] where something is left: the journal is as
    /// it was then, and the undo is done all the same.
    pub fn settle(self, state: &StateDir, header: &JournalHeader) -> Result<Undo, TraceError> {
        let left: Vec<Change> = self.left.iter().rev().map(|l| l.change.clone()).collect();
        match state.settle(header, &left) {
            Err(e) if !self.complete() => {
                let mut lines = self.lines();
                lines.push(e.to_string());
                Err(TraceError::Left(lines.join("\n")))
            }
            Err(e) => Err(e),
            Ok(()) => Ok(self),
        }
    }

    /// An error where something was left behind.
    ///
    /// # Errors
    /// [`TraceError::Left`].
    pub(crate) fn check(&self) -> Result<(), TraceError> {
        if self.complete() {
            return Ok(());
        }
        Err(TraceError::Left(self.lines().join("\n")))
    }

    /// True where nothing is left to put back.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.left.is_empty()
    }

    /// One line a finding, for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.notes.clone();
        for left in &self.left {
            lines.push(format!(
                "not put back: {} ({}); mend it with: {}",
                left.change.what(),
                left.why,
                left.mend
            ));
        }
        if self.left.iter().any(|left| left.change.is_known()) {
            lines.push("or run: ip6drop restore".to_owned());
        }
        lines.iter().map(|line| harmless(line.as_bytes())).collect()
    }
}

/// Why a change waits for a later one of the same file.
const LATER: &str = "a later change of this file could not be put back";

/// Why a filter stays where the option that belongs to it could not be taken back.
const STACKS: &str = "options/func_stack_trace is still on, and emptying the filter would let a tracer take the stack of every function";

fn takes_stacks(fs: &dyn TraceFs) -> bool {
    !read_text(fs, "options/func_stack_trace").is_ok_and(|value| value == "0")
}

/// A change that cannot be taken back because tracefs is not where it was.
fn unmounted(fs: &dyn TraceFs, change: &Change) -> LeftBehind {
    let root = shown(fs.root());
    LeftBehind {
        change: change.clone(),
        why: format!("{root} holds no tracing files any more"),
        mend: format!("mount -t tracefs tracefs {root}; ip6drop restore"),
    }
}
