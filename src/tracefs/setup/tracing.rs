//! Tracing in one of the ways there are: filter or probes first, stacks next, and what makes
//! them run last.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::capture::clock::ClockPair;
use crate::capture::method::Method;
use crate::host::{Host, cpulist};
use crate::kernel::functions::{Function, NETFILTER_DROP};
use crate::order::map_of;
use crate::tracefs::control::{GROUP, INSTANCE, buffer_stats, is_unused, now, stat, value_of};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{Pipe, TraceFs, drain};
use crate::tracefs::pages::reader::PageReader;
use crate::tracefs::pages::source::Source;
use crate::tracefs::setup::functions::Traceable;
use crate::tracefs::setup::optional::{Optional, is_switch};
use crate::tracefs::setup::options::plain;
use crate::tracefs::setup::plan::{Naming, Plan, entries, needs_top_level};
use crate::tracefs::setup::probes::Probe;
use crate::tracefs::setup::stream::{EVENT, Stream};
use crate::tracefs::undo::session::Session;

/// Tracing as far as it is set up.
#[derive(Debug)]
pub(crate) struct Tracing {
    method: Method,
    // Empty for the top-level buffer, else `instances/NAME/`.
    dir: String,
    // Files that switch the events of our probes on.
    switches: Vec<String>,
    // The names of the further probes that the kernel took, and why it refused others.
    probes: Vec<String>,
    refused: Vec<String>,
    // The functions whose entries are recorded, in one way or another.
    functions: Vec<Traceable>,
    // The functions whose stacks are wanted, and still on.
    stacks: Vec<Traceable>,
    // Where pages are read, what that takes.
    pages: Option<Rc<Source>>,
    // Stacks are taken of so many entries alone, until they are asked for again.
    counted: Option<u32>,
    // The function tracer shows entries.
    has_entries: bool,
    stream: Option<Stream>,
}

/// Stacks of drops that are enough to show the ways of packets for a while: each takes more room
/// than all else that is known of the drop.
pub(crate) const STACKS: u32 = 64;

/// The buffer that the plan wants: the top level's, or an instance, which is made.
fn buffer_of(session: &mut Session<'_>, plan: &Plan) -> Result<String, TraceError> {
    if plan.top_level || needs_top_level(plan.method, session.fs()) {
        return Ok(String::new());
    }
    let dir = format!("instances/{INSTANCE}{}", std::process::id());
    session.make_instance(&dir)?;
    Ok(format!("{dir}/"))
}

fn add(session: &mut Session<'_>, group: &str, probes: &[Probe]) -> Result<(), TraceError> {
    let line = |probe: &Probe| probe.line(group);
    let lines = probes
        .iter()
        .map(|probe| (probe.name.as_str(), line(probe)));
    session.add_probes(group, &lines.collect::<Vec<_>>())
}

/// A function that returns nothing, as `ip6_dst_gc` does since the check of `max_size` went, takes
/// no probe on its return (kernel/trace/trace_kprobe.c, 6.10 on).
fn returns_nothing(probe: &Probe, error: &TraceError) -> bool {
    let is_absent =
        matches!(error, TraceError::File { source, .. } if source.kind() == ErrorKind::NotFound);
    probe.on_return && is_absent
}

/// Why a probe is left out.
fn without(probe: &Probe, error: &TraceError) -> String {
    let why = if returns_nothing(probe, error) {
        let function = &probe.function;
        format!("{function} returns nothing here: this kernel cannot refuse")
    } else {
        error.to_string()
    };
    format!("traced without the probe {}: {why}", probe.name)
}

impl Tracing {
    /// Sets everything up but the stacks and what makes it run: probes, buffer, filter.
    ///
    /// # Errors
    /// What the kernel refuses; the session takes back what was done.
    pub(crate) fn prepare(session: &mut Session<'_>, plan: &Plan) -> Result<Tracing, TraceError> {
        let group = format!("{GROUP}{}", std::process::id());
        let mut refused = Vec::new();
        let mut probes = Vec::new();
        // What may be refused comes by itself, all else with one write.
        let by_itself = |probe: &&Probe| plan.probes_optional || probe.on_return;
        for probe in plan.probes.iter().filter(by_itself) {
            match add(session, &group, std::slice::from_ref(probe)) {
                Err(e @ TraceError::File { .. })
                    if plan.probes_optional || returns_nothing(probe, &e) =>
                {
                    refused.push(without(probe, &e));
                }
                Err(e) => return Err(e),
                Ok(()) => probes.push(probe.clone()),
            }
        }
        let optional = probes.len();
        probes.extend(
            plan.probes
                .iter()
                .filter(|probe| !by_itself(probe))
                .cloned(),
        );
        let set = plan.probes.iter().filter(|probe| probes.contains(probe));
        let names = set.map(|probe| probe.name.clone()).collect();
        let named = plan.naming.iter().flat_map(Naming::probes);
        probes.extend(named.map(|(probe, _)| probe.clone()));
        probes.extend(plan.entry_probes());
        add(session, &group, &probes[optional..])?;
        let dir = buffer_of(session, plan)?;
        // Lookups first and the packets last, so that no drop is seen whose lookups were not.
        let looks_up = plan.decides().then(|| format!("{dir}{EVENT}/enable"));
        let probed = probes
            .iter()
            .map(|probe| format!("{dir}events/{group}/{}/enable", probe.name));
        let switches = looks_up.into_iter().chain(probed).collect();
        let entries = entries(&plan.functions, plan.decides());
        let mut tracing = Tracing {
            method: plan.method,
            dir,
            switches,
            probes: names,
            refused,
            functions: plan.functions.clone(),
            stacks: plan.functions.iter().filter(|f| f.stack).cloned().collect(),
            pages: None,
            counted: plan.decides().then_some(STACKS),
            has_entries: plan.method != Method::Kprobe && !entries.is_empty(),
            stream: None,
        };
        tracing.prepare_buffer(session, plan)?;
        if plan.method != Method::Kprobe {
            // Where the tracer stays off, whoever turns it on shall not trace every function.
            let all = plan.functions.iter().flat_map(|f| f.real.clone());
            let filter = if entries.is_empty() {
                all.collect()
            } else {
                entries
            };
            session.set_filter(&tracing.dir, &filter)?;
        }
        for (probe, filter) in plan.naming.iter().flat_map(Naming::probes) {
            if !filter.is_empty() {
                let event = format!("{}events/{group}/{}", tracing.dir, probe.name);
                session.set(&format!("{event}/filter"), &filter)?;
            }
        }
        if let Some(naming) = plan.naming.as_ref().filter(|naming| naming.decides()) {
            let stream = Stream::prepare(session, &tracing.dir, &naming.streams)?;
            tracing.stream = Some(stream);
        }
        Ok(tracing)
    }

    /// The filter on lookups, where they are taken.
    #[must_use]
    pub(crate) fn lookups(&self) -> Option<&str> {
        self.stream.as_ref().map(Stream::filter)
    }

    /// Takes fewer lookups; false where there is no filter that shows less.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn narrow(&mut self, session: &mut Session<'_>) -> Result<bool, TraceError> {
        match &mut self.stream {
            Some(stream) => stream.narrow(session),
            None => Ok(false),
        }
    }

    /// Asks for stacks again after so many drops since it was done last; false where nothing was
    /// to be done.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn more_stacks(
        &self,
        session: &mut Session<'_>,
        drops: u64,
    ) -> Result<bool, TraceError> {
        if self.counted.is_none_or(|most| drops < u64::from(most)) {
            return Ok(false);
        }
        self.switch_stacks(session, &self.stacks, false)?;
        self.switch_stacks(session, &self.stacks, true)?;
        Ok(true)
    }

    /// The further probes that the kernel took.
    #[must_use]
    pub(crate) fn probes(&self) -> &[String] {
        &self.probes
    }

    /// The functions whose entries are recorded, by their names in the source.
    pub(crate) fn traced(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|f| f.name.as_str())
    }

    /// True where an event of ours has this name.
    #[must_use]
    pub(crate) fn has_event(&self, name: &str) -> bool {
        self.switches.iter().any(|switch| is_switch(switch, name))
    }

    /// What it can be without: all but the drops, and the lookups that decide.
    pub(crate) fn optional(&self) -> impl Iterator<Item = Optional<'_>> {
        let netfilter = Some(NETFILTER_DROP).filter(|name| self.has_event(name));
        let probes = self.probes.iter().map(String::as_str);
        let names = probes.chain(self.traced()).chain(netfilter);
        names
            .filter(|&name| name != Function::PktDrop.name())
            .map(Optional::of)
    }

    /// Leaves out what has this name. To be called while the tracer and our probes are off: what
    /// is off then stays so.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn leave_out(
        &mut self,
        session: &mut Session<'_>,
        name: &str,
    ) -> Result<(), TraceError> {
        self.forget(name);
        if !self.has_entries {
            return Ok(());
        }
        let entries = entries(&self.functions, self.lookups().is_some());
        // A filter is never emptied: without it every function would be traced.
        self.has_entries = !entries.is_empty();
        if self.has_entries {
            session.set_filter(&self.dir, &entries)?;
        }
        Ok(())
    }

    fn forget(&mut self, name: &str) {
        self.switches.retain(|switch| !is_switch(switch, name));
        self.probes.retain(|probe| probe != name);
        self.stacks.retain(|function| function.name != name);
        self.functions.retain(|function| function.name != name);
    }

    /// Why others were refused, in words.
    #[must_use]
    pub(crate) fn refused_probes(&self) -> &[String] {
        &self.refused
    }

    fn path(&self, file: &str) -> String {
        format!("{}{file}", self.dir)
    }

    fn prepare_buffer(&self, session: &mut Session<'_>, plan: &Plan) -> Result<(), TraceError> {
        let size = self.path("buffer_size_kb");
        if self.dir.is_empty() {
            let text = session.text(&size)?;
            // Left alone where its CPUs differ (`X`).
            if let Ok(now) = value_of(&size, &text).parse::<u32>() {
                // Only grows. An unused one is always set: the tracer would expand it, and
                // nothing in the journal would say so.
                let wanted = plan.buffer_kb.max(now + u32::from(is_unused(&text)));
                session.set(&size, &wanted.to_string())?;
            }
        } else {
            session.set(&size, &plan.buffer_kb.to_string())?;
        }
        plain(session, &self.dir)?;
        if self.dir.is_empty() {
            session.set(&self.path("current_tracer"), "nop")?;
            // Another tracer's leftovers would hide drops of other tasks.
            for file in ["set_ftrace_pid", "set_event_pid"] {
                if session.fs().exists(file) && !value_of(file, &session.text(file)?).is_empty() {
                    session.set(file, "")?;
                }
            }
        }
        if let Some(cpus) = &plan.cpus {
            session.set(&self.path("tracing_cpumask"), &cpulist::mask(cpus))?;
        }
        session.set(&self.path("tracing_on"), "1")
    }

    /// Puts stacks on the functions that want them.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn stacks_on(&self, session: &mut Session<'_>) -> Result<(), TraceError> {
        self.switch_stacks(session, &self.stacks, true)
    }

    fn switch_stacks(
        &self,
        session: &mut Session<'_>,
        functions: &[Traceable],
        on: bool,
    ) -> Result<(), TraceError> {
        if functions.is_empty() {
            return Ok(());
        }
        let (not, value) = if on { ("", "1") } else { ("!", "0") };
        let most = self
            .counted
            .map_or(String::new(), |most| format!(":{most}"));
        match self.method {
            Method::Instance => functions
                .iter()
                .flat_map(|function| &function.real)
                .try_for_each(|real| {
                    session.command(&self.dir, &format!("{not}{real}:stacktrace{most}"))
                }),
            Method::FuncStackTrace => session.set("options/func_stack_trace", value),
            Method::Kprobe => session.set(&self.path("options/stacktrace"), value),
        }
    }

    /// Takes the stacks off `function`, or, where the method knows no single function, off all.
    /// Answers with the functions that lost theirs.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn stacks_off(
        &mut self,
        session: &mut Session<'_>,
        function: &str,
        running: bool,
    ) -> Result<Vec<String>, TraceError> {
        let (off, kept): (Vec<_>, Vec<_>) = self
            .stacks
            .drain(..)
            .partition(|f| self.method != Method::Instance || f.name == function);
        self.stacks = kept;
        if running {
            self.switch_stacks(session, &off, false)?;
        }
        Ok(off.into_iter().map(|f| f.name).collect())
    }

    /// The functions whose stacks are wanted, still on, and taken of every entry.
    pub(crate) fn stacks(&self) -> impl Iterator<Item = &str> {
        let uncounted = self.counted.is_none();
        let names = self.stacks.iter().map(|f| f.name.as_str());
        names.filter(move |_| uncounted)
    }

    /// Makes events flow: the tracer, lookups, then our probes.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn start(&self, session: &mut Session<'_>) -> Result<(), TraceError> {
        if self.has_entries {
            session.set(&self.path("current_tracer"), "function")?;
        }
        for switch in &self.switches {
            session.set(switch, "1")?;
        }
        session.set(&self.path("tracing_on"), "1")
    }

    /// Stops the flow of events for good, so that what is in the buffer can be read to its end.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn stop(&self, session: &mut Session<'_>) -> Result<(), TraceError> {
        session.set(&self.path("tracing_on"), "0")
    }

    /// Stops the tracer and our probes so that the stacks can be switched; no pipe may be open.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn pause(&self, session: &mut Session<'_>) -> Result<(), TraceError> {
        for switch in self.switches.iter().rev() {
            session.set(switch, "0")?;
        }
        if self.has_entries {
            session.set(&self.path("current_tracer"), "nop")?;
        }
        Ok(())
    }

    /// Lets the pipe read pages in place of text, where that is possible; else answers why not,
    /// in words. The top-level buffer, which others read too, is read as text. To be called
    /// before anything is traced.
    pub(crate) fn read_pages(&mut self, fs: &dyn TraceFs, host: &Host) -> Option<String> {
        if self.dir.is_empty() {
            return None;
        }
        let events = self.switches.iter();
        let events = events.map(|switch| switch.strip_suffix("enable").unwrap_or(switch));
        match Source::look(fs, &self.dir, events, host) {
            Ok(source) => {
                self.pages = Some(Rc::new(source));
                None
            }
            Err(why) => Some(format!(
                "events are read as text, which costs more than reading pages: {why}"
            )),
        }
    }

    /// The pipe that all events of this tracing come out of.
    ///
    /// # Errors
    /// [`TraceError::File`].
    pub(crate) fn pipe<'f>(&self, fs: &'f dyn TraceFs) -> Result<Box<dyn Pipe + 'f>, TraceError> {
        if let Some(source) = &self.pages {
            let reader = PageReader::open(fs, &self.dir, Rc::clone(source));
            return match reader {
                Ok(reader) => Ok(Box::new(reader)),
                Err((path, e)) => Err(TraceError::file(fs.root().join(path), "open")(e)),
            };
        }
        self.text_pipe(fs)
    }

    fn text_pipe(&self, fs: &dyn TraceFs) -> Result<Box<dyn Pipe>, TraceError> {
        let path = self.path("trace_pipe");
        fs.pipe(&path)
            .map_err(TraceError::file(fs.root().join(&path), "open"))
    }

    /// Throws away what waits in the buffer. The top-level buffer may hold events of others: it
    /// is read empty by its pipe.
    ///
    /// # Errors
    /// [`TraceError::File`].
    pub(crate) fn discard(&self, fs: &dyn TraceFs) -> Result<(), TraceError> {
        if !self.dir.is_empty() && fs.write(&self.path("trace"), b"").is_ok() {
            return Ok(());
        }
        let path = fs.root().join(self.path("trace_pipe"));
        drain(self.text_pipe(fs)?.as_mut()).map_err(TraceError::file(path, "read"))
    }

    /// The trace's clock and the host's, read at the same moment; `None` where the trace's is no
    /// time.
    #[must_use]
    pub(crate) fn clock(&self, fs: &dyn TraceFs) -> Option<ClockPair> {
        let wall = || SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let mut cpus = buffer_stats(fs, &self.dir);
        let before = wall()?;
        let (_, stats) = cpus.next()?;
        ClockPair::of(now(&stats)?, before + (wall()?.saturating_sub(before)) / 2)
    }

    /// Events that each CPU has seen so far, lost ones included.
    #[must_use]
    pub(crate) fn written(&self, fs: &dyn TraceFs) -> BTreeMap<u32, u64> {
        let written = |stats: &str| {
            let counters = ["entries", "overrun", "dropped events", "read events"];
            counters.iter().map(|name| stat(stats, name)).sum()
        };
        let cpus = buffer_stats(fs, &self.dir);
        map_of(cpus.map(|(cpu, stats)| (cpu, written(&stats))))
    }

    /// Events lost by each CPU, from `per_cpu/*/stats`: overwritten or refused by a full buffer.
    #[must_use]
    pub(crate) fn lost(&self, fs: &dyn TraceFs) -> Vec<(u32, u64)> {
        let lost = |stats: &str| stat(stats, "overrun") + stat(stats, "dropped events");
        let mut cpus: Vec<(u32, u64)> = buffer_stats(fs, &self.dir)
            .map(|(cpu, stats)| (cpu, lost(&stats)))
            .collect();
        cpus.sort_unstable();
        cpus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_drops_can_be_left_out() {
        let switch = |event: &str| format!("i/events/g/{event}/enable");
        let function = |name: &str| Traceable {
            name: name.to_owned(),
            real: vec![name.to_owned()],
            stack: true,
        };
        let functions = ["ip6_pkt_drop", "vfs_read"].map(function).to_vec();
        let mut tracing = Tracing {
            method: Method::Instance,
            dir: "i/".to_owned(),
            switches: ["gc_exit", "ip6_pkt_drop", NETFILTER_DROP]
                .map(switch)
                .to_vec(),
            probes: vec!["gc_exit".to_owned()],
            refused: Vec::new(),
            stacks: functions.clone(),
            functions,
            pages: None,
            counted: None,
            has_entries: true,
            stream: None,
        };
        let optional = |tracing: &Tracing| {
            let names = tracing.optional().map(|part| part.name.to_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(optional(&tracing), ["gc_exit", "vfs_read", NETFILTER_DROP]);
        assert!(tracing.has_event(NETFILTER_DROP));
        for name in optional(&tracing) {
            tracing.forget(&name);
        }
        assert!(optional(&tracing).is_empty() && !tracing.has_event(NETFILTER_DROP));
        assert_eq!(tracing.traced().collect::<Vec<_>>(), ["ip6_pkt_drop"]);
        assert_eq!(tracing.stacks().collect::<Vec<_>>(), ["ip6_pkt_drop"]);
        assert_eq!(tracing.switches, [switch("ip6_pkt_drop")]);
    }

    #[test]
    fn a_function_that_returns_nothing_is_told_from_other_refusals() {
        let refused = |probe: &Probe, kind: ErrorKind| {
            let error = TraceError::File {
                path: "kprobe_events".into(),
                doing: "add it".to_owned(),
                source: kind.into(),
            };
            without(probe, &error)
        };
        let exit = Probe::gc_exit("ip6_dst_gc");
        assert_eq!(
            refused(&exit, ErrorKind::NotFound),
            "traced without the probe gc_exit: ip6_dst_gc returns nothing here: this kernel cannot refuse"
        );
        let cannot = "cannot refuse";
        assert!(!refused(&exit, ErrorKind::InvalidInput).contains(cannot));
        let entry = Probe::entry("x", "ip6_dst_gc");
        assert!(!refused(&entry, ErrorKind::NotFound).contains(cannot));
    }
}
