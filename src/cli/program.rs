//! The program and its commands.

use std::env::args_os;
use std::io::{Write, stderr};

use clap::builder::Styles;
use clap::{CommandFactory, Parser, Subcommand};

use crate::cli::check::CheckArgs;
use crate::cli::diagnose::DiagnoseArgs;
use crate::cli::funnel::FunnelArgs;
use crate::cli::generate::GenerateArgs;
use crate::cli::lab::LabArgs;
use crate::cli::merge::MergeArgs;
use crate::cli::record::RecordArgs;
use crate::cli::report::ReportArgs;
use crate::cli::restore::RestoreArgs;
use crate::cli::status::StatusArgs;
use crate::cli::watch::WatchArgs;
use crate::exit::Exit;
use crate::text::{Screened, is_harmful, screened};

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
  ip6drop watch                                     the same, live
  ip6drop funnel                                    how far do packets get
  ip6drop lab                                       does it find the fault on this kernel
  ip6drop record --duration 30s -o drops.txt        save a trace ...
  ip6drop report drops.txt                          ... and read it, here or elsewhere
  ip6drop merge results/                            which of many hosts have the fault

Files:
  /run/ip6drop  lock, and the undo journal of a run; ip6drop restore replays one left behind
  /run/ip6drop/new-max-size  what this kernel answered since boot: whether it still refuses";

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
    pub(crate) command: Command,
}

impl Cli {
    /// The command line; where it is wrong that is said, and [`Exit::Usage`] stands for it. Names that a shell put
    /// in place of a pattern are from outside.
    ///
    /// # Errors
    /// The status to end with. Help and version end the program by themselves.
    pub fn read() -> Result<Cli, Exit> {
        Cli::try_parse().map_err(|error| {
            let given = args_os().map(|word| word.to_string_lossy().into_owned());
            let harmful: Vec<String> = given.filter(|word| word.contains(is_harmful)).collect();
            if harmful.is_empty() || !error.use_stderr() {
                error.exit();
            }
            // Without styles of its own, all sequences in it are from outside.
            let plain = Cli::command().styles(Styles::plain()).try_get_matches();
            let error = plain.err().unwrap_or(error);
            let mut said = error.render().ansi().to_string();
            for word in harmful {
                said = said.replace(&word, &screened(&word));
            }
            // Where even standard error is gone, the status has to do.
            let _ = Screened(stderr()).write_all(said.as_bytes());
            Exit::Usage
        })
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
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
    /// Record and show it live: verdict, cache, a row a CPU, last drops
    Watch(Box<WatchArgs>),
    /// Count in the kernel where on their way through this host packets stop
    Funnel(FunnelArgs),
    /// Make the fault on purpose in private network namespaces, and prove that each loss is named rightly
    Lab(Box<LabArgs>),
    /// Put back what a killed run left behind
    Restore(RestoreArgs),
    /// Print generated files
    Generate(GenerateArgs),
}
