//! `ip6drop generate`.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::{Cli, GenerateArgs, Generated};
use crate::exit::Exit;

/// The completion script of a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ip6drop", &mut script);
    script
}

/// Prints a generated file.
///
/// # Errors
/// Those of standard output.
pub fn run(args: &GenerateArgs) -> anyhow::Result<Exit> {
    let text = match args.what {
        Generated::Completions { shell } => completions(shell),
    };
    io::stdout().lock().write_all(&text)?;
    Ok(Exit::Clean)
}
