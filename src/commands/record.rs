//! `ip6drop record`: traces and saves the text, with the facts before and after.

use std::io::Write;
use std::path::Path;

use crate::cli::record::RecordArgs;
use crate::cli::tracing::Roots;
use crate::commands::anonymize::{pseudonyms, rewrite};
use crate::commands::capture::{LiveLine, capture, tell};
use crate::commands::on_drop::Alarm;
use crate::commands::{dry_run, live};
use crate::exit::Exit;
use crate::input::STDIN;
use crate::os::signals::{Signals, end_with_parent};
use crate::text::shown;
use crate::tracefs::error::TraceError;
use crate::tracefs::record::onlooker::{Live, Onlooker};
use crate::tracefs::record::output::Output;
use crate::tracefs::record::recording::{Limits, TRIAL};

/// Looks on for the terminal's sake, and for whoever wants to be told of drops.
struct Watching {
    line: LiveLine,
    alarm: Option<Alarm>,
}

impl Onlooker for Watching {
    fn look(&mut self, live: &Live<'_>) {
        self.line.show(live);
    }

    fn head(&mut self, text: &[u8]) {
        if let Some(alarm) = &self.alarm {
            alarm.head(text);
        }
    }

    fn took(&mut self, text: &[u8]) {
        if let Some(alarm) = &mut self.alarm {
            alarm.took(text);
        }
    }
}

/// Who is told of drops; `None` where nobody asked to be.
fn alarm(args: &RecordArgs, signals: &Signals) -> Result<Option<Alarm>, TraceError> {
    if !args.on_drop {
        return Ok(None);
    }
    let alarm = Alarm::start(args.command.clone(), args.output.clone(), signals.clone());
    alarm.map(Some).map_err(|source| TraceError::Output {
        path: "--on-drop".into(),
        source,
        advice: "",
    })
}

fn limits(args: &RecordArgs) -> Limits {
    Limits {
        duration: args.duration,
        events: args.max_events,
        drops: args.stop_after,
        after: args.after,
        bytes: args.max_size,
        max_rate: args.capture.max_rate,
        trial: TRIAL,
        background: true,
    }
}

fn trace(
    args: &RecordArgs,
    roots: &Roots,
    signals: &Signals,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    let names = match pseudonyms(&args.anonymize) {
        Ok(names) => names,
        Err(error) => {
            let _ = writeln!(err, "ip6drop: {error:#}");
            return Ok(Exit::Error);
        }
    };
    let open = || {
        let (path, force) = (&args.output, args.capture.how.force);
        let output = match args.rotation() {
            Some(rotate) => Output::rotating(path, rotate, signals.clone())?,
            None => Output::open(path, force, signals.clone())?,
        };
        Ok(output.rewriting(rewrite(names.as_ref())))
    };
    let mut watching = Watching {
        line: LiveLine::new(!args.quiet),
        alarm: alarm(args, signals)?,
    };
    let recorded = capture(
        &args.capture,
        roots,
        (&limits(args), &args.packets.filter()),
        signals,
        open,
        &mut watching,
        err,
    );
    watching.line.clear();
    // Also where nothing was recorded: no thread outlives the run.
    if let Some(alarm) = watching.alarm {
        alarm.finish();
    }
    let recorded = recorded?;
    let exit = tell(args.capture.max_rate, &recorded, err);
    if !args.quiet {
        let (drops, events) = (recorded.counts.drops(), recorded.counts.events);
        let _ = writeln!(err, "ip6drop: {drops} drops, {events} events recorded");
    }
    Ok(exit)
}

/// Runs `record`.
pub(crate) fn run(
    args: &RecordArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    if args.rotation().is_some() && args.output == Path::new(STDIN) {
        let _ = writeln!(
            err,
            "ip6drop: --rotate and --ring write several files; name them with -o FILE"
        );
        return Ok(Exit::Usage);
    }
    if args.capture.dry_run {
        let place = match args.output.to_str() {
            Some("-") => "standard output".to_owned(),
            _ if args.rotation().is_some() => format!(
                "{}.000001 and so on, new files with mode 0600; old ones of these go when there are too many",
                shown(&args.output)
            ),
            _ => format!("{}, a new file with mode 0600", shown(&args.output)),
        };
        let packets = args.packets.filter();
        return dry_run::run((&args.capture, &packets), ("record", &place), out, err);
    }
    let signals = live::signals()?;
    end_with_parent().map_err(|source| TraceError::Journal {
        path: "the end of the process that started this".into(),
        doing: "wait for",
        source,
    })?;
    live::with_mount(&args.capture.roots, args.capture.how.mount, |roots| {
        trace(args, roots, &signals, err)
    })
}
