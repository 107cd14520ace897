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
    /// Files that had no text when parts were looked for.
    empty: Vec<PathBuf>,
    errors: Vec<InputError>,
    notes: Vec<String>,
}

impl<'a, 'r> Reader<'a, 'r> {
    /// Looks for parts among the files.
    fn new(all: &[Named], analysis: &'a mut Analysis<'r>) -> Self {
        // One file alone is read from end to end anyway.
        let Recordings {
            all: recordings,
            twice: errors,
            twins,
            empty,
        } = match files(all).nth(1) {
            Some(_) => recordings(files(all)),
            None => Recordings::default(),
        };
        let twice = |error: &InputError| match error {
            InputError::SamePart { path, .. } => Some(path.raw().clone()),
            _ => None,
        };
        Reader {
            analysis,
            recordings,
            done: errors.iter().filter_map(twice).chain(twins).collect(),
            empty,
            errors,
            notes: Vec::new(),
        }
    }

    /// Reads them all.
    fn read(mut self, all: Vec<Named>) -> (Vec<InputError>, Vec<String>) {
        for named in all {
            match named {
                Named::File(path) => {
                    let error = self.file(&path, false).err();
                    self.errors.extend(error);
                }
                Named::Directory(dir, files) => self.directory(&dir, &files),
                Named::Nothing(error) => self.errors.push(error),
            }
        }
        self.errors.extend(self.analysis.take_errors());
        (self.errors, self.notes)
    }

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
        if self.empty.iter().any(|empty| empty == path) {
            return match may_be_other {
                true => Ok(false),
                false => Err(InputError::Empty(Untrusted::name(path))),
            };
        }
        if may_be_other {
            return self.analysis.read_if_trace(path);
        }
        self.analysis.read(path).map(|()| true)
    }

    /// Reads the traces among the files of a directory, and says what it took and what not.
    fn directory(&mut self, dir: &Path, files: &[PathBuf]) {
        let mut others = Vec::new();
        // Those that failed, and those that were removed since the directory was listed.
        let mut failed = 0;
        let mut gone = 0;
        for path in files {
            match self.file(path, true) {
                Ok(true) => {}
                Ok(false) => others.push(path),
                // Not one of a recording: that leaves a gap, and is said at the end.
                Err(InputError::Missing(_)) => gone += 1,
                Err(error) => {
                    self.errors.push(error);
                    failed += 1;
                }
            }
        }
        let traces = files.len() - others.len() - failed - gone;
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
    Reader::new(&all, analysis).read(all)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::report::build::Request;

    /// A part of a recording: so many events of one context.
    fn part(number: u64, drops: usize) -> String {
        let event = "  idle-0  [000] ..s1  1.000000: ip6_pkt_drop <-ip6_pkt_discard\n";
        format!("# ip6drop: part {number} of r1\n{}", event.repeat(drops))
    }

    /// Drops, losses, and what is said of files named 1, 2 and so on, which a recorder at work changes
    /// between the look at them and the reading.
    fn read_behind(
        texts: &[String],
        is_directory: bool,
        change: &dyn Fn(&Path),
    ) -> (u64, u64, String) {
        let dir = tempfile::tempdir().unwrap();
        let files = (1..=texts.len()).map(|number| dir.path().join(number.to_string()));
        let files: Vec<_> = files.collect();
        for (path, text) in files.iter().zip(texts) {
            fs::write(path, text).unwrap();
        }
        let all = match is_directory {
            true => named(&[dir.path().to_owned()]),
            false => named(&files),
        };
        let request = Request::default();
        let mut analysis = Analysis::new(&request, false);
        let reader = Reader::new(&all, &mut analysis);
        change(dir.path());
        let (errors, notes) = reader.read(all);
        let errors = errors.iter().map(ToString::to_string);
        let said: Vec<_> = errors.chain(notes).collect();
        let said = said.join("; ");
        let said = said.replace(dir.path().to_str().unwrap(), "in");
        let findings = analysis.finish().summary.findings;
        (findings.drops(), findings.health.lost_uncounted, said)
    }

    /// The part before it has grown since: what it says is not read, and nothing seems to be lost.
    #[test]
    fn a_part_that_begins_behind_the_look_is_of_no_report() {
        let begins = |dir: &Path| fs::write(dir.join("3"), part(3, 4)).unwrap();
        let two = [part(1, 2), part(2, 3), String::new()];
        assert_eq!(
            read_behind(&two, true, &begins),
            (
                5,
                0,
                "in: one report of 2 files; passed over, no traces: 3".to_owned()
            )
        );
        let (drops, lost, said) = read_behind(&two, false, &begins);
        assert_eq!((drops, lost), (5, 0));
        assert!(said.starts_with("in/3: is empty"), "{said}");
        // So it is behind one that is alone, with which it would go on.
        let begins = |dir: &Path| fs::write(dir.join("2"), part(2, 4)).unwrap();
        let one = [part(1, 2), String::new()];
        assert_eq!(read_behind(&one, true, &begins).0, 2);
        // Any other file is read as it is then.
        let other = [part(0, 2).split_off(part(0, 0).len()), String::new()];
        assert_eq!(read_behind(&other, true, &begins).0, 6);
    }

    #[test]
    fn a_file_removed_behind_the_look_is_no_error_of_its_directory() {
        let removed = |dir: &Path| fs::remove_file(dir.join("1")).unwrap();
        let text = part(0, 2).split_off(part(0, 0).len());
        let all = [text.clone(), text];
        assert_eq!(
            read_behind(&all, true, &removed),
            (2, 0, "in: one report of 1 file".to_owned())
        );
        let (drops, _, said) = read_behind(&all, false, &removed);
        assert_eq!(drops, 2);
        assert!(said.starts_with("in/1: "), "{said}");
        // Of a recording that was in several files something is lost.
        let both = |dir: &Path| {
            for name in ["1", "2"] {
                fs::remove_file(dir.join(name)).unwrap();
            }
        };
        let (drops, _, said) = read_behind(&[part(1, 2), part(2, 3)], true, &both);
        assert_eq!(drops, 0);
        assert!(said.starts_with("in/1: "), "{said}");
    }
}
