//! From inputs to a report: the one place where reading, evidence and rules meet.

use crate::diagnosis::cache::{RefusedAll, refused_all};
use crate::diagnosis::caution::classify_so_far;
use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::counters::{Counters, HereAndNow};
use crate::diagnosis::evidence::Traced;
use crate::diagnosis::findings::{Findings, GcCounts, missing};
use crate::diagnosis::health::Health;
use crate::diagnosis::knowledge::{Knowledge, knowledge};
use crate::diagnosis::lookups::told::shows_every_lookup;
use crate::diagnosis::rules::classify::{Classification, classify};
use crate::diagnosis::surroundings::Surroundings;
use crate::host::{Facts, Snapshot};
use crate::kernel::functions::Origin;
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::report::drops::{Drops, Kept};
use crate::report::entries::Entries;
use crate::report::filter::Filter;
use crate::report::packets::Packets;
use crate::report::summary::{CpuKey, Summary, TaskRow};
use crate::text::Untrusted;
use crate::trace::assemble::TextFacts;
use crate::trace::stacks::Stacks;

/// What the user knows and wants, the same for every input.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `--facts`; a capture's own facts go before these.
    pub facts: Option<Facts>,
    /// `--traced`.
    pub traced: Traced,
    /// The filters.
    pub filter: Filter,
    /// How many threads read one input; with 0 as many as pay.
    pub threads: usize,
}

/// What one input gave, before anything is judged.
#[derive(Clone)]
pub(crate) struct Input<'f> {
    /// Its files; more than one where they are parts of one recording.
    names: Vec<Untrusted>,
    gathered: Gathered,
    drops: Drops<'f>,
    text: TextFacts,
    broke_off: bool,
}

/// What was made of one input.
pub(crate) struct Judgement {
    /// What is known for all of its drops.
    knowledge: Knowledge,
    /// What is proven of the cache.
    refused_all: Option<RefusedAll>,
    /// What its drops are, by the numbers of their evidence.
    decided: Vec<Classification>,
    /// The `dst_ops` of the namespace that was traced.
    ops: Option<u64>,
}

impl Judgement {
    /// Hands on drops of the input, in the order of the trace, with the stacks that they name.
    pub(crate) fn hand_on<'a>(
        &'a self,
        input: &'a Input<'_>,
        sink: &'a mut dyn DecidedSink,
    ) -> impl FnMut(&Kept, &Stacks) + 'a {
        let tally = &input.drops.tally;
        move |kept, stacks| match kept {
            Kept::Fast(time, readings) => sink.fast(*time, *readings),
            Kept::Drop(drop) => {
                let classification = &self.decided[drop.evidence as usize];
                if tally.filter.takes_class(classification.class) {
                    sink.drop(&DecidedDrop {
                        context: drop.context.as_ref(),
                        frames: drop.stack.map(|id| &stacks.get(id).frames),
                        count: drop.count,
                        classification,
                        evidence: tally.table.get(drop.evidence),
                        knowledge: &self.knowledge,
                        identity: drop.packet.as_deref(),
                        clock: input.gathered.preamble.clock.pair(),
                        ops: self.ops,
                        pods: &input.gathered.preamble.pods,
                    });
                }
            }
        }
    }
}

impl<'f> Input<'f> {
    /// Puts together what was gathered; `broke_off` where an error ended the input.
    #[must_use]
    pub(crate) fn new(
        names: Vec<Untrusted>,
        gathered: Gathered,
        drops: Drops<'f>,
        text: TextFacts,
        broke_off: bool,
    ) -> Self {
        Input {
            names,
            gathered,
            drops,
            text,
            broke_off,
        }
    }

    /// The names of its files.
    #[must_use]
    pub(crate) fn names(&self) -> &[Untrusted] {
        &self.names
    }

    /// Its drops, where all of them were kept.
    #[must_use]
    pub(crate) fn kept(&self) -> Option<&[Kept]> {
        self.drops.kept()?.whole()
    }

    /// Receive-path drops, filtered or not.
    #[must_use]
    pub(crate) fn receive_drops(&self) -> u64 {
        self.drops.tally.receive_drops
    }

    /// Facts in the capture's own framing.
    #[must_use]
    pub(crate) fn own_facts(&self) -> &Facts {
        &self.gathered.preamble.facts
    }

    /// Whether it holds a trace.
    #[must_use]
    pub(crate) fn has_trace(&self) -> bool {
        let text = &self.text;
        // A program or a core may hold words of a trace; its first line is no text.
        let is_binary = text.first_line.as_ref().is_some_and(|l| l.contains(&0));
        let known = text.trace_banners > 0 || self.gathered.known_stacks;
        text.lines.events > 0 || (known && !is_binary)
    }

    /// What is true of its text.
    #[must_use]
    pub(crate) fn text(&self) -> &TextFacts {
        &self.text
    }

    /// Judges the drops. Where more may come, only what that cannot take back is confirmed.
    #[must_use]
    pub(crate) fn judge(
        &self,
        around: &Surroundings<'_>,
        traced: Traced,
        is_over: bool,
    ) -> Judgement {
        let knowledge = knowledge(&self.gathered, around, &self.text, traced);
        let classify = if is_over { classify } else { classify_so_far };
        let all = self.drops.tally.table.all().iter();
        Judgement {
            decided: all.map(|evidence| classify(evidence, &knowledge)).collect(),
            refused_all: refused_all(&self.gathered, around, &self.text),
            ops: around.facts.ops,
            knowledge,
        }
    }
}

/// The forms of text that an input holds.
fn formats(gathered: &Gathered, text: &TextFacts) -> Vec<&'static str> {
    let others = [
        ("perf", text.perf),
        ("bpftrace", text.bpftrace),
        ("dmesg", text.log.refusals() > 0),
    ];
    let others = others.into_iter().filter(|(_, found)| *found);
    let mut all: Vec<&'static str> = others.map(|(name, _)| name).collect();
    if gathered.preamble.from_trace_dat {
        all.push("trace.dat");
    } else if gathered.preamble.version.is_some() {
        all.push("ip6drop");
    } else if gathered.trace_cmd {
        all.push("trace-cmd");
    } else if text.latency {
        all.push("latency");
    } else if gathered.trace_file {
        all.push("trace");
    } else if text.with_header || text.without_header {
        all.push("trace_pipe");
    } else if text.bare_stacks || all.is_empty() {
        all.push("stack");
    }
    all
}

impl Input<'_> {
    /// The report on it: by the facts that its judgement is based on, and those to be shown.
    #[must_use]
    pub(crate) fn summarise(
        &self,
        judgement: &Judgement,
        (facts, shown): (&Facts, &Facts),
        host: Option<&HereAndNow>,
        stacks: &Stacks,
    ) -> Summary {
        let Input { gathered, text, .. } = self;
        let tally = &self.drops.tally;
        let knowledge = &judgement.knowledge;
        let mut summary = Summary {
            inputs: self.names.clone(),
            hosts: gathered.preamble.host.clone().into_iter().collect(),
            began: gathered.preamble.began,
            kernels: gathered
                .kernel
                .clone()
                .or(shown.kernel.clone())
                .into_iter()
                .collect(),
            cpus: gathered
                .online_cpus
                .or(shown.last().and_then(|s| s.cpus).map(u64::from)),
            window: gathered.window,
            pods: gathered.preamble.pods.clone(),
            recorded: gathered.preamble.packets.clone(),
            findings: Findings {
                receive_drops_seen: tally.receive_drops,
                way_back_drops_seen: tally.way_back_drops,
                nameless: tally.nameless,
                in_no_routes: facts.rise(Snapshot::in_no_routes),
                refused_all: judgement.refused_all,
                ..Findings::default()
            },
            facts: (*shown != Facts::default()).then(|| shown.clone()),
            ..Summary::default()
        };
        summary.formats.extend(formats(gathered, text));
        for &cpu in &gathered.cpus {
            summary.per_cpu.entry(CpuKey::Cpu(cpu)).or_default();
        }
        self.count_drops(judgement, stacks, &mut summary);
        self.count_calls(&judgement.knowledge, &mut summary);
        if knowledge.losses_are_placed && shows_every_lookup(&gathered.sequences, facts) {
            let failed = |observed| knowledge.failed(observed);
            summary.entries = Entries::new(&tally.wanted, failed, judgement.ops);
        }
        summary.findings.counters =
            Counters::new(shown, gathered, host, knowledge, summary.findings.refused());
        summary.left_out = tally.all - summary.findings.drops();
        summary.findings.health = self.health(knowledge);
        summary.findings.missing = missing(gathered, facts, knowledge, tally.table.all());
        summary
    }

    /// Counts the drops that pass the filters: by class, rule, CPU, task and stack.
    fn count_drops(&self, judgement: &Judgement, stacks: &Stacks, summary: &mut Summary) {
        let tally = &self.drops.tally;
        let taken = |at: u32| {
            Some(judgement.decided[at as usize]).filter(|d| tally.filter.takes_class(d.class))
        };
        for &((cpu, at), cell) in tally.cpus.all() {
            let Some(decided) = taken(at) else { continue };
            *summary
                .findings
                .classes
                .entry((decided.class, decided.confidence))
                .or_default() += cell.drops;
            let rule = (decided.class, decided.confidence, decided.rule);
            *summary.findings.rules.entry(rule).or_default() += cell.drops;
            let row = summary.per_cpu.entry(cpu.into()).or_default();
            *row.by_class.entry(decided.class).or_default() += cell.drops;
            if let Some((first, last)) = cell.span {
                let span = row.span.get_or_insert((first, last));
                *span = (span.0.min(first), span.1.max(last));
            }
        }
        summary.packets = Packets::new(&tally.packets, |at| taken(at).map(|decided| decided.class));
        for &((pid, at), drops) in tally.tasks.all() {
            if taken(at).is_none() {
                continue;
            }
            let comm = tally
                .comms
                .get(&pid)
                .map(|c| c.as_bytes().to_vec())
                .unwrap_or_default();
            let row = summary
                .tasks
                .entry(pid)
                .or_insert(TaskRow { comm, drops: 0 });
            row.drops += drops;
        }
        for &((id, at), drops) in tally.stacks.all() {
            let Some(decided) = taken(at) else { continue };
            let frames = stacks.get(id).frames.clone();
            if !frames.is_empty() {
                *summary.stacks.entry((frames, decided.class)).or_default() += drops;
            }
        }
    }

    /// Counts the calls of `ip6_dst_gc`.
    fn count_calls(&self, knowledge: &Knowledge, summary: &mut Summary) {
        for (&(cpu, origin, observed), &calls) in &self.gathered.gc {
            let failed = knowledge.failed(observed);
            let counts = GcCounts {
                calls,
                failed: if failed == Some(true) { calls } else { 0 },
                succeeded: if failed == Some(false) { calls } else { 0 },
            };
            // What no stack tells is counted with the others.
            let origin = if origin == Origin::Unknown {
                Origin::Other
            } else {
                origin
            };
            summary.findings.gc.entry(origin).or_default().add(counts);
            summary
                .per_cpu
                .entry(cpu.into())
                .or_default()
                .gc
                .add(counts);
        }
    }

    fn health(&self, knowledge: &Knowledge) -> Health {
        let Input { gathered, text, .. } = self;
        let has_drops = self.drops.tally.all > 0 || knowledge.seen.drops;
        let is_finished = gathered.preamble.version.is_some() && !gathered.losses_outstanding();
        let is_eventless = text.lines.events == 0 && !has_drops && !is_finished;
        Health {
            lines: text.lines,
            log: text.log.clone(),
            samples: text.samples.clone(),
            stacks: gathered.stacks,
            empty_stacks: gathered.empty_stacks,
            lost: gathered.lost.clone(),
            lost_uncounted: gathered.lost_uncounted,
            overwritten: gathered.overwritten,
            broken_inputs: u64::from(self.broke_off),
            unfinished: u64::from(gathered.losses_outstanding()),
            untraced: u64::from(!has_drops && !knowledge.traced.drops),
            eventless: u64::from(is_eventless),
            way_back_hidden: u64::from(
                gathered.preamble.way_back_hidden && knowledge.returns_count,
            ),
            stacks_beyond: self.drops.tally.stacks_beyond,
            evictions: gathered.evictions,
            unbelievable: gathered.unbelievable,
            netfilter: gathered.netfilter,
        }
    }
}
