//! One change of tracing state, as the undo journal keeps it, and how it is taken back.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::text::{harmless, shell_word, shown};
use crate::tracefs::control::{filter_commands, filter_functions, is_rounded, value_of};
use crate::tracefs::files::{TraceFs, patiently, read_text};

/// Where kprobe events are defined, a line each.
pub(super) const PROBES: &str = "kprobe_events";

/// A change that was made, or was about to be made when the process died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// A file that holds one value.
    Value {
        /// The file, relative to tracefs.
        path: String,
        /// Its value before.
        before: String,
        /// The value that is written.
        after: String,
        /// What the kernel held after that, where it takes sizes other than those written.
        /// Missing where the process died before it knew, and in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read_back: Option<String>,
        /// What it was set to in between, where several changes were joined.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        between: Vec<String>,
    },
    /// The function filter of the top-level buffer, without its commands.
    Filter {
        /// The functions before; none means every function.
        before: Vec<String>,
        /// The functions after.
        after: Vec<String>,
    },
    /// An instance of our own.
    Instance {
        /// `instances/NAME`.
        dir: String,
    },
    /// A kprobe event of our own.
    Probe {
        /// Its group.
        group: String,
        /// Its name.
        name: String,
    },
    /// A line of the journal that this version cannot read: a newer one wrote it, or it is damaged.
    #[serde(skip)]
    Unknown {
        /// The journal.
        journal: PathBuf,
        /// Which of its lines it is, counted from 1.
        number: usize,
        /// The line.
        line: Vec<u8>,
    },
}

/// What undoing one change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undone {
    /// It was put back.
    Restored,
    /// It was as before already.
    Already,
    /// Somebody else changed it since and it was left alone, or the kernel took another value
    /// than the one before; which, in words.
    Noted(String),
}

impl Change {
    /// What a line of `journal` says.
    pub(super) fn read(journal: &Path, number: usize, line: &[u8]) -> Change {
        serde_json::from_slice(line).unwrap_or_else(|_| Change::Unknown {
            journal: journal.to_owned(),
            number,
            line: line.to_owned(),
        })
    }

    /// Its line in a journal, without the line's end. What cannot be read stays as it is, for
    /// whoever can.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        match self {
            Change::Unknown { line, .. } => Ok(line.clone()),
            known => serde_json::to_vec(known),
        }
    }

    /// True for a change that can be read.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self, Change::Unknown { .. })
    }

    /// Notes that it is another line of its journal now.
    pub(super) fn moves_to(&mut self, now: usize) {
        if let Change::Unknown { number, .. } = self {
            *number = now;
        }
    }

    /// Takes the change back. What is as before already is left alone, and so is what
    /// somebody else has changed since.
    ///
    /// # Errors
    /// What the kernel answered, after a few tries.
    pub(crate) fn undo(&self, fs: &dyn TraceFs) -> io::Result<Undone> {
        match self {
            Change::Value {
                path,
                before,
                after,
                read_back,
                between,
            } => undo_value(fs, path, before, (after, read_back.as_deref(), between)),
            Change::Filter { before, after } => undo_filter(fs, before, after),
            Change::Instance { dir } => undo_instance(fs, dir),
            Change::Probe { group, name } => undo_probe(fs, group, name),
            Change::Unknown { line, .. } => Err(io::Error::other(unreadable(line))),
        }
    }

    /// Notes what the kernel was found to hold after the change.
    pub(crate) fn amend(&mut self, found: String) {
        if let Change::Value { read_back, .. } = self {
            *read_back = Some(found);
        }
    }

    /// True where this is `earlier` with what the kernel was found to hold.
    #[must_use]
    pub(crate) fn amends(&self, earlier: &Change) -> bool {
        let mut bare = self.clone();
        match &mut bare {
            Change::Value { read_back, .. } => read_back.take().is_some() && bare == *earlier,
            _ => false,
        }
    }

    /// The change in words.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Change::Value { path, before, .. } if before.is_empty() => format!("{path} emptied"),
            Change::Value { path, before, .. } => format!("{path} back to {before}"),
            Change::Filter { before, .. } if before.is_empty() => {
                "set_ftrace_filter emptied".to_owned()
            }
            Change::Filter { before, .. } => {
                format!("set_ftrace_filter back to {} functions", before.len())
            }
            Change::Instance { dir } => format!("{dir} removed"),
            Change::Probe { group, name } => format!("probe {group}/{name} removed"),
            Change::Unknown {
                journal, number, ..
            } => format!("line {number} of {}", shown(journal)),
        }
    }

    /// True for a probe.
    pub(super) fn is_probe(&self) -> bool {
        matches!(self, Change::Probe { .. })
    }

    /// True for a filter that is empty without us.
    pub(super) fn empties_filter(&self) -> bool {
        matches!(self, Change::Filter { before, .. } if before.is_empty())
    }

    /// The line of [`PROBES`] that removes a probe.
    fn removal(&self) -> Option<String> {
        match self {
            Change::Probe { group, name } => Some(format!("-:{group}/{name}\n")),
            _ => None,
        }
    }

    /// The shell command that does by hand what [`Change::undo`] does.
    #[must_use]
    pub(crate) fn mend(&self, fs: &dyn TraceFs) -> String {
        let root = shell_word(fs.root());
        match self {
            Change::Value { path, before, .. } => format!("echo {before} > {root}/{path}"),
            Change::Filter { before, .. } => {
                let names = before.join("\\n");
                format!("printf '{names}\\n' > {root}/set_ftrace_filter")
            }
            Change::Instance { dir } => {
                format!("echo nop > {root}/{dir}/current_tracer; rmdir {root}/{dir}")
            }
            Change::Probe { group, name } => {
                format!("echo '-:{group}/{name}' >> {root}/kprobe_events")
            }
            Change::Unknown {
                journal, number, ..
            } => {
                let by_hand = format!("sed -i {number}d {}", shell_word(journal));
                format!("{OTHER_VERSION}, or do by hand what it says, then {by_hand}")
            }
        }
    }
}

/// Who can read what this version cannot.
pub(super) const OTHER_VERSION: &str = "the restore of the version that wrote it";

/// Why a line of a journal is passed over, with its beginning.
pub(super) fn unreadable(line: &[u8]) -> String {
    const SHOWN: usize = 160;
    let shown = harmless(&line[..line.len().min(SHOWN)]);
    let more = if line.len() > SHOWN { "..." } else { "" };
    format!("this version cannot read it: {shown}{more}")
}

/// True where an operation failed because what it is about is not there any more.
fn is_gone(fs: &dyn TraceFs, path: &str, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound && !fs.exists(path)
}

fn undo_value(
    fs: &dyn TraceFs,
    path: &str,
    before: &str,
    (after, read_back, between): (&str, Option<&str>, &[String]),
) -> io::Result<Undone> {
    let text = match patiently(|| read_text(fs, path)) {
        Err(e) if is_gone(fs, path, &e) => return Ok(Undone::Already),
        other => other?,
    };
    let now = value_of(path, &text);
    if now == before {
        return Ok(Undone::Already);
    }
    let nearest = |found: &str| {
        Undone::Noted(format!(
            "{path} holds {found}, the nearest this kernel takes to {before}"
        ))
    };
    let is_ours = match read_back {
        Some(held) => now == held,
        None => now == after || is_rounded(fs, path, after, &now),
    };
    if !is_ours && !between.contains(&now) {
        return Ok(if is_rounded(fs, path, before, &now) {
            nearest(&now)
        } else {
            Undone::Noted(format!(
                "{path} holds {now:?}, set by somebody else since; left alone (before: {before:?})"
            ))
        });
    }
    patiently(|| fs.write(path, format!("{before}\n").as_bytes()))?;
    let found = value_of(path, &patiently(|| read_text(fs, path))?);
    if found == before {
        Ok(Undone::Restored)
    } else if is_rounded(fs, path, before, &found) {
        Ok(nearest(&found))
    } else {
        Err(io::Error::other(format!("the kernel holds {found:?}")))
    }
}

fn undo_filter(fs: &dyn TraceFs, before: &[String], after: &[String]) -> io::Result<Undone> {
    const PATH: &str = "set_ftrace_filter";
    let now = filter_functions(&patiently(|| read_text(fs, PATH))?);
    if now == before {
        return Ok(Undone::Already);
    }
    // The kernel takes names one by one, so a process killed in between leaves some of them.
    let part_of = |whole: &[String]| now.iter().all(|name| whole.contains(name));
    let tracer = patiently(|| read_text(fs, "current_tracer"))?;
    let emptied_by_others = now.is_empty() && tracer != "nop";
    if emptied_by_others || !(part_of(after) || part_of(before)) {
        return Ok(Undone::Noted(format!(
            "{PATH} was set by somebody else since; left alone"
        )));
    }
    // An empty filter means every function: never while a tracer could use it.
    if before.is_empty() && tracer != "nop" {
        return Err(io::Error::other(format!(
            "tracer {tracer} is on, and emptying the filter would let it trace every function"
        )));
    }
    let mut text = before.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    patiently(|| fs.write(PATH, text.as_bytes()))?;
    let found = filter_functions(&patiently(|| read_text(fs, PATH))?);
    if found == before {
        Ok(Undone::Restored)
    } else {
        Err(io::Error::other(format!(
            "the kernel holds {} functions instead of {}",
            found.len(),
            before.len()
        )))
    }
}

/// What keeps an instance from being removed.
const READER: &str = "busy: somebody has it open; before kernel 5.9 an open trace_pipe of any buffer with the same tracer is enough; nothing is recorded in it any more";

/// Takes the commands off, then removes an instance; the kernel does the rest itself. What it
/// refuses to remove is switched off, in the safe order, and tried again.
fn undo_instance(fs: &dyn TraceFs, dir: &str) -> io::Result<Undone> {
    if !fs.exists(dir) {
        return Ok(Undone::Already);
    }
    let filter = format!("{dir}/set_ftrace_filter");
    let commands_off = || {
        for command in filter_commands(&read_text(fs, &filter).unwrap_or_default()) {
            let _ = patiently(|| fs.append(&filter, format!("!{command}\n").as_bytes()));
        }
    };
    commands_off();
    if fs.rmdir(dir).is_ok() {
        return Ok(Undone::Restored);
    }
    let quiet = |path: &str, value: &[u8]| patiently(|| fs.write(path, value));
    let _ = quiet(&format!("{dir}/tracing_on"), b"0\n");
    let _ = quiet(&format!("{dir}/current_tracer"), b"nop\n");
    let _ = quiet(&format!("{dir}/events/enable"), b"0\n");
    commands_off();
    patiently(|| match fs.rmdir(dir) {
        Err(e) if is_gone(fs, dir, &e) => Ok(()),
        other => other,
    })
    .map_err(|e| match e.kind() {
        io::ErrorKind::ResourceBusy => io::Error::new(e.kind(), READER),
        _ => e,
    })?;
    Ok(Undone::Restored)
}

/// True where a line of [`PROBES`] defines one of our events.
fn is_defined(text: &str, group: &str, name: &str) -> bool {
    let own = format!(":{group}/{name}");
    let mut events = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    events.any(|event| event.ends_with(&own))
}

/// Removes probes with one write, as it is done where all are off; what is still there then, one
/// by one. Answers for each in their order.
pub(super) fn undo_probes(fs: &dyn TraceFs, probes: &[&Change]) -> Vec<io::Result<Undone>> {
    let defined = || -> Vec<bool> {
        let text = patiently(|| read_text(fs, PROBES));
        let is_there = |change: &&Change| match (&text, change) {
            (Ok(text), Change::Probe { group, name }) => is_defined(text, group, name),
            // Its own undo says what is in the way.
            _ => true,
        };
        probes.iter().map(is_there).collect()
    };
    if probes.is_empty() {
        return Vec::new();
    }
    let before = defined();
    let there = probes.iter().zip(&before).filter(|&(_, there)| *there);
    let lines: String = there.filter_map(|(change, _)| change.removal()).collect();
    let after = match lines.is_empty() || fs.append(PROBES, lines.as_bytes()).is_err() {
        true => before.clone(),
        false => defined(),
    };
    let all = probes.iter().zip(before.iter().zip(after));
    all.map(|(change, (before, after))| match (before, after) {
        (_, true) => change.undo(fs),
        (true, false) => Ok(Undone::Restored),
        (false, false) => Ok(Undone::Already),
    })
    .collect()
}

fn undo_probe(fs: &dyn TraceFs, group: &str, name: &str) -> io::Result<Undone> {
    let defined = || -> io::Result<bool> {
        let text = patiently(|| read_text(fs, PROBES))?;
        Ok(is_defined(&text, group, name))
    };
    if !defined()? {
        return Ok(Undone::Already);
    }
    let enable = format!("events/{group}/{name}/enable");
    // The kernel refuses to remove a probe that is enabled.
    let _ = patiently(|| fs.write(&enable, b"0\n"));
    patiently(|| fs.append(PROBES, format!("-:{group}/{name}\n").as_bytes()))?;
    if defined()? {
        Err(io::Error::other("the kernel still lists it"))
    } else {
        Ok(Undone::Restored)
    }
}
