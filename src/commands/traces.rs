//! The traces that are meant: files, those of a directory, those that fit a pattern.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::analysis::stream::Analysis;
use crate::input::{InputError, Parts, Recordings, STDIN, of_directory, of_pattern, recordings};
use crate::text::{Screened, Untrusted, shown};

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
            Some(Err(why)) => {
                all.push(Named::Nothing(InputError::Pattern(path.into(), why.into())))
            }
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

/// Reads what was named, one after the other.
struct Reader<'a, 'r> {
    analysis: &'a mut Analysis<'r>,
    /// Recordings in several parts that were not read yet.
    recordings: Vec<Parts>,
    /// Files that need not be read by themselves.
    done: Vec<PathBuf>,
    errors: Vec<InputError>,
    notes: Vec<String>,
}

impl Reader<'_, '_> {
    /// Reads a file, with all other parts where it is one; false where it is no trace, and is
    /// passed over if it may be.
    fn file(&mut self, path: &Path, may_be_other: bool) -> Result<bool, InputError> {
        let is_in = |parts: &Parts| parts.paths().any(|part| part == path);
        if let Some(at) = self.recordings.iter().position(is_in) {
            let parts = self.recordings.remove(at);
            self.done.extend(parts.paths().map(Path::to_owned));
            self.notes.extend(parts.missing());
            return self.analysis.read_parts(parts).map(|()| true);
        }
        if self.done.iter().any(|done| done == path) {
            return Ok(true);
        }
        if may_be_other {
            return self.analysis.read_if_trace(path);
        }
        self.analysis.read(path).map(|()| true)
    }

    /// Reads the traces among the files of a directory, and says what it took and what not.
    fn directory(&mut self, dir: &Path, files: &[PathBuf]) {
        let mut others = Vec::new();
        let mut failed = 0;
        for path in files {
            match self.file(path, true) {
                Ok(true) => {}
                Ok(false) => others.push(path),
                Err(error) => {
                    self.errors.push(error);
                    failed += 1;
                }
            }
        }
        let traces = files.len() - others.len() - failed;
        if traces == 0 && failed == 0 {
            let error = InputError::NoTraces(dir.into(), files.len());
            return self.errors.push(error);
        }
        let plural = if traces == 1 { "" } else { "s" };
        let mut said = format!("one report of {traces} file{plural}");
        if !others.is_empty() {
            let name =
                |path: &&PathBuf| Untrusted::name(path.file_name().unwrap_or_default()).to_string();
            let names: Vec<_> = others.iter().take(MAX_NAMED).map(name).collect();
            said += &format!("; passed over, no traces: {}", names.join(", "));
            if others.len() > MAX_NAMED {
                said += &format!(" and {} more", others.len() - MAX_NAMED);
            }
        }
        let dir = shown(dir);
        self.notes.push(format!("{dir}: {said}"));
    }
}

/// Reads them all: why some could not be, and what is to be said of the others.
pub(crate) fn read(all: Vec<Named>, analysis: &mut Analysis<'_>) -> (Vec<InputError>, Vec<String>) {
    // One file alone is read from end to end anyway.
    let Recordings {
        all: recordings,
        twice: errors,
        twins,
    } = match files(&all).nth(1) {
        Some(_) => recordings(files(&all)),
        None => Recordings::default(),
    };
    let twice = |error: &InputError| match error {
        InputError::SamePart { path, .. } => Some(path.raw().clone()),
        _ => None,
    };
    let mut reader = Reader {
        analysis,
        recordings,
        done: errors.iter().filter_map(twice).chain(twins).collect(),
        errors,
        notes: Vec::new(),
    };
    for named in all {
        match named {
            Named::File(path) => {
                let error = reader.file(&path, false).err();
                reader.errors.extend(error);
            }
            Named::Directory(dir, files) => reader.directory(&dir, &files),
            Named::Nothing(error) => reader.errors.push(error),
        }
    }
    let Reader {
        analysis,
        mut errors,
        notes,
        ..
    } = reader;
    errors.extend(analysis.take_errors());
    (errors, notes)
}

/// How many hosts captures are of, where it is several, as far as they name them.
#[must_use]
pub(crate) fn several(hosts: usize, kernels: usize) -> Option<String> {
    match (hosts, kernels) {
        (2.., _) => Some(format!("{hosts} hosts")),
        (0, 2..) => Some(format!("{kernels} kernels")),
        _ => None,
    }
}

/// Says that one report is on several hosts.
#[must_use]
pub(crate) fn several_hosts(hosts: usize, kernels: usize) -> Option<String> {
    let what = several(hosts, kernels)?;
    Some(format!(
        "files of {what} in one report; ip6drop merge compares hosts, each with a report of its own"
    ))
}

/// Writes lines on standard error.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn say(lines: &[String]) -> io::Result<()> {
    let mut err = Screened(io::stderr().lock());
    lines
        .iter()
        .try_for_each(|line| writeln!(err, "ip6drop: {line}"))
}
