//! The command line of `restore`.

use clap::Args;

use crate::cli::tracing::Roots;

/// Arguments of `restore`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RestoreArgs {
    /// Where things are.
    #[command(flatten)]
    pub(crate) roots: Roots,
}
