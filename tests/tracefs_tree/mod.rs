//! A tree that stands in for the tracefs of a 4.19 kernel: it starts with the control files of
//! a real one, answers wrong or ill-timed writes as that kernel did, keeps a log of every
//! operation, and can refuse operations by number.
#![allow(dead_code, unreachable_pub, missing_docs)] // Each test file uses its part.
#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail loudly.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ip6drop::inside::tracefs::{Pipe, TraceFs};
use rustix::io::Errno;

/// A control file of the real 4.19.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/tracefs-4.19")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What a kernel says of its pages (a 6.1; 4.19 says the same of those of its own).
fn page_fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/6.1-pages")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The heading over the columns of a 4.19.
const HEADING: &str = "# tracer: nop
#
#                              _-----=> irqs-off
#                             / _----=> need-resched
#                            | / _---=> hardirq/softirq
#                            || / _--=> preempt-depth
#                            ||| /     delay
#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION
#              | |       |   ||||       |         |
";

/// The size that a buffer is given at the tracer's first use.
const EXPANDED_KB: &str = "1408";

/// How the kernel was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// Frame pointers: every way of taking stacks works.
    Fp,
    /// Unwind data missing: `func_stack_trace` gives empty stacks, return probes end them.
    Odd,
}

/// Which operations are refused, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuse {
    Nothing,
    /// This one.
    Only(usize),
    /// This one and every later one, as if the process had been killed.
    From(usize),
    /// Every so many of them.
    Every(usize),
}

/// Tables of hits, as the kernel keeps them.
#[derive(Debug, Clone, Default)]
pub enum Tables {
    /// With this many hits of each function on CPU 0 and CPU 1, and these lines of freed packets,
    /// between two readings.
    Kept {
        hits: BTreeMap<&'static str, [u64; 2]>,
        freed: Vec<&'static str>,
    },
    /// It has them, but not by CPU.
    WithoutCpus,
    /// It has none: functions are counted as a whole, so often each between two readings.
    #[default]
    None,
}

/// The kernel's event of a packet that is freed.
const KFREE_SKB: &str = "skb/kfree_skb";

/// A buffer with its control files: the top level, or an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dir {
    pub tracer: String,
    pub filter: BTreeSet<String>,
    pub commands: Vec<String>,
    pub options: BTreeMap<String, bool>,
    pub buffer_kb: String,
    pub tracing_on: String,
    pub pids: String,
    /// Events on, as GROUP/NAME.
    pub events: BTreeSet<String>,
    /// Filters on them, by the same.
    pub filters: BTreeMap<String, String>,
    /// Triggers on events, by the same.
    pub triggers: BTreeMap<String, String>,
}

impl Dir {
    fn new() -> Dir {
        let options = fixture("trace_options")
            .lines()
            .map(|line| match line.strip_prefix("no") {
                Some(name) => (name.to_owned(), false),
                None => (line.to_owned(), true),
            })
            .chain([("func_stack_trace".to_owned(), false)])
            .collect();
        Dir {
            tracer: fixture("current_tracer").trim().to_owned(),
            filter: BTreeSet::new(),
            commands: Vec::new(),
            options,
            buffer_kb: fixture("buffer_size_kb")
                .split(' ')
                .next()
                .unwrap()
                .to_owned(),
            tracing_on: fixture("tracing_on").trim().to_owned(),
            pids: String::new(),
            events: BTreeSet::new(),
            filters: BTreeMap::new(),
            triggers: BTreeMap::new(),
        }
    }

    fn filter_text(&self) -> String {
        let mut text = String::new();
        if self.filter.is_empty() {
            text += &fixture("set_ftrace_filter");
        }
        for name in &self.filter {
            text += &format!("{name}\n");
        }
        for command in &self.commands {
            match command.rsplit_once(':') {
                Some((of, count)) if count.parse::<u64>().is_ok() => {
                    text += &format!("{of}:count={count}\n");
                }
                _ => text += &format!("{command}:unlimited\n"),
            }
        }
        text
    }
}

/// A kprobe event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KProbe {
    pub on_return: bool,
    pub event: String,
    pub function: String,
}

/// All state that has to be as before when a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub top: Dir,
    pub instances: BTreeMap<String, Dir>,
    pub probes: Vec<KProbe>,
}

type Buffers = Rc<RefCell<BTreeMap<String, VecDeque<u8>>>>;
type Open = Rc<RefCell<BTreeMap<String, usize>>>;

/// The tree.
pub struct Tree {
    root: PathBuf,
    build: Build,
    functions: BTreeSet<String>,
    available: String,
    pub state: RefCell<State>,
    pub log: RefCell<Vec<String>>,
    pub refuse: Cell<Refuse>,
    /// What is answered to a refused operation.
    pub errno: Cell<Errno>,
    /// The operation before which somebody else removes every instance that is not open.
    pub robbed: Cell<usize>,
    count: Cell<usize>,
    // Until its first use the kernel marks the size of the buffer; there is no way back.
    pub unused: Cell<bool>,
    /// True for a kernel that shows the real size of a buffer, as newer ones do.
    pub rounds: bool,
    /// True where all is there that it takes to read pages.
    pub pages: bool,
    /// What the kernel counts in tables of hits.
    pub tables: Tables,
    /// Events that come, so many of each, as soon as they may.
    pub heat: BTreeMap<&'static str, u64>,
    // Events of each buffer so far.
    written: RefCell<BTreeMap<String, u64>>,
    // Readings of `kprobe_profile`: the first one is before any packet.
    profiles: Cell<u64>,
    buffers: Buffers,
    open: Open,
    /// What must never happen, as it was seen to happen.
    pub violations: RefCell<Vec<String>>,
}

/// The kernel's event of its route lookups.
const LOOKUP: &str = "fib6/fib6_table_lookup";

/// The event that this file of its directory belongs to.
fn event_of<'a>(file: &'a str, name: &str) -> Option<&'a str> {
    let event = file.strip_prefix("events/")?.strip_suffix(name)?;
    event.strip_suffix('/')
}

/// The event whose filter this file is.
fn filter_of(file: &str) -> Option<&str> {
    file.strip_prefix("events/")?.strip_suffix("/filter")
}

fn refused<T>(errno: Errno) -> io::Result<T> {
    Err(errno.into())
}

impl Tree {
    pub fn new(build: Build) -> Tree {
        let available = fixture("available_filter_functions");
        Tree {
            root: PathBuf::from("/tree"),
            build,
            // Also those that calibration probes.
            functions: available
                .lines()
                .chain(["dev_get_stats", "loopback_xmit"])
                .map(str::to_owned)
                .collect(),
            available,
            state: RefCell::new(State {
                top: Dir::new(),
                instances: BTreeMap::new(),
                probes: Vec::new(),
            }),
            log: RefCell::default(),
            refuse: Cell::new(Refuse::Nothing),
            errno: Cell::new(Errno::IO),
            robbed: Cell::new(0),
            count: Cell::new(0),
            unused: Cell::new(true),
            rounds: false,
            pages: false,
            tables: Tables::default(),
            heat: BTreeMap::new(),
            written: RefCell::default(),
            profiles: Cell::new(0),
            buffers: Buffers::default(),
            open: Open::default(),
            violations: RefCell::default(),
        }
    }

    /// Operations so far.
    pub fn operations(&self) -> usize {
        self.count.get()
    }

    /// The state to compare.
    pub fn snapshot(&self) -> State {
        self.state.borrow().clone()
    }

    fn operate(&self, what: String) -> io::Result<()> {
        let number = self.count.get() + 1;
        self.count.set(number);
        let is_refused = match self.refuse.get() {
            Refuse::Nothing => false,
            Refuse::Only(n) => number == n,
            Refuse::From(n) => number >= n,
            Refuse::Every(n) => number.is_multiple_of(n),
        };
        if number == self.robbed.get() {
            let is_open = |name: &str| self.is_open(&format!("instances/{name}/"));
            let mut state = self.state.borrow_mut();
            state.instances.retain(|name, _| is_open(name));
        }
        let mark = if is_refused { " REFUSED" } else { "" };
        self.log.borrow_mut().push(format!("{what}{mark}"));
        if is_refused {
            return refused(self.errno.get());
        }
        Ok(())
    }

    /// Looks for what must never be, after every change.
    fn watch(&self) {
        let state = self.state.borrow();
        let all = std::iter::once(("top", &state.top)).chain(
            state
                .instances
                .iter()
                .map(|(name, dir)| (name.as_str(), dir)),
        );
        for (name, dir) in all {
            if dir.tracer == "function" && dir.filter.is_empty() {
                self.violations
                    .borrow_mut()
                    .push(format!("{name}: every function is traced"));
            }
            // Commands of the top level are somebody else's.
            let commands = name != "top" && !dir.commands.is_empty();
            let option = dir.options.get("func_stack_trace") == Some(&true);
            if dir.filter.is_empty() && (commands || option) {
                self.violations
                    .borrow_mut()
                    .push(format!("{name}: stacks before a filter"));
            }
        }
    }

    fn event(&self, dir: &str, dir_state: &Dir, line: &str, stack: Option<&[&str]>) {
        if dir_state.tracing_on != "1" {
            return;
        }
        let mut buffers = self.buffers.borrow_mut();
        let buffer = buffers.entry(dir.to_owned()).or_default();
        let header = "             cat-771   [000] ....     9.359255: ";
        buffer.extend(format!("{header}{line}\n").bytes());
        if let Some(frames) = stack {
            buffer.extend(format!("{header}<stack trace>\n").bytes());
            for frame in frames {
                buffer.extend(format!(" => {frame}\n").bytes());
            }
        }
    }

    /// The kernel runs `rt6_stats_seq_show`, called by `seq_read`.
    pub fn show(&self) {
        const SHOW: &str = "rt6_stats_seq_show";
        const FRAMES: [&str; 6] = [
            SHOW,
            "seq_read",
            "proc_reg_read",
            "vfs_read",
            "ksys_read",
            "do_syscall_64",
        ];
        let state = self.snapshot();
        let returning = |dir: &Dir| {
            state
                .probes
                .iter()
                .any(|p| p.on_return && p.function == "seq_read" && dir.events.contains(&p.event))
        };
        // A return probe stops the unwinder of the odd build, whoever set it.
        let cut = self.build == Build::Odd
            && (returning(&state.top) || state.instances.values().any(returning));
        let frames: &[&str] = if cut {
            &[SHOW, "[unknown/kretprobe'd]"]
        } else {
            &FRAMES
        };
        let all = std::iter::once((String::new(), &state.top)).chain(
            state
                .instances
                .iter()
                .map(|(name, dir)| (format!("instances/{name}/"), dir)),
        );
        for (path, dir) in all {
            if dir.tracer == "function" && (dir.filter.is_empty() || dir.filter.contains(SHOW)) {
                let top = path.is_empty();
                let by_option = top && dir.options.get("func_stack_trace") == Some(&true);
                let by_command = dir
                    .commands
                    .iter()
                    .any(|c| c == "rt6_stats_seq_show:stacktrace");
                let stack = if by_command {
                    Some(frames)
                } else if by_option && self.build == Build::Odd {
                    Some(&[][..])
                } else if by_option {
                    Some(frames)
                } else {
                    None
                };
                self.event(&path, dir, "rt6_stats_seq_show <-seq_read", stack);
            }
            for probe in &state.probes {
                if probe.function == SHOW && !probe.on_return && dir.events.contains(&probe.event) {
                    let stacked = dir.options.get("stacktrace") == Some(&true);
                    let name = probe.event.split('/').nth(1).unwrap();
                    let line = format!("{name}: (rt6_stats_seq_show+0x0/0x70)");
                    self.event(&path, dir, &line, stacked.then_some(frames));
                }
            }
        }
    }

    /// What this write switches on begins to come.
    fn warm(&self, path: &str) {
        let (instance, file) = Tree::split(path);
        let state = self.snapshot();
        let dir = match &instance {
            None => Some(&state.top),
            Some(name) => state.instances.get(name),
        };
        let Some(dir) = dir.filter(|dir| dir.tracing_on == "1") else {
            return;
        };
        let dir_path = path.strip_suffix(&file).unwrap_or_default();
        for (name, count) in &self.heat {
            let is_on = match event_of(&file, "enable") {
                Some(event) => dir.events.contains(event) && event.ends_with(&format!("/{name}")),
                None => {
                    file == "current_tracer"
                        && dir.tracer == "function"
                        && dir.filter.contains(*name)
                }
            };
            if is_on {
                for _ in 0..*count {
                    self.event(dir_path, dir, &format!("{name} <-x"), None);
                }
                let mut written = self.written.borrow_mut();
                *written.entry(dir_path.to_owned()).or_default() += count;
            }
        }
    }

    fn split(path: &str) -> (Option<String>, String) {
        if let Some(rest) = path.strip_prefix("instances/")
            && let Some((name, file)) = rest.split_once('/')
        {
            return (Some(name.to_owned()), file.to_owned());
        }
        (None, path.to_owned())
    }

    fn with_dir<T>(
        &self,
        instance: Option<&str>,
        act: impl FnOnce(&mut Dir) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state.borrow_mut();
        let dir = match instance {
            None => Some(&mut state.top),
            Some(name) => state.instances.get_mut(name),
        };
        match dir {
            Some(dir) => act(dir),
            None => refused(Errno::NOENT),
        }
    }

    /// What `buffer_size_kb` shows of a buffer for which this many KiB were asked.
    fn shown_kb(&self, asked: &str) -> String {
        const SUB_BUFFER: u32 = 4080; // a page without its header
        let bytes = asked.parse::<u32>().unwrap() * 1024;
        match self.rounds {
            false => asked.to_owned(),
            true => (bytes.div_ceil(SUB_BUFFER).max(2) * SUB_BUFFER / 1024).to_string(),
        }
    }

    /// True where a pipe of the buffer in `dir` is open, of text or of pages.
    fn is_open(&self, dir: &str) -> bool {
        let of = |path: &str| match path.split_once("per_cpu/") {
            Some((of, _)) => of == dir,
            None => path.strip_suffix("trace_pipe") == Some(dir),
        };
        let open = self.open.borrow();
        open.iter().any(|(path, count)| *count > 0 && of(path))
    }

    /// Adds a trigger to an event.
    fn put_trigger(&self, event: &str, dir: &mut Dir, text: &str) -> io::Result<()> {
        let keys = text.strip_prefix("hist:keys=").unwrap_or_default();
        let knows = match self.tables {
            Tables::None => false,
            Tables::WithoutCpus => !keys.starts_with("cpu"),
            Tables::Kept { .. } => true,
        };
        if !knows {
            return refused(Errno::INVAL);
        }
        dir.triggers.insert(event.to_owned(), text.to_owned());
        Ok(())
    }

    /// What the tables say of an event: nothing before the second reading.
    fn hist(&self, event: &str) -> String {
        let Tables::Kept { hits, freed } = &self.tables else {
            return String::new();
        };
        let begun = self.profiles.get() > 1;
        if event == KFREE_SKB {
            let lines = freed.iter().filter(|_| begun);
            return lines.map(|line| format!("{line}\n")).collect();
        }
        let state = self.state.borrow();
        let probe = state.probes.iter().find(|p| p.event == event);
        let of = probe.and_then(|p| hits.get(p.function.as_str()));
        let of = of.copied().unwrap_or_default();
        // Others have been counted before: what was there is none of ours.
        let line = |(cpu, n): (usize, u64)| {
            let n = 5 + if begun { n } else { 0 };
            format!("{{ cpu: {cpu:>10} }} hitcount: {n:>10}\n")
        };
        of.into_iter().enumerate().map(line).collect()
    }

    /// What the kernel says of its pages and events.
    fn of_pages(&self, file: &str) -> Option<String> {
        let name = file.strip_prefix("events/")?.strip_suffix("/format")?;
        let formats = page_fixture("formats");
        let of = |name: &str| {
            let mut all = formats.split("name: ").skip(1);
            let text = all.find(|text| text.starts_with(&format!("{name}\n")));
            Some(format!("name: {}", text?))
        };
        if let Some(name) = name.strip_prefix("ftrace/").or(name.strip_prefix("fib6/")) {
            return of(name);
        }
        let probe = self.state.borrow();
        let probe = probe.probes.iter().find(|p| p.event == name)?.clone();
        of(if probe.on_return {
            "gc_exit"
        } else {
            "gc_enter"
        })
    }

    /// True for a file that stands for those of all events of a group of probes.
    fn is_group(&self, file: &str) -> bool {
        let Some((group, file)) = file
            .strip_prefix("events/")
            .and_then(|f| f.rsplit_once('/'))
        else {
            return false;
        };
        ["enable", "filter"].contains(&file) && !group.contains('/')
    }

    /// The files that it stands for.
    fn in_group(&self, path: &str) -> Vec<String> {
        let (_, file) = Tree::split(path);
        let state = self.state.borrow();
        let of_group = |event: &str| {
            let (group, name) = event.split_once('/')?;
            let (before, last) = path.rsplit_once('/')?;
            let is_of = before.ends_with(&format!("events/{group}"));
            is_of.then(|| format!("{before}/{name}/{last}"))
        };
        let probes = state.probes.iter().filter(|_| self.is_group(&file));
        probes.filter_map(|probe| of_group(&probe.event)).collect()
    }

    fn write_filter(&self, dir: &mut Dir, data: &str, truncate: bool) -> io::Result<()> {
        if truncate {
            dir.filter.clear();
        }
        for word in data.split_whitespace() {
            if let Some(command) = word.strip_prefix('!') {
                // The kernel looks at function and command alone.
                let of =
                    |command: &str| command.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
                let Some(at) = dir.commands.iter().position(|c| of(c) == of(command)) else {
                    return refused(Errno::INVAL);
                };
                dir.commands.remove(at);
            } else if let Some((function, _)) = word.split_once(':') {
                if !self.functions.contains(function) {
                    return refused(Errno::INVAL);
                }
                dir.commands.push(word.to_owned());
            } else if self.functions.contains(word) {
                dir.filter.insert(word.to_owned());
            } else {
                return refused(Errno::INVAL);
            }
        }
        Ok(())
    }

    fn put(&self, path: &str, data: &str, truncate: bool) -> io::Result<()> {
        let (instance, file) = Tree::split(path);
        if file == "kprobe_events" {
            let mut lines = data.lines();
            return lines.try_for_each(|line| self.put_probe(line, truncate));
        }
        for file in self.in_group(path) {
            self.put(&file, data, truncate)?;
        }
        if self.is_group(&file) {
            return Ok(());
        }
        if let Some(event) = file
            .strip_prefix("events/")
            .and_then(|rest| rest.strip_suffix("/enable"))
        {
            let is_probe = self.state.borrow().probes.iter().any(|p| p.event == event);
            if !is_probe && event != LOOKUP {
                return refused(Errno::NOENT);
            }
            // First use expands the top-level buffer, whichever the event is in.
            let expanded = Cell::new(false);
            self.with_dir(instance.as_deref(), |dir| {
                if data.trim() == "1" {
                    expanded.set(self.unused.replace(false));
                    dir.events.insert(event.to_owned());
                } else {
                    dir.events.remove(event);
                }
                Ok(())
            })?;
            if expanded.get() {
                self.state.borrow_mut().top.buffer_kb = self.shown_kb(EXPANDED_KB);
            }
            return Ok(());
        }
        if let Some(event) = event_of(&file, "trigger") {
            return self.with_dir(instance.as_deref(), |dir| {
                self.put_trigger(event, dir, data.trim())
            });
        }
        if let Some(event) = filter_of(&file) {
            return self.with_dir(instance.as_deref(), |dir| {
                dir.filters.insert(event.to_owned(), data.trim().to_owned());
                Ok(())
            });
        }
        let dir_path = path.strip_suffix("current_tracer").unwrap_or_default();
        let buffer_path = path.strip_suffix("trace").map(str::to_owned);
        self.with_dir(instance.as_deref(), |dir| {
            let value = data.trim().to_owned();
            match file.as_str() {
                "events/enable" => dir.events.clear(),
                "current_tracer" if self.is_open(dir_path) => return refused(Errno::BUSY),
                "current_tracer" => {
                    if !fixture("available_tracers")
                        .split_whitespace()
                        .any(|t| t == value)
                    {
                        return refused(Errno::INVAL);
                    }
                    if self.unused.replace(false) {
                        dir.buffer_kb = self.shown_kb(EXPANDED_KB);
                    }
                    dir.tracer = value;
                }
                "set_ftrace_filter" => return self.write_filter(dir, data, truncate),
                "buffer_size_kb" => {
                    self.unused.set(false);
                    dir.buffer_kb = self.shown_kb(&value);
                }
                "tracing_on" => dir.tracing_on = value,
                "set_ftrace_pid" => dir.pids = value,
                "trace" => {
                    self.buffers
                        .borrow_mut()
                        .remove(&buffer_path.unwrap_or_default());
                }
                other => match other
                    .strip_prefix("options/")
                    .and_then(|o| dir.options.get_mut(o))
                {
                    Some(option) => *option = value == "1",
                    None => return refused(Errno::NOENT),
                },
            }
            Ok(())
        })
    }

    fn put_probe(&self, data: &str, truncate: bool) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        if truncate {
            self.violations
                .borrow_mut()
                .push("kprobe_events truncated: probes of others are gone".to_owned());
            state.probes.clear();
        }
        let words: Vec<&str> = data.split_whitespace().collect();
        let Some((kind, event)) = words.first().and_then(|w| w.split_once(':')) else {
            return refused(Errno::INVAL);
        };
        if kind == "-" {
            let is_on = |dir: &Dir| dir.events.contains(event) || dir.triggers.contains_key(event);
            let on = is_on(&state.top) || state.instances.values().any(is_on);
            if on {
                return refused(Errno::BUSY);
            }
            let Some(at) = state.probes.iter().position(|p| p.event == event) else {
                return refused(Errno::NOENT);
            };
            state.probes.remove(at);
            return Ok(());
        }
        let function = words.get(1).copied().unwrap_or_default();
        if !self.functions.contains(function) {
            return refused(Errno::INVAL);
        }
        if state.probes.iter().any(|p| p.event == event) {
            return refused(Errno::EXIST);
        }
        state.probes.push(KProbe {
            on_return: kind.starts_with('r'),
            event: event.to_owned(),
            function: function.to_owned(),
        });
        Ok(())
    }
}

impl TraceFs for Tree {
    fn root(&self) -> &Path {
        &self.root
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.operate(format!("read {path}"))?;
        let (instance, file) = Tree::split(path);
        let probes: String = self
            .state
            .borrow()
            .probes
            .iter()
            .map(|p| {
                let kind = if p.on_return { 'r' } else { 'p' };
                format!("{kind}:{} {}\n", p.event, p.function)
            })
            .collect();
        let events: Vec<String> = {
            let state = self.state.borrow();
            state
                .probes
                .iter()
                .map(|probe| probe.event.clone())
                .collect()
        };
        let of_pages = if self.pages {
            match file.as_str() {
                "events/header_page" => Some(page_fixture("header_page")),
                "trace_clock" => Some("[local] global counter\n".to_owned()),
                "trace" => Some(HEADING.to_owned()),
                "saved_cmdlines" => Some(String::new()),
                file => self.of_pages(file),
            }
        } else {
            None
        };
        if let Some(text) = of_pages {
            return Ok(text.into_bytes());
        }
        if file == "kprobe_profile" {
            self.profiles.set(self.profiles.get() + 1);
            let state = self.state.borrow();
            let names = state
                .probes
                .iter()
                .filter_map(|p| p.event.split('/').nth(1));
            let hits = if self.profiles.get() > 1 { 9 } else { 2 };
            let lines = names.map(|name| format!("  {name:<44} {hits:>15} {:>15}\n", 0));
            return Ok(lines.collect::<String>().into_bytes());
        }
        if let Some(event) = event_of(&file, "hist") {
            return Ok(self.hist(event).into_bytes());
        }
        self.with_dir(instance.as_deref(), |dir| {
            let text = match file.as_str() {
                file if event_of(file, "trigger").is_some() => {
                    let event = event_of(file, "trigger").unwrap();
                    let none = "# Available triggers:\n# traceon hist\n".to_owned();
                    dir.triggers
                        .get(event)
                        .map_or(none, |t| format!("{t} [active]\n"))
                }
                file if event_of(file, "format") == Some(KFREE_SKB) => {
                    "\tfield:void * location;\n".to_owned()
                }
                "current_tracer" => format!("{}\n", dir.tracer),
                "set_ftrace_filter" => dir.filter_text(),
                "buffer_size_kb" if self.unused.get() && instance.is_none() => {
                    fixture("buffer_size_kb")
                }
                "buffer_size_kb" => format!("{}\n", dir.buffer_kb),
                "tracing_on" => format!("{}\n", dir.tracing_on),
                "trace_options" => {
                    let options = dir.options.iter();
                    options
                        .map(|(name, on)| format!("{}{name}\n", if *on { "" } else { "no" }))
                        .collect()
                }
                "set_ftrace_pid" if dir.pids.is_empty() => fixture("set_ftrace_pid"),
                "set_ftrace_pid" => format!("{}\n", dir.pids.replace(' ', "\n")),
                "set_event_pid" | "set_ftrace_notrace" => String::new(),
                "set_event" => dir
                    .events
                    .iter()
                    .map(|e| e.replace('/', ":") + "\n")
                    .collect(),
                "kprobe_events" => probes,
                "available_filter_functions" => self.available.clone(),
                "available_tracers" => fixture("available_tracers"),
                file if file.starts_with("per_cpu/") => {
                    let dir = path.strip_suffix(file).unwrap_or_default();
                    let written = self.written.borrow().get(dir).copied().unwrap_or(0);
                    let stats = fixture("per_cpu_cpu0_stats");
                    stats.replace("read events: 0", &format!("read events: {written}"))
                }
                file => {
                    if let Some(option) = file.strip_prefix("options/") {
                        match dir.options.get(option) {
                            Some(on) => format!("{}\n", u8::from(*on)),
                            None => return refused(Errno::NOENT),
                        }
                    } else if let Some(event) = file
                        .strip_prefix("events/")
                        .and_then(|rest| rest.strip_suffix("/enable"))
                    {
                        let of_group = format!("{event}/");
                        let is_of = |probe: &&str| probe.starts_with(&of_group);
                        let all: Vec<&str> =
                            events.iter().map(String::as_str).filter(is_of).collect();
                        let on = all
                            .iter()
                            .filter(|probe| dir.events.contains(**probe))
                            .count();
                        match all.len() {
                            0 if event != LOOKUP && !events.iter().any(|probe| probe == event) => {
                                return refused(Errno::NOENT);
                            }
                            0 => format!("{}\n", u8::from(dir.events.contains(event))),
                            _ if on == 0 => "0\n".to_owned(),
                            most if on == most => "1\n".to_owned(),
                            _ => "X\n".to_owned(),
                        }
                    } else if let Some(event) = filter_of(file) {
                        let filter = dir.filters.get(event);
                        format!("{}\n", filter.map_or("none", String::as_str))
                    } else {
                        return refused(Errno::NOENT);
                    }
                }
            };
            Ok(text.into_bytes())
        })
    }

    fn write(&self, path: &str, data: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(data).into_owned();
        if let Err(e) = self.operate(format!("write {path}: {}", text.trim())) {
            if path.ends_with("set_ftrace_filter") {
                // Cut short: the names that were taken are in force all the same.
                let words: Vec<&str> = text.split_whitespace().collect();
                let _ = self.put(path, &words[..words.len() / 2].join(" "), true);
                self.watch();
            }
            // So do the first of the events that it stands for.
            let files = self.in_group(path);
            for file in &files[..files.len() / 2] {
                let _ = self.put(file, &text, true);
            }
            return Err(e);
        }
        let result = self.put(path, &text, true);
        self.watch();
        self.warm(path);
        result
    }

    fn append(&self, path: &str, data: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(data).into_owned();
        if let Err(e) = self.operate(format!("append {path}: {}", text.trim())) {
            if path == "kprobe_events" {
                // Cut short: the lines before were taken.
                let lines: Vec<&str> = text.lines().collect();
                let _ = self.put(path, &lines[..lines.len() / 2].join("\n"), false);
            }
            return Err(e);
        }
        let result = self.put(path, &text, false);
        self.watch();
        result
    }

    fn mkdir(&self, path: &str) -> io::Result<()> {
        self.operate(format!("mkdir {path}"))?;
        let name = path.strip_prefix("instances/").unwrap_or_default();
        let mut state = self.state.borrow_mut();
        if state.instances.contains_key(name) {
            return refused(Errno::EXIST);
        }
        let mut dir = Dir::new();
        // An instance starts with the options of the top level.
        dir.options.clone_from(&state.top.options);
        dir.options.insert("func_stack_trace".to_owned(), false);
        dir.buffer_kb = self.shown_kb(EXPANDED_KB);
        state.instances.insert(name.to_owned(), dir);
        Ok(())
    }

    fn rmdir(&self, path: &str) -> io::Result<()> {
        self.operate(format!("rmdir {path}"))?;
        if self.is_open(&format!("{path}/")) {
            return refused(Errno::BUSY);
        }
        let name = path.strip_prefix("instances/").unwrap_or_default();
        match self.state.borrow_mut().instances.remove(name) {
            Some(_) => Ok(()),
            None => refused(Errno::NOENT),
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.operate(format!("list {path}"))?;
        Ok(match path {
            "instances" => self.state.borrow().instances.keys().cloned().collect(),
            _ if path.ends_with("per_cpu") => vec!["cpu0".to_owned()],
            _ => Vec::new(),
        })
    }

    fn exists(&self, path: &str) -> bool {
        // Of a tracefs that is gone for good nothing is there.
        if let Refuse::From(n) = self.refuse.get()
            && self.errno.get() == Errno::NOENT
            && self.count.get() + 1 >= n
        {
            return false;
        }
        if path == "instances" {
            return true;
        }
        if let Some(name) = path.strip_prefix("instances/")
            && !name.contains('/')
        {
            return self.state.borrow().instances.contains_key(name);
        }
        let (instance, file) = Tree::split(path);
        if event_of(&file, "hist").is_some() {
            return !matches!(self.tables, Tables::None);
        }
        if let Some(event) = event_of(&file, "enable")
            && event.starts_with("ip6drop_")
        {
            let state = self.state.borrow();
            return state.probes.iter().any(|probe| probe.event == event);
        }
        match file.strip_prefix("options/") {
            Some(option) => self
                .with_dir(instance.as_deref(), |dir| {
                    Ok(dir.options.contains_key(option))
                })
                .unwrap_or(false),
            None => true,
        }
    }

    fn pipe(&self, path: &str) -> io::Result<Box<dyn Pipe>> {
        self.operate(format!("open {path}"))?;
        *self.open.borrow_mut().entry(path.to_owned()).or_default() += 1;
        Ok(Box::new(TreePipe {
            path: path.to_owned(),
            // A page holds nothing: no recording on this tree has events in its instance.
            dir: path.strip_suffix("trace_pipe").unwrap_or(path).to_owned(),
            buffers: Rc::clone(&self.buffers),
            open: Rc::clone(&self.open),
        }))
    }
}

struct TreePipe {
    path: String,
    dir: String,
    buffers: Buffers,
    open: Open,
}

impl Read for TreePipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut buffers = self.buffers.borrow_mut();
        match buffers.get_mut(&self.dir) {
            Some(buffer) if !buffer.is_empty() => buffer.read(out),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Pipe for TreePipe {
    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Drop for TreePipe {
    fn drop(&mut self) {
        if let Some(count) = self.open.borrow_mut().get_mut(&self.path) {
            *count -= 1;
        }
    }
}
