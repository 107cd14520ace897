//! The program: parse arguments, run, exit.

use std::process::ExitCode;

use ip6drop::inside::cli::Cli;
use ip6drop::inside::commands;

fn main() -> ExitCode {
    let exit = Cli::read().map_or_else(|exit| exit, commands::run);
    ExitCode::from(exit.status())
}
