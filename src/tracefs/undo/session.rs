//! A tracing session: every change is journaled first, and taken back at the end, whatever
//! the end is.

use std::collections::BTreeMap;
use std::io;

use crate::tracefs::control::{filter_functions, is_rounded, is_size, value_of};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{TraceFs, read_text};
use crate::tracefs::undo::change::{Change, PROBES};
use crate::tracefs::undo::journal::{Journal, StateDir};
use crate::tracefs::undo::replay::Undo;

/// The changes made so far and the journal they are in.
///
/// Dropping a session undoes it; [`Session::end`] does the same and tells how it went.
pub struct Session<'a> {
    fs: &'a dyn TraceFs,
    state: &'a StateDir,
    journal: Journal,
    changes: Vec<Change>,
    instance: Option<String>,
    /// Values that were set in our own instance, where nobody else sets any.
    held: BTreeMap<String, String>,
    ended: bool,
}

impl<'a> Session<'a> {
    /// Starts a session, with its journal.
    ///
    /// # Errors
    /// [`TraceError::Journal`] where no journal can be kept.
    pub fn begin(fs: &'a dyn TraceFs, state: &'a StateDir) -> Result<Session<'a>, TraceError> {
        Ok(Session {
            fs,
            state,
            journal: state.begin(fs.root())?,
            changes: Vec::new(),
            instance: None,
            held: BTreeMap::new(),
            ended: false,
        })
    }

    /// The tracefs of this session.
    #[must_use]
    pub(crate) fn fs(&self) -> &'a dyn TraceFs {
        self.fs
    }

    fn failed(&self, path: &str, doing: impl Into<String>) -> impl FnOnce(io::Error) -> TraceError {
        TraceError::file(self.fs.root().join(path), doing)
    }

    fn journaled(&mut self, changes: Vec<Change>) -> Result<(), TraceError> {
        self.journal.push(&changes)?;
        self.changes.extend(changes);
        Ok(())
    }

    /// What lies in our own instance goes away with it and needs no undo of its own.
    fn is_ours(&self, path: &str) -> bool {
        self.instance.as_ref().is_some_and(|dir| {
            path.strip_prefix(dir.as_str())
                .is_some_and(|p| p.starts_with('/'))
        })
    }

    /// The text of a control file.
    ///
    /// # Errors
    /// [`TraceError::File`].
    pub(crate) fn text(&self, path: &str) -> Result<String, TraceError> {
        read_text(self.fs, path).map_err(self.failed(path, "read"))
    }

    /// Gives a control file a value and reads it back.
    ///
    /// # Errors
    /// [`TraceError::File`] where the kernel refuses, [`TraceError::ReadBack`] where it took
    /// the value and holds another.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), TraceError> {
        let before = match self.held.remove(path) {
            Some(held) => held,
            None => value_of(path, &self.text(path)?),
        };
        let is_ours = self.is_ours(path);
        if before == value {
            if is_ours {
                self.held.insert(path.to_owned(), before);
            }
            return Ok(());
        }
        if !is_ours {
            self.journaled(vec![Change::Value {
                path: path.to_owned(),
                before,
                after: value.to_owned(),
                read_back: None,
                between: Vec::new(),
            }])?;
        }
        self.fs
            .write(path, format!("{value}\n").as_bytes())
            .map_err(self.failed(path, format!("write {value}")))?;
        let found = value_of(path, &self.text(path)?);
        if found != value && !is_rounded(self.fs, path, value, &found) {
            return Err(self.other(path, value, found));
        }
        if is_ours {
            self.held.insert(path.to_owned(), value.to_owned());
        } else if is_size(path)
            && let Some(change) = self.changes.last_mut()
        {
            // By this the undo tells our own value from that of somebody else.
            change.amend(found);
            self.journal.push(std::slice::from_ref(change))?;
        }
        Ok(())
    }

    fn other(&self, path: &str, wanted: &str, found: String) -> TraceError {
        TraceError::ReadBack {
            path: self.fs.root().join(path).into(),
            wanted: wanted.to_owned(),
            found,
        }
    }

    /// Replaces the function filter in `dir` (empty, or ending in a slash) and reads it back.
    /// The tracer there has to be off, and `functions` must not be empty.
    ///
    /// # Errors
    /// As [`Session::set`]; also where a tracer is on.
    pub fn set_filter(&mut self, dir: &str, functions: &[String]) -> Result<(), TraceError> {
        let path = format!("{dir}set_ftrace_filter");
        let tracer = self.text(&format!("{dir}current_tracer"))?;
        if tracer != "nop" || functions.is_empty() {
            return Err(self.other(&path, &functions.join(" "), format!("tracer {tracer}")));
        }
        let mut after = functions.to_vec();
        after.sort();
        after.dedup();
        if !self.is_ours(&path) {
            let before = filter_functions(&self.text(&path)?);
            if before == after {
                return Ok(());
            }
            self.journaled(vec![Change::Filter {
                before,
                after: after.clone(),
            }])?;
        }
        self.fs
            .write(&path, format!("{}\n", after.join("\n")).as_bytes())
            .map_err(self.failed(&path, "write the filter"))?;
        let found = filter_functions(&self.text(&path)?);
        if found == after {
            Ok(())
        } else {
            Err(self.other(&path, &after.join(" "), found.join(" ")))
        }
    }

    /// Adds a command such as `ip6_pkt_drop:stacktrace`, or with `!` in front removes it, in
    /// our own instance.
    ///
    /// # Errors
    /// [`TraceError::File`].
    pub(crate) fn command(&mut self, dir: &str, command: &str) -> Result<(), TraceError> {
        let path = format!("{dir}set_ftrace_filter");
        self.fs
            .append(&path, format!("{command}\n").as_bytes())
            .map_err(self.failed(&path, format!("add {command}")))
    }

    /// Adds a trigger to an event of our own instance, and looks whether the kernel holds one.
    ///
    /// # Errors
    /// As [`Session::set`].
    pub(crate) fn add_trigger(&mut self, event: &str, trigger: &str) -> Result<(), TraceError> {
        let path = format!("{event}/trigger");
        self.fs
            .append(&path, format!("{trigger}\n").as_bytes())
            .map_err(self.failed(&path, format!("add {trigger}")))?;
        let found = self.text(&path)?;
        // Where there are none, the file lists those that there could be.
        if found.starts_with('#') {
            return Err(self.other(&path, trigger, found));
        }
        Ok(())
    }

    /// Makes an instance of our own, where it was not made before.
    ///
    /// # Errors
    /// [`TraceError::File`].
    pub fn make_instance(&mut self, dir: &str) -> Result<(), TraceError> {
        if self.instance.as_deref() == Some(dir) {
            return Ok(());
        }
        self.journaled(vec![Change::Instance {
            dir: dir.to_owned(),
        }])?;
        self.fs
            .mkdir(dir)
            .map_err(self.failed(dir, "make an instance"))?;
        self.instance = Some(dir.to_owned());
        Ok(())
    }

    /// Defines kprobe events, by name and line, with one write. They stay off.
    ///
    /// # Errors
    /// [`TraceError::File`].
    pub(crate) fn add_probes(
        &mut self,
        group: &str,
        probes: &[(&str, String)],
    ) -> Result<(), TraceError> {
        if probes.is_empty() {
            return Ok(());
        }
        let change = |name: &str| Change::Probe {
            group: group.to_owned(),
            name: name.to_owned(),
        };
        self.journaled(probes.iter().map(|(name, _)| change(name)).collect())?;
        let lines: String = probes.iter().map(|(_, line)| format!("{line}\n")).collect();
        // Truncation would remove the probes of others.
        self.fs
            .append(PROBES, lines.as_bytes())
            .map_err(self.failed(PROBES, format!("add {}", lines.trim_end())))?;
        if let Some(dir) = &self.instance {
            let switch = |name: &str| format!("{dir}/events/{group}/{name}/enable");
            let off = probes
                .iter()
                .map(|(name, _)| (switch(name), "0".to_owned()));
            self.held.extend(off);
        }
        Ok(())
    }

    /// Writes what stands for all events of the group in the directory `group` of our own
    /// instance, and reads it back from these files: those that stand for all show no filter.
    fn set_all(
        &mut self,
        group: &str,
        (file, value): (&str, &str),
        shown: &[String],
    ) -> Result<(), TraceError> {
        let path = format!("{group}/{file}");
        let is_of = |held: &str| held.starts_with(group) && held.ends_with(&format!("/{file}"));
        self.held.retain(|held, _| !is_of(held));
        self.fs
            .write(&path, format!("{value}\n").as_bytes())
            .map_err(self.failed(&path, format!("write {value}")))?;
        shown.iter().try_for_each(|path| {
            let found = self.text(path)?;
            if found == value {
                return Ok(());
            }
            Err(self.other(path, value, found))
        })
    }

    /// Gives all events of a group the same filter, with one write, and reads it back from those
    /// with these names.
    ///
    /// # Errors
    /// As [`Session::set`].
    pub(crate) fn filter_all(
        &mut self,
        group: &str,
        names: &[&str],
        filter: &str,
    ) -> Result<(), TraceError> {
        let shown = names.iter().map(|name| format!("{group}/{name}/filter"));
        self.set_all(group, ("filter", filter), &shown.collect::<Vec<_>>())
    }

    /// Switches all events of a group on or off, with one write.
    ///
    /// # Errors
    /// As [`Session::set`].
    pub(crate) fn switch_all(&mut self, group: &str, on: bool) -> Result<(), TraceError> {
        let value = if on { "1" } else { "0" };
        let shown = [format!("{group}/enable")];
        self.set_all(group, ("enable", value), &shown)
    }

    /// Takes everything back and settles the journal: what could not be put back stays in it.
    ///
    /// # Errors
    /// [`TraceError::Journal`] where the journal cannot be settled; the undo is done then.
    pub fn end(mut self) -> Result<Undo, TraceError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<Undo, TraceError> {
        self.ended = true;
        self.journal.ending();
        Undo::replay(self.fs, &self.changes).settle(self.state, &self.state.header(self.fs.root()))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Reached by an early return or a panic: what cannot be put back stays in the
            // journal, and the next command says so.
            let _ = self.finish();
        }
    }
}
