//! tracefs with changes as they would be: what is written goes to a list and to memory, and is read
//! from there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::rc::Rc;

use crate::tracefs::control::{GROUP, INSTANCE};
use crate::tracefs::files::{Pipe, TraceFs};
use crate::tracefs::rehearse::listing::{Deed, Listing};

/// The size of a new buffer, in KiB (kernel/trace/trace.c: `TRACE_BUF_SIZE_DEFAULT`).
const NEW_KB: &str = "1408";
const FILTER: &str = "set_ftrace_filter";
const PROBES: &str = "kprobe_events";

/// What would be there.
#[derive(Debug, Default)]
struct Changed {
    /// Files that were written, by their paths.
    files: BTreeMap<String, String>,
    /// Instances that were made.
    instances: BTreeSet<String>,
    /// Lines of kprobe events that were added.
    probes: Vec<String>,
}

/// A tracefs of which nothing is changed.
pub(super) struct Overlay<'a> {
    fs: &'a dyn TraceFs,
    listing: Rc<Listing>,
    changed: RefCell<Changed>,
}

impl<'a> Overlay<'a> {
    /// Over the tracefs that is there.
    pub(super) fn new(fs: &'a dyn TraceFs, listing: Rc<Listing>) -> Self {
        Overlay {
            fs,
            listing,
            changed: RefCell::default(),
        }
    }

    /// The file in an instance that would have been made.
    fn in_instance<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (name, file) = path.strip_prefix("instances/")?.split_once('/')?;
        let dir = &path[..path.len() - file.len() - 1];
        (name.starts_with(INSTANCE) && self.changed.borrow().instances.contains(dir))
            .then_some(file)
    }

    /// A file as the kernel makes it in a new instance; options are those of the top level
    /// (kernel/trace/trace.c: `trace_array_create`).
    fn fresh(&self, file: &str) -> io::Result<Vec<u8>> {
        let text = match file {
            "current_tracer" => "nop",
            "tracing_on" => "1",
            "buffer_size_kb" => NEW_KB,
            FILTER => "",
            "options/func_stack_trace" => "0",
            file if file.starts_with("options/") || file == "trace_options" => {
                return self.fs.read(file);
            }
            file if file.starts_with("events/") && file.ends_with("/filter") => "none",
            file if file.starts_with("events/") && file.ends_with("/enable") => "0",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(format!("{text}\n").into_bytes())
    }

    /// The files of our events that the one of their group stands for.
    fn in_group(&self, path: &str) -> Vec<String> {
        let changed = self.changed.borrow();
        let names = changed.probes.iter().filter_map(|line| {
            let (_, event) = line.split_whitespace().next()?.split_once(':')?;
            event.split_once('/')
        });
        let files = names.filter_map(|(group, name)| {
            let (before, file) = path.rsplit_once('/')?;
            let is_of = before.ends_with(&format!("events/{group}"));
            is_of.then(|| format!("{before}/{name}/{file}"))
        });
        files.collect()
    }

    /// The lines of a filter after one more command, as the kernel shows them.
    fn commanded(filter: &str, command: &str) -> String {
        let shown = |command: &str| match command.rsplit_once(':') {
            Some((of, count)) if count.parse::<u64>().is_ok() => format!("{of}:count={count}"),
            _ => format!("{command}:unlimited"),
        };
        let mut lines: Vec<String> = filter.lines().map(str::to_owned).collect();
        match command.strip_prefix('!') {
            Some(off) => lines.retain(|line| *line != shown(off) && line != off),
            None => lines.push(shown(command)),
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl TraceFs for Overlay<'_> {
    fn root(&self) -> &Path {
        self.fs.root()
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if let Some(text) = self.changed.borrow().files.get(path) {
            return Ok(text.clone().into_bytes());
        }
        if let Some(file) = self.in_instance(path) {
            return self.fresh(file);
        }
        if path.starts_with(&format!("events/{GROUP}")) {
            return self.fresh(path);
        }
        let mut text = self.fs.read(path)?;
        if path == PROBES {
            let changed = self.changed.borrow();
            text.extend(
                changed
                    .probes
                    .iter()
                    .flat_map(|line| [line, "\n"].concat().into_bytes()),
            );
        }
        Ok(text)
    }

    fn write(&self, path: &str, data: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(data).into_owned();
        self.listing.add(path, Deed::Write(text.clone()));
        let files = self.in_group(path);
        let mut changed = self.changed.borrow_mut();
        for file in files.into_iter().chain([path.to_owned()]) {
            changed.files.insert(file, text.clone());
        }
        Ok(())
    }

    fn append(&self, path: &str, data: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(data).into_owned();
        self.listing.add(path, Deed::Append(text.clone()));
        if path == PROBES {
            let probes = &mut self.changed.borrow_mut().probes;
            for line in text.lines() {
                match line.strip_prefix("-:") {
                    Some(event) => probes.retain(|probe| {
                        let name = probe.split_whitespace().next();
                        !name.is_some_and(|name| name.ends_with(&format!(":{event}")))
                    }),
                    None => probes.push(line.to_owned()),
                }
            }
            return Ok(());
        }
        let before = String::from_utf8_lossy(&self.read(path)?).into_owned();
        let after = match path.ends_with(FILTER) {
            true => text
                .lines()
                .fold(before, |filter, line| Self::commanded(&filter, line)),
            false => before + &text,
        };
        self.changed
            .borrow_mut()
            .files
            .insert(path.to_owned(), after);
        Ok(())
    }

    fn mkdir(&self, path: &str) -> io::Result<()> {
        if self.exists(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.listing.add(path, Deed::Mkdir);
        self.changed.borrow_mut().instances.insert(path.to_owned());
        Ok(())
    }

    fn rmdir(&self, path: &str) -> io::Result<()> {
        self.listing.add(path, Deed::Rmdir);
        let mut changed = self.changed.borrow_mut();
        changed.instances.remove(path);
        changed
            .files
            .retain(|file, _| !Path::new(file).starts_with(path));
        Ok(())
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        // Buffers that would be there have seen nothing.
        match self.in_instance(path) {
            Some(_) => Ok(Vec::new()),
            None => self.fs.list(path),
        }
    }

    fn exists(&self, path: &str) -> bool {
        if self.changed.borrow().instances.contains(path) {
            return true;
        }
        self.fs.exists(self.in_instance(path).unwrap_or(path))
    }

    fn pipe(&self, _path: &str) -> io::Result<Box<dyn Pipe>> {
        Ok(Box::new(Silent))
    }
}

/// A pipe that nothing comes out of: reading a real one takes away events of others.
struct Silent;

impl Read for Silent {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Pipe for Silent {
    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
