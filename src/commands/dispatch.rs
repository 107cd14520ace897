//! Runs a command, and turns how it went into an exit status.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::path::Path;

use crate::cli::program::{Cli, Command};
use crate::commands::inputs::Misuse;
use crate::commands::output::is_broken_pipe;
use crate::commands::{
    check, diagnose, funnel, generate, lab, merge, record, report, restore, status, watch,
};
use crate::exit::Exit;
use crate::text::Screened;
use crate::tracefs::error::TraceError;
use crate::tracefs::undo::journal::{DEFAULT_STATE_DIR, is_stale};

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    // The commands that trace say so themselves, and put it back.
    if matches!(command, Command::Report(_)) && is_stale(Path::new(DEFAULT_STATE_DIR)) {
        let _ = writeln!(
            stderr(),
            "ip6drop: a run that was killed left tracing state behind; put it back with: ip6drop restore"
        );
    }
    match command {
        Command::Report(args) => report::run(&args),
        Command::Check(args) => Ok(check::run(
            &args,
            &mut Screened(stdout()),
            &mut Screened(stderr()),
        )?),
        Command::Record(args) => Ok(record::run(
            &args,
            &mut Screened(stdout()),
            &mut Screened(stderr()),
        )?),
        Command::Diagnose(args) => Ok(diagnose::run(
            &args,
            &mut Screened(stdout()),
            &mut Screened(stderr()),
        )?),
        Command::Watch(args) => Ok(watch::run(
            &args,
            &mut Screened(stdout()),
            &mut Screened(stderr()),
        )?),
        Command::Funnel(args) => funnel::run(&args, &mut Screened(stderr())),
        Command::Lab(args) => lab::run(&args, &mut Screened(stderr())),
        Command::Restore(args) => Ok(restore::run(&args, &mut Screened(stdout()))?),
        Command::Merge(args) => merge::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Generate(args) => generate::run(&args),
    }
}

/// Says what ended a command early, and answers with the status it means.
fn fail(error: &anyhow::Error) -> Exit {
    // Where even standard error is gone, the status has to do.
    let say = |text: &dyn Display| {
        let _ = writeln!(Screened(stderr()), "ip6drop: {text}");
    };
    match error.downcast_ref::<TraceError>() {
        // Whoever sent it knows.
        Some(error @ TraceError::Signal(_)) => error.exit(),
        Some(error) => {
            say(error);
            error.exit()
        }
        None if is_broken_pipe(error) => Exit::Clean,
        None => {
            say(&format_args!("{error:#}"));
            if error.is::<Misuse>() {
                Exit::Usage
            } else {
                Exit::Error
            }
        }
    }
}

/// Runs a command. What ends it early is said on standard error, with what to try next.
#[must_use]
pub fn run(cli: Cli) -> Exit {
    dispatch(cli.command).unwrap_or_else(|error| fail(&error))
}
