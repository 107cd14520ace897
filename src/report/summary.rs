//! What a report says, as numbers that can be merged.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::assessment::{Assessment, Behaviour, State, assess};
use crate::diagnosis::collect::FastSeries;
use crate::diagnosis::rules::{Class, Confidence};
use crate::exit::Exit;
use crate::host::{Facts, Snapshot};
use crate::kernel::functions::Origin;
use crate::kernel::limits;
use crate::os::trigger::Outcome;
use crate::report::build::HereAndNow;
use crate::status::rises::Rise;
use crate::trace::assemble::MAX_SAMPLES;
use crate::trace::stacks::Frames;
use crate::trace::{KernelLog, LineCounts, Time};

/// A CPU, or what is known of none; CPUs sort before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CpuKey {
    /// A CPU the trace names.
    Cpu(u32),
    /// Events without a CPU.
    None,
}

impl From<Option<u32>> for CpuKey {
    fn from(cpu: Option<u32>) -> Self {
        cpu.map_or(CpuKey::None, CpuKey::Cpu)
    }
}

/// One CPU's row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CpuRow {
    /// Drops by class.
    pub by_class: BTreeMap<Class, u64>,
    /// Calls of `ip6_dst_gc`.
    pub gc: GcCounts,
    /// First and last drop.
    pub span: Option<(Time, Time)>,
}

impl CpuRow {
    /// All drops of the CPU.
    #[must_use]
    pub fn drops(&self) -> u64 {
        self.by_class.values().sum()
    }
}

/// Calls of `ip6_dst_gc` and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GcCounts {
    /// All calls.
    pub calls: u64,
    /// Calls that refused the allocation.
    pub failed: u64,
    /// Calls that agreed to it.
    pub succeeded: u64,
}

impl GcCounts {
    /// Calls whose outcome is not known.
    #[must_use]
    pub fn unknown(self) -> u64 {
        self.calls - self.failed - self.succeeded
    }

    /// Calls that refused, where that is known of any; `None` where of none.
    #[must_use]
    pub fn known_failed(self) -> Option<u64> {
        (self.calls == 0 || self.unknown() < self.calls).then_some(self.failed)
    }

    /// Adds another count.
    pub fn add(&mut self, other: GcCounts) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.succeeded += other.succeeded;
    }
}

/// One task's row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskRow {
    /// Its name; `<...>` where the trace never knew it.
    pub comm: Vec<u8>,
    /// Its drops.
    pub drops: u64,
}

/// Whether the input could be read, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Every line, in one of the counters.
    pub lines: LineCounts,
    /// The first lines that were not understood.
    pub samples: Vec<Vec<u8>>,
    /// Stacks, with or without frames.
    pub stacks: u64,
    /// Stacks without frames.
    pub empty_stacks: u64,
    /// Events lost, by CPU.
    pub lost: BTreeMap<u32, u64>,
    /// Losses that the kernel did not count.
    pub lost_uncounted: u64,
    /// Entries that ring buffers overwrote before the text starts.
    pub overwritten: u64,
    /// Inputs that ended in an error, or gave nothing.
    pub broken_inputs: u64,
    /// Drops with a stack beyond the table's caps.
    pub stacks_beyond: u64,
    /// Cuts of all evidence because too many tasks were live.
    pub evictions: u64,
    /// What the kernel's log says.
    pub log: KernelLog,
}

impl Health {
    /// Lost events that were counted, overwritten ones included.
    #[must_use]
    pub fn lost_events(&self) -> u64 {
        self.lost
            .values()
            .fold(self.overwritten, |sum, n| sum.saturating_add(*n))
    }

    /// True where some events are missing from the text.
    #[must_use]
    pub fn has_losses(&self) -> bool {
        self.lost_events() > 0 || self.lost_uncounted > 0 || self.broken_inputs > 0
    }

    /// True where more lines are not understood than are.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        let understood = self.lines.events + self.lines.frames + self.lines.banners;
        self.lines.unparsed > understood
    }

    /// True where every stack came without frames.
    #[must_use]
    pub fn has_only_empty_stacks(&self) -> bool {
        self.stacks > 0 && self.stacks == self.empty_stacks
    }
}

/// The route cache's counters and limits, and `fast` where it was read and found valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Counters {
    /// `fast` over the capture.
    pub fast: Option<FastSeries>,
    /// Exact number of entries, at the last reading.
    pub slow: Option<i64>,
    /// `net.ipv6.route.max_size`.
    pub max_size: Option<i64>,
    /// `net.ipv6.route.gc_thresh`.
    pub gc_thresh: Option<i64>,
    /// Regime, sizes and advice that follow.
    pub assessment: Assessment,
}

impl Counters {
    /// Puts facts and trace together. `fast` is believed only where it fits the facts: the
    /// same `gc_thresh`, and never further from `slow` than the CPUs can hide.
    #[must_use]
    pub fn new(
        facts: &Facts,
        fast: Option<FastSeries>,
        host: &HereAndNow,
        seen: Behaviour,
    ) -> Option<Counters> {
        let last = facts.last()?;
        let slows = || {
            [&facts.before, &facts.after]
                .into_iter()
                .flatten()
                .filter_map(Snapshot::slow)
        };
        let fits = |series: &FastSeries| {
            let slack = limits::slack(last.cpus?);
            let low = slows().min()?.saturating_sub(slack);
            let high = slows().max()?.saturating_add(slack);
            let same = series.gc_thresh? == last.gc_thresh()?;
            Some(same && series.min >= low && series.max <= high)
        };
        let fast = fast.filter(|series| fits(series) == Some(true));
        let seen = Behaviour {
            fast: fast.map(|series| series.last),
            ..seen
        };
        Some(Counters {
            fast,
            slow: last.slow(),
            max_size: last.max_size(),
            gc_thresh: last.gc_thresh(),
            assessment: assess(last, host.cpus, &host.kernel, &host.netns, &seen),
        })
    }

    /// True where the cache holds more than its limit, on a kernel that minds.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let over = self.slow.zip(self.max_size).is_some_and(|(n, max)| n > max);
        over && self.assessment.state != State::Unaffected
    }

    /// How far `fast` was from `slow` when it was last read, in entries.
    #[must_use]
    pub fn fast_to_slow(&self) -> Option<i64> {
        Some(self.slow? - self.fast?.last)
    }

    /// `fast` at its last reading as a multiple of the batch; `None` where it is none.
    #[must_use]
    pub fn fast_in_batches(&self) -> Option<i64> {
        let (fast, batch) = (self.fast?.last, self.assessment.batch?);
        (fast % batch == 0).then_some(fast / batch)
    }
}

/// A whole report, before it is written in some format.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// The inputs, in order.
    pub inputs: Vec<String>,
    /// Text forms recognised.
    pub formats: BTreeSet<&'static str>,
    /// Names of the hosts that recorded, where the inputs give them.
    pub hosts: BTreeSet<String>,
    /// When the first recording began, in seconds since 1970 (UTC).
    pub began: Option<f64>,
    /// Kernel releases named by the inputs.
    pub kernels: BTreeSet<String>,
    /// Online CPUs, the largest number named.
    pub cpus: Option<u64>,
    /// First and last time stamp.
    pub window: Option<(Time, Time)>,
    /// Drops.
    pub classes: BTreeMap<(Class, Confidence), u64>,
    /// Drops by the reason that decided.
    pub reasons: BTreeMap<(Class, Confidence, &'static str), u64>,
    /// Rows of the CPUs the trace names.
    pub per_cpu: BTreeMap<CpuKey, CpuRow>,
    /// Calls of `ip6_dst_gc` by origin.
    pub gc: BTreeMap<Origin, GcCounts>,
    /// Tasks by pid.
    pub tasks: BTreeMap<u64, TaskRow>,
    /// Drops by stack and class.
    pub stacks: BTreeMap<(Frames, Class), u64>,
    /// Counters and limits of the last input that has them.
    pub counters: Option<Counters>,
    /// Facts: the first reading and the last.
    pub facts: Option<Facts>,
    /// Whether the input could be read.
    pub health: Health,
    /// Drops that filters left out.
    pub left_out: u64,
    /// Receive-path drops in the trace, filtered or not: to be held against `in_no_routes`.
    pub receive_drops_seen: u64,
    /// Rise of `Ip6InNoRoutes`; `None` where some input has no such facts.
    pub in_no_routes: Option<u64>,
    /// What was missing to tell causes apart.
    pub missing: BTreeSet<Missing>,
    /// A reproducer that ran beside the recording.
    pub trigger: Option<TriggerRuns>,
    /// Network namespaces in which packets were dropped; `None` where nobody looked.
    pub namespaces: Option<Vec<Rise>>,
}

/// A reproducer and how its runs went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerRuns {
    /// The command.
    pub command: String,
    /// Whether it ran on each CPU in turn.
    pub spread: bool,
    /// Its runs.
    pub outcome: Outcome,
}

/// Evidence that was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// `ip6_dst_gc` was not traced.
    DstGc,
    /// Outcomes of attempts: neither probes, nor `fib6_run_gc` and facts.
    Outcomes,
    /// Facts before and after.
    Facts,
    /// Handlers hidden by tail calls.
    Handlers,
}

fn widen(window: &mut Option<(Time, Time)>, other: Option<(Time, Time)>) {
    *window = match (*window, other) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    };
}

impl Summary {
    /// All drops that passed the filters.
    #[must_use]
    pub fn drops(&self) -> u64 {
        self.classes.values().sum()
    }

    /// Drops of one class.
    #[must_use]
    pub fn of_class(&self, class: Class) -> u64 {
        self.classes
            .iter()
            .filter(|((c, _), _)| *c == class)
            .map(|(_, n)| n)
            .sum()
    }

    /// Drops of one class and confidence.
    #[must_use]
    pub fn count(&self, class: Class, confidence: Confidence) -> u64 {
        self.classes.get(&(class, confidence)).copied().unwrap_or(0)
    }

    /// The highest confidence in one class.
    #[must_use]
    pub fn confidence(&self, class: Class) -> Option<Confidence> {
        self.classes
            .keys()
            .filter(|(c, _)| *c == class)
            .map(|(_, confidence)| *confidence)
            .max()
    }

    /// Seconds from the first to the last event.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        let (first, last) = self.window?;
        last.seconds_since(first)
    }

    /// The same where it is long enough to speak of rates, a millisecond.
    #[must_use]
    pub fn rate_seconds(&self) -> Option<f64> {
        self.seconds().filter(|seconds| *seconds >= 1e-3)
    }

    /// CPUs and their drops, most first.
    #[must_use]
    pub fn cpus_by_drops(&self) -> Vec<(u64, CpuKey)> {
        let rows = self.per_cpu.iter();
        let mut all: Vec<_> = rows.map(|(cpu, row)| (row.drops(), *cpu)).collect();
        all.sort_by_key(|(drops, cpu)| (std::cmp::Reverse(*drops), *cpu));
        all
    }

    /// Pids and their rows, most drops first.
    #[must_use]
    pub fn tasks_by_drops(&self) -> Vec<(&u64, &TaskRow)> {
        let mut all: Vec<_> = self.tasks.iter().collect();
        all.sort_by_key(|(pid, row)| (std::cmp::Reverse(row.drops), **pid));
        all
    }

    /// Confidence, reason and number of a class's drops, most first.
    #[must_use]
    pub fn reasons_of(&self, class: Class) -> Vec<(Confidence, &'static str, u64)> {
        let of_class = self.reasons.iter().filter(|((c, ..), _)| *c == class);
        let mut all: Vec<_> = of_class
            .map(|((_, how, why), n)| (*how, *why, *n))
            .collect();
        all.sort_by_key(|(.., n)| std::cmp::Reverse(*n));
        all
    }

    /// All calls of `ip6_dst_gc`.
    #[must_use]
    pub fn gc_total(&self) -> GcCounts {
        let mut total = GcCounts::default();
        self.gc.values().for_each(|counts| total.add(*counts));
        total
    }

    /// Adds the report of a later input.
    pub fn merge(&mut self, other: Summary) {
        let first = self.inputs.is_empty();
        self.inputs.extend(other.inputs);
        self.formats.extend(other.formats);
        self.hosts.extend(other.hosts);
        self.began = match (self.began, other.began) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.kernels.extend(other.kernels);
        self.cpus = self.cpus.max(other.cpus);
        widen(&mut self.window, other.window);
        for (key, n) in other.classes {
            *self.classes.entry(key).or_default() += n;
        }
        for (key, n) in other.reasons {
            *self.reasons.entry(key).or_default() += n;
        }
        for (cpu, row) in other.per_cpu {
            let mine = self.per_cpu.entry(cpu).or_default();
            for (class, n) in row.by_class {
                *mine.by_class.entry(class).or_default() += n;
            }
            mine.gc.add(row.gc);
            widen(&mut mine.span, row.span);
        }
        for (origin, counts) in other.gc {
            self.gc.entry(origin).or_default().add(counts);
        }
        for (pid, row) in other.tasks {
            let mine = self.tasks.entry(pid).or_default();
            if mine.comm.is_empty() || mine.comm == b"<...>" {
                mine.comm = row.comm;
            }
            mine.drops += row.drops;
        }
        for (key, n) in other.stacks {
            *self.stacks.entry(key).or_default() += n;
        }
        self.counters = other.counters.or(self.counters.take());
        if let Some(theirs) = other.facts {
            let mine = self.facts.get_or_insert_default();
            mine.before = mine.before.take().or(theirs.before);
            mine.after = theirs.after.or(mine.after.take());
        }
        self.health.merge(other.health);
        self.left_out += other.left_out;
        self.receive_drops_seen += other.receive_drops_seen;
        self.in_no_routes = match (first, self.in_no_routes, other.in_no_routes) {
            (true, _, theirs) => theirs,
            (false, Some(mine), Some(theirs)) => Some(mine + theirs),
            _ => None,
        };
        self.missing.extend(other.missing);
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let class = Class::ALL
            .into_iter()
            .filter(|class| self.of_class(*class) > 0)
            .max_by_key(|&class| {
                // The fault this tool exists for goes first, then what may be it, then the most.
                let rank = match class {
                    Class::RcvDstAlloc => 2,
                    Class::RcvUndetermined => 1,
                    _ => 0,
                };
                (rank, self.of_class(class), std::cmp::Reverse(class))
            });
        let confidence = class.and_then(|class| self.confidence(class));
        let exit = match class.zip(confidence) {
            Some((class, confidence)) => Exit::of_class(class, confidence),
            None => Exit::Clean,
        };
        let exit = match exit {
            Exit::Confirmed => exit,
            Exit::Suspected if class == Some(Class::RcvDstAlloc) => exit,
            // Refused it was; whether for a received packet, the log does not say.
            _ if self.health.log.refusals() > 0 => Exit::Suspected,
            _ if self.health.is_unreadable() => Exit::Inconclusive,
            _ if self.health.has_losses() && !self.all_drops_seen() => Exit::Inconclusive,
            _ if self.health.has_only_empty_stacks() && exit == Exit::Suspected => {
                Exit::Inconclusive
            }
            _ => exit,
        };
        Verdict {
            class,
            confidence,
            exit,
        }
    }

    /// True where the kernel's own counter shows that no drop is missing from the trace.
    #[must_use]
    pub fn all_drops_seen(&self) -> bool {
        self.in_no_routes == Some(self.receive_drops_seen)
    }
}

impl Health {
    fn merge(&mut self, other: Health) {
        let (mine, theirs) = (&mut self.lines, other.lines);
        mine.total += theirs.total;
        mine.events += theirs.events;
        mine.frames += theirs.frames;
        mine.banners += theirs.banners;
        mine.blank += theirs.blank;
        mine.unparsed += theirs.unparsed;
        self.samples.extend(other.samples);
        self.samples.truncate(MAX_SAMPLES);
        self.stacks += other.stacks;
        self.empty_stacks += other.empty_stacks;
        for (cpu, n) in other.lost {
            let mine = self.lost.entry(cpu).or_default();
            *mine = mine.saturating_add(n);
        }
        self.lost_uncounted += other.lost_uncounted;
        self.overwritten = self.overwritten.saturating_add(other.overwritten);
        self.broken_inputs += other.broken_inputs;
        self.stacks_beyond += other.stacks_beyond;
        self.evictions += other.evictions;
        self.log.merge(other.log);
    }
}

/// The answer in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The class that matters most.
    pub class: Option<Class>,
    /// The highest confidence in it.
    pub confidence: Option<Confidence>,
    /// The status under `--exit-code`.
    pub exit: Exit,
}
