//! The command line of `lab`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::tracing::Roots;
use crate::cli::values;
use crate::lab::scenario::Scenario;
use crate::render::format::FormatEntry;
use crate::render::registry;
use crate::render::view::LabDocument;

/// Arguments of `lab`.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = "\
Everything it makes is in network namespaces of its own, which go away with it, however it ends.

Exit status:
  0      every loss was named by its cause, or there was nothing to lose
  1      a loss was named wrongly, or the network did not do what it was made for
  2      usage
  3      this host cannot be traced, or gives no network namespaces; the message says why and what to do
  4      tracing state could not be put back completely; the message says what is left
  13     no loss was named wrongly, and some were not named
  128+n  ended by signal n, after putting everything back")]
pub(crate) struct LabArgs {
    /// Make this one alone; --list says which there are
    #[arg(value_name = "SCENARIO", value_parser = values::scenario())]
    pub(crate) scenario: Option<&'static Scenario>,

    /// Say which scenarios there are, and make none
    #[arg(long)]
    pub(crate) list: bool,

    /// Make the network of SCENARIO (full, if none is named), leave it up until Ctrl-C, and say how to enter it; nothing is recorded
    #[arg(long, conflicts_with_all = ["list", "format", "output", "save"])]
    pub(crate) keep: bool,

    /// How long those scenarios take that go by time, 1s to 1m
    #[arg(long, alias = "for", value_name = "TIME", value_parser = values::lab_time, default_value = "10s")]
    pub(crate) duration: Duration,

    /// How to write it
    #[arg(long, value_parser = values::format(&registry::LAB), default_value = "text")]
    pub(crate) format: &'static FormatEntry<LabDocument>,

    /// Write to FILE instead of standard output, replacing it as a whole
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Load modules of the kernel where rpfilter needs one; they stay loaded
    #[arg(long)]
    pub(crate) load_modules: bool,

    /// Keep the capture of each scenario in DIR, as SCENARIO.capture
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) save: Option<PathBuf>,

    /// Mount tracefs if it is not mounted, and unmount it afterwards
    #[arg(long)]
    pub(crate) mount: bool,

    /// Where things are.
    #[command(flatten)]
    pub(crate) roots: Roots,
}
