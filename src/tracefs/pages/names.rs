//! Names of tasks and functions, read again where they may have changed.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::ring::kallsyms::{Kallsyms, has_address};
use crate::ring::tasks::{NO_NAME, Tasks};
use crate::tracefs::files::TraceFs;

/// Tasks whose names are kept.
const MAX_TASKS: usize = 65_536;
/// Addresses without a name that are remembered as such.
const MAX_NAMELESS: usize = 4096;
/// Names of tasks are read again after this time, for a task may have become another program.
const FRESH: Duration = Duration::from_secs(1);
/// Reading them takes no more than this part of the time, however many there are.
const SHARE: u32 = 20;

/// Symbols as they were read.
#[derive(Debug)]
struct Loaded {
    /// The text of `/proc/modules` that they go with.
    modules: RefCell<String>,
    kallsyms: RefCell<Kallsyms>,
}

impl Loaded {
    fn read(host: &Host) -> Loaded {
        let modules = modules(host);
        let text = host.proc_text(KALLSYMS).unwrap_or_default();
        let kallsyms = Kallsyms::new(text.as_bytes(), &modules);
        Loaded {
            modules: RefCell::new(modules),
            kallsyms: RefCell::new(kallsyms),
        }
    }
}

/// The symbols of the running kernel. They are many: they are read when the tracer is on already,
/// and whoever needs the first name waits for them.
#[derive(Debug)]
pub(crate) struct Symbols {
    host: Host,
    loaded: OnceCell<Loaded>,
    /// The thread that reads them.
    begun: RefCell<Option<JoinHandle<Loaded>>>,
    /// Addresses that have no name.
    nameless: RefCell<BTreeSet<u64>>,
}

/// Where the symbols are, below `/proc`.
const KALLSYMS: &str = "kallsyms";

/// True where symbols have addresses: the first function tells.
fn are_shown(host: &Host) -> io::Result<bool> {
    let file = File::open(host.proc.join(KALLSYMS))?;
    for line in BufReader::new(file).split(b'\n') {
        if let Some(shown) = has_address(&line?) {
            return Ok(shown);
        }
    }
    Ok(false)
}

fn modules(host: &Host) -> String {
    // A kernel without modules has no such file.
    host.proc_text("modules").unwrap_or_default()
}

/// Where modules are, without how often they are used.
fn places(modules: &str) -> impl Iterator<Item = (&str, &str)> {
    let place = |line| {
        let mut words = str::split(line, ' ');
        Some((words.next()?, words.find(|word| word.starts_with("0x"))?))
    };
    modules.lines().filter_map(place)
}

impl Symbols {
    /// Of this host; `None` where the kernel shows no addresses.
    pub(crate) fn of(host: &Host) -> Option<Symbols> {
        are_shown(host).is_ok_and(|shown| shown).then(|| Symbols {
            host: host.clone(),
            loaded: OnceCell::new(),
            begun: RefCell::default(),
            nameless: RefCell::default(),
        })
    }

    /// Begins to read them, where that was not done before.
    pub(crate) fn begin(&self) {
        let mut begun = self.begun.borrow_mut();
        if begun.is_none() && self.loaded.get().is_none() {
            let host = self.host.clone();
            let thread = thread::Builder::new().name("ip6drop-symbols".to_owned());
            // Without a thread they are read when they are needed.
            *begun = thread.spawn(move || Loaded::read(&host)).ok();
        }
    }

    fn loaded(&self) -> &Loaded {
        self.loaded.get_or_init(|| {
            let begun = self.begun.borrow_mut().take();
            let read = begun.and_then(|thread| thread.join().ok());
            read.unwrap_or_else(|| Loaded::read(&self.host))
        })
    }

    /// Prints with them, and once more where an address without a name turns out to be of a
    /// module that was loaded meanwhile.
    pub(crate) fn print(
        &self,
        out: &mut Vec<u8>,
        print: impl Fn(&mut Vec<u8>, &Kallsyms) -> Vec<u64>,
    ) {
        let start = out.len();
        let loaded = self.loaded();
        let nameless = print(out, &loaded.kallsyms.borrow());
        if nameless.is_empty() {
            return;
        }
        let mut known = self.nameless.borrow_mut();
        if known.len() > MAX_NAMELESS {
            known.clear();
        }
        let count = known.len();
        known.extend(&nameless);
        if known.len() > count && self.has_changed() {
            known.clear();
            out.truncate(start);
            known.extend(print(out, &loaded.kallsyms.borrow()));
        }
    }

    /// Reads again where modules came or went.
    fn has_changed(&self) -> bool {
        let loaded = self.loaded();
        let modules = modules(&self.host);
        let is_same = {
            let before = loaded.modules.borrow();
            places(&modules).eq(places(&before))
        };
        if is_same {
            return false;
        }
        if let Some(text) = self.host.proc_text(KALLSYMS) {
            let kallsyms = Kallsyms::new(text.as_bytes(), &modules);
            loaded.kallsyms.replace(kallsyms);
        }
        loaded.modules.replace(modules);
        true
    }
}

/// The names of tasks that were met, also of those that the kernel has forgotten since.
#[derive(Debug)]
pub(crate) struct Comms {
    names: BTreeMap<u32, Vec<u8>>,
    /// When they were read last, and how long that took.
    read: Option<(Instant, Duration)>,
    /// Read since the events that are printed now.
    is_fresh: bool,
}

impl Comms {
    /// None is known.
    pub(crate) fn new() -> Comms {
        Comms {
            names: BTreeMap::new(),
            read: None,
            is_fresh: false,
        }
    }

    /// Further events were read.
    pub(crate) fn further_events(&mut self) {
        self.is_fresh = false;
    }

    /// The name of a task; read from `saved_cmdlines` where it is not known or old, at most once
    /// for the events that were read together.
    pub(crate) fn name(&mut self, fs: &dyn TraceFs, pid: i32) -> &[u8] {
        let pid = pid.cast_unsigned();
        let is_due = self.read.is_none_or(|(last, took)| {
            let age = last.elapsed();
            let is_wanted = age >= FRESH || (pid != 0 && !self.names.contains_key(&pid));
            is_wanted && age >= took * SHARE
        });
        if is_due && !self.is_fresh {
            self.read(fs);
        }
        match self.names.get(&pid) {
            Some(name) => name,
            None if pid == 0 => b"<idle>",
            None => NO_NAME,
        }
    }

    fn read(&mut self, fs: &dyn TraceFs) {
        let began = Instant::now();
        // Without the file all tasks stay nameless, as in the kernel's own text.
        let tasks = Tasks::new(fs.read("saved_cmdlines").unwrap_or_default());
        if self.names.len() > MAX_TASKS {
            self.names.clear();
        }
        let known = tasks.all().filter(|&(_, name)| name != NO_NAME);
        self.names
            .extend(known.map(|(pid, name)| (pid, name.to_vec())));
        self.read = Some((began, began.elapsed()));
        self.is_fresh = true;
    }
}
