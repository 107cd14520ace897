//! `ip6drop merge`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::merge::MergeArgs;
use crate::commands::inputs::{compared, inputs};
use crate::commands::output::{Destination, written};
use crate::exit::Exit;
use crate::fleet::comparison::pairs;
use crate::fleet::hosts::Fleet;
use crate::fleet::inputs::expand;
use crate::fleet::problem::{Place, ProblemKind};
use crate::fleet::read::Reader;
use crate::input::{InputError, open};
use crate::render::fleet::compare;
use crate::render::fleet::words::problem_line;
use crate::render::paper::Paper;
use crate::render::view::FleetView;
use crate::text::{Untrusted, shown};

/// Why an input cannot be opened, without its name.
fn reason(path: &Path, error: &InputError) -> String {
    match error {
        InputError::Missing(_) => {
            "no such file; name reports, a directory of them, or a quoted pattern".to_owned()
        }
        InputError::Directory(_) => "a directory; name it itself, or the files in it".to_owned(),
        other => {
            let text = other.to_string();
            let prefix = format!("{}: ", shown(path));
            text.strip_prefix(&prefix).unwrap_or(&text).to_owned()
        }
    }
}

/// Reads everything that the arguments name. Refuses to read what will be written over.
fn read_all(files: &[PathBuf], destination: &Destination<'_>) -> anyhow::Result<Fleet> {
    let advice = "name reports, or pipe them in (see ip6drop merge --help)";
    let named = inputs(files, advice)?;
    let mut fleet = Fleet::default();
    let mut reader = Reader::default();
    for name in &named {
        let refuse = |fleet: &mut Fleet, path: &Path, kind, text: String| {
            let place = Place {
                input: Untrusted::name(path),
                line: None,
                column: None,
            };
            fleet.refuse(place, kind, text.into());
        };
        let paths = match expand(name) {
            Ok(paths) => paths,
            Err((kind, text)) => {
                fleet.inputs += 1;
                refuse(&mut fleet, name, kind, text);
                continue;
            }
        };
        for path in paths {
            destination.spare(&path)?;
            fleet.inputs += 1;
            match open(&path, None) {
                Ok(opened) => {
                    let packing = opened.packing();
                    reader.read(&path, opened.reader(), packing, &mut fleet);
                }
                Err(error) => {
                    refuse(
                        &mut fleet,
                        &path,
                        ProblemKind::Unreadable,
                        reason(&path, &error),
                    );
                }
            }
        }
    }
    Ok(fleet)
}

/// Names on standard error what is in no row.
fn complain(fleet: &Fleet) -> io::Result<()> {
    let mut err = io::BufWriter::new(io::stderr().lock());
    for problem in fleet.problems.named() {
        writeln!(err, "ip6drop: {}", problem_line(problem))?;
    }
    if fleet.problems.unnamed() > 0 {
        writeln!(
            err,
            "ip6drop: … and {} more that are counted, not named",
            fleet.problems.unnamed()
        )?;
    }
    err.flush()
}

/// The same hosts before and after.
fn compare(args: &MergeArgs, destination: &Destination<'_>) -> anyhow::Result<Exit> {
    let ([before, after], is_json) = compared(&args.files, args.format.name)?;
    let read = |path: &PathBuf| read_all(std::slice::from_ref(path), destination);
    let (before, after) = (read(before)?, read(after)?);
    complain(&before)?;
    complain(&after)?;
    let pairs = pairs(&before, &after);
    let mut out = Vec::new();
    if is_json {
        compare::object(&pairs, &mut out)?;
    } else {
        let paper = Paper::of(destination.terminal(), false);
        compare::text(&pairs, args.all_hosts, paper, &mut out)?;
    }
    written(destination.put(&out))?;
    let lost = before.problems.lost() + after.problems.lost();
    Ok(if lost > 0 || pairs.is_empty() {
        Exit::Error
    } else {
        Exit::Clean
    })
}

/// Runs the command.
///
/// # Errors
/// Fails where nothing was named to read, or the output cannot be written.
pub(crate) fn run(args: &MergeArgs) -> anyhow::Result<Exit> {
    let destination = Destination::new("table", args.output.as_deref());
    if args.compare {
        return compare(args, &destination);
    }
    let fleet = read_all(&args.files, &destination)?;
    complain(&fleet)?;
    if !args.quiet {
        let view = FleetView {
            fleet: &fleet,
            color: destination.has_color(args.color),
            all_hosts: args.all_hosts,
            brief: args.brief,
            columns: destination.terminal().map(|terminal| terminal.width),
        };
        let mut out = Vec::new();
        args.format.format.write(&view, &mut out)?;
        written(destination.put(&out))?;
    }
    Ok(fleet.exit(args.exit_code))
}
