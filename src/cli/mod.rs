//! The command line.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::check::CheckArgs;
use crate::commands::diagnose::DiagnoseArgs;
use crate::commands::merge::MergeArgs;
use crate::commands::record::RecordArgs;
use crate::commands::restore::RestoreArgs;
use crate::commands::status::StatusArgs;
use crate::diagnosis::class::Class;
use crate::schema::Document;

const AFTER_HELP: &str = "\
Exit status:
  0      looked, and found no IPv6 drop (or, without a verdict asked for, done)
  1      an error, such as unreadable input
  2      usage
  3      this host cannot be traced as asked
  4      tracing state could not be put back completely
  10     receive-path dst_alloc failure (full route cache), confirmed
  11     the same, probable or possible
  12     other IPv6 drops only
  13     inconclusive
  128+n  ended by signal n, after putting everything back

Examples:
  ip6drop diagnose                                  what drops here, why, and what to set
  ip6drop status --all-netns                        how full are the route caches
  ip6drop record --duration 30s -o drops.txt        save a trace ...
  ip6drop report drops.txt                          ... and read it, here or elsewhere
  ip6drop merge results/                            which of many hosts have the fault

Files:
  /run/ip6drop  lock, and the undo journal of a run; ip6drop restore replays one left behind";

/// Finds out why a Linux node drops IPv6 packets, from ftrace alone.
///
/// The fault it exists for: on kernels before 6.3 (and the stable releases that took that
/// change) a full IPv6 route cache makes received packets die silently in ip6_pkt_drop,
/// with the same stack as a missing route.
#[derive(Debug, Parser)]
#[command(
    name = "ip6drop",
    version,
    long_version = concat!(
        env!("CARGO_PKG_VERSION"),
        "\ncommit ", env!("IP6DROP_COMMIT"),
        "\ntarget ", env!("IP6DROP_TARGET")
    ),
    max_term_width = 100,
    after_long_help = AFTER_HELP
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record, report and advise in one go: why does this node drop IPv6 packets now
    Diagnose(Box<DiagnoseArgs>),
    /// Say from counters and limits alone how full the IPv6 route cache is, and what to set
    Status(Box<StatusArgs>),
    /// Read saved traces and say what dropped, why, and on which CPU
    Report(Box<ReportArgs>),
    /// Read many hosts' JSON reports and say which have the fault, worst first
    Merge(Box<MergeArgs>),
    /// Say whether this host can be traced, by which method, and whether it works
    Check(Box<CheckArgs>),
    /// Trace, save the text with the facts around it, and put everything back
    Record(Box<RecordArgs>),
    /// Put back what a killed run left behind
    Restore(RestoreArgs),
    /// Print generated files
    Generate(GenerateArgs),
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Whether to use it; `to_stdout` where standard output is what is written to.
    #[must_use]
    pub fn is_on(self, to_stdout: bool) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                wanted && to_stdout && std::io::stdout().is_terminal()
            }
        }
    }
}

/// Formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people: the verdict first
    Text,
    /// One object
    Json,
    /// One object a drop, then the report as the last line
    Ndjson,
    /// For tickets
    Markdown,
    /// One line a stack, for flame-graph tools
    Folded,
    /// One page with pictures, to be opened in a browser; it loads nothing
    Html,
}

fn cpus(text: &str) -> Result<std::sync::Arc<std::collections::BTreeSet<u32>>, String> {
    crate::report::filter::cpu_list(text).map(std::sync::Arc::new)
}

fn time(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite());
    number.ok_or_else(|| "write a time stamp as the trace prints it, such as 52.564417".to_owned())
}

/// Names of tasks and functions are bytes: `.` is one, and classes are those of ASCII.
fn regex(text: &str) -> Result<regex::bytes::Regex, regex::Error> {
    regex::bytes::RegexBuilder::new(text).unicode(false).build()
}

fn class(text: &str) -> Result<Class, String> {
    Class::ALL
        .into_iter()
        .find(|class| class.name() == text)
        .ok_or_else(|| {
            let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
            format!("known classes: {}", names.join(", "))
        })
}

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit status:
  0  done, whatever was found
  1  an input could not be read, or the output not written
  2  usage
With --exit-code also:
  0   no IPv6 drop found
  10  receive-path dst_alloc failure (full route cache), confirmed
  11  the same, probable or possible
  12  other IPv6 drops only
  13  inconclusive: lost events, empty stacks or unreadable input forbid a verdict")]
pub struct ReportArgs {
    /// Saved traces: text or trace.dat, plain or gzip; - or none for standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// How to write the report
    #[arg(long, value_enum, default_value = "text")]
    pub format: ReportFormat,

    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Counters and limits around the capture: what `cat /proc/net/rt6_stats
    /// /proc/net/snmp6; sysctl net.ipv6.route; nproc` prints, once or twice (before, after)
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub facts: Option<PathBuf>,

    /// Functions that were traced, where the capture cannot say
    #[arg(long, value_name = "FUNC,…", value_delimiter = ',')]
    pub traced: Vec<String>,

    /// Only drops on these CPUs, as in 0-3,7
    #[arg(long, value_name = "LIST", value_parser = cpus)]
    pub cpu: Option<std::sync::Arc<std::collections::BTreeSet<u32>>>,

    /// Only drops in these processes
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pub pid: Vec<u64>,

    /// Only drops in tasks whose name matches
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    pub comm: Option<regex::bytes::Regex>,

    /// Only drops whose stack matches, frames joined with `;`, innermost first
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    pub stack: Option<regex::bytes::Regex>,

    /// Only drops of these classes
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',', value_parser = class)]
    pub class: Vec<Class>,

    /// Only drops at or after this time stamp of the trace
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<f64>,

    /// Only drops at or before this time stamp of the trace
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<f64>,

    /// A row for every CPU, also for quiet ones on large machines
    #[arg(long)]
    pub all_cpus: bool,

    /// Threads that read one input [default: two for large files, else one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threads: Option<u8>,

    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,

    /// Say the verdict by the exit status
    #[arg(long)]
    pub exit_code: bool,

    /// Write no report, only errors (for use with --exit-code)
    #[arg(short, long)]
    pub quiet: bool,
}

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// What to print.
    #[command(subcommand)]
    pub what: Generated,
}

/// What `generate` prints.
#[derive(Debug, Subcommand)]
pub enum Generated {
    /// Shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Man page, of the program or of one command
    Man {
        /// The command
        command: Option<String>,
    },
    /// The JSON Schema of what is printed as JSON: of all documents, or of one
    Schema {
        /// The document
        #[arg(value_enum)]
        document: Option<Document>,
    },
}
