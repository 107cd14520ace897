//! The traces that are meant: files, those of a directory, those that fit a pattern.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::analysis::stream::Analysis;
use crate::input::{InputError, STDIN, of_directory, of_pattern};
use crate::text::harmless;

/// Files of a directory that are named one by one where they are no traces.
const MAX_NAMED: usize = 8;

/// What one name on the command line stands for.
pub(crate) enum Named {
    /// A trace.
    File(PathBuf),
    /// The files of a directory: traces, and others.
    Directory(PathBuf, Vec<PathBuf>),
    /// Nothing.
    Nothing(InputError),
}

fn of_path(path: &Path) -> Named {
    if !path.is_dir() {
        return Named::File(path.to_owned());
    }
    match of_directory(path) {
        Ok(files) => Named::Directory(path.to_owned(), files),
        Err(e) => Named::Nothing(InputError::from_io(path, e)),
    }
}

/// What these names stand for, in their order.
#[must_use]
pub(crate) fn named(paths: &[PathBuf]) -> Vec<Named> {
    let mut all = Vec::new();
    for path in paths {
        let pattern = (path != Path::new(STDIN)).then(|| of_pattern(path));
        match pattern.flatten() {
            None => all.push(of_path(path)),
            Some(Ok(found)) => all.extend(found.iter().map(|path| of_path(path))),
            Some(Err(why)) => all.push(Named::Nothing(InputError::Pattern(path.clone(), why))),
        }
    }
    all
}

/// All files among them.
pub(crate) fn files(all: &[Named]) -> impl Iterator<Item = &PathBuf> {
    all.iter().flat_map(|named| match named {
        Named::File(path) => std::slice::from_ref(path),
        Named::Directory(_, files) => files,
        Named::Nothing(_) => &[],
    })
}

/// Reads the traces among the files of a directory, and says what it took and what not.
fn read_directory(
    dir: &Path,
    files: &[PathBuf],
    analysis: &mut Analysis<'_>,
    errors: &mut Vec<InputError>,
) -> Option<String> {
    let mut others = Vec::new();
    let mut failed = 0;
    for path in files {
        match analysis.read_if_trace(path) {
            Ok(true) => {}
            Ok(false) => others.push(path),
            Err(error) => {
                errors.push(error);
                failed += 1;
            }
        }
    }
    let traces = files.len() - others.len() - failed;
    if traces == 0 && failed == 0 {
        errors.push(InputError::NoTraces(dir.to_owned(), files.len()));
        return None;
    }
    let plural = if traces == 1 { "" } else { "s" };
    let mut said = format!("one report of {traces} file{plural}");
    if !others.is_empty() {
        let name = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default();
            harmless(name.as_encoded_bytes())
        };
        let names: Vec<_> = others.iter().take(MAX_NAMED).map(name).collect();
        said += &format!("; passed over, no traces: {}", names.join(", "));
        if others.len() > MAX_NAMED {
            said += &format!(" and {} more", others.len() - MAX_NAMED);
        }
    }
    Some(format!(
        "{}: {said}",
        harmless(dir.as_os_str().as_encoded_bytes())
    ))
}

/// Reads them all: why some could not be, and what is to be said of the others.
pub(crate) fn read(all: Vec<Named>, analysis: &mut Analysis<'_>) -> (Vec<InputError>, Vec<String>) {
    let (mut errors, mut notes) = (Vec::new(), Vec::new());
    for named in all {
        match named {
            Named::File(path) => errors.extend(analysis.read(&path).err()),
            Named::Directory(dir, files) => {
                notes.extend(read_directory(&dir, &files, analysis, &mut errors));
            }
            Named::Nothing(error) => errors.push(error),
        }
    }
    errors.extend(analysis.take_errors());
    (errors, notes)
}

/// Says that one report is on several hosts, as far as the captures name them.
#[must_use]
pub(crate) fn several_hosts(hosts: usize, kernels: usize) -> Option<String> {
    let what = match (hosts, kernels) {
        (2.., _) => format!("{hosts} hosts"),
        (0, 2..) => format!("{kernels} kernels"),
        _ => return None,
    };
    Some(format!(
        "files of {what} in one report; ip6drop merge compares hosts, each with a report of its own"
    ))
}

/// Writes lines on standard error.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn say(lines: &[String]) -> io::Result<()> {
    let mut err = io::stderr().lock();
    lines
        .iter()
        .try_for_each(|line| writeln!(err, "ip6drop: {line}"))
}
