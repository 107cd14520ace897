//! `ip6drop report --compare BEFORE AFTER`.

use std::path::PathBuf;

use anyhow::bail;

use crate::analysis::stream::Analysis;
use crate::cli::report::ReportArgs;
use crate::commands::inputs::compared;
use crate::commands::output::{Destination, written};
use crate::commands::traces::{files, named, read, say, several};
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::render::paper::Paper;
use crate::render::report::compare;
use crate::report::build::Request;
use crate::report::summary::Summary;
use crate::text::harmless;

/// The report on one of the two: a trace, those of a directory, or those that fit a pattern. What
/// breaks off is no side of a comparison, and neither are several hosts.
fn side(
    path: &PathBuf,
    request: &Request,
    destination: &Destination<'_>,
) -> anyhow::Result<Summary> {
    let all = named(std::slice::from_ref(path));
    files(&all).try_for_each(|file| destination.spare(file))?;
    let mut analysis = Analysis::new(request, false);
    let (errors, notes) = read(all, &mut analysis);
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    say(&notes)?;
    let summary = analysis.finish().summary;
    if let Some(what) = several(summary.hosts.len(), summary.kernels.len()) {
        let path = harmless(path.as_os_str().as_encoded_bytes());
        bail!(
            "{path}: files of {what} are no side of a comparison; name one host's, or compare hosts with ip6drop merge --compare, on a JSON report of each"
        );
    }
    Ok(summary)
}

/// Runs the command; the status is that of what is so now.
///
/// # Errors
/// Fails where it is not two inputs in a format that has a comparison, or one cannot be read or is of
/// several hosts.
pub(crate) fn run(args: &ReportArgs, request: &Request) -> anyhow::Result<Exit> {
    let ([before, after], is_json) = compared(&args.files, args.format.name)?;
    let destination = Destination::new("comparison", args.output.as_deref());
    let side = |path| side(path, request, &destination);
    let (before, after) = (side(before)?, side(after)?);
    let mut out = Vec::new();
    if is_json {
        compare::object(&before, &after, &mut out)?;
    } else {
        let paper = Paper::of(destination.terminal(), args.verbose);
        compare::text(&before, &after, paper, &mut out)?;
    }
    written(destination.put(&out))?;
    Ok(match args.exit_code {
        true => Verdict::of(&after.findings).exit,
        false => Exit::Clean,
    })
}
