//! `ip6drop record`: traces and saves the text, with the facts before and after.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::check::no_method;
use super::live::{self, How, Roots};
use crate::exit::Exit;
use crate::tracefs::error::{TraceError, by_signal};
use crate::tracefs::functions::{Function, GC, WANTED};
use crate::tracefs::method::Plan;
use crate::tracefs::output::Output;
use crate::tracefs::preflight::Preflight;
use crate::tracefs::probes::{Probe, Probes};
use crate::tracefs::recording::{Ended, Limits, Live, Recorded, TRIAL, record};
use crate::tracefs::selfcheck::{Choice, Env, SHOW, choose, left};
use crate::tracefs::signals::Signals;

/// Arguments of `record`.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = "\
Exit status:
  0      a limit ended the recording, and everything was put back
  1      the output could not be written; what was captured before is kept
  2      usage
  3      this host cannot be traced as asked; the message says why and what to do
  4      tracing state could not be put back completely; the message says what is left
  128+n  ended by signal n (130 is Ctrl-C), after putting everything back")]
pub struct RecordArgs {
    /// Write the capture to FILE, a new file with mode 0600; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Stop after this time, such as 30s or 5m; without it Ctrl-C stops
    #[arg(long, value_name = "TIME", value_parser = live::duration)]
    pub duration: Option<Duration>,
    /// Stop after N events, stacks not counted
    #[arg(long, value_name = "N")]
    pub max_events: Option<u64>,
    /// Stop before the capture grows beyond SIZE, such as 100M
    #[arg(long, value_name = "SIZE", value_parser = live::size)]
    pub max_size: Option<u64>,
    /// Events per second on one CPU that take the stacks off a hot function; ten times as
    /// many stop the run
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_rate: u64,
    /// Trace entries of FUNC as well (repeatable, or separated by commas)
    #[arg(long = "function", value_name = "FUNC", value_delimiter = ',')]
    pub functions: Vec<String>,
    /// Which probes to add on the route cache's collector
    #[arg(long, value_name = "PROBES", default_value = "auto")]
    pub probes: Probes,
    /// Buffer for each CPU, in KiB
    #[arg(long, value_name = "KIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(8..=65536))]
    pub buffer_kb: u32,
    /// Replace an existing output file; use the top-level buffer even while somebody else does
    #[arg(long)]
    pub force: bool,
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Where things are.
    #[command(flatten)]
    pub roots: Roots,
    /// How to trace.
    #[command(flatten)]
    pub how: How,
}

impl RecordArgs {
    fn limits(&self) -> Limits {
        Limits {
            duration: self.duration,
            events: self.max_events,
            bytes: self.max_size,
            max_rate: self.max_rate,
            trial: TRIAL,
        }
    }
}

/// The plan for what the self-check chose.
fn plan(args: &RecordArgs, preflight: &Preflight, choice: &Choice) -> Result<Plan, TraceError> {
    let method = choice.method.ok_or_else(|| no_method(choice))?;
    let available = &preflight.available;
    let wanted = WANTED.iter().map(|wanted| (wanted.name, wanted.stack));
    let extra = args.functions.iter().map(|name| (name.as_str(), false));
    let mut functions: Vec<Function> = Vec::new();
    for (name, stack) in wanted.chain(extra) {
        if let Some(function) = available.function(name, stack)
            && !functions.iter().any(|f| f.name == function.name)
        {
            functions.push(function);
        }
    }
    let mut probes = Vec::new();
    let full = match args.probes {
        Probes::None | Probes::Entry => false,
        Probes::Full => true,
        Probes::Auto => choice.return_probes_keep_frames == Some(true),
    };
    let has_probes = preflight
        .findings
        .iter()
        .any(|f| f.name == "kprobe events" && f.text == "available");
    if args.probes != Probes::None
        && (has_probes || args.probes != Probes::Auto)
        && let Some(gc) = available.real(GC).first()
    {
        probes.extend(Probe::gc_enter(gc));
        if full {
            probes.push(Probe::gc_exit(gc));
        }
    }
    Ok(Plan {
        method,
        functions,
        probes,
        probes_optional: args.probes == Probes::Auto,
        buffer_kb: args.buffer_kb,
        top_level: choice.top_level,
    })
}

fn trace(
    args: &RecordArgs,
    roots: &Roots,
    signals: &Signals,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    let ready = live::ready(roots, &args.functions, err)?;
    ready.preflight.check()?;
    let host = roots.host();
    let env = Env {
        fs: &ready.fs,
        state: &ready.state,
        signals,
        trigger: &|| host.touch_rt6_stats(),
    };
    let choice = choose(
        &env,
        args.how.method.asked(),
        ready.preflight.available.real(SHOW),
        &ready.preflight.foreign,
        args.force,
        args.probes == Probes::Auto,
    )?;
    let plan = plan(args, &ready.preflight, &choice)?;
    let mut output = Output::open(&args.output, args.force, signals.clone())?;
    let terminal = std::io::stderr().is_terminal() && !args.quiet;
    let recorded = {
        let mut show = |live: &Live<'_>| {
            if terminal {
                // A terminal that is gone is no reason to stop.
                let _ = write!(err, "\r{live}\x1b[K");
                let _ = err.flush();
            }
        };
        record(&env, &host, &plan, &args.limits(), &mut output, &mut show)?
    };
    if terminal {
        let _ = write!(err, "\r\x1b[K");
    }
    Ok(tell(args, &recorded, err))
}

/// Says how it went. State left behind outweighs every other end.
fn tell(args: &RecordArgs, recorded: &Recorded, err: &mut dyn Write) -> Exit {
    let mut say = |text: &str| {
        let _ = writeln!(err, "ip6drop: {text}");
    };
    for note in &recorded.notes {
        say(note);
    }
    for line in recorded.undo.lines() {
        say(&line);
    }
    let lost: u64 = recorded.lost.iter().map(|(_, lost)| lost).sum();
    if lost > 0 {
        say(&format!(
            "{lost} events were lost; a larger --buffer-kb loses fewer"
        ));
    }
    if !args.quiet {
        let (drops, events) = (recorded.counts.drops(), recorded.counts.events);
        say(&format!("{drops} drops, {events} events recorded"));
    }
    let exit = match &recorded.ended {
        Ended::Limit(_) => Exit::Clean,
        Ended::Signal(number) => by_signal(*number),
        Ended::TooHot { cpu, rate } => {
            say(&format!(
                "stopped: CPU {cpu} saw {rate} events/s, more than ten times --max-rate {}; everything was put back; trace fewer functions or raise --max-rate",
                args.max_rate
            ));
            Exit::CannotTrace
        }
        Ended::Failed(e) => {
            say(&e.to_string());
            e.exit()
        }
    };
    if left(&recorded.undo).is_err() {
        Exit::NotRestored
    } else {
        exit
    }
}

/// Runs `record`.
#[must_use]
pub fn run(args: &RecordArgs, err: &mut dyn Write) -> Exit {
    let ended = live::signals().and_then(|signals| {
        live::with_mount(&args.roots, args.how.mount, |roots| {
            trace(args, roots, &signals, err)
        })
    });
    match ended {
        Ok(exit) => exit,
        Err(e @ TraceError::Signal(_)) => e.exit(),
        Err(e) => live::fail(&e, err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::tracefs::Change;
    use crate::tracefs::counts::Counts;
    use crate::tracefs::undo::{Left, Undo};
    use clap::Parser;

    fn args(words: &[&str]) -> RecordArgs {
        let words = ["ip6drop", "record"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Record(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    fn recorded(ended: Ended) -> Recorded {
        Recorded {
            ended,
            undo: Undo::default(),
            counts: Counts::default(),
            lost: vec![(0, 3)],
            notes: Vec::new(),
        }
    }

    #[test]
    fn state_left_behind_outweighs_every_other_end() {
        let args = args(&[]);
        let mut said = Vec::new();
        let mut run = recorded(Ended::Signal(2));
        assert_eq!(tell(&args, &run, &mut said), Exit::Signal(2));
        assert_eq!(
            tell(&args, &recorded(Ended::Limit("size")), &mut said),
            Exit::Clean
        );
        run.undo.left.push(Left {
            change: Change::Instance {
                dir: "instances/x".to_owned(),
            },
            why: "busy".to_owned(),
            mend: "rmdir /t/instances/x".to_owned(),
        });
        said.clear();
        assert_eq!(tell(&args, &run, &mut said), Exit::NotRestored);
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("instances/x removed (busy); mend it with: rmdir /t/instances/x"));
        assert!(said.contains("3 events were lost"));
    }

    #[test]
    fn limits_are_understood() {
        let args = args(&["--duration", "2m", "--max-size", "1M", "--function", "a,b"]);
        assert_eq!(args.duration, Some(Duration::from_secs(120)));
        assert_eq!(args.max_size, Some(1 << 20));
        assert_eq!(args.functions, ["a", "b"]);
        assert!(Cli::try_parse_from(["ip6drop", "record", "--max-rate", "0"]).is_err());
    }
}
