//! The command line of `merge`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::colour::Color;
use crate::cli::values;
use crate::render::format::FormatEntry;
use crate::render::registry;
use crate::render::view::FleetDocument;

/// Arguments of `merge`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit status:
  0  done, whatever was found
  1  a document could not be used (it is named), or the output not written
  2  usage
With --exit-code also, the worst of all hosts:
  0   no IPv6 drop found on any host
  10  receive-path dst_alloc failure (full route cache), confirmed
  11  the same, probable or possible
  12  other IPv6 drops only
  13  inconclusive
  1   a document could not be used, and none of the others says 10 or 11

Examples:
  ip6drop merge results/                       every .json, .ndjson, .jsonl of a directory, also .gz
  ip6drop merge 'night/*/report.json'          a quoted pattern has room for any number of files
  cat all.ndjson | ip6drop merge               many hosts, one report a line
  ip6drop merge --format markdown results/     for the ticket
  ip6drop merge --compare monday/ tuesday/     which hosts are mended, and which are not
  ip6drop merge --format html -o all.html results/
                                               a page to sort and to search
  ip6drop merge --format csv results/          for a spreadsheet, all hosts")]
pub(crate) struct MergeArgs {
    /// Reports or status of many hosts as JSON or NDJSON, compressed or not: files, directories,
    /// quoted patterns; - or none for standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) files: Vec<PathBuf>,

    /// How to write the table
    #[arg(long, value_parser = values::format(&registry::MERGE), default_value = "text")]
    pub(crate) format: &'static FormatEntry<FleetDocument>,

    /// Write to FILE instead of standard output, replacing it as a whole
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Did it help: the first FILE (or directory, or pattern) is of before, the second of after; as
    /// text or json
    #[arg(long, conflicts_with_all = ["exit_code", "quiet"])]
    pub(crate) compare: bool,

    /// A row for every host, also for those without drops
    #[arg(long)]
    pub(crate) all_hosts: bool,

    /// Say less: the answer and the worst hosts, in six lines at most
    #[arg(long, conflicts_with_all = ["all_hosts", "compare"])]
    pub(crate) brief: bool,

    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,

    /// Say the worst verdict by the exit status
    #[arg(long)]
    pub(crate) exit_code: bool,

    /// Write nothing but errors (for use with --exit-code)
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
