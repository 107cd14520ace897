//! What is needed of a status; the rest is passed over without being kept.

use serde::Deserialize;

use crate::fleet::capped::Capped;
use crate::fleet::members::{SizingJson, Take, each};
use crate::fleet::row::{Basis, CacheLimits, Finding, HostRow, Regimes};

#[derive(Deserialize)]
struct KernelJson {
    release: Option<Capped>,
}

#[derive(Deserialize)]
struct CpusJson {
    online: Option<u64>,
}

#[derive(Deserialize)]
struct VerdictJson {
    exit: u8,
}

#[derive(Deserialize)]
struct SysctlsJson {
    max_size: Option<i64>,
    gc_thresh: Option<i64>,
}

#[derive(Deserialize)]
struct NamespaceJson {
    slow: Option<i64>,
    sysctls: SysctlsJson,
    #[serde(deserialize_with = "each")]
    regimes: Regimes,
    sizing: Option<SizingJson>,
}

/// The namespace nearest to its limit, or furthest above.
#[derive(Default)]
struct Worst(CacheLimits);

impl Take for Worst {
    type Item = NamespaceJson;
    fn take(&mut self, row: NamespaceJson) {
        let limits = CacheLimits {
            slow: row.slow,
            fast: None,
            max_size: row.sysctls.max_size,
            gc_thresh: row.sysctls.gc_thresh,
            regimes: row.regimes,
            advised: row.sizing.map(|sizing| sizing.max_size),
        };
        if limits.rank() < self.0.rank() {
            self.0 = limits;
        }
    }
}

/// A status.
#[derive(Deserialize)]
pub(super) struct StatusJson {
    host: Option<Capped>,
    time: f64,
    kernel: KernelJson,
    cpus: CpusJson,
    verdict: VerdictJson,
    #[serde(deserialize_with = "each")]
    namespaces: Worst,
}

impl StatusJson {
    /// What is taken of it.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn row(self) -> Result<HostRow, String> {
        // A count over its limit is no drop that was seen: `confirmed` is left to reports.
        let finding = match self.verdict.exit {
            0 => Finding::Clean,
            1 => Finding::Inconclusive,
            10 | 11 => Finding::Suspected,
            exit => return Err(format!("verdict.exit is {exit}, which no status has")),
        };
        Ok(HostRow {
            host: self.host.map(|host| host.0.into()).unwrap_or_default(),
            finding,
            basis: Basis::Status,
            time: Some(self.time),
            kernel: self.kernel.release.map(|release| release.0.into()),
            cpus: self.cpus.online,
            limits: self.namespaces.0,
            ..HostRow::default()
        })
    }
}
