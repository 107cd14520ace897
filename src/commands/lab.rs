//! `ip6drop lab`: makes the fault on purpose, and proves that it is found.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::Duration;

use crate::cli::lab::LabArgs;
use crate::cli::tracing::Roots;
use crate::commands::live;
use crate::commands::output::{Destination, written};
use crate::exit::Exit;
use crate::lab::bench::Bench;
use crate::lab::error::LabError;
use crate::lab::proof::Proof;
use crate::lab::scenario::{SCENARIOS, Scenario};
use crate::os::signals::Signals;
use crate::render::lab::text;
use crate::render::paper::Paper;
use crate::render::view::LabView;
use crate::tracefs::error::TraceError;
use crate::tracefs::look::preflight::check_root;

/// Memory that has to be available: namespaces and recordings take less than half of it.
const ROOM_KB: u64 = 96 * 1024;
/// What the one lab at a time holds: a name that goes away with it.
const LOCK: &[u8] = b"ip6drop-lab";

/// How long one wait for a signal is.
const KEPT: Duration = Duration::from_secs(3600);

/// Makes sure that there is one lab at a time.
fn lock() -> Result<UnixListener, TraceError> {
    let address = SocketAddr::from_abstract_name(LOCK);
    let bound = address.and_then(|address| UnixListener::bind_addr(&address));
    bound.map_err(|_| {
        TraceError::untraceable(
            "another lab is running on this host",
            "wait for it, or end it with Ctrl-C or kill -TERM",
        )
    })
}

/// Everything that may be in the way, looked for before anything is made.
fn look(args: &LabArgs, roots: &Roots, err: &mut dyn Write) -> Result<(), TraceError> {
    if !args.keep {
        // The lock is let go again: the recordings take it.
        live::ready(roots, &[], err)?.preflight.check()?;
    }
    let available = roots.host().available_kb();
    if let Some(available) = available.filter(|kb| *kb < ROOM_KB) {
        return Err(TraceError::untraceable(
            format!(
                "{} MiB of memory are available, and the lab takes up to {}",
                available / 1024,
                ROOM_KB / 1024
            ),
            "make room, or run it on another host with this kernel",
        ));
    }
    match &args.save {
        Some(directory) if !directory.is_dir() => Err(TraceError::Output {
            path: directory.into(),
            source: std::io::ErrorKind::NotADirectory.into(),
            advice: "; make it first",
        }),
        _ => Ok(()),
    }
}

/// What the recordings in the lab are told besides.
fn arguments(roots: &Roots) -> Vec<String> {
    let mut arguments = vec![
        "--state-dir".to_owned(),
        roots.state_dir.to_string_lossy().into_owned(),
    ];
    if let Some(tracefs) = &roots.tracefs {
        arguments.extend([
            "--tracefs".to_owned(),
            tracefs.to_string_lossy().into_owned(),
        ]);
    }
    arguments
}

fn prove(args: &LabArgs, bench: &Bench<'_>, progress: bool) -> Result<Proof, LabError> {
    let chosen: Vec<&'static Scenario> = match args.scenario {
        Some(one) => vec![one],
        None => SCENARIOS.iter().collect(),
    };
    let mut proof = Proof {
        refuses: None,
        outcomes: Vec::new(),
        skipped: Vec::new(),
    };
    let say = |what: &str| {
        if progress {
            let _ = write!(stderr(), "\r{what}\x1b[K");
        }
    };
    say("lab: does this kernel refuse entries?");
    let refuses = bench.refuses()?;
    proof.refuses = Some(refuses);
    for scenario in chosen {
        if scenario.needs_fault && !refuses {
            let why = "this kernel refuses no entries".to_owned();
            proof.skipped.push((scenario, why));
            continue;
        }
        say(&format!("lab: {} ({})", scenario.name, scenario.about));
        match bench.run(scenario, refuses)? {
            Ok(outcome) => proof.outcomes.push(outcome),
            Err(why) => proof.skipped.push((scenario, why)),
        }
    }
    say("");
    Ok(proof)
}

fn failed(error: LabError) -> anyhow::Error {
    match error {
        LabError::Signal(number) => TraceError::Signal(number).into(),
        LabError::NoNamespace(_) | LabError::Network { .. } | LabError::CannotTrace(_) => {
            let text = error.to_string();
            match text.split_once("; ") {
                Some((why, advice)) => TraceError::untraceable(why, advice).into(),
                None => TraceError::untraceable(text, "see dmesg, or try another host").into(),
            }
        }
        LabError::NotRestored(left) => TraceError::Left(left).into(),
        error => error.into(),
    }
}

/// Makes a network, says how to enter it, and leaves it until a signal comes.
fn keep(bench: &Bench<'_>, scenario: Option<&'static Scenario>) -> anyhow::Result<Exit> {
    let scenario = scenario.unwrap_or(&SCENARIOS[0]);
    let raised = bench.raise(scenario).map_err(failed)?;
    let raised = raised.map_err(|why| TraceError::untraceable(why, "see ip6drop lab --help"))?;
    let mut out = stdout().lock();
    let mut say = || {
        let (name, about) = (scenario.name, scenario.about);
        writeln!(
            out,
            "The lab is up until Ctrl-C: {name} ({about}). Enter it with:"
        )?;
        for (name, command) in raised.entries() {
            writeln!(out, "  {name:<6} {command}")?;
        }
        let (from, to) = raised.example();
        writeln!(
            out,
            "From the node, to see what becomes of answers: ping -c 3 -I {from} {to}"
        )?;
        out.flush()
    };
    written(say().map_err(Into::into))?;
    loop {
        if let Some(number) = bench.signals.sleep(KEPT)? {
            return Ok(Exit::Signal(number));
        }
    }
}

fn run_in(
    args: &LabArgs,
    roots: &Roots,
    signals: &Signals,
    err: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let host = roots.host();
    look(args, roots, err)?;
    let bench = Bench {
        host: &host,
        signals,
        arguments: arguments(roots),
        duration: args.duration,
        load_modules: args.load_modules,
        save: args.save.clone(),
    };
    if args.keep {
        return keep(&bench, args.scenario);
    }
    let proof = prove(args, &bench, stderr().is_terminal()).map_err(failed)?;
    let destination = Destination::new("lab's proof", args.output.as_deref());
    let view = LabView {
        proof: &proof,
        host: host.name(),
        kernel: host.release().ok().map(|release| release.release),
        paper: Paper::of(destination.terminal(), false),
    };
    let mut out = Vec::new();
    args.format.format.write(&view, &mut out)?;
    written(destination.put(&out))?;
    Ok(proof.exit())
}

/// Runs `lab`.
pub(crate) fn run(args: &LabArgs, err: &mut dyn Write) -> anyhow::Result<Exit> {
    if args.list {
        written(text::list(&mut stdout().lock()).map_err(Into::into))?;
        return Ok(Exit::Clean);
    }
    check_root()?;
    let _lock = lock()?;
    let signals = live::signals()?;
    let mut ended = None;
    live::with_mount(&args.roots, args.mount, |roots| {
        ended = Some(run_in(args, roots, &signals, err));
        Ok(Exit::Clean)
    })?;
    ended.unwrap_or(Ok(Exit::Clean))
}
