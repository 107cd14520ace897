//! The command line of `report`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use regex::bytes::Regex;

use crate::cli::anonymize::AnonymizeArgs;
use crate::cli::colour::Color;
use crate::cli::packets::PacketArgs;
use crate::cli::values;
use crate::diagnosis::class::Class;
use crate::render::format::FormatEntry;
use crate::render::registry;
use crate::render::view::ReportDocument;

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit status:
  0  done, whatever was found
  1  an input could not be read, or the output not written
  2  usage
  130  Ctrl-C on a stream: the report on what came until then is written all the same
With --exit-code also:
  0   no IPv6 drop found
  10  receive-path dst_alloc failure (full route cache), confirmed
  11  the same, probable or possible
  12  other IPv6 drops only
  13  inconclusive: lost events, empty stacks, unreadable input, drops only counted,
      a trace that could not have shown a drop")]
pub(crate) struct ReportArgs {
    /// Saved traces: text or trace.dat, plain or compressed, directories of them, quoted patterns;
    /// - or none for standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// How to write the report
    #[arg(long, value_parser = values::format(&registry::REPORT), default_value = "text")]
    pub(crate) format: &'static FormatEntry<ReportDocument>,

    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Did it help: the first FILE (or directory, or quoted pattern) was recorded before, the second
    /// after; as text or json
    #[arg(long, conflicts_with_all = ["facts", "quiet", "AnonymizeArgs"])]
    pub(crate) compare: bool,

    /// Counters and limits around the capture: what `cat /proc/net/rt6_stats
    /// /proc/net/snmp6; sysctl net.ipv6.route; nproc` prints, once or twice (before, after).
    /// Also the policy rules, as `ip -6 rule` prints them, and a line `throw_routes N`
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) facts: Option<PathBuf>,

    /// Functions that were traced, where the capture cannot say
    #[arg(long, value_name = "FUNC,…", value_delimiter = ',')]
    pub(crate) traced: Vec<String>,

    /// Only drops on these CPUs, as in 0-3,7
    #[arg(long, value_name = "LIST", value_parser = values::cpus)]
    pub(crate) cpu: Option<Arc<BTreeSet<u32>>>,

    /// Only drops in these processes
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pub(crate) pid: Vec<u64>,

    /// Only drops in tasks whose name matches
    #[arg(long, value_name = "REGEX", value_parser = values::regex)]
    pub(crate) comm: Option<Regex>,

    /// Only drops whose stack matches, frames joined with `;`, innermost first
    #[arg(long, value_name = "REGEX", value_parser = values::regex)]
    pub(crate) stack: Option<Regex>,

    /// Only drops of these classes
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',', value_parser = values::class)]
    pub(crate) class: Vec<Class>,

    /// Filters on packets; a drop whose packet the trace does not name passes none of them.
    #[command(flatten)]
    pub(crate) packets: PacketArgs,

    /// Only drops at or after this time stamp of the trace
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(crate) since: Option<f64>,

    /// Only drops at or before this time stamp of the trace
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(crate) until: Option<f64>,

    /// Pseudonyms in place of names.
    #[command(flatten)]
    pub(crate) anonymize: AnonymizeArgs,

    /// A row for every CPU, also for quiet ones on large machines
    #[arg(long)]
    pub(crate) all_cpus: bool,

    /// Say more: the rule that decided in front of each reason (`ip6drop generate rules`), up to
    /// 100 destinations, interfaces and sources, all stacks, and names without a cut
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Say less: the answer and what to do now, in six lines at most
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) brief: bool,

    /// Threads that read one input [default: two for large files, else one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) threads: Option<u8>,

    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,

    /// Say the verdict by the exit status
    #[arg(long)]
    pub(crate) exit_code: bool,

    /// Write no report, only errors (for use with --exit-code)
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
