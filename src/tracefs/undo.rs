//! Replays changes in reverse and tells what became of each.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use crate::tracefs::change::Change;
use crate::tracefs::files::TraceFs;

/// What undoing one change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was put back.
    Restored,
    /// It was as before already.
    Already,
    /// Somebody else changed it since and it was left alone, or the kernel took another value
    /// than the one before; which, in words.
    Noted(String),
}

/// A change that could not be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
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
    pub restored: Vec<String>,
    /// What was left alone because it is somebody else's now, and what is as before only as
    /// nearly as the kernel can.
    pub notes: Vec<String>,
    /// What could not be put back.
    pub left: Vec<Left>,
}

impl Undo {
    /// Takes back `changes`, the last one first. A failure does not stop the others.
    #[must_use]
    pub fn replay(fs: &dyn TraceFs, changes: &[Change]) -> Undo {
        let mut undo = Undo::default();
        for change in changes.iter().rev() {
            match change.undo(fs) {
                Ok(Outcome::Restored) => undo.restored.push(change.what()),
                Ok(Outcome::Already) => {}
                Ok(Outcome::Noted(note)) => undo.notes.push(note),
                Err(e) => undo.left.push(Left {
                    change: change.clone(),
                    why: e.to_string(),
                    mend: change.mend(fs),
                }),
            }
        }
        undo
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

const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// Tries an operation of the undo again: a busy file is often free a moment later, and giving
/// up leaves the host changed. What cannot get better fails at once.
pub(crate) fn patiently<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut tries = 1;
    loop {
        match operation() {
            Err(e) if tries < TRIES && e.kind() != io::ErrorKind::NotFound => {
                if e.kind() == io::ErrorKind::ResourceBusy {
                    sleep(PAUSE);
                }
                tries += 1;
            }
            other => return other,
        }
    }
}
