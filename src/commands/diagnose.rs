//! `ip6drop diagnose`: facts, a recording, facts again, and the report on it, in one go.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::analysis::stream::Analysis;
use crate::anonymize::pseudonyms::Pseudonyms;
use crate::cli::diagnose::DiagnoseArgs;
use crate::cli::tracing::Roots;
use crate::commands::anonymize::{pseudonyms, rewrite};
use crate::commands::capture::{LiveLine, capture, tell};
use crate::commands::output::{Destination, write_report, written};
use crate::commands::{dry_run, live};
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::host::way_back_rules::{RuleRise, WayBackRules};
use crate::input::Spool;
use crate::os::signals::Signals;
use crate::os::trigger::{RunLog, Running, Trigger};
use crate::render::format::Extras;
use crate::render::status::words::{kernel_log, sentence};
use crate::render::view::ReportLook;
use crate::report::build::Request;
use crate::report::filter::Filter;
use crate::report::packet_filter::PacketFilter;
use crate::report::summary::TriggerRuns;
use crate::status::meanwhile::Meanwhile;
use crate::status::rises::rises;
use crate::status::sampler::{Sampler, Selection, Status};
use crate::text::shown;
use crate::tracefs::error::TraceError;
use crate::tracefs::record::onlooker::{Live, Onlooker};
use crate::tracefs::record::output::Output;
use crate::tracefs::record::recording::{Limits, Recorded, TRIAL};

/// Where the capture goes: what the user named, or a directory that goes away with the run.
enum Place {
    Named(PathBuf),
    Temporary(TempDir),
}

impl Place {
    fn new(args: &DiagnoseArgs) -> anyhow::Result<Place> {
        Ok(match &args.keep {
            Some(path) => Place::Named(path.clone()),
            None => {
                let made = tempfile::Builder::new().prefix("ip6drop-").tempdir();
                Place::Temporary(
                    made.context(
                        "no room for the capture; name a file with --keep, or set TMPDIR",
                    )?,
                )
            }
        })
    }

    fn path(&self) -> PathBuf {
        match self {
            Place::Named(path) => path.clone(),
            Place::Temporary(dir) => dir.path().join("capture.txt"),
        }
    }

    /// What the report calls it.
    fn name(&self, names: Option<&Pseudonyms>) -> PathBuf {
        match (self, names) {
            (Place::Named(path), None) => path.clone(),
            (Place::Named(path), Some(names)) => names.file(&path.to_string_lossy()).into(),
            // Its real name is gone by the time anybody reads this.
            (Place::Temporary(_), _) => PathBuf::from("live capture"),
        }
    }

    /// Keeps the capture where it would go away, and says where it is.
    fn offer(self, err: &mut dyn Write) {
        let path = self.path();
        if let Place::Temporary(dir) = self
            && path.exists()
        {
            let _ = dir.keep();
            let _ = writeln!(err, "ip6drop: the capture is kept in {}", shown(&path));
        }
    }
}

/// Takes the text as it is recorded, shows the live line, and runs the trigger while the tracer
/// is on.
struct Bench<'a, 'r> {
    analysis: &'a mut Analysis<'r>,
    line: LiveLine,
    trigger: Option<Trigger>,
    running: Option<Running>,
    outcome: Option<RunLog>,
}

/// What is in flight when a trigger has ended still arrives.
const SETTLE: Duration = Duration::from_millis(100);

impl Onlooker for Bench<'_, '_> {
    fn took(&mut self, text: &[u8]) {
        self.analysis.feed(text);
    }

    fn began(&mut self) {
        if let Some(trigger) = self.trigger.take() {
            match Running::start(trigger) {
                Ok(running) => self.running = Some(running),
                Err(error) => {
                    self.outcome = Some(RunLog {
                        impossible: Some(error.to_string()),
                        ..RunLog::default()
                    });
                }
            }
        }
    }

    fn look(&mut self, live: &Live<'_>) {
        self.line.show(live);
    }

    fn is_over(&self) -> bool {
        self.outcome.is_some() || self.running.as_ref().is_some_and(Running::is_over)
    }

    fn ending(&mut self) {
        if let Some(running) = self.running.take() {
            self.outcome = Some(running.finish());
            std::thread::sleep(SETTLE);
        }
    }
}

/// The counters of every network namespace, as far as they can be read.
fn look_around(roots: &Roots) -> Option<Status> {
    Sampler::new(roots.host(), Selection::All).sample().ok()
}

/// What rules that ask for the way back have met so far; `None` where there are none, and of
/// another host's files, on which the tools of this one say nothing.
fn look_at_rules(roots: &Roots) -> Option<WayBackRules> {
    let host = roots.host();
    let matches = host.route_matches();
    let here = host.proc == Path::new("/proc");
    (here && matches.ask_way_back()).then(|| WayBackRules::read(matches))
}

/// What a run gave before it is reported on.
struct Run {
    recorded: Recorded,
    trigger: Option<RunLog>,
    before: Option<Status>,
    after: Option<Status>,
    rules: Option<Vec<RuleRise>>,
}

fn run_capture(
    args: &DiagnoseArgs,
    roots: &Roots,
    signals: &Signals,
    (path, names): (&Path, Option<&Pseudonyms>),
    analysis: &mut Analysis<'_>,
    err: &mut dyn Write,
) -> Result<Run, TraceError> {
    let limits = Limits {
        duration: Some(args.duration),
        events: None,
        drops: args.stop_after,
        after: Duration::ZERO,
        bytes: Some(args.max_size),
        max_rate: args.capture.max_rate,
        trial: TRIAL,
        background: args.trigger.is_none(),
    };
    let mut bench = Bench {
        analysis,
        line: LiveLine::new(!args.quiet),
        trigger: args.trigger.as_ref().map(|command| Trigger {
            command: command.clone(),
            spread: args.spread,
            within: Some(args.duration),
        }),
        running: None,
        outcome: None,
    };
    let open = || {
        let output = Output::open(path, args.capture.how.force, signals.clone())?;
        Ok(output.rewriting(rewrite(names)))
    };
    let before = look_around(roots);
    let rules = look_at_rules(roots);
    let recorded = capture(
        &args.capture,
        roots,
        (&limits, &PacketFilter::default()),
        signals,
        open,
        &mut bench,
        err,
    )?;
    bench.line.clear();
    Ok(Run {
        recorded,
        trigger: bench.outcome,
        before,
        after: look_around(roots),
        rules: rules
            .zip(look_at_rules(roots))
            .map(|(before, after)| after.since(&before)),
    })
}

/// Whether the report shows when drops were.
fn is_drawn(args: &DiagnoseArgs, destination: &Destination<'_>) -> bool {
    let drawn = match args.format.format.extras() {
        Extras::TimelinesOnTerminal => destination.terminal().is_some(),
        extras => extras == Extras::Timelines,
    };
    drawn && !args.quiet
}

/// Reports on what was recorded; the exit status of the verdict. Where there are pseudonyms, the
/// text has them already.
fn report(
    args: &DiagnoseArgs,
    (place, names): (&Place, Option<&Pseudonyms>),
    run: Run,
    analysis: &mut Analysis<'_>,
) -> anyhow::Result<Exit> {
    let destination = Destination::new("report", args.output.as_deref());
    analysis.set_host(run.after.as_ref().and_then(Status::here_and_now));
    analysis.end(Spool::new(&place.path(), None).ok())?;
    let mut report = analysis.finish();
    let runs = args.trigger.clone().zip(run.trigger);
    report.summary.trigger = runs.map(|(command, outcome)| TriggerRuns {
        command: command.into(),
        spread: args.spread,
        outcome,
    });
    let time = |status: &Option<Status>| status.as_ref().map_or(0.0, |status| status.time);
    let seconds = time(&run.after) - time(&run.before);
    let both = run.before.as_ref().zip(run.after.as_ref());
    report.summary.meanwhile = both.map(|(before, after)| Meanwhile::between(before, after));
    report
        .summary
        .set_namespaces(rises(run.before.as_ref(), run.after));
    report.summary.set_around(seconds);
    if let Some(rises) = run.rules {
        report.summary.set_rules(rises, seconds);
    }
    if let Some(names) = names {
        names.surroundings(&mut report.summary);
    }
    if !args.quiet {
        let timelines = if is_drawn(args, &destination) {
            report.timelines()?
        } else {
            Vec::new()
        };
        let look = ReportLook {
            color: destination.has_color(args.color),
            verbose: args.verbose,
            brief: args.brief,
            terminal: destination.terminal(),
            ..ReportLook::default()
        };
        let mut text = Vec::new();
        let look = (args.format.format, look);
        write_report(&report, &timelines, None, look, &mut text)?;
        written(destination.put(&text))?;
    }
    Ok(Verdict::of(&report.summary.findings).exit)
}

/// A host that cannot be traced can still be looked at.
fn tell_counters(args: &DiagnoseArgs, err: &mut dyn Write) {
    let roots = &args.capture.roots;
    let own = Sampler::new(roots.host(), Selection::Own).sample();
    let read = |status: &Status| status.rows.iter().any(|row| !row.is_unread());
    if let Some(status) = own.ok().filter(read) {
        let _ = writeln!(
            err,
            "ip6drop: without a trace, the counters say: {} (ip6drop status says more)",
            sentence(&status)
        );
        if let Some(log) = kernel_log(&status) {
            let _ = writeln!(err, "ip6drop: {log}");
        }
    }
}

fn diagnose(
    args: &DiagnoseArgs,
    roots: &Roots,
    signals: &Signals,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    let fail = |error: anyhow::Error, err: &mut dyn Write| {
        let _ = writeln!(err, "ip6drop: {error:#}");
        Exit::Error
    };
    let prepared = Place::new(args).and_then(|place| Ok((place, pseudonyms(&args.anonymize)?)));
    let (place, names) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Ok(fail(error, err)),
    };
    let names = names.as_ref();
    let request = Request {
        filter: Filter {
            packets: args.packets.filter(),
            ..Filter::default()
        },
        ..Request::default()
    };
    let destination = Destination::new("report", args.output.as_deref());
    let mut analysis = Analysis::new(&request, is_drawn(args, &destination));
    analysis.begin(&place.name(names));
    let run = run_capture(
        args,
        roots,
        signals,
        (&place.path(), names),
        &mut analysis,
        err,
    )?;
    let ended = tell(args.capture.max_rate, &run.recorded, err);
    let impossible = run.trigger.as_ref().and_then(|t| t.impossible.clone());
    if let (Some(why), Exit::Clean) = (impossible, ended) {
        let command = args.trigger.as_deref().unwrap_or_default();
        let command = crate::text::harmless(command.as_bytes());
        let _ = writeln!(
            err,
            "ip6drop: the trigger cannot be run: {command}: {why}; tracing was put back; try the command by itself"
        );
        return Ok(Exit::Error);
    }
    // What failed before the tracer was listened to is no quiet host.
    if !run.recorded.listened {
        if ended == Exit::CannotTrace {
            tell_counters(args, err);
        }
        return Ok(ended);
    }
    // Whoever asks twice does not want to wait for the report.
    if signals.times() > 1 {
        return Ok(ended);
    }
    if let Err(error) = Signals::end_at_next(&live::ENDING) {
        return Ok(fail(error.into(), err));
    }
    let verdict = match report(args, (&place, names), run, &mut analysis) {
        Ok(exit) => exit,
        Err(error) => fail(error, err),
    };
    let exit = if ended == Exit::Clean { verdict } else { ended };
    if matches!(
        exit,
        Exit::Error | Exit::CannotTrace | Exit::NotRestored | Exit::Inconclusive
    ) {
        place.offer(err);
    }
    Ok(exit)
}

/// Runs `diagnose`.
pub(crate) fn run(
    args: &DiagnoseArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    if args.capture.dry_run {
        let place = match &args.keep {
            Some(path) => format!("{}, a new file with mode 0600", shown(path)),
            None => "a temporary directory, which is removed afterwards".to_owned(),
        };
        let packets = PacketFilter::default();
        return dry_run::run((&args.capture, &packets), ("diagnose", &place), out, err);
    }
    let signals = live::signals()?;
    let ended = live::with_mount(&args.capture.roots, args.capture.how.mount, |roots| {
        diagnose(args, roots, &signals, err)
    });
    match ended {
        Err(e) if e.exit() == Exit::CannotTrace => {
            let _ = writeln!(err, "ip6drop: {e}");
            tell_counters(args, err);
            Ok(Exit::CannotTrace)
        }
        ended => ended,
    }
}
