//! What the commands that trace have in common: roots, preflight, stale journals.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::tracing::{How, Roots};
use crate::exit::Exit;
use crate::host::Host;
use crate::kernel::functions::Function;
use crate::kernel::traced::RT6_STATS_SEQ_SHOW;
use crate::os::signals::{SIGHUP, SIGINT, SIGPIPE, SIGTERM, Signals};
use crate::text::{harmless, shown};
use crate::tracefs::calibrate::calibration::{Calibrated, calibrate};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{RealFs, holds_tracing};
use crate::tracefs::look::preflight::{Preflight, check_root};
use crate::tracefs::look::selfcheck::{Choice, Env, choose};
use crate::tracefs::setup::mount::{self, Unmounted};
use crate::tracefs::undo::change::Change;
use crate::tracefs::undo::journal::{StateDir, forget_mount, note_mount};
use crate::tracefs::undo::leftovers::{Restored, replay_stale};
use crate::tracefs::undo::replay::Undo;
use crate::tracefs::undo::session::Session;

/// The signals that end a run.
pub(crate) const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGPIPE];

/// Takes over the signals that end a run in good order.
///
/// # Errors
/// [`TraceError::Journal`] stands for what the system answers.
pub(crate) fn signals() -> Result<Signals, TraceError> {
    Signals::take(&ENDING).map_err(|source| TraceError::Journal {
        path: "signal handlers".into(),
        doing: "install",
        source,
    })
}

/// A host that can be traced as far as one can see without tracing.
pub(crate) struct Ready {
    /// Its tracefs.
    pub(crate) fs: RealFs,
    /// Lock and journal.
    pub(crate) state: StateDir,
    /// What was looked at.
    pub(crate) preflight: Preflight,
}

/// Root, lock, stale journal, tracefs, preflight, in this order. A stale journal is replayed
/// and reported on `err` first.
///
/// # Errors
/// What is in the way.
pub(crate) fn ready(
    roots: &Roots,
    extra: &[String],
    err: &mut dyn Write,
) -> Result<Ready, TraceError> {
    check_root()?;
    let state = StateDir::open(&roots.state_dir, &roots.host().boot_id())?;
    mend_stale(roots, &state, err)?;
    roots.host().ask_new_max_size();
    let (fs, preflight) = look(roots, extra)?;
    Ok(Ready {
        fs,
        state,
        preflight,
    })
}

/// tracefs and preflight: what can be seen without changing anything.
///
/// # Errors
/// What is in the way.
pub(crate) fn look(roots: &Roots, extra: &[String]) -> Result<(RealFs, Preflight), TraceError> {
    let mounted = mount::find(&roots.host(), roots.tracefs.as_deref())?;
    let fs = RealFs::new(mounted.at);
    let preflight = Preflight::look(&fs, &roots.host(), mounted.read_only, extra);
    Ok((fs, preflight))
}

/// Chooses a way of tracing by the self-check, and says on `err` what is to be known of it.
///
/// # Errors
/// What came in between; a host on which nothing works is no error here.
pub(crate) fn choose_method(
    env: &Env<'_>,
    how: &How,
    preflight: &Preflight,
    return_probe: bool,
    err: &mut dyn Write,
) -> Result<Choice, TraceError> {
    let choice = choose(
        env,
        how.method.asked(),
        preflight.available.real(RT6_STATS_SEQ_SHOW),
        &preflight.others,
        how.force,
        return_probe,
    )?;
    for note in &choice.notes {
        let _ = writeln!(err, "ip6drop: {note}");
    }
    Ok(choice)
}

/// The functions by which packets can be named, `ip6_pkt_drop` and, where it is there,
/// `rt6_stats_seq_show`, as this kernel calls them; or why it cannot be done, in words.
pub(crate) fn nameable(preflight: &Preflight) -> Result<(&str, Option<&str>), String> {
    let available = &preflight.available;
    let [function] = available.real(Function::PktDrop.name()) else {
        return Err("the compiler made several functions of ip6_pkt_drop".to_owned());
    };
    if let Some(why) = preflight.others.pins("nop") {
        return Err(why);
    }
    let show = available.real(RT6_STATS_SEQ_SHOW).first();
    Ok((function, show.map(String::as_str)))
}

/// Finds out where this kernel keeps the words of a packet, in a session whose instance is ready
/// for a recording with this buffer; or says why that is not to be had.
///
/// # Errors
/// What came in between, or could not be put back.
pub(crate) fn identity<'a>(
    env: &Env<'a>,
    host: &Host,
    preflight: &Preflight,
    buffer_kb: u32,
) -> Result<Result<(Calibrated, Session<'a>), String>, TraceError> {
    match nameable(preflight) {
        Ok(functions) => calibrate(env, host, functions, buffer_kb),
        Err(why) => Ok(Err(why)),
    }
}

/// The error for a host on which no method showed entry and frames.
#[must_use]
pub(crate) fn no_method(choice: &Choice) -> TraceError {
    let tried: Vec<String> = choice
        .tried
        .iter()
        .map(|tried| format!("{}: {}", tried.method.name(), tried.words()))
        .collect();
    TraceError::Untraceable {
        why: format!("no method of tracing works here ({})", tried.join("; ")).into(),
        advice: "if somebody else is tracing, wait for them; otherwise see dmesg".into(),
    }
}

/// Takes back the changes of a journal, in the tracefs that it speaks of or, where that is not
/// mounted there any more, where it is now: a kernel has but one.
pub(crate) fn replay(roots: &Roots, at: &Path, changes: &[Change]) -> Undo {
    let mut fs = RealFs::new(at.to_owned());
    if !holds_tracing(&fs)
        && let Ok(mounted) = mount::find(&roots.host(), roots.tracefs.as_deref())
    {
        let other = RealFs::new(mounted.at);
        if holds_tracing(&other) {
            fs = other;
        }
    }
    Undo::replay(&fs, changes)
}

fn mend_stale(roots: &Roots, state: &StateDir, err: &mut dyn Write) -> Result<(), TraceError> {
    if let Some(restored) = replay_stale(state, |at, changes| replay(roots, at, changes))? {
        tell_restored(&restored, err);
        restored.undo.check()?;
    }
    Ok(())
}

/// Says what became of a stale journal. A terminal that is gone is no reason to stop.
pub(crate) fn tell_restored(restored: &Restored, out: &mut dyn Write) {
    if let Some(pid) = restored.pid {
        let _ = writeln!(
            out,
            "ip6drop: a run that was killed (pid {pid}) left an undo journal"
        );
    }
    if restored.rebooted {
        let _ = writeln!(
            out,
            "ip6drop: the host has booted since, so nothing is left to put back"
        );
    }
    if restored.unbegun {
        let _ = writeln!(
            out,
            "ip6drop: a run that was killed had only begun its undo journal, and changed nothing"
        );
    }
    for what in &restored.undo.restored {
        let _ = writeln!(out, "ip6drop: put back: {}", harmless(what.as_bytes()));
    }
    for line in restored.undo.lines() {
        let _ = writeln!(out, "ip6drop: {line}");
    }
}

/// Mounts tracefs for the length of `run` where `--mount` asks for it and nothing is mounted. Of
/// several runs on what one of them mounted the last one unmounts it.
///
/// # Errors
/// Whatever mounting or `run` answers.
pub(crate) fn with_mount(
    roots: &Roots,
    mount_it: bool,
    run: impl FnOnce(&Roots) -> Result<Exit, TraceError>,
) -> Result<Exit, TraceError> {
    if !mount_it {
        return run(roots);
    }
    let at = match mount::find(&roots.host(), roots.tracefs.as_deref()) {
        Ok(mounted) => mounted.at,
        Err(_) => mount_here(roots)?,
    };
    if !mount::is_own(&roots.host(), &at) {
        return run(roots);
    }
    let ended = run(roots);
    // Whatever `run` came to, what was mounted for it goes away with it.
    match (ended, unmount(roots, &at, &mut io::stderr())) {
        (Ok(_), Err(e)) => Err(e),
        (ended, _) => ended,
    }
}

/// Mounts tracefs, with a note for `restore`; where it is mounted now.
fn mount_here(roots: &Roots) -> Result<PathBuf, TraceError> {
    check_root()?;
    let at = roots.tracefs.clone().unwrap_or_else(|| mount::USUAL.into());
    note_mount(&roots.state_dir, &at)?;
    let Err(source) = mount::mount(&at) else {
        return Ok(at);
    };
    // Another run may have been faster. Then the note stands for its mount, too.
    if let Ok(mounted) = mount::find(&roots.host(), roots.tracefs.as_deref()) {
        return Ok(mounted.at);
    }
    forget_mount(&roots.state_dir)?;
    Err(TraceError::file(at, "mount tracefs")(source))
}

/// Unmounts what was mounted for a run, and forgets it; true where it was still mounted. What
/// another run uses stays, which is said on `err`.
///
/// # Errors
/// [`TraceError::Left`] where it is still mounted and no run uses it.
pub(crate) fn unmount(roots: &Roots, at: &Path, err: &mut dyn Write) -> Result<bool, TraceError> {
    let unmounted = mount::unmount(&roots.host(), at).map_err(|e| {
        let at = shown(at);
        TraceError::Left(format!(
            "tracefs is still mounted at {at} ({e}); mend it with: umount {at}, or run: ip6drop restore"
        ))
    })?;
    if let Unmounted::UsedBy(pid) = unmounted {
        let _ = writeln!(
            err,
            "ip6drop: {} stays mounted: another ip6drop (pid {pid}) uses it, and unmounts it if it has --mount; else run ip6drop restore when that has ended",
            shown(at)
        );
        return Ok(false);
    }
    forget_mount(&roots.state_dir)?;
    Ok(unmounted == Unmounted::Gone)
}
