//! `ip6drop record`: traces and saves the text, with the facts before and after.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::commands::capture::{CaptureArgs, LiveLine, capture, tell};
use crate::commands::live::{self, Roots};
use crate::exit::Exit;
use crate::os::signals::Signals;
use crate::tracefs::error::TraceError;
use crate::tracefs::output::Output;
use crate::tracefs::recording::{Limits, Live, Onlooker, TRIAL};

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
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// How to capture.
    #[command(flatten)]
    pub capture: CaptureArgs,
}

impl RecordArgs {
    fn limits(&self) -> Limits {
        Limits {
            duration: self.duration,
            events: self.max_events,
            drops: None,
            bytes: self.max_size,
            max_rate: self.capture.max_rate,
            trial: TRIAL,
        }
    }
}

/// Looks on for the terminal's sake alone.
struct Watching(LiveLine);

impl Onlooker for Watching {
    fn look(&mut self, live: &Live<'_>) {
        self.0.show(live);
    }
}

fn trace(
    args: &RecordArgs,
    roots: &Roots,
    signals: &Signals,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    let mut watching = Watching(LiveLine::new(!args.quiet));
    let recorded = capture(
        &args.capture,
        roots,
        &args.limits(),
        signals,
        || Output::open(&args.output, args.capture.how.force, signals.clone()),
        &mut watching,
        err,
    )?;
    watching.0.clear();
    let exit = tell(args.capture.max_rate, &recorded, err);
    if !args.quiet {
        let (drops, events) = (recorded.counts.drops(), recorded.counts.events);
        let _ = writeln!(err, "ip6drop: {drops} drops, {events} events recorded");
    }
    Ok(exit)
}

/// Runs `record`.
#[must_use]
pub fn run(args: &RecordArgs, err: &mut dyn Write) -> Exit {
    let ended = live::signals().and_then(|signals| {
        live::with_mount(&args.capture.roots, args.capture.how.mount, |roots| {
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
    use clap::Parser;

    fn args(words: &[&str]) -> RecordArgs {
        let words = ["ip6drop", "record"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Record(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn limits_are_understood() {
        let args = args(&["--duration", "2m", "--max-size", "1M", "--function", "a,b"]);
        assert_eq!(args.duration, Some(Duration::from_secs(120)));
        assert_eq!(args.max_size, Some(1 << 20));
        assert_eq!(args.capture.functions, ["a", "b"]);
        assert!(Cli::try_parse_from(["ip6drop", "record", "--max-rate", "0"]).is_err());
    }
}
