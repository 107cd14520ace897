//! `ip6drop status`.

use std::io::{self, Write};

use anyhow::bail;

use crate::cli::status::StatusArgs;
use crate::commands::inputs::Misuse;
use crate::commands::output::Destination;
use crate::exit::Exit;
use crate::host::Host;
use crate::os::signals::{SIGINT, SIGTERM, Signals};
use crate::render::paper::Paper;
use crate::render::status::words::hidden;
use crate::render::view::{Round, StatusView};
use crate::status::sampler::{Sampler, Selection, Status};

fn selection(args: &StatusArgs) -> Selection {
    match &args.netns {
        Some(what) => Selection::Named(what.clone()),
        None if args.all_netns => Selection::All,
        None => Selection::Own,
    }
}

/// Names on standard error what could not be read. What is no failure is named in the output.
fn complain(status: &Status, quiet: bool) -> io::Result<()> {
    let rows = status.rows.iter().filter(|row| !status.excuses(row));
    let in_rows = rows.flat_map(|row| &row.problems);
    let mut err = io::stderr().lock();
    for problem in status.problems.iter().chain(in_rows) {
        writeln!(err, "ip6drop: {}", problem.text)?;
    }
    if let Some(hidden) = hidden(status).filter(|_| !quiet) {
        writeln!(err, "ip6drop: {hidden}")?;
    }
    Ok(())
}

/// Runs the command.
///
/// # Errors
/// Fails where the namespace asked for cannot be found, or the output not be written.
pub(crate) fn run(args: &StatusArgs) -> anyhow::Result<Exit> {
    let format = args.format.format;
    if args.interval.is_some() && !format.repeats() {
        bail!(Misuse(
            "--interval has no markdown form; use --format text or json"
        ));
    }
    let ending = [SIGINT, SIGTERM];
    let signals = args.interval.map(|_| Signals::take(&ending)).transpose()?;
    let host = Host {
        proc: args.proc.clone(),
        sys: args.sys.clone(),
        state: args.state_dir.clone(),
    };
    // Where no other process is seen, nothing is hidden either.
    let unseen = host
        .own_processes()
        .filter(|_| args.all_netns && !args.quiet);
    if let Some(missing) = unseen {
        writeln!(io::stderr(), "ip6drop: {missing}")?;
    }
    let destination = Destination::new("status", args.output.as_deref());
    let mut sampler = Sampler::new(host, selection(args));
    let mut first = true;
    loop {
        let status = sampler.sample()?;
        if first {
            complain(&status, args.quiet)?;
        }
        if !args.quiet {
            let view = StatusView {
                status: &status,
                color: destination.has_color(args.color),
                paper: Paper::on(destination.terminal().map(|terminal| terminal.width)),
                brief: args.brief,
                round: match args.interval {
                    None => Round::Only,
                    // A file is replaced each time, so that every round is a whole one.
                    Some(_) if first || destination.is_file() => Round::First,
                    Some(_) => Round::Later,
                },
            };
            let mut out = Vec::new();
            format.write(&view, &mut out)?;
            destination.put(&out)?;
        }
        first = false;
        let (Some(interval), Some(signals)) = (args.interval, &signals) else {
            return Ok(status.exit(args.exit_code));
        };
        if let Some(number) = signals.sleep(interval)? {
            return Ok(Exit::Signal(number));
        }
    }
}
