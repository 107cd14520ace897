//! Parses arguments, runs the command, turns its result into an exit status.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use ip6drop::commands::{check, record, restore};

#[derive(Parser)]
#[command(version, about)]
enum Command {
    /// Can this host be traced, by which method, and does it work
    Check(check::CheckArgs),
    /// Trace, save the text, put everything back
    Record(record::RecordArgs),
    /// Put back what a killed run left behind
    Restore(restore::RestoreArgs),
}

fn main() -> ExitCode {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let status = match Command::parse() {
        Command::Check(args) => check::check(&args, &mut out, &mut err),
        Command::Record(args) => record::record(&args, &mut err),
        Command::Restore(args) => restore::restore(&args, &mut out, &mut err),
    };
    ExitCode::from(status)
}
