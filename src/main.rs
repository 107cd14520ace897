//! The program: parse arguments, run, exit.

use std::process::ExitCode;

use clap::Parser;
use ip6drop::cli::program::Cli;
use ip6drop::commands::dispatch;

fn main() -> ExitCode {
    ExitCode::from(dispatch::run(Cli::parse()).status())
}
