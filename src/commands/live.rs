//! What the commands that trace have in common: roots, preflight, stale journals.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::exit::Exit;
use crate::os::signals::Signals;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::RealFs;
use crate::tracefs::journal::{DEFAULT_STATE_DIR, StateDir, forget_mount, note_mount};
use crate::tracefs::leftovers::{Restored, replay_stale};
use crate::tracefs::method::Method;
use crate::tracefs::preflight::{Preflight, check_root};
use crate::tracefs::selfcheck::{Choice, Env, SHOW, choose};
use crate::tracefs::{Host, mount};

/// Where tracefs and the host's facts are found.
#[derive(Debug, Clone, Args)]
pub struct Roots {
    /// Use the tracefs mounted at DIR instead of looking it up in the mount table
    #[arg(long, value_name = "DIR")]
    pub tracefs: Option<PathBuf>,
    /// Read facts of the host below DIR
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/proc",
        hide_default_value = true
    )]
    pub proc: PathBuf,
    /// Read facts of the host below DIR
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/sys",
        hide_default_value = true
    )]
    pub sys: PathBuf,
    /// Keep lock and undo journal in DIR
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE_DIR)]
    pub state_dir: PathBuf,
}

impl Roots {
    /// The host below these roots.
    #[must_use]
    pub fn host(&self) -> Host {
        Host {
            proc: self.proc.clone(),
            sys: self.sys.clone(),
        }
    }
}

/// How to trace.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// The way of tracing; auto takes the first that a self-check proves to work
    #[arg(long, value_name = "METHOD", default_value = "auto")]
    pub method: MethodArg,
    /// Mount tracefs if it is not mounted, and unmount it afterwards
    #[arg(long)]
    pub mount: bool,
    /// Replace an existing output file; use the top-level buffer even while somebody else does
    #[arg(long)]
    pub force: bool,
}

/// `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MethodArg {
    /// The first that a self-check proves to work.
    Auto,
    /// A private instance: disturbs nobody.
    Instance,
    /// The classic recipe, in the top-level buffer.
    FuncStackTrace,
    /// kprobe events.
    Kprobe,
}

impl MethodArg {
    /// The method asked for; `None` for auto.
    #[must_use]
    pub fn asked(self) -> Option<Method> {
        match self {
            MethodArg::Auto => None,
            MethodArg::Instance => Some(Method::Instance),
            MethodArg::FuncStackTrace => Some(Method::FuncStackTrace),
            MethodArg::Kprobe => Some(Method::Kprobe),
        }
    }
}

/// Takes over the signals that end a run in good order.
///
/// # Errors
/// [`TraceError::Journal`] stands for what the system answers.
pub fn signals() -> Result<Signals, TraceError> {
    Signals::take().map_err(|source| TraceError::Journal {
        path: "signal handlers".into(),
        doing: "install",
        source,
    })
}

/// A host that can be traced as far as one can see without tracing.
pub struct Ready {
    /// Its tracefs.
    pub fs: RealFs,
    /// Lock and journal.
    pub state: StateDir,
    /// What was looked at.
    pub preflight: Preflight,
}

/// Root, lock, stale journal, tracefs, preflight, in this order. A stale journal is replayed
/// and reported on `err` first.
///
/// # Errors
/// What is in the way.
pub fn ready(roots: &Roots, extra: &[String], err: &mut dyn Write) -> Result<Ready, TraceError> {
    check_root()?;
    let state = StateDir::open(&roots.state_dir, &roots.proc)?;
    mend_stale(&state, err)?;
    let mounted = mount::find(&roots.host(), roots.tracefs.as_deref())?;
    let fs = RealFs::new(mounted.at);
    let preflight = Preflight::look(&fs, &roots.host(), mounted.read_only, extra);
    Ok(Ready {
        fs,
        state,
        preflight,
    })
}

/// Chooses a way of tracing by the self-check.
///
/// # Errors
/// What came in between; a host on which nothing works is no error here.
pub fn choose_method(
    env: &Env<'_>,
    how: &How,
    preflight: &Preflight,
    return_probe: bool,
) -> Result<Choice, TraceError> {
    choose(
        env,
        how.method.asked(),
        preflight.available.real(SHOW),
        &preflight.foreign,
        how.force,
        return_probe,
    )
}

fn mend_stale(state: &StateDir, err: &mut dyn Write) -> Result<(), TraceError> {
    if let Some(restored) = replay_stale(state)? {
        tell_restored(&restored, err);
        crate::tracefs::selfcheck::left(&restored.undo)?;
    }
    Ok(())
}

/// Says what became of a stale journal. A terminal that is gone is no reason to stop.
pub fn tell_restored(restored: &Restored, out: &mut dyn Write) {
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
    for what in &restored.undo.restored {
        let _ = writeln!(out, "ip6drop: put back: {what}");
    }
    for line in restored.undo.lines() {
        let _ = writeln!(out, "ip6drop: {line}");
    }
}

/// Mounts tracefs for the length of `run` where `--mount` asks for it and nothing is mounted.
///
/// # Errors
/// Whatever mounting or `run` answers.
pub fn with_mount(
    roots: &Roots,
    mount_it: bool,
    run: impl FnOnce(&Roots) -> Result<Exit, TraceError>,
) -> Result<Exit, TraceError> {
    if !mount_it || mount::find(&roots.host(), roots.tracefs.as_deref()).is_ok() {
        return run(roots);
    }
    check_root()?;
    let at = roots.tracefs.clone().unwrap_or_else(|| mount::USUAL.into());
    note_mount(&roots.state_dir, &at)?;
    let ended = mount::mount(&at)
        .map_err(|source| TraceError::File {
            path: at.clone(),
            doing: "mount tracefs".to_owned(),
            source,
        })
        .and_then(|()| run(roots));
    // Whatever `run` came to, what was mounted here goes away with it.
    match (ended, unmount(roots, &at)) {
        (Ok(_), Err(e)) => Err(e),
        (ended, _) => ended,
    }
}

/// Unmounts what was mounted for a run, and forgets it; true where it was still mounted.
///
/// # Errors
/// [`TraceError::Left`] where it is still mounted.
pub fn unmount(roots: &Roots, at: &Path) -> Result<bool, TraceError> {
    let was_mounted = mount::unmount(&roots.host(), at).map_err(|e| {
        let at = at.display();
        TraceError::Left(format!(
            "tracefs is still mounted at {at} ({e}); mend it with: umount {at}, or run: ip6drop restore"
        ))
    })?;
    forget_mount(&roots.state_dir)?;
    Ok(was_mounted)
}

/// Says what went wrong and answers with the end it means.
#[must_use]
pub fn fail(error: &TraceError, err: &mut dyn Write) -> Exit {
    let _ = writeln!(err, "ip6drop: {error}");
    error.exit()
}

/// The end of a command whose output may not have been written.
#[must_use]
pub fn written(result: io::Result<()>, exit: Exit) -> Exit {
    match result {
        Ok(()) => exit,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(_) => Exit::Error,
    }
}

/// Parses `30s`, `5m`, `1h`, `500ms` or bare seconds.
///
/// # Errors
/// Says what a duration looks like.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write 30s, 5m, 1h or 500ms");
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|_| wrong())
}

/// Parses `10M`, `512K`, `1G` or bare bytes; factors of 1024.
///
/// # Errors
/// Says what a size looks like.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size; write bytes, 512K, 10M or 1G");
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit.trim_end_matches(['B', 'i']) {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "s", "-1s", "1x", "1e400"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(
            (size("10M"), size("1KiB"), size("7")),
            (Ok(10 << 20), Ok(1024), Ok(7))
        );
        for bad in ["", "M", "1T", "99999999999999999999"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
