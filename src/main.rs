//! The program: parse arguments, run, turn the result into an exit status.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use ip6drop::cli::program::Cli;
use ip6drop::commands::{self, Misuse};
use ip6drop::exit::Exit;

fn main() -> ExitCode {
    let exit = match commands::run(Cli::parse()) {
        Ok(exit) => exit,
        Err(error) if commands::is_broken_pipe(&error) => Exit::Clean,
        Err(error) => {
            // Where even standard error is gone, the status has to do.
            let _ = writeln!(std::io::stderr(), "ip6drop: {error:#}");
            if error.is::<Misuse>() {
                Exit::Usage
            } else {
                Exit::Error
            }
        }
    };
    ExitCode::from(exit.status())
}
