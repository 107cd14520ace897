//! The command line of `restore`.

use clap::Args;

use crate::cli::tracing::Roots;

/// Arguments of `restore`.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = "\
Exit status:
  0  nothing is left behind
  1  an error, such as a journal that cannot be opened
  3  not root, or another ip6drop is tracing
  4  tracing state could not be put back completely; the message says what is left")]
pub(crate) struct RestoreArgs {
    /// Where things are.
    #[command(flatten)]
    pub(crate) roots: Roots,
}
