//! `ip6drop report`.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::analysis::read_through;
use crate::cli::report::{ReportArgs, ReportFormat};
use crate::commands::inputs::inputs;
use crate::commands::output::{Destination, written};
use crate::diagnosis::collect::packet_drop::DropSink;
use crate::diagnosis::evidence::Traced;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::host::facts::MAX_FACTS;
use crate::host::{Facts, Snapshot};
use crate::input::{Spool, open};
use crate::render;
use crate::render::report::sparks::Pictures;
use crate::report::build::{InputEvidence, Request, read_input};
use crate::report::filter::Filter;
use crate::report::summary::Summary;
use crate::report::timeline::{MAX_TIMELINES, Timeline};
use crate::trace::Stacks;

fn read_facts(path: &Path) -> anyhow::Result<Facts> {
    let what = || format!("cannot read the facts in {}", path.display());
    let mut text = Vec::new();
    File::open(path)
        .and_then(|f| f.take(MAX_FACTS).read_to_end(&mut text))
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
            since: args.since,
            until: args.until,
        },
        host: None,
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

/// An input that was read, for those formats that read it twice.
struct ReadTwice {
    spool: Option<Spool>,
    knowledge: Knowledge,
    /// Still empty; `None` where none is drawn.
    timeline: Option<Timeline>,
}

/// What inputs are read again for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// Nothing.
    No,
    /// Each drop.
    Drops,
    /// The time of drops.
    Timelines,
}

fn read_one<'f>(
    path: &Path,
    twice: bool,
    request: &'f Request,
    stacks: &mut Stacks,
) -> anyhow::Result<(InputEvidence<'f>, Option<Spool>)> {
    let spool = if twice { Some(Spool::new(path)?) } else { None };
    let opened = match &spool {
        Some(spool) => spool.open()?,
        None => open(path)?,
    };
    let is_gzip = opened.is_gzip();
    let evidence = read_input(path, opened.source(), is_gzip, request, stacks)?;
    Ok((evidence, spool))
}

/// Reads every input; one that fails is named, and the others are reported on.
fn read_all(
    paths: &[PathBuf],
    again: Again,
    request: &Request,
    stacks: &mut Stacks,
) -> (Summary, Vec<ReadTwice>, Vec<anyhow::Error>) {
    let mut errors = Vec::new();
    let mut read = Vec::new();
    // What an input that gives nothing would have shown is missing, and in no total.
    let mut unread = 0;
    for path in paths {
        match read_one(path, again != Again::No, request, stacks) {
            Ok(one) => read.push(one),
            Err(error) => {
                errors.push(error);
                unread += 1;
            }
        }
    }
    // One pair of facts for several captures counts their drops together, and once.
    let sharing = read.iter().filter(|(evidence, _)| evidence.shares_facts());
    let shared_drops: u64 = sharing
        .clone()
        .map(|(evidence, _)| evidence.receive_drops())
        .sum();
    let all_share = sharing.count() == read.len();
    let mut summary = Summary::default();
    let mut inputs = Vec::new();
    for (evidence, spool) in read {
        let drops = if evidence.shares_facts() {
            shared_drops
        } else {
            evidence.receive_drops()
        };
        let report = evidence.report(request, stacks, drops);
        let drawn = again == Again::Timelines && inputs.len() < MAX_TIMELINES;
        inputs.push(ReadTwice {
            spool,
            knowledge: report.knowledge,
            timeline: drawn.then(|| Timeline::new(&report.summary)),
        });
        summary.merge(report.summary);
        errors.extend(report.error.map(anyhow::Error::from));
    }
    if let Some(facts) = request.facts.as_ref().filter(|_| all_share) {
        summary.findings.in_no_routes = facts.rise(Snapshot::in_no_routes);
    }
    if unread > 0 && !inputs.is_empty() {
        summary.inputs = paths.iter().map(|p| p.display().to_string()).collect();
        summary.findings.health.broken_inputs += unread;
        summary.findings.in_no_routes = None;
    }
    (summary, inputs, errors)
}

fn write_lines(
    inputs: &[ReadTwice],
    summary: &Summary,
    request: &Request,
    stacks: &mut Stacks,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let numbers = render::report::ndjson::stack_numbers(summary);
    for ReadTwice {
        spool, knowledge, ..
    } in inputs
    {
        let Some(spool) = spool else { continue };
        let mut lines =
            render::report::ndjson::Lines::new(&request.filter, knowledge, &numbers, out);
        let drops: &mut dyn DropSink = &mut lines;
        read_through(spool.open()?.source(), request.threads, stacks, drops);
        lines.finish()?;
    }
    render::report::ndjson::write_summary(summary, out)?;
    Ok(())
}

/// Reads the first inputs again to see when their drops were.
fn timelines(
    inputs: &[ReadTwice],
    request: &Request,
    stacks: &mut Stacks,
) -> anyhow::Result<Vec<Timeline>> {
    let mut timelines = Vec::new();
    for input in inputs {
        let (Some(spool), Some(empty)) = (&input.spool, &input.timeline) else {
            continue;
        };
        let source = spool.open()?.source();
        let drawn = empty
            .clone()
            .draw(source, request, &input.knowledge, stacks);
        timelines.push(drawn);
    }
    Ok(timelines)
}

fn write(
    args: &ReportArgs,
    destination: &Destination<'_>,
    inputs: &[ReadTwice],
    summary: &Summary,
    request: &Request,
    stacks: &mut Stacks,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(destination.open()?);
    match args.format {
        ReportFormat::Text => {
            let timelines = timelines(inputs, request, stacks)?;
            let options = render::report::text::Options {
                color: destination.has_color(args.color),
                all_cpus: args.all_cpus,
                pictures: destination.terminal().map(|terminal| Pictures {
                    terminal,
                    timelines: &timelines,
                }),
            };
            render::report::text::write(summary, options, &mut out)?;
        }
        ReportFormat::Json => render::report::json::write(summary, &mut out)?,
        ReportFormat::Markdown => render::report::markdown::write(summary, &mut out)?,
        ReportFormat::Folded => render::report::folded::write(summary, &mut out)?,
        ReportFormat::Ndjson => write_lines(inputs, summary, request, stacks, &mut out)?,
        ReportFormat::Html => {
            let timelines = timelines(inputs, request, stacks)?;
            render::report::html::write(summary, &timelines, &mut out)?;
        }
    }
    out.flush().context("cannot write the report")
}

/// Runs the command.
///
/// # Errors
/// Fails where the facts or the filters are unusable, or the output cannot be written.
pub(crate) fn run(args: ReportArgs) -> anyhow::Result<Exit> {
    let advice = "name a saved trace, or pipe one in (see ip6drop report --help)";
    let paths = inputs(&args.files, advice)?;
    let destination = Destination::new("report", args.output.as_deref());
    if !args.quiet {
        for path in paths.iter().chain(&args.facts) {
            destination.spare(path)?;
        }
    }
    let request = request(&args)?;
    let mut stacks = Stacks::default();
    let again = match args.format {
        _ if args.quiet => Again::No,
        ReportFormat::Ndjson => Again::Drops,
        ReportFormat::Html => Again::Timelines,
        ReportFormat::Text if destination.terminal().is_some() && are_small(&paths) => {
            Again::Timelines
        }
        _ => Again::No,
    };
    let (summary, inputs, errors) = read_all(&paths, again, &request, &mut stacks);
    for error in &errors {
        writeln!(io::stderr(), "ip6drop: {error:#}")?;
    }
    if summary.inputs.is_empty() {
        return Ok(Exit::Error);
    }
    if !args.quiet {
        written(write(
            &args,
            &destination,
            &inputs,
            &summary,
            &request,
            &mut stacks,
        ))?;
    }
    if !errors.is_empty() {
        return Ok(Exit::Error);
    }
    Ok(if args.exit_code {
        Verdict::of(&summary.findings).exit
    } else {
        Exit::Clean
    })
}
