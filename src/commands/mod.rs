//! One file a command: glue between the command line and the library.

pub mod capture;
pub mod check;
pub mod diagnose;
pub mod generate;
pub mod live;
pub mod man;
pub mod merge;
pub mod record;
pub mod report;
pub mod restore;
pub mod status;

use std::fs::{self, File};
use std::io::{self, Write, stderr, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cli::program::{Cli, Command};
use crate::exit::Exit;
use crate::input::STDIN;
use crate::tracefs::journal::{DEFAULT_STATE_DIR, is_stale};

/// Runs a command.
///
/// # Errors
/// Whatever ends it early; the error says what to try next.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    // The commands that trace say so themselves, and put it back.
    if matches!(cli.command, Command::Report(_)) && is_stale(Path::new(DEFAULT_STATE_DIR)) {
        let _ = writeln!(
            stderr(),
            "ip6drop: a run that was killed left tracing state behind; put it back with: ip6drop restore"
        );
    }
    match cli.command {
        Command::Report(args) => report::run(*args),
        Command::Check(args) => Ok(check::run(&args, &mut stdout(), &mut stderr())),
        Command::Record(args) => Ok(record::run(&args, &mut stderr())),
        Command::Diagnose(args) => Ok(diagnose::run(&args, &mut stderr())),
        Command::Restore(args) => Ok(restore::run(&args, &mut stdout(), &mut stderr())),
        Command::Merge(args) => merge::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Generate(args) => generate::run(&args),
    }
}

/// A command line that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misuse(&'static str);

/// Refuses to read standard input twice.
fn check_stdin(files: &[PathBuf]) -> Result<(), Misuse> {
    let named = files.iter().filter(|path| *path == Path::new(STDIN));
    if named.count() > 1 {
        return Err(Misuse("standard input (-) can be read once only"));
    }
    Ok(())
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

/// Device and inode of the regular file that an input is, also as standard input (`-`).
fn identity(input: &Path) -> Option<(u64, u64)> {
    let metadata = if input == Path::new(STDIN) {
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        stdin.and_then(|stdin| File::from(stdin).metadata())
    } else {
        fs::metadata(input)
    };
    let file = metadata.ok().filter(fs::Metadata::is_file)?;
    Some((file.dev(), file.ino()))
}
