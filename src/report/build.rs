//! From inputs to a report: the one place where reading, evidence and rules meet.

use std::io::Read;
use std::path::Path;

use crate::analysis::{Reading, read_through};
use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::counters::{Counters, HereAndNow};
use crate::diagnosis::evidence::Traced;
use crate::diagnosis::findings::{Findings, GcCounts, missing};
use crate::diagnosis::knowledge::{Knowledge, knowledge};
use crate::diagnosis::rules::classify::{Classification, classify};
use crate::host::{Facts, Snapshot};
use crate::input::{InputError, Source};
use crate::kernel::functions::Origin;
use crate::report::filter::Filter;
use crate::report::summary::{CpuKey, Summary, TaskRow};
use crate::report::tally::Tally;
use crate::trace::{Stacks, TextFacts};

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
    /// The host itself, where the capture was made on it just now.
    pub host: Option<HereAndNow>,
}

/// A report on one input.
pub struct InputReport {
    /// The numbers.
    pub summary: Summary,
    /// What classified its drops.
    pub knowledge: Knowledge,
    /// The error that ended it early.
    pub error: Option<InputError>,
}

/// What one input gave, before anything is classified.
pub struct InputEvidence<'f> {
    name: String,
    gathered: Gathered,
    tally: Tally<'f>,
    text: TextFacts,
    facts: Facts,
    shares_facts: bool,
    error: Option<InputError>,
}

/// Reads one input.
///
/// # Errors
/// Fails where the input holds no trace; one that breaks off is taken as far as it could be
/// read.
pub fn read_input<'f>(
    name: &Path,
    source: Source<impl Read + Send>,
    is_gzip: bool,
    request: &'f Request,
    stacks: &mut Stacks,
) -> Result<InputEvidence<'f>, InputError> {
    let tally = Tally::new(&request.filter);
    let Reading {
        gathered,
        drops: tally,
        text,
        bytes: read,
        error,
    } = read_through(source, request.threads, stacks, tally);
    let error = error.map(|source| InputError::ended(name, is_gzip, read, source));
    let name = name.display().to_string();
    // A program or a core may hold words of a trace; its first line is no text.
    let is_binary = text.first_line.as_ref().is_some_and(|l| l.contains(&0));
    let known = text.trace_banners > 0 || gathered.known_stacks;
    if text.lines.events == 0 && (is_binary || !known) {
        return Err(match (error, &text.first_line) {
            (Some(error), _) => error,
            (None, None) => InputError::Empty(name),
            (None, Some(first)) => InputError::no_trace(name, text.lines.total, first),
        });
    }
    let shares_facts = gathered.preamble.facts == Facts::default();
    let facts = if shares_facts {
        request.facts.clone().unwrap_or_default()
    } else {
        gathered.preamble.facts.clone()
    };
    Ok(InputEvidence {
        name,
        gathered,
        tally,
        text,
        facts,
        shares_facts,
        error,
    })
}

impl InputEvidence<'_> {
    /// Receive-path drops, filtered or not.
    #[must_use]
    pub fn receive_drops(&self) -> u64 {
        self.tally.receive_drops
    }

    /// True where the facts are those of the command line, which other inputs may share.
    #[must_use]
    pub fn shares_facts(&self) -> bool {
        self.shares_facts
    }

    /// Classifies and counts. `receive_drops` are those of all inputs that share the facts.
    #[must_use]
    pub fn report(self, request: &Request, stacks: &Stacks, receive_drops: u64) -> InputReport {
        let knowledge = knowledge(
            &self.gathered,
            &self.facts,
            &self.text,
            request.traced,
            receive_drops,
        );
        let summary = self.summarise(request, &knowledge, stacks);
        InputReport {
            summary,
            knowledge,
            error: self.error,
        }
    }
}

/// Reads one input and reports on it alone.
///
/// # Errors
/// See [`read_input`].
pub fn report_input(
    name: &Path,
    reader: impl Read + Send,
    is_gzip: bool,
    request: &Request,
    stacks: &mut Stacks,
) -> Result<InputReport, InputError> {
    let source = Source::Stream(reader);
    let evidence = read_input(name, source, is_gzip, request, stacks)?;
    let receive_drops = evidence.receive_drops();
    Ok(evidence.report(request, stacks, receive_drops))
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

impl InputEvidence<'_> {
    fn summarise(&self, request: &Request, knowledge: &Knowledge, stacks: &Stacks) -> Summary {
        let InputEvidence {
            gathered,
            tally,
            text,
            facts,
            ..
        } = self;
        let decided: Vec<Classification> = tally
            .table
            .all()
            .iter()
            .map(|evidence| classify(evidence, knowledge))
            .collect();
        let shown =
            |at: u32| Some(decided[at as usize]).filter(|d| tally.filter.takes_class(d.class));
        let mut summary = Summary {
            inputs: vec![self.name.clone()],
            hosts: gathered.preamble.host.clone().into_iter().collect(),
            began: gathered.preamble.began,
            kernels: gathered.kernel.clone().into_iter().collect(),
            cpus: gathered
                .online_cpus
                .or(facts.last().and_then(|s| s.cpus).map(u64::from)),
            window: gathered.window,
            findings: Findings {
                receive_drops_seen: tally.receive_drops,
                in_no_routes: facts.rise(Snapshot::in_no_routes),
                ..Findings::default()
            },
            facts: (*facts != Facts::default()).then(|| facts.clone()),
            ..Summary::default()
        };
        summary.formats.extend(formats(gathered, text));
        for &cpu in &gathered.cpus {
            summary.per_cpu.entry(CpuKey::Cpu(cpu)).or_default();
        }
        for &((cpu, at), cell) in tally.cpus.all() {
            let Some(decided) = shown(at) else { continue };
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
        for &((pid, at), drops) in tally.tasks.all() {
            if shown(at).is_none() {
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
            let Some(decided) = shown(at) else { continue };
            let frames = stacks.get(id).frames.clone();
            if !frames.is_empty() {
                *summary.stacks.entry((frames, decided.class)).or_default() += drops;
            }
        }
        for (&(cpu, origin, observed), &calls) in &gathered.gc {
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
        summary.findings.counters = Counters::new(
            facts,
            gathered,
            request.host.as_ref(),
            knowledge,
            summary.findings.gc_total().failed > 0,
        );
        summary.left_out = tally.all - summary.findings.drops();
        let health = &mut summary.findings.health;
        health.lines = text.lines;
        health.log = text.log.clone();
        health.samples.clone_from(&text.samples);
        health.stacks = gathered.stacks;
        health.empty_stacks = gathered.empty_stacks;
        health.lost.clone_from(&gathered.lost);
        health.lost_uncounted = gathered.lost_uncounted;
        health.overwritten = gathered.overwritten;
        health.broken_inputs = u64::from(self.error.is_some());
        health.stacks_beyond = tally.stacks_beyond;
        health.evictions = gathered.evictions;
        summary.findings.missing = missing(gathered, facts, knowledge, tally.table.all());
        summary
    }
}
