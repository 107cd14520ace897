//! `ip6drop report`.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::analysis::stream::{Analysis, Report};
use crate::anonymize::pseudonyms::Pseudonyms;
use crate::cli::report::ReportArgs;
use crate::commands::anonymize::pseudonyms;
use crate::commands::compare;
use crate::commands::inputs::inputs;
use crate::commands::output::{Destination, write_report, written};
use crate::commands::progress::Progress;
use crate::commands::traces::{files, named, read, say, several_hosts};
use crate::diagnosis::evidence::Traced;
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::host::Facts;
use crate::host::facts::MAX_FACTS;
use crate::input::InputError;
use crate::os::signals::{SIGINT, Signals};
use crate::render::format::Extras;
use crate::render::view::ReportLook;
use crate::report::build::Request;
use crate::report::filter::Filter;
use crate::report::summary::Summary;
use crate::report::timeline::Timeline;
use crate::text::shown;

fn read_facts(path: &Path) -> anyhow::Result<Facts> {
    let what = || format!("cannot read the facts in {}", shown(path));
    let mut text = Vec::new();
    File::open(path)
        .and_then(|f| f.take(MAX_FACTS + 1).read_to_end(&mut text))
        .with_context(what)?;
    Facts::parse(&text).with_context(what)
}

fn request(args: &ReportArgs) -> anyhow::Result<Request> {
    Ok(Request {
        threads: args.threads.map_or(0, usize::from),
        facts: args.facts.as_deref().map(read_facts).transpose()?,
        traced: Traced::from_names(args.traced.iter().map(|name| name.as_bytes())),
        filter: Filter {
            cpus: args.cpu.as_deref().cloned(),
            pids: (!args.pid.is_empty()).then(|| args.pid.iter().copied().collect()),
            comm: args.comm.clone(),
            stack: args.stack.clone(),
            classes: (!args.class.is_empty()).then(|| args.class.iter().copied().collect()),
            packets: args.packets.filter(),
            since: args.since,
            until: args.until,
        },
    })
}

/// Inputs of this size together, in bytes, are read again for a line of text.
const SMALL: u64 = 64 * 1024 * 1024;

fn are_small(paths: &[PathBuf]) -> bool {
    let length = |path: &PathBuf| {
        path.metadata()
            .ok()
            .filter(|m| m.is_file())
            .map(|m| m.len())
    };
    let total: Option<u64> = paths.iter().map(length).sum();
    total.is_some_and(|total| total <= SMALL)
}

/// Drops over time, under pseudonyms where there are such.
fn timelines(
    report: &Report<'_, '_>,
    names: Option<&Pseudonyms>,
) -> Result<Vec<Timeline>, InputError> {
    let mut timelines = report.timelines()?;
    for timeline in &mut timelines {
        if let Some(names) = names {
            names.timeline(timeline);
        }
    }
    Ok(timelines)
}

/// Ctrl-C where some input is a stream: it is the end of that. A file is read by itself.
fn ctrl_c(paths: &[PathBuf]) -> anyhow::Result<Option<Signals>> {
    let is_stream = |path: &PathBuf| path.metadata().map_or(true, |found| !found.is_file());
    let wanted = paths.iter().any(is_stream);
    let taken = wanted.then(|| Signals::take_once(SIGINT)).transpose();
    taken.context("cannot take over Ctrl-C")
}

/// Writes the report.
fn put(
    args: &ReportArgs,
    report: &Report<'_, '_>,
    (destination, names, drawn): (&Destination<'_>, Option<&Pseudonyms>, bool),
) -> anyhow::Result<()> {
    let look = ReportLook {
        color: destination.has_color(args.color),
        all_cpus: args.all_cpus,
        verbose: args.verbose,
        brief: args.brief,
        terminal: destination.terminal(),
    };
    let timelines = match drawn {
        true => timelines(report, names)?,
        false => Vec::new(),
    };
    let mut out = BufWriter::new(destination.open()?);
    let look = (args.format.format, look);
    write_report(report, &timelines, names, look, &mut out)?;
    out.flush().context("cannot write the report")
}

/// Runs the command.
///
/// # Errors
/// Fails where the facts or the filters are unusable, or the output cannot be written.
pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<Exit> {
    if args.compare {
        return compare::run(args, &request(args)?);
    }
    let advice = "name a saved trace, or pipe one in (see ip6drop report --help)";
    let all = named(&inputs(&args.files, advice)?);
    let paths: Vec<PathBuf> = files(&all).cloned().collect();
    let destination = Destination::new("report", args.output.as_deref());
    if !args.quiet {
        for path in paths.iter().chain(&args.facts) {
            destination.spare(path)?;
        }
    }
    let request = request(args)?;
    let names = pseudonyms(&args.anonymize)?;
    let format = args.format.format;
    let drawn = !args.quiet
        && match format.extras() {
            Extras::TimelinesOnTerminal => destination.terminal().is_some() && are_small(&paths),
            extras => extras == Extras::Timelines,
        };
    let keeps = drawn || !args.quiet && format.extras() == Extras::Drops;
    let progress = RefCell::new(Progress::new(!args.quiet));
    let mut analysis = Analysis::new(&request, keeps);
    let signals = ctrl_c(&paths)?;
    analysis.set_signals(signals.clone());
    analysis.set_watch(Box::new(|name, so_far| {
        progress.borrow_mut().show(name, so_far);
    }));
    // One that fails is named, and the others are reported on.
    let (errors, mut notes) = read(all, &mut analysis);
    progress.borrow_mut().clear();
    say(&errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let mut report = analysis.finish();
    let has_report = report.inputs() > 0;
    let Summary { hosts, kernels, .. } = &report.summary;
    notes.extend(several_hosts(hosts.len(), kernels.len()));
    if has_report && !args.quiet {
        say(&notes)?;
        if let Some(names) = &names {
            names.summary(&mut report.summary);
        }
        written(put(args, &report, (&destination, names.as_ref(), drawn)))?;
    }
    if let Some(number) = signals.as_ref().and_then(Signals::came) {
        return Ok(Exit::Signal(number));
    }
    if !has_report || !errors.is_empty() {
        return Ok(Exit::Error);
    }
    Ok(if args.exit_code {
        Verdict::of(&report.summary.findings).exit
    } else {
        Exit::Clean
    })
}
