//! `ip6drop watch`: records, and shows what is seen as it comes.

use std::io::Write;
use std::time::Duration;

use crate::analysis::stream::Report;
use crate::cli::tracing::Roots;
use crate::cli::watch::WatchArgs;
use crate::commands::capture::{capture, tell};
use crate::commands::output::{Destination, write_report, written};
use crate::commands::watcher::{Shown, Watcher};
use crate::commands::{dry_run, live};
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::os::screen::Screen;
use crate::os::signals::Signals;
use crate::os::terminal::Terminal;
use crate::render::report::text::TextReport;
use crate::render::view::ReportLook;
use crate::render::watch::canvas::Canvas;
use crate::render::watch::screen::Look;
use crate::report::build::Request;
use crate::report::filter::Filter;
use crate::report::packet_filter::PacketFilter;
use crate::status::sampler::{Sampler, Selection};
use crate::tracefs::error::TraceError;
use crate::tracefs::record::output::Output;
use crate::tracefs::record::recording::{Limits, TRIAL};
use crate::watch::observer::Observer;

/// Rules of netfilter do not come and go with each look.
const MINUTE: Duration = Duration::from_secs(60);

/// A screen where there is one and it is wanted, else lines.
fn shown(args: &WatchArgs, signals: &Signals) -> Shown {
    let wanted = !args.plain && !args.once;
    match wanted.then(Screen::of_stdout).flatten() {
        Some(screen) => Shown::Screen {
            screen,
            canvas: Canvas::default(),
            look: Look {
                color: args.color.is_on(true),
                unicode: Terminal::of_stdout().is_some_and(|terminal| terminal.unicode),
            },
            is_stale: true,
            drawn: None,
            size: (0, 0),
        },
        None => Shown::Lines {
            signals: signals.clone(),
            once: args.once,
            skipped: 0,
        },
    }
}

/// The answer in short, where the screen has gone; the status that it stands for.
fn answer(args: &WatchArgs, report: &Report<'_, '_>, is_wanted: bool) -> anyhow::Result<Exit> {
    if is_wanted {
        let destination = Destination::new("report", None);
        let look = ReportLook {
            color: destination.has_color(args.color),
            brief: true,
            terminal: destination.terminal(),
            ..ReportLook::default()
        };
        let mut text = Vec::new();
        write_report(report, &[], None, (&TextReport, look), &mut text)?;
        written(destination.put(&text))?;
    }
    let verdict = Verdict::of(&report.summary.findings).exit;
    Ok(if args.exit_code { verdict } else { Exit::Clean })
}

fn watch(
    args: &WatchArgs,
    roots: &Roots,
    signals: &Signals,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    let limits = Limits {
        duration: args.duration,
        events: None,
        drops: None,
        after: Duration::ZERO,
        bytes: None,
        max_rate: args.capture.max_rate,
        trial: TRIAL,
        background: true,
    };
    let request = Request {
        filter: Filter {
            packets: args.packets.filter(),
            ..Filter::default()
        },
        ..Request::default()
    };
    let shown = shown(args, signals);
    let has_screen = matches!(shown, Shown::Screen { .. });
    let observer = Observer::new(&request, args.window, args.interval);
    let sampler = Sampler::new(roots.host(), Selection::Own).trusting(MINUTE);
    let mut watcher = Watcher::new(observer, sampler, shown, args.interval);
    let recorded = capture(
        &args.capture,
        roots,
        (&limits, &PacketFilter::default()),
        signals,
        || Output::nowhere(signals.clone()),
        &mut watcher,
        err,
    )?;
    let ended = tell(args.capture.max_rate, &recorded, err);
    // Whoever asks twice does not want to wait for anything more.
    if !recorded.listened || signals.times() > 1 {
        return Ok(ended);
    }
    let status = watcher.status().cloned();
    let answer = |report: &Report<'_, '_>| answer(args, report, has_screen);
    let window = &mut watcher.observer.window;
    let verdict = window
        .finish(status.as_ref(), answer)
        .unwrap_or_else(|error| {
            let _ = writeln!(err, "ip6drop: {error:#}");
            Exit::Error
        });
    Ok(if ended == Exit::Clean { verdict } else { ended })
}

/// Runs `watch`.
pub(crate) fn run(
    args: &WatchArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    if args.capture.dry_run {
        let packets = PacketFilter::default();
        let place = ("watch", "nowhere; it is shown and forgotten");
        return dry_run::run((&args.capture, &packets), place, out, err);
    }
    let signals = live::signals()?;
    live::with_mount(&args.capture.roots, args.capture.how.mount, |roots| {
        watch(args, roots, &signals, err)
    })
}
