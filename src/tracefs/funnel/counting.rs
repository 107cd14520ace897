//! One count: probes in an instance of our own, each with a table of hits in the kernel; nothing is
//! written to the buffer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::kernel::receive_path::{Counted, Hits, PacketAt, Step};
use crate::os::signals::Signals;
use crate::tracefs::control::{GROUP, INSTANCE};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{TraceFs, read_text};
use crate::tracefs::funnel::hist::{self, Table};
use crate::tracefs::setup::functions::Available;
use crate::tracefs::setup::layout::ARGUMENTS;
use crate::tracefs::setup::plan::Narrowing;
use crate::tracefs::setup::probes::Probe;
use crate::tracefs::undo::journal::StateDir;
use crate::tracefs::undo::replay::Undo;
use crate::tracefs::undo::session::Session;

/// In front of the names of our events: `kprobe_profile` shows no groups.
const EVENT: &str = "funnel_";
/// The smallest buffer, in KiB: nothing is written to it.
const BUFFER_KB: &str = "8";
/// The kernel's event of a packet that is freed, and IPv6 in its `protocol`.
const KFREE_SKB: &str = "events/skb/kfree_skb";
const IS_IPV6: &str = "protocol == 34525";
/// True for no task.
const NEVER: &str = "common_pid < 0";
/// What `ip6_dst_gc` returns where an entry is refused.
const IS_REFUSED: &str = "ret == 1";

/// What is said where a count cannot leave anything out.
const NO_FILTERS: &str =
    "this kernel keeps no tables of filtered events (CONFIG_HIST_TRIGGERS, Linux 4.17)";

/// A function that is counted.
#[derive(Debug, Clone)]
struct Counter {
    step: Step,
    probe: Probe,
    /// Where the packet is; `None` where the function is told of none, or of which argument is not
    /// known.
    packet: Option<PacketAt>,
    /// What is counted alone.
    filter: Option<String>,
}

/// The functions that are counted.
#[derive(Debug, Clone)]
pub struct Counters {
    list: Vec<Counter>,
    /// What of them cannot be counted and why, for people.
    notes: Vec<String>,
    /// Only packets that were asked for are counted.
    is_filtered: bool,
}

impl Counters {
    /// A counter of each function on the way of a received packet that this kernel has. Whether
    /// the route cache refuses is seen only where the kernel is known to check its size.
    #[must_use]
    pub fn all(available: &Available, may_refuse: bool) -> Counters {
        let mut list = Vec::new();
        for step in Step::ALL {
            let functions = step.functions().iter().copied();
            let mut there = functions.filter(|name| !available.real(name).is_empty());
            let most = if step.may_be_inlined() { usize::MAX } else { 1 };
            for name in there.by_ref().take(most) {
                for (number, real) in available.real(name).iter().enumerate() {
                    let probe = match (step, may_refuse) {
                        (Step::Refused, false) => continue,
                        (Step::Refused, true) => Probe::gc_exit(real),
                        _ => Probe::entry(name, real),
                    };
                    // What the compiler made of a function may lack arguments before the packet.
                    let is_known = |at: &PacketAt| at.argument == 0 || real == name;
                    let packet = step.packet(name).filter(is_known);
                    let name = format!("{EVENT}{name}_{number}");
                    list.push(Counter {
                        step,
                        probe: Probe { name, ..probe },
                        packet,
                        filter: (step == Step::Refused).then(|| IS_REFUSED.to_owned()),
                    });
                }
            }
        }
        Counters {
            list,
            notes: Vec::new(),
            is_filtered: false,
        }
    }

    /// Counters of the packets alone that `narrowing` asks for, in this place and register. What
    /// is not told of packets is left out.
    #[must_use]
    pub fn only(mut self, narrowing: impl Fn(PacketAt, &str) -> Narrowing) -> Counters {
        self.is_filtered = true;
        for mut counter in std::mem::take(&mut self.list) {
            let function = &counter.probe.function;
            let skb = |at: PacketAt| ARGUMENTS.map(|arguments| (at, arguments[at.argument]));
            if let Some((at, skb)) = counter.packet.and_then(skb) {
                let narrowing = narrowing(at, skb);
                counter.probe.fetch = narrowing.fetch.trim_start().to_owned().into();
                counter.filter = Some(narrowing.filter).filter(|filter| !filter.is_empty());
                self.list.push(counter);
            } else if counter.step != Step::Refused {
                self.notes.push(format!(
                    "{function} cannot be counted with a filter: the compiler changed its arguments"
                ));
            }
        }
        self
    }
}

/// What is counted, and how.
struct Counting {
    /// Where the events of our probes are.
    dir: String,
    /// Where the event of freed packets is.
    frees: String,
    counters: Vec<Counter>,
    /// Only packets that were asked for are counted.
    is_filtered: bool,
    /// The kernel keeps tables of hits; else it only counts those of each probe.
    has_tables: bool,
    /// The `format` of the event of freed packets, where these are counted.
    freed: Option<String>,
}

/// All counts at one moment.
struct Reading {
    /// Of each counter; without a CPU where the kernel does not tell.
    hits: Vec<Table>,
    freed: Option<Table>,
    missed: u64,
    took: Duration,
}

/// What a count came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was counted.
    pub counted: Counted,
    /// What could not be counted and why, for people.
    pub(crate) notes: Vec<String>,
    /// The signal that ended it early.
    pub(crate) signal: Option<u8>,
    /// What became of the state.
    pub undo: Undo,
}

/// Counts for so long, or until a signal, and puts everything back. `edge` is called right before
/// the first reading and right behind the last.
///
/// # Errors
/// What the kernel refuses; or what could not be put back.
pub fn count(
    (fs, state, signals): (&dyn TraceFs, &StateDir, &Signals),
    counters: &Counters,
    duration: Duration,
    edge: &mut dyn FnMut(),
) -> Result<Outcome, TraceError> {
    let mut session = Session::begin(fs, state)?;
    let mut notes = counters.notes.clone();
    let ran = run(
        &mut session,
        signals,
        counters,
        duration,
        (edge, &mut notes),
    );
    let undo = session.end()?;
    match ran {
        Ok((counted, signal)) => Ok(Outcome {
            counted,
            notes,
            signal,
            undo,
        }),
        Err(error) => {
            undo.check()?;
            Err(error)
        }
    }
}

fn run(
    session: &mut Session<'_>,
    signals: &Signals,
    counters: &Counters,
    duration: Duration,
    (edge, notes): (&mut dyn FnMut(), &mut Vec<String>),
) -> Result<(Counted, Option<u8>), TraceError> {
    TraceError::check(signals)?;
    let counting = Counting::prepare(session, counters, notes)?;
    TraceError::check(signals)?;
    edge();
    let before = counting.read(session)?;
    let began = Instant::now();
    let slept = signals.sleep(duration);
    let signal = slept.map_err(TraceError::file(session.fs().root(), "wait"))?;
    let passed = began.elapsed();
    let after = counting.read(session)?;
    edge();
    Ok((counting.counted(&before, &after, passed), signal))
}

impl Counting {
    fn prepare(
        session: &mut Session<'_>,
        counters: &Counters,
        notes: &mut Vec<String>,
    ) -> Result<Counting, TraceError> {
        let pid = std::process::id();
        let group = format!("{GROUP}{pid}");
        let mut taken = Vec::new();
        for counter in &counters.list {
            let Probe { name, function, .. } = &counter.probe;
            match session.add_probes(&group, &[(name, counter.probe.line(&group))]) {
                Ok(()) => taken.push(counter.clone()),
                Err(e @ TraceError::File { .. }) => {
                    notes.push(format!("{function} cannot be counted: {e}"));
                }
                Err(e) => return Err(e),
            }
        }
        let dir = format!("instances/{INSTANCE}{pid}");
        session.make_instance(&dir)?;
        session.set(&format!("{dir}/buffer_size_kb"), BUFFER_KB)?;
        let events = format!("{dir}/events/{group}");
        let mut counting = Counting {
            has_tables: session.fs().exists(&format!("{dir}/{KFREE_SKB}/hist")),
            dir: events,
            frees: format!("{dir}/{KFREE_SKB}"),
            counters: taken,
            is_filtered: counters.is_filtered,
            freed: None,
        };
        if !counting.has_tables {
            counting.check_sums()?;
        }
        if let Err(e) = counting.start(session) {
            // Kernels before 4.17 have tables, and none by CPU.
            if !counting.has_tables || !matches!(e, TraceError::File { .. }) {
                return Err(e);
            }
            counting.check_sums()?;
            counting.has_tables = false;
            counting.start(session)?;
        }
        if !counting.has_tables {
            notes.push("this kernel keeps no tables of events by CPU (CONFIG_HIST_TRIGGERS, Linux 4.17): sums alone, and not where packets are freed".to_owned());
        }
        Ok(counting)
    }

    /// Whether sums of all hits will do.
    fn check_sums(&self) -> Result<(), TraceError> {
        match self.is_filtered {
            false => Ok(()),
            true => Err(TraceError::untraceable(
                NO_FILTERS,
                "without --src, --dst and --dev sums of all packets are counted",
            )),
        }
    }

    /// Lets the kernel count.
    fn start(&mut self, session: &mut Session<'_>) -> Result<(), TraceError> {
        for Counter { probe, filter, .. } in &self.counters {
            let event = format!("{}/{}", self.dir, probe.name);
            if self.has_tables {
                let filter = filter
                    .as_ref()
                    .map_or(String::new(), |filter| format!(" if {filter}"));
                session.add_trigger(&event, &format!("hist:keys=cpu{filter}"))?;
            } else if filter.is_none() {
                // The kernel counts what a filter leaves out as well.
                session.set(&format!("{event}/filter"), NEVER)?;
                session.set(&format!("{event}/enable"), "1")?;
            }
        }
        if !self.has_tables {
            // Without a filter of their own they would be counted whatever they return.
            self.counters.retain(|counter| counter.filter.is_none());
        } else if !self.is_filtered {
            let format = session.text(&format!("{}/format", self.frees))?;
            let keys = match hist::has_reason(&format) {
                true => "location.sym,reason",
                false => "location.sym",
            };
            session.add_trigger(&self.frees, &format!("hist:keys={keys} if {IS_IPV6}"))?;
            self.freed = Some(format);
        }
        Ok(())
    }

    /// The counts as they are, always in the same order: what one reading takes longer than the
    /// next is what the window has at its edges.
    fn read(&self, session: &Session<'_>) -> Result<Reading, TraceError> {
        let began = Instant::now();
        let profile = read_text(session.fs(), "kprobe_profile").unwrap_or_default();
        let mut missed = 0;
        let mut hits = Vec::new();
        for Counter { probe, .. } in &self.counters {
            let (all, missed_here) = hist::profile(&profile, &probe.name).unwrap_or_default();
            missed += missed_here;
            if self.has_tables {
                let text = session.text(&format!("{}/{}/hist", self.dir, probe.name))?;
                missed += hist::dropped(&text);
                hits.push(hist::table(&text));
            } else {
                hits.push(vec![(String::new(), all)]);
            }
        }
        let freed = match &self.freed {
            Some(_) => Some(hist::table(&session.text(&format!("{}/hist", self.frees))?)),
            None => None,
        };
        Ok(Reading {
            hits,
            freed,
            missed,
            took: began.elapsed(),
        })
    }

    /// What came between two readings.
    fn counted(&self, before: &Reading, after: &Reading, passed: Duration) -> Counted {
        let mut functions: Vec<(&str, Hits)> = Vec::new();
        let counters = self
            .counters
            .iter()
            .zip(before.hits.iter().zip(&after.hits));
        for (Counter { step, probe, .. }, (before, after)) in counters {
            // Clones of one function are counted together.
            let (name, _) = probe.name.rsplit_once('_').unwrap_or((&probe.name, ""));
            if functions.last().is_none_or(|(last, _)| *last != name) {
                let hits = Hits {
                    step: *step,
                    function: probe.function.as_str().into(),
                    packets: 0,
                    per_cpu: BTreeMap::new(),
                };
                functions.push((name, hits));
            }
            let Some((_, hits)) = functions.last_mut() else {
                continue;
            };
            for (key, n) in hist::since(before, after) {
                hits.packets += n;
                if let Some(cpu) = hist::cpu(&key) {
                    *hits.per_cpu.entry(cpu).or_default() += n;
                }
            }
        }
        let mut best: Vec<Hits> = Vec::new();
        for (_, hits) in functions {
            match best.last_mut() {
                Some(last) if last.step == hits.step && last.packets >= hits.packets => {}
                Some(last) if last.step == hits.step => *last = hits,
                _ => best.push(hits),
            }
        }
        let freed = before.freed.as_ref().zip(after.freed.as_ref());
        let freed = freed.zip(self.freed.as_ref());
        Counted {
            is_filtered: self.is_filtered,
            hits: best,
            freed: freed
                .map(|((before, after), format)| hist::freed(&hist::since(before, after), format)),
            missed: after.missed.saturating_sub(before.missed),
            seconds: passed.as_secs_f64(),
            reading: (before.took + after.took).as_secs_f64(),
        }
    }
}
