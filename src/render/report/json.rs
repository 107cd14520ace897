//! The JSON of the contract: schema `ip6drop.report/1`.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};

use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::findings::{Control, GcCounts};
use crate::diagnosis::next_steps::advise;
use crate::diagnosis::verdict::Verdict;
use crate::host::way_back_rules::RuleRise;
use crate::host::{Policy, Snapshot};
use crate::kernel::functions::Origin;
use crate::render::format::Format;
use crate::render::json::json;
use crate::render::report::entry_tables;
use crate::render::report::packets::{class_counts, packets};
use crate::render::view::{ReportDocument, ReportView};
use crate::report::stacks::numbered_stacks;
use crate::report::summary::{CpuKey, SCHEMA, Summary};
use crate::status::meanwhile::{Change, Meanwhile};
use crate::status::rises::Rise;
use crate::trace::{Stamp, Time};

/// The origins of the contract, with their names.
pub(crate) const ORIGINS: [(Origin, &str); 5] = [
    (Origin::Receive, "receive"),
    (Origin::Output, "output"),
    (Origin::Ndisc, "ndisc"),
    (Origin::IcmpError, "icmp-error"),
    (Origin::Other, "other"),
];

/// A time stamp in the trace's own unit.
#[must_use]
pub(crate) fn time(time: Time) -> Value {
    match time.stamp() {
        Stamp::Nanoseconds(_) => json!(time.as_f64()),
        Stamp::Count(count) => json!(count),
    }
}

fn maybe_time(at: Option<Time>) -> Value {
    at.map_or(Value::Null, time)
}

fn drops(summary: &Summary) -> Value {
    let by_class: Map<String, Value> = Class::ALL
        .into_iter()
        .map(|class| {
            let count = |confidence| summary.findings.count(class, confidence);
            let value = json!({
                "total": summary.findings.of_class(class),
                "confirmed": count(Confidence::Confirmed),
                "probable": count(Confidence::Probable),
                "possible": count(Confidence::Possible),
            });
            (class.name().to_owned(), value)
        })
        .collect();
    json!({"total": summary.findings.drops(), "by_class": by_class})
}

fn per_cpu(summary: &Summary, row: Row<'_>) {
    let seconds = summary.rate_seconds();
    for (cpu, of) in &summary.per_cpu {
        row(json!({
            "cpu": match cpu { CpuKey::Cpu(cpu) => json!(cpu), CpuKey::None => Value::Null },
            "drops": of.drops(),
            "by_class": class_counts(&of.by_class),
            "gc": {"calls": of.gc.calls, "failed": of.gc.known_failed()},
            "first": maybe_time(of.span.map(|s| s.0)),
            "last": maybe_time(of.span.map(|s| s.1)),
            "per_second": seconds.map(|seconds| of.drops() as f64 / seconds),
        }));
    }
}

fn gc(summary: &Summary) -> Value {
    let total = summary.findings.gc_total();
    let by_origin: Map<String, Value> = ORIGINS
        .into_iter()
        .map(|(origin, name)| {
            let counts = summary
                .findings
                .gc
                .get(&origin)
                .copied()
                .unwrap_or_default();
            (
                name.to_owned(),
                json!({"calls": counts.calls, "failed": counts.known_failed()}),
            )
        })
        .collect();
    let GcCounts {
        calls,
        failed,
        succeeded,
    } = total;
    json!({
        "calls": calls,
        "failed": failed,
        "succeeded": succeeded,
        "unknown": total.unknown(),
        "by_origin": by_origin,
    })
}

fn counters(summary: &Summary) -> Value {
    let Some(counters) = &summary.findings.counters else {
        return Value::Null;
    };
    let assessment = &counters.assessment;
    let fast = counters.fast.map(|fast| {
        json!({
            "min": fast.series.min,
            "max": fast.series.max,
            "last": fast.series.last,
            "samples": fast.series.samples,
            "to_slow": counters.fast_to_slow(),
            "batches": counters.fast_in_batches(),
            "offset": fast.offset(),
        })
    });
    json!({
        "fast": fast,
        "slow": counters.slow,
        "max_size": counters.max_size,
        "gc_thresh": counters.gc_thresh,
        "batch": assessment.batch,
        "slack": assessment.slack,
        "regime": assessment.state.certain(),
        "regimes": assessment.state.names(),
        "sizing": assessment.sizing,
    })
}

fn facts(summary: &Summary) -> Value {
    let Some(facts) = &summary.facts else {
        return Value::Null;
    };
    let side = |snapshot: &Option<Snapshot>, policy: &Policy| {
        if snapshot.is_none() && policy.is_empty() {
            return Value::Null;
        }
        let mut side = json!(snapshot.as_ref().unwrap_or(&Snapshot::default()));
        let rules = policy.rules.as_ref();
        side["rules"] = json!(rules.map(|set| {
            let rules = set.rules().iter();
            rules.map(|rule| &rule.text).collect::<Vec<_>>()
        }));
        side["throw_routes"] = json!(policy.throw_routes);
        side
    };
    json!({
        "before": side(&facts.before, &facts.policy.before),
        "after": side(&facts.after, &facts.policy.after),
    })
}

fn trigger(summary: &Summary) -> Value {
    let Some(trigger) = &summary.trigger else {
        return Value::Null;
    };
    let outcome = &trigger.outcome;
    let total = outcome.total();
    let per_cpu: Vec<Value> = outcome
        .by_cpu
        .iter()
        .map(|(cpu, runs)| {
            json!({"cpu": cpu, "runs": runs.runs, "failures": runs.failures, "stopped": runs.stopped})
        })
        .collect();
    json!({
        "command": trigger.command,
        "spread": trigger.spread,
        "runs": total.runs,
        "failures": total.failures,
        "stopped": total.stopped,
        "last_failure": outcome.last_failure,
        "left_running": outcome.left_running,
        "per_cpu": per_cpu,
    })
}

fn namespaces(summary: &Summary) -> Value {
    let Some(rises) = &summary.namespaces else {
        return Value::Null;
    };
    let row = |rise: &Rise| {
        json!({
            "netns": crate::render::status::json::netns(&rise.row.netns),
            "in_no_routes": rise.in_no_routes,
            "out_no_routes": rise.out_no_routes,
            "slow": rise.row.snapshot.slow(),
            "max_size": rise.row.snapshot.max_size(),
            "regime": rise.row.assessment.state.certain(),
            "regimes": rise.row.assessment.state.names(),
        })
    };
    rises.iter().map(row).collect()
}

fn meanwhile(summary: &Summary) -> Value {
    let Some(Meanwhile { seconds, changes }) = &summary.meanwhile else {
        return Value::Null;
    };
    let row = |change: &Change| {
        let lost = change
            .lost
            .iter()
            .map(|(name, n)| ((*name).to_owned(), Value::from(*n)));
        json!({
            "netns": crate::render::status::json::netns(&change.netns),
            "lost": Value::Object(lost.collect()),
            "slow": change.slow,
            "max_size": change.max_size,
            "grown": change.grown,
            "full_in_seconds": change.full_in(*seconds),
        })
    };
    let rows: Value = changes.iter().map(row).collect();
    json!({"seconds": *seconds, "namespaces": rows})
}

fn netfilter_rules(summary: &Summary) -> Value {
    let Some(rules) = &summary.rules else {
        return Value::Null;
    };
    let row = |rise: &RuleRise| json!({"rule": rise.rule, "packets": rise.packets});
    rules.iter().map(row).collect()
}

fn health(summary: &Summary) -> Value {
    let health = &summary.findings.health;
    let samples: Vec<String> = health
        .samples
        .iter()
        .map(|s| String::from_utf8_lossy(s).into_owned())
        .collect();
    let words = |text: &Option<Vec<u8>>| {
        text.as_deref()
            .map(|text| String::from_utf8_lossy(text).into_owned())
    };
    json!({
        "lines": health.lines.total,
        "events": health.lines.events,
        "stacks": health.stacks,
        "empty_stacks": health.empty_stacks,
        "lost_events": (health.lost_uncounted == 0).then(|| health.lost_events()),
        "lost_uncounted": health.lost_uncounted,
        "unparsed_lines": health.lines.unparsed,
        "unparsed_samples": samples,
        "frame_lines": health.lines.frames,
        "comment_lines": health.lines.banners,
        "blank_lines": health.lines.blank,
        "broken_inputs": health.broken_inputs,
        "stacks_beyond": health.stacks_beyond,
        "evictions": health.evictions,
        "unbelievable_packets": health.unbelievable,
        "netfilter_no_way_back": health.netfilter.no_way_back,
        "netfilter_other_rule": health.netfilter.other_rule,
        "log_refusals": health.log.failed,
        "log_suppressed": health.log.suppressed,
        "log_first": words(&health.log.first),
        "log_last": words(&health.log.last),
    })
}

/// The verdict's sentence and what stands behind it.
fn verdict_text(summary: &Summary) -> String {
    let mut text = crate::render::report::headline::sentence(summary);
    if let Some(grounds) = crate::render::report::words::grounds(summary) {
        text.push(' ');
        text.push_str(&grounds);
    }
    text
}

fn tool(_: &Summary) -> Value {
    json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")})
}

fn source(summary: &Summary) -> Value {
    let (first, last) = (summary.window.map(|w| w.0), summary.window.map(|w| w.1));
    let format = match summary.formats.len() {
        0 | 1 => summary.formats.first().copied(),
        _ => Some("mixed"),
    };
    json!({
        "inputs": summary.inputs,
        "format": format,
        "host": summary.hosts.first().filter(|_| summary.hosts.len() == 1),
        "began": summary.began,
        "kernel": summary.kernels.first(),
        "cpus": summary.cpus,
        "window": {
            "first": maybe_time(first),
            "last": maybe_time(last),
            "seconds": summary.seconds(),
        },
    })
}

fn verdict(summary: &Summary) -> Value {
    let verdict = Verdict::of(&summary.findings);
    json!({
        "class": verdict.class.map(Class::name),
        "confidence": verdict.confidence.map(Confidence::name),
        "exit": verdict.exit.status(),
        "summary": verdict_text(summary),
        "cache": summary.findings.refused_all.map(|proven| json!({
            "refused_all": true,
            "attempts": proven.attempts,
            "confidence": proven.confidence.name(),
        })),
    })
}

fn control(summary: &Summary) -> Value {
    json!({
        "receive_drops": summary.findings.receive_drops_seen,
        "in_no_routes": summary.findings.in_no_routes,
        "equal": match summary.findings.control() {
            Control::Unknown => None,
            control => Some(control == Control::Equal),
        },
    })
}

fn tasks(summary: &Summary, row: Row<'_>) {
    for (pid, task) in summary.tasks_by_drops() {
        let comm = String::from_utf8_lossy(&task.comm);
        row(json!({"comm": comm, "pid": pid, "drops": task.drops}));
    }
}

fn stacks(summary: &Summary, row: Row<'_>) {
    for stack in numbered_stacks(summary) {
        let frames = stack.frames.iter().map(|f| String::from_utf8_lossy(f));
        let frames: Vec<_> = frames.collect();
        row(
            json!({"id": stack.id, "count": stack.count, "class": stack.class.name(), "frames": frames}),
        );
    }
}

/// Takes the rows of a list, one after the other.
type Row<'a> = &'a mut dyn FnMut(Value);

/// What a member is made by.
#[derive(Clone, Copy)]
enum Member {
    /// What is small.
    Whole(fn(&Summary) -> Value),
    /// A list as long as the input makes it: there is never more of it than a row.
    Rows(fn(&Summary, Row<'_>)),
}

/// The members of the object, in their order.
const MEMBERS: [(&str, Member); 21] = [
    ("schema", Member::Whole(|_| json!(SCHEMA))),
    ("tool", Member::Whole(tool)),
    ("source", Member::Whole(source)),
    ("verdict", Member::Whole(verdict)),
    ("drops", Member::Whole(drops)),
    ("per_cpu", Member::Rows(per_cpu)),
    ("gc", Member::Whole(gc)),
    ("tasks", Member::Rows(tasks)),
    ("stacks", Member::Rows(stacks)),
    ("packets", Member::Whole(packets)),
    ("new_entries", Member::Whole(entry_tables::value)),
    ("counters", Member::Whole(counters)),
    ("health", Member::Whole(health)),
    ("facts", Member::Whole(facts)),
    ("control", Member::Whole(control)),
    ("left_out", Member::Whole(|summary| json!(summary.left_out))),
    ("trigger", Member::Whole(trigger)),
    ("namespaces", Member::Whole(namespaces)),
    ("meanwhile", Member::Whole(meanwhile)),
    ("netfilter_rules", Member::Whole(netfilter_rules)),
    (
        "advice",
        Member::Whole(|summary| json!(advise(&summary.findings))),
    ),
];

/// A member of a report; it is made while it is written.
struct Made<'a>(&'a Summary, Member);

impl Serialize for Made<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = match self.1 {
            Member::Whole(make) => return make(self.0).serialize(serializer),
            Member::Rows(rows) => rows,
        };
        let mut list = serializer.serialize_seq(None)?;
        let mut done = Ok(());
        rows(self.0, &mut |row| {
            if done.is_ok() {
                done = list.serialize_element(&row);
            }
        });
        done?;
        list.end()
    }
}

/// The object of the contract. It is never in memory as a whole.
pub struct ReportObject<'a> {
    summary: &'a Summary,
    /// A first member that says what kind of line it is.
    kind: Option<&'static str>,
}

impl<'a> ReportObject<'a> {
    /// The object by itself.
    #[must_use]
    pub fn of(summary: &'a Summary) -> Self {
        ReportObject {
            summary,
            kind: None,
        }
    }

    /// The last line of NDJSON.
    pub(super) fn last_line(summary: &'a Summary) -> Self {
        ReportObject {
            summary,
            kind: Some("summary"),
        }
    }
}

impl Serialize for ReportObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(kind) = self.kind {
            object.serialize_entry("type", kind)?;
        }
        for (name, member) in MEMBERS {
            object.serialize_entry(name, &Made(self.summary, member))?;
        }
        object.end()
    }
}

/// The report as one indented object.
#[derive(Debug)]
pub(crate) struct JsonReport;

impl Format<ReportDocument> for JsonReport {
    fn write(&self, view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &ReportObject::of(view.summary))?;
        writeln!(out)
    }
}
