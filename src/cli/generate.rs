//! The command line of `generate`.

use clap::{Args, Subcommand};

use crate::schema::Definition;

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// What to print.
    #[command(subcommand)]
    pub(crate) what: Generated,
}

/// What `generate` prints.
#[derive(Debug, Subcommand)]
pub(crate) enum Generated {
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
    /// The rules that say what a drop is: what each needs, and the kernel's reason
    Rules,
    /// The JSON Schema of what is printed as JSON: of all documents, or of one
    Schema {
        /// The document
        #[arg(value_enum)]
        document: Option<Definition>,
    },
}
