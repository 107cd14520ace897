//! The command line of `funnel`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::packets::WayArgs;
use crate::cli::tracing::Roots;
use crate::cli::values;
use crate::render::format::FormatEntry;
use crate::render::registry;
use crate::render::view::FunnelDocument;

/// Arguments of `funnel`.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = "\
Exit status:
  0    counted, whatever was found
  1    an error, such as an output that cannot be written
  2    usage
  3    this host cannot be traced; the message says why and what to do
  4    tracing state could not be put back completely; the message says what is left
  130  ended by Ctrl-C (128 + number of the signal), after showing what was counted until then")]
pub(crate) struct FunnelArgs {
    /// Count for TIME (500ms, 5s, 2m), or until Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = values::interval, default_value = "5s")]
    pub(crate) duration: Duration,

    /// Which packets.
    #[command(flatten)]
    pub(crate) packets: WayArgs,

    /// How to write it
    #[arg(long, value_parser = values::format(&registry::FUNNEL), default_value = "text")]
    pub(crate) format: &'static FormatEntry<FunnelDocument>,

    /// Write to FILE instead of standard output, replacing it as a whole
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Mount tracefs if it is not mounted, and unmount it afterwards
    #[arg(long)]
    pub(crate) mount: bool,

    /// Where things are.
    #[command(flatten)]
    pub(crate) roots: Roots,
}
