//! `ip6drop restore`: puts back what a killed run left behind.

use std::io::Write;

use crate::cli::restore::RestoreArgs;
use crate::commands::live::{self, tell_restored};
use crate::exit::Exit;
use crate::text::shown;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::RealFs;
use crate::tracefs::look::preflight::check_root;
use crate::tracefs::setup::mount;
use crate::tracefs::undo::journal::{StateDir, noted_mount};
use crate::tracefs::undo::leftovers::{Restored, orphans, replay_stale};
use crate::tracefs::undo::replay::Undo;

/// Runs `restore`.
pub(crate) fn run(args: &RestoreArgs, out: &mut dyn Write) -> Result<Exit, TraceError> {
    check_root()?;
    // Not to be cut short by a Ctrl-C half-way.
    let _signals = live::signals()?;
    let state = StateDir::open(&args.roots.state_dir, &args.roots.host().boot_id())?;
    let mut any = false;
    let mut complete = true;
    match replay_stale(&state, |at, changes| live::replay(&args.roots, at, changes)) {
        Ok(None) => {}
        Ok(Some(restored)) => {
            any = true;
            tell_restored(&restored, out);
            complete &= restored.undo.complete();
        }
        // What can be found without a journal is put back all the same.
        Err(TraceError::Left(what)) => {
            any = true;
            complete = false;
            for line in what.lines() {
                let _ = writeln!(out, "ip6drop: {line}");
            }
        }
        Err(e) => return Err(e),
    }
    // Without tracefs nothing can be left in it that a mount would not show again.
    if let Ok(mounted) = mount::find(&args.roots.host(), args.roots.tracefs.as_deref()) {
        let fs = RealFs::new(mounted.at);
        let found = orphans(&fs, &args.roots.host());
        if !found.is_empty() {
            any = true;
            let restored = Restored {
                undo: Undo::replay(&fs, &found),
                ..Restored::default()
            };
            tell_restored(&restored, out);
            complete &= restored.undo.complete();
        }
    }
    if let Some(at) = noted_mount(&args.roots.state_dir)
        && complete
        && live::unmount(&args.roots, &at, out)?
    {
        any = true;
        let _ = writeln!(out, "ip6drop: put back: {} unmounted", shown(&at));
    }
    if !any {
        let _ = writeln!(out, "ip6drop: nothing was left behind");
    }
    Ok(if complete {
        Exit::Clean
    } else {
        Exit::NotRestored
    })
}
