//! What is needed of a report; the rest is passed over without being kept.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::diagnosis::class::Confidence;
use crate::fleet::capped::Capped;
use crate::fleet::classes::{ClassCounts, ClassName};
use crate::fleet::members::{SizingJson, Take, each};
use crate::fleet::row::{Basis, Busiest, CacheLimits, Finding, HostRow, Regimes, least};
use crate::report::summary::SCHEMA;

#[derive(Default)]
struct Cpus {
    first: Option<f64>,
    last: Option<f64>,
    busiest: Option<Busiest>,
    dropping: u64,
}

#[derive(Deserialize)]
struct CpuJson {
    cpu: Option<u64>,
    drops: u64,
    first: Option<f64>,
    last: Option<f64>,
}

impl Take for Cpus {
    type Item = CpuJson;
    fn take(&mut self, row: CpuJson) {
        if row.drops == 0 {
            return;
        }
        self.dropping += 1;
        self.first = least(self.first, row.first);
        self.last = [self.last, row.last].into_iter().flatten().reduce(f64::max);
        if self.busiest.is_none_or(|busiest| row.drops > busiest.drops) {
            self.busiest = Some(Busiest {
                cpu: row.cpu,
                drops: row.drops,
            });
        }
    }
}

#[derive(Deserialize)]
struct SourceJson {
    host: Option<Capped>,
    began: Option<f64>,
    kernel: Option<Capped>,
    cpus: Option<u64>,
}

#[derive(Deserialize)]
struct VerdictJson {
    #[serde(default)]
    class: Option<ClassName>,
    #[serde(default, deserialize_with = "confidence")]
    confidence: Option<Confidence>,
    exit: u8,
}

/// A confidence by its name; `null` is none.
fn confidence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Confidence>, D::Error> {
    let Some(Capped(text)) = Option::<Capped>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let mut all = [
        Confidence::Possible,
        Confidence::Probable,
        Confidence::Confirmed,
    ]
    .into_iter();
    all.find(|one| one.name() == text)
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("`{text}` is not known here")))
}

#[derive(Deserialize)]
struct DropsJson {
    total: u64,
    by_class: ClassCounts,
}

#[derive(Deserialize)]
struct FastJson {
    last: i64,
}

#[derive(Deserialize)]
struct CountersJson {
    fast: Option<FastJson>,
    slow: Option<i64>,
    max_size: Option<i64>,
    gc_thresh: Option<i64>,
    #[serde(deserialize_with = "each")]
    regimes: Regimes,
    sizing: Option<SizingJson>,
}

#[derive(Deserialize)]
struct HealthJson {
    lost_events: Option<u64>,
    unparsed_lines: u64,
}

/// A report, or the last line of its ndjson.
#[derive(Deserialize)]
pub(super) struct ReportJson {
    schema: Capped,
    #[serde(rename = "type")]
    kind: Option<Capped>,
    host: Option<Capped>,
    source: SourceJson,
    verdict: VerdictJson,
    drops: DropsJson,
    #[serde(deserialize_with = "each")]
    per_cpu: Cpus,
    counters: Option<CountersJson>,
    health: HealthJson,
}

/// Whether a document of a report's schema with that `type` is one.
pub(super) fn is_report(kind: Option<&str>) -> bool {
    matches!(kind, None | Some("summary"))
}

impl ReportJson {
    /// Whether that is what it is, by its own word.
    pub(super) fn is_known(&self) -> bool {
        let kind = self.kind.as_ref().map(|kind| &*kind.0);
        self.schema.0 == SCHEMA && is_report(kind)
    }

    /// What is taken of it.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn row(self) -> Result<HostRow, String> {
        let exit = self.verdict.exit;
        let finding = Finding::of_exit(exit)
            .ok_or_else(|| format!("verdict.exit is {exit}, which is the status of no verdict"))?;
        let limits = self.counters.map(|counters| CacheLimits {
            slow: counters.slow,
            fast: counters.fast.map(|fast| fast.last),
            max_size: counters.max_size,
            gc_thresh: counters.gc_thresh,
            regimes: counters.regimes,
            advised: counters.sizing.map(|sizing| sizing.max_size),
        });
        Ok(HostRow {
            host: self
                .host
                .or(self.source.host)
                .map(|host| host.0.into())
                .unwrap_or_default(),
            finding,
            basis: Basis::Report,
            class: self.verdict.class,
            confidence: self.verdict.confidence,
            drops: self.drops.total,
            by_class: self.drops.by_class,
            first: self.per_cpu.first,
            last: self.per_cpu.last,
            busiest: self.per_cpu.busiest,
            dropping_cpus: self.per_cpu.dropping,
            time: self.source.began,
            kernel: self.source.kernel.map(|kernel| kernel.0.into()),
            cpus: self.source.cpus,
            limits: limits.unwrap_or_default(),
            lost_events: self.health.lost_events,
            unparsed_lines: self.health.unparsed_lines,
            ..HostRow::default()
        })
    }
}
