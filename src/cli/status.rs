//! The command line of `status`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::colour::Color;
use crate::cli::values;
use crate::render::format::FormatEntry;
use crate::render::registry;
use crate::render::view::StatusDocument;
use crate::tracefs::undo::journal::DEFAULT_STATE_DIR;

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit status:
  0    done, whatever was found
  1    the counters or limits could not be read, or the output not written
  2    usage
  130  --interval ended by Ctrl-C (128 + number of the signal)
With --exit-code also:
  10   exhausted: every new entry is refused
  11   intermittent, or undecided: some may be refused
  0    within limits, latent, or a kernel that does not check")]
pub(crate) struct StatusArgs {
    /// Look again every TIME (500ms, 1s, 2m) and show rates, until Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = values::interval)]
    pub(crate) interval: Option<Duration>,

    /// Look into this network namespace: a name in /run/netns, a process id, or a path
    #[arg(long, value_name = "NAME|PID|PATH", conflicts_with = "all_netns")]
    pub(crate) netns: Option<String>,

    /// Look into every network namespace of the node, each once
    #[arg(long)]
    pub(crate) all_netns: bool,

    /// How to write it
    #[arg(long, value_parser = values::format(&registry::STATUS), default_value = "text")]
    pub(crate) format: &'static FormatEntry<StatusDocument>,

    /// Write to FILE instead of standard output, replacing it as a whole each time
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Say less: the answer, the worst namespace, and what to do now, in six lines at most
    #[arg(long, conflicts_with = "interval")]
    pub(crate) brief: bool,

    /// Say the regime by the exit status
    #[arg(long)]
    pub(crate) exit_code: bool,

    /// Where procfs is
    #[arg(long, value_name = "DIR", default_value = "/proc", value_hint = clap::ValueHint::DirPath)]
    pub(crate) proc: PathBuf,

    /// Where sysfs is
    #[arg(long, value_name = "DIR", default_value = "/sys", value_hint = clap::ValueHint::DirPath)]
    pub(crate) sys: PathBuf,

    /// Where check, record and diagnose keep what they found out about this kernel
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE_DIR, value_hint = clap::ValueHint::DirPath)]
    pub(crate) state_dir: PathBuf,

    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,

    /// Write nothing but errors (for use with --exit-code)
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
