//! What a tired person sees first: the answer, how sure it is and why, how much, and what to do now.

use crate::diagnosis::advice::{Advice, Severity};
use crate::diagnosis::class::Cause;
use crate::diagnosis::next_steps::advise;
use crate::diagnosis::remedy::Remedy;
use crate::diagnosis::verdict::Verdict;
use crate::os::terminal::Terminal;
use crate::render::report::headline::{cpu_ranges, left_out};
use crate::render::report::packet_tables;
use crate::render::report::sparks;
use crate::render::report::words::{cache_claim, kernel_log, regime, source_names};
use crate::render::utc::utc;
use crate::render::words::{count, drops};
use crate::report::summary::{CpuKey, Summary};
use crate::text::Untrusted;

/// What stands behind a label.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A sentence.
    Text(String),
    /// A command to copy.
    Command(String),
}

impl Said {
    fn text(self) -> Option<String> {
        match self {
            Said::Text(text) => Some(text),
            Said::Command(_) => None,
        }
    }

    fn command(self) -> Option<String> {
        match self {
            Said::Command(command) => Some(command),
            Said::Text(_) => None,
        }
    }
}

/// A label, and what is said of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) label: &'static str,
    pub(super) said: Vec<Said>,
}

fn entry(label: &'static str, texts: impl IntoIterator<Item = String>) -> Option<Entry> {
    let said: Vec<Said> = texts.into_iter().map(Said::Text).collect();
    (!said.is_empty()).then_some(Entry { label, said })
}

/// Which host, which kernel, when and how long; the input's name where nothing else is known.
fn trace(summary: &Summary) -> String {
    let names = |all: &std::collections::BTreeSet<Untrusted>| -> Vec<String> {
        all.iter().map(Untrusted::to_string).collect()
    };
    let mut parts = names(&summary.hosts);
    parts.extend(
        names(&summary.kernels)
            .into_iter()
            .map(|release| format!("kernel {release}")),
    );
    parts.extend(summary.cpus.map(|cpus| count(cpus, "CPU", "CPUs")));
    if summary.hosts.is_empty() {
        parts.insert(0, source_names(summary));
    }
    let seconds = summary
        .rate_seconds()
        .map(|seconds| format!("{seconds:.1} s"));
    let began = summary.began.and_then(utc).map(|at| format!("from {at}"));
    let when: Vec<String> = seconds.into_iter().chain(began).collect();
    match when.is_empty() {
        true => parts.join(", "),
        false => format!("{}; {}", parts.join(", "), when.join(" ")),
    }
}

/// How sure the verdict is, and by which rule.
fn proof(summary: &Summary) -> Vec<String> {
    let verdict = Verdict::of(&summary.findings);
    let decided = verdict
        .class
        .zip(verdict.confidence)
        .and_then(|(class, confidence)| {
            let rules = summary.findings.rules_of(class);
            let (_, rule, n) = rules.into_iter().find(|(how, ..)| *how == confidence)?;
            Some(format!(
                "{n} {} by {}: {}.",
                confidence.name(),
                rule.name,
                rule.reason
            ))
        });
    let all = [cache_claim(summary), decided, kernel_log(summary)];
    all.into_iter().flatten().collect()
}

/// How many, how fast, and on which CPUs, with a block for each.
fn how_many(summary: &Summary, terminal: Option<Terminal>) -> Option<String> {
    let all = summary.findings.drops();
    let rate = summary.rate_seconds().map_or(String::new(), |seconds| {
        format!(", {:.1} a second", all as f64 / seconds)
    });
    let rows: Vec<(u32, u64)> = summary
        .per_cpu
        .iter()
        .filter_map(|(cpu, row)| match cpu {
            CpuKey::Cpu(cpu) => Some((*cpu, row.drops())),
            CpuKey::None => None,
        })
        .collect();
    let cpus: Vec<u32> = rows.iter().map(|(cpu, _)| *cpu).collect();
    let place = match rows.len() {
        0 => String::new(),
        1 => format!("; {}", cpu_ranges(&cpus)),
        _ => {
            let heights: Vec<u64> = rows.iter().map(|(_, drops)| *drops).collect();
            format!(
                "; {} |{}|",
                cpu_ranges(&cpus),
                sparks::blocks(&heights, terminal)
            )
        }
    };
    (all > 0).then(|| format!("{}{rate}{place}", drops(all)))
}

/// The default of 4.19 and its like (net/ipv6/route.c: `ip6_route_net_init`); some others begin higher.
const NEW_PODS: &str = "start at the default again (4096 on 4.19), for the limit is not inherited: where a pod routes by itself, set it by securityContext.sysctls or a CNI plugin";

/// What ends the loss now, and for good.
fn enlarge(remedy: Remedy) -> Vec<Entry> {
    let mut all = vec![Entry {
        label: "Fix now",
        said: vec![
            Said::Command(remedy.command),
            Said::Text(remedy.arithmetic),
            Said::Text(format!("{}, until the next boot", remedy.holds)),
        ],
    }];
    if let Some(command) = remedy.lasting {
        all.push(Entry {
            label: "To last",
            said: vec![Said::Command(command)],
        });
    }
    all.extend(entry("New pods", [NEW_PODS.to_owned()]));
    all
}

/// Whether the verdict is of the cache, so that room in it is what helps.
fn is_of_cache(summary: &Summary) -> bool {
    match Verdict::of(&summary.findings).class {
        Some(class) => matches!(
            class.cause(),
            Cause::DstAlloc | Cause::ReverseDstAlloc | Cause::Undetermined
        ),
        None => true,
    }
}

/// What there is to do, and what of it the first screen says.
pub(super) struct Plan {
    /// A larger cache ends the loss.
    remedy: Option<Remedy>,
    /// Else the first advice that fits the verdict.
    next: Option<Advice>,
    /// All other advice.
    pub(super) rest: Vec<Advice>,
}

impl Plan {
    pub(super) fn of(summary: &Summary) -> Plan {
        let mut rest = advise(&summary.findings);
        let known = Remedy::of(&summary.findings);
        let says = |advice: &Advice| {
            let command = advice.command.as_deref();
            known.as_ref().is_some_and(|remedy| remedy.says(command))
        };
        if is_of_cache(summary) && known.is_some() {
            rest.retain(|advice| !says(advice));
            return Plan {
                remedy: known,
                next: None,
                rest,
            };
        }
        // A cache over its limit may be none of these packets' trouble.
        let acts = |advice: &Advice| advice.severity != Severity::Note;
        let first = rest.iter().position(|advice| acts(advice) && !says(advice));
        let next = first
            .or_else(|| rest.iter().position(|advice| !says(advice)))
            .or((!rest.is_empty()).then_some(0))
            .map(|at| rest.remove(at));
        Plan {
            remedy: None,
            next,
            rest,
        }
    }
}

/// What to do where no sized limit helps.
fn first_of(summary: &Summary, advice: Advice) -> Entry {
    let class = Verdict::of(&summary.findings).class;
    let address = class.and_then(|class| packet_tables::first_destination(summary, class));
    let command = advice.command.map(|command| match address {
        Some(address) => command.replace("ADDRESS", &address),
        None => command,
    });
    let mut said = vec![Said::Text(advice.text)];
    said.extend(command.map(Said::Command));
    Entry {
        label: "Next",
        said,
    }
}

/// What to do first: in words, and the command where there is one.
pub(crate) fn first_step(summary: &Summary) -> Option<(String, Option<String>)> {
    let Plan { remedy, next, .. } = Plan::of(summary);
    let step = remedy.map(|remedy| ("Fix now".to_owned(), Some(remedy.command)));
    step.or_else(|| {
        let mut said = first_of(summary, next?).said.into_iter();
        let words = said.next().and_then(Said::text);
        Some((
            format!("Next: {}", words?),
            said.next().and_then(Said::command),
        ))
    })
}

/// The entries of the first screen, behind the verdict.
pub(super) fn entries(summary: &Summary, terminal: Option<Terminal>) -> Vec<Entry> {
    let mut all: Vec<Entry> = [
        entry("Trace", [trace(summary)]),
        entry("Proof", proof(summary)),
        entry(
            "Drops",
            how_many(summary, terminal)
                .into_iter()
                .chain(left_out(summary)),
        ),
        entry(
            "Cache",
            regime(summary).map(|(name, numbers)| format!("{name} when last read ({numbers})")),
        ),
        entry("To", packet_tables::destinations_line(summary)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let Plan { remedy, next, .. } = Plan::of(summary);
    all.extend(remedy.map(enlarge).into_iter().flatten());
    all.extend(next.map(|advice| first_of(summary, advice)));
    all
}
