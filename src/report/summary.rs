//! What a report says, as numbers that can be merged.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::class::Class;
use crate::diagnosis::findings::{Findings, GcCounts};
use crate::host::Facts;
use crate::host::cni::Pods;
use crate::host::way_back_rules::RuleRise;
use crate::order::sort_by_key;
use crate::os::trigger::RunLog;
use crate::report::entries::Entries;
use crate::report::packets::Packets;
use crate::status::meanwhile::Meanwhile;
use crate::status::rises::Rise;
use crate::text::Untrusted;
use crate::trace::Time;
use crate::trace::event::Frames;

/// Name and version of a report as a JSON document.
pub(crate) const SCHEMA: &str = "ip6drop.report/1";

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
    pub(crate) by_class: BTreeMap<Class, u64>,
    /// Calls of `ip6_dst_gc`.
    pub(crate) gc: GcCounts,
    /// First and last drop.
    pub(crate) span: Option<(Time, Time)>,
}

impl CpuRow {
    /// All drops of the CPU.
    #[must_use]
    pub fn drops(&self) -> u64 {
        self.by_class.values().sum()
    }
}

/// One task's row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskRow {
    /// Its name; `<...>` where the trace never knew it.
    pub(crate) comm: Vec<u8>,
    /// Its drops.
    pub(crate) drops: u64,
}

/// A whole report, before it is written in some format.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// The inputs, in order.
    pub inputs: Vec<Untrusted>,
    /// Text forms recognised.
    pub formats: BTreeSet<&'static str>,
    /// Names of the hosts that recorded, where the inputs give them.
    pub hosts: BTreeSet<Untrusted>,
    /// When the first recording began, in seconds since 1970 (UTC).
    pub began: Option<f64>,
    /// Kernel releases named by the inputs.
    pub kernels: BTreeSet<Untrusted>,
    /// Online CPUs, the largest number named.
    pub cpus: Option<u64>,
    /// First and last time stamp.
    pub window: Option<(Time, Time)>,
    /// What every judgement starts from.
    pub findings: Findings,
    /// Rows of the CPUs the trace names.
    pub per_cpu: BTreeMap<CpuKey, CpuRow>,
    /// Tasks by pid.
    pub tasks: BTreeMap<u64, TaskRow>,
    /// Drops by stack and class.
    pub stacks: BTreeMap<(Frames, Class), u64>,
    /// Facts: the first reading and the last.
    pub facts: Option<Facts>,
    /// Drops of packets that the trace names; `None` where it names none.
    pub packets: Option<Packets>,
    /// New entries of the route cache by their routes; `None` where the trace names none.
    pub entries: Option<Entries>,
    /// Pods by their interfaces on the host's side.
    pub pods: Pods,
    /// Drops that filters left out.
    pub left_out: u64,
    /// The packets whose drops alone were recorded.
    pub recorded: Option<Untrusted>,
    /// A reproducer that ran beside the recording.
    pub trigger: Option<TriggerRuns>,
    /// Network namespaces in which packets were dropped; `None` where nobody looked.
    pub namespaces: Option<Vec<Rise>>,
    /// What else happened in the network namespaces; `None` where nobody looked.
    pub(crate) meanwhile: Option<Meanwhile>,
    /// Rules of netfilter that ask for the way back, and dropped packets meanwhile; `None` where
    /// nobody looked.
    pub(crate) rules: Option<Vec<RuleRise>>,
}

/// A reproducer and how its runs went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerRuns {
    /// The command.
    pub command: Untrusted,
    /// Whether it ran on each CPU in turn.
    pub spread: bool,
    /// Its runs.
    pub outcome: RunLog,
}

fn widen(window: &mut Option<(Time, Time)>, other: Option<(Time, Time)>) {
    *window = match (*window, other) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    };
}

impl Summary {
    /// Takes the network namespaces in which packets were dropped.
    pub(crate) fn set_namespaces(&mut self, rises: Vec<Rise>) {
        let elsewhere = rises.iter().filter(|rise| !rise.row.netns.own);
        self.findings.elsewhere = Some(elsewhere.map(|rise| rise.row.assessment.clone()).collect());
        self.namespaces = Some(rises);
    }

    /// Holds the trace against what these namespaces counted in so many seconds, from before
    /// anything was set up to after all was put back.
    pub(crate) fn set_around(&mut self, seconds: f64) {
        let rises = self.namespaces.iter().flatten();
        let counted = rises.map(|rise| (rise.in_no_routes, &rise.row.assessment));
        self.findings.around = self.findings.around(counted, seconds);
    }

    /// Holds the trace against what these rules of netfilter dropped in so many seconds.
    pub(crate) fn set_rules(&mut self, rises: Vec<RuleRise>, seconds: f64) {
        let met = rises.iter().map(|rise| rise.packets).sum();
        self.findings.unseen_by_rules = self.findings.unseen_by_rules(met, seconds);
        self.rules = Some(rises);
    }

    /// Seconds from the first to the last event.
    #[must_use]
    pub(crate) fn seconds(&self) -> Option<f64> {
        let (first, last) = self.window?;
        last.seconds_since(first)
    }

    /// The same where it is long enough to speak of rates, a millisecond.
    #[must_use]
    pub(crate) fn rate_seconds(&self) -> Option<f64> {
        self.seconds().filter(|seconds| *seconds >= 1e-3)
    }

    /// CPUs and their drops, most first.
    #[must_use]
    pub(crate) fn cpus_by_drops(&self) -> Vec<(u64, CpuKey)> {
        let rows = self.per_cpu.iter();
        let mut all: Vec<_> = rows.map(|(cpu, row)| (row.drops(), *cpu)).collect();
        sort_by_key(&mut all, |(drops, cpu)| (std::cmp::Reverse(*drops), *cpu));
        all
    }

    /// Pids and their rows, most drops first.
    #[must_use]
    pub(crate) fn tasks_by_drops(&self) -> Vec<(&u64, &TaskRow)> {
        let mut all: Vec<_> = self.tasks.iter().collect();
        sort_by_key(&mut all, |(pid, row)| (std::cmp::Reverse(row.drops), **pid));
        all
    }

    /// Adds the report of a later input.
    pub fn merge(&mut self, other: Summary) {
        let first = self.inputs.is_empty();
        self.findings.merge(other.findings, first);
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
        for (cpu, row) in other.per_cpu {
            let mine = self.per_cpu.entry(cpu).or_default();
            for (class, n) in row.by_class {
                *mine.by_class.entry(class).or_default() += n;
            }
            mine.gc.add(row.gc);
            widen(&mut mine.span, row.span);
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
        match (&mut self.facts, other.facts) {
            (Some(mine), Some(theirs)) => mine.extend(theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        match (&mut self.packets, other.packets) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        match (&mut self.entries, other.entries) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        self.pods.extend(other.pods);
        self.left_out += other.left_out;
        self.recorded = self.recorded.take().or(other.recorded);
    }
}
