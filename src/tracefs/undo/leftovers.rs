//! What a killed run left behind: its journal, and instances and probes without a journal.

use std::path::Path;

use crate::host::Host;
use crate::tracefs::control::{GROUP, INSTANCE};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{TraceFs, read_text};
use crate::tracefs::undo::change::Change;
use crate::tracefs::undo::journal::StateDir;
use crate::tracefs::undo::replay::Undo;

/// Instances and probes of ip6drop processes that are no more, in the order of their making.
/// An instance that somebody still reads stays: the kernel refuses to remove it.
#[must_use]
pub fn orphans(fs: &dyn TraceFs, host: &Host) -> Vec<Change> {
    let dead = |pid: &str| pid.parse::<u32>().is_ok_and(|pid| !host.is_ip6drop(pid));
    let mut found = Vec::new();
    for line in read_text(fs, "kprobe_events").unwrap_or_default().lines() {
        let Some((_, event)) = line
            .split_whitespace()
            .next()
            .and_then(|w| w.split_once(':'))
        else {
            continue;
        };
        if let Some((group, name)) = event.split_once('/')
            && group.strip_prefix(GROUP).is_some_and(dead)
        {
            found.push(Change::Probe {
                group: group.to_owned(),
                name: name.to_owned(),
            });
        }
    }
    for name in fs.list("instances").unwrap_or_default() {
        if name.strip_prefix(INSTANCE).is_some_and(dead) {
            found.push(Change::Instance {
                dir: format!("instances/{name}"),
            });
        }
    }
    found
}

/// What `restore` did.
#[derive(Debug, Default)]
pub struct Restored {
    /// The process that left a journal.
    pub(crate) pid: Option<u32>,
    /// True where the journal was of an earlier boot.
    pub(crate) rebooted: bool,
    /// True where a process died before its journal was begun, and so before any change.
    pub(crate) unbegun: bool,
    /// The account.
    pub undo: Undo,
}

/// Replays the stale journal, if there is one, by `replay`, which is told of which tracefs it
/// speaks. What cannot be put back stays in it.
///
/// # Errors
/// [`TraceError::Journal`]; [`TraceError::Left`] where it cannot be read.
pub fn replay_stale(
    state: &StateDir,
    replay: impl FnOnce(&Path, &[Change]) -> Undo,
) -> Result<Option<Restored>, TraceError> {
    if state.clear_unbegun()? {
        return Ok(Some(Restored {
            unbegun: true,
            ..Restored::default()
        }));
    }
    let Some(stale) = state.stale()? else {
        return Ok(None);
    };
    let undo = if stale.rebooted {
        Undo::default()
    } else {
        replay(&stale.header.tracefs, &stale.changes)
    };
    Ok(Some(Restored {
        pid: Some(stale.header.pid),
        rebooted: stale.rebooted,
        unbegun: false,
        undo: undo.settle(state, &stale.header)?,
    }))
}
