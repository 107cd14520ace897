//! Replays changes in reverse and tells what became of each.

use crate::tracefs::error::TraceError;
use crate::tracefs::files::TraceFs;
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
        let is_instance = |change: &&Change| matches!(change, Change::Instance { .. });
        let instances = changes.iter().rev().filter(is_instance);
        let is_other = |change: &&Change| !is_instance(change) && !change.is_probe();
        let others = changes.iter().rev().filter(is_other);
        let probes: Vec<&Change> = changes.iter().rev().filter(|c| c.is_probe()).collect();
        let mut ends: Vec<_> = instances
            .chain(others)
            .map(|change| (change, change.undo(fs)))
            .collect();
        ends.extend(probes.iter().copied().zip(undo_probes(fs, &probes)));
        for (change, end) in ends {
            match end {
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
        undo
    }

    /// Settles the journal: what could not be put back stays in it.
    ///
    /// # Errors
    /// [`TraceError::Journal`]; the undo is done all the same.
    pub fn settle(self, state: &StateDir, header: &JournalHeader) -> Result<Undo, TraceError> {
        let left: Vec<Change> = self.left.iter().rev().map(|l| l.change.clone()).collect();
        state.settle(header, &left)?;
        Ok(self)
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
        if !self.left.is_empty() {
            lines.push("or run: ip6drop restore".to_owned());
        }
        lines
    }
}
