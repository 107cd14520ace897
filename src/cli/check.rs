//! The command line of `check`.

use clap::{Args, ValueEnum};

use crate::cli::tracing::{How, Roots};

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = "\
Exit status:
  0  this host can be traced
  3  it cannot be traced as asked; the answer says why and what to do
  4  tracing state could not be put back completely; the message says what is left")]
pub(crate) struct CheckArgs {
    /// Where things are.
    #[command(flatten)]
    pub(crate) roots: Roots,
    /// How to trace.
    #[command(flatten)]
    pub(crate) how: How,
    /// How to print the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: CheckFormat,
}

/// Formats of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people.
    Text,
    /// One object, schema `ip6drop.check/1`.
    Json,
}
