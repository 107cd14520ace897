//! Inputs as they stand on the command line.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::input::STDIN;

/// A command line that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misuse(pub(crate) &'static str);

/// The inputs named; none means standard input, unless that is a terminal: then `advice` says
/// what to do.
///
/// # Errors
/// [`Misuse`] where standard input would be read twice.
pub(crate) fn inputs(named: &[PathBuf], advice: &'static str) -> anyhow::Result<Vec<PathBuf>> {
    let stdin = Path::new(STDIN);
    if named.iter().filter(|path| *path == stdin).count() > 1 {
        bail!(Misuse("standard input (-) can be read once only"));
    }
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    if io::stdin().is_terminal() {
        bail!("no input; {advice}");
    }
    Ok(vec![stdin.to_owned()])
}

/// The two inputs of `--compare`, and whether it is to be written as JSON.
///
/// # Errors
/// [`Misuse`] where it is not two, where both are standard input, or in a format that has no comparison.
pub(crate) fn compared<'a>(
    files: &'a [PathBuf],
    format: &str,
) -> anyhow::Result<([&'a PathBuf; 2], bool)> {
    let [before, after] = files else {
        bail!(Misuse(
            "--compare takes two: what was recorded before, and after"
        ));
    };
    inputs(files, "")?;
    match format {
        "text" => Ok(([before, after], false)),
        "json" => Ok(([before, after], true)),
        _ => bail!(Misuse("--compare is written as --format text or json")),
    }
}
