//! The command line of `watch`.

use std::time::Duration;

use clap::Args;

use crate::cli::colour::Color;
use crate::cli::packets::PacketArgs;
use crate::cli::tracing::CaptureArgs;
use crate::cli::values;

/// Arguments of `watch`.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = "\
Keys: q ends, ? explains the others.

Where standard output is no terminal, with --plain or with --once, it prints lines of names and
values instead.

Exit status:
  0      done, whatever was found: ended by q, --once or --duration
  1      an error
  2      usage
  3      this host cannot be traced as asked; the message says why and what to do
  4      tracing state could not be put back completely; the message says what is left
  128+n  ended by signal n (130 is Ctrl-C), after putting everything back
With --exit-code, in place of 0:
  10     receive-path dst_alloc failure (full route cache), confirmed, in the window at the end
  11     the same, probable or possible
  12     other IPv6 drops only
  13     inconclusive: lost events, empty stacks, unreadable text")]
pub(crate) struct WatchArgs {
    /// Stop after this time, such as 30s or 5m; without it q or Ctrl-C stops
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) duration: Option<Duration>,
    /// Show what was seen in the last TIME, 10s to 24h; half of that at least, and totals of what is
    /// older
    #[arg(long, value_name = "TIME", value_parser = values::window, default_value = "10m")]
    pub(crate) window: Duration,
    /// Look every TIME, 1s to 1h
    #[arg(long, value_name = "TIME", value_parser = values::look, default_value = "1s")]
    pub(crate) interval: Duration,
    /// Print a line at each look instead of drawing a screen
    #[arg(long)]
    pub(crate) plain: bool,
    /// Print one line, after one look, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
    /// Say the verdict by the exit status
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Which packets.
    #[command(flatten)]
    pub(crate) packets: PacketArgs,
    /// How to capture.
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
}
