//! One file a command: glue between the command line and the library.

pub mod generate;
pub mod report;
pub mod status;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

/// Runs a command.
///
/// # Errors
/// Whatever ends it early; the error says what to try next.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Report(args) => report::run(*args),
        Command::Status(args) => status::run(&args),
        Command::Generate(args) => generate::run(&args),
    }
}

/// True where some cause of the error is a closed pipe: the reader has seen enough.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
