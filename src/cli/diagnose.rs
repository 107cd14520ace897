//! The command line of `diagnose`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::anonymize::AnonymizeArgs;
use crate::cli::colour::Color;
use crate::cli::packets::PacketArgs;
use crate::cli::tracing::CaptureArgs;
use crate::cli::values;
use crate::input::STDIN;
use crate::render::format::FormatEntry;
use crate::render::registry;
use crate::render::view::ReportDocument;

/// Arguments of `diagnose`. Pseudonyms are in the text before it is looked at, so that nothing in
/// it has the name that is asked for.
#[derive(Debug, Clone, Args)]
#[command(mut_group("PacketArgs", |group| group.conflicts_with("AnonymizeArgs")))]
#[command(after_long_help = "\
Exit status:
  0      no IPv6 drop was seen
  1      an error: the trigger cannot be run, or the output not be written
  2      usage
  3      this host cannot be traced as asked; the message says why and what to do
  4      tracing state could not be put back completely; the message says what is left
  10     receive-path dst_alloc failure (full route cache), confirmed
  11     the same, probable or possible
  12     other IPv6 drops only
  13     inconclusive: lost events, empty stacks, unreadable text, drops only counted
  128+n  ended by signal n, after putting everything back; what was seen is reported,
         unless a second signal comes")]
pub(crate) struct DiagnoseArgs {
    /// Record for this time, such as 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "30s")]
    pub(crate) duration: Duration,
    /// Stop as soon as N drops were seen
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) stop_after: Option<u64>,
    /// Keep the raw capture in FILE, a new file with mode 0600
    #[arg(long, value_name = "FILE", value_parser = kept_file, value_hint = clap::ValueHint::FilePath)]
    pub(crate) keep: Option<PathBuf>,
    /// Run COMMAND (for /bin/sh) over and over while recording, such as a curl or ping that
    /// fails now and then
    #[arg(long, value_name = "COMMAND", value_hint = clap::ValueHint::CommandString)]
    pub(crate) trigger: Option<String>,
    /// Run the trigger on each CPU in turn
    #[arg(long, requires = "trigger")]
    pub(crate) spread: bool,
    /// Stop before the capture grows beyond SIZE
    #[arg(long, value_name = "SIZE", value_parser = values::size, default_value = "256M")]
    pub(crate) max_size: u64,
    /// How to write the report
    #[arg(long, value_parser = values::format(&registry::DIAGNOSE), default_value = "text")]
    pub(crate) format: &'static FormatEntry<ReportDocument>,
    /// Write the report to FILE instead of standard output
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
    /// Say more: rules, long tables, all stacks, and names without a cut
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Say less: the answer and what to do now, in six lines at most
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) brief: bool,
    /// Write no report, only errors; the exit status says the verdict
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Which packets.
    #[command(flatten)]
    pub(crate) packets: PacketArgs,
    /// Pseudonyms in place of names.
    #[command(flatten)]
    pub(crate) anonymize: AnonymizeArgs,
    /// How to capture.
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
}

/// A capture is read back, so that it cannot go to standard output.
fn kept_file(text: &str) -> Result<PathBuf, String> {
    match text {
        STDIN => Err("name a file; standard output is the report's".to_owned()),
        _ => Ok(PathBuf::from(text)),
    }
}
