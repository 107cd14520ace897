//! `ip6drop report --compare BEFORE AFTER`.

use std::path::Path;

use crate::analysis::stream::Analysis;
use crate::cli::report::ReportArgs;
use crate::commands::inputs::compared;
use crate::commands::output::{Destination, written};
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::render::paper::Paper;
use crate::render::report::compare;
use crate::report::build::Request;
use crate::report::summary::Summary;

/// The report on one of the two; what breaks off is no side of a comparison.
fn side(path: &Path, request: &Request) -> anyhow::Result<Summary> {
    let mut analysis = Analysis::new(request, false);
    analysis.read(path)?;
    match analysis.take_errors().into_iter().next() {
        Some(error) => Err(error.into()),
        None => Ok(analysis.finish().summary),
    }
}

/// Runs the command; the status is that of what is so now.
///
/// # Errors
/// Fails where it is not two inputs in a format that has a comparison, or one cannot be read.
pub(crate) fn run(args: &ReportArgs, request: &Request) -> anyhow::Result<Exit> {
    let ([before, after], is_json) = compared(&args.files, args.format.name)?;
    let destination = Destination::new("comparison", args.output.as_deref());
    destination.spare(before)?;
    destination.spare(after)?;
    let (before, after) = (side(before, request)?, side(after, request)?);
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
