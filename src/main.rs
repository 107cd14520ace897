//! The program: parse arguments, run, exit.

use std::process::ExitCode;

use clap::Parser;
use ip6drop::inside::cli::Cli;
use ip6drop::inside::commands;

fn main() -> ExitCode {
    ExitCode::from(commands::run(Cli::parse()).status())
}
