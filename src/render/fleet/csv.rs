//! CSV of `merge`: a record a host, for spreadsheets and scripts.

use std::io::{self, Write};

use crate::diagnosis::class::Confidence;
use crate::fleet::classes::ClassName;
use crate::fleet::row::{Basis, HostRow};
use crate::render::csv::{number, record, text};
use crate::render::format::Format;
use crate::render::utc::utc;
use crate::render::view::{FleetDocument, FleetView};

/// The header. Columns are only ever added, behind the others.
const COLUMNS: [&str; 22] = [
    "host",
    "exit",
    "class",
    "confidence",
    "evidence",
    "drops",
    "full_cache_drops",
    "cpus",
    "dropping_cpus",
    "regimes",
    "slow",
    "fast",
    "max_size",
    "gc_thresh",
    "advised_max_size",
    "first",
    "last",
    "since",
    "latest",
    "kernel",
    "lost_events",
    "documents",
];

fn cells(row: &HostRow) -> [String; COLUMNS.len()] {
    let traced = row.basis == Basis::Report;
    let limits = &row.limits;
    let date = |time: Option<f64>| time.and_then(utc).unwrap_or_default();
    [
        text(&row.host),
        row.finding.exit().status().to_string(),
        row.class.as_ref().map_or("", ClassName::as_str).to_owned(),
        row.confidence.map_or("", Confidence::name).to_owned(),
        if traced { "report" } else { "status" }.to_owned(),
        number(traced.then_some(row.drops)),
        number(traced.then(|| row.by_class.of_fault())),
        number(row.cpus),
        number(traced.then_some(row.dropping_cpus)),
        limits.regimes.names().join("|"),
        number(limits.slow),
        number(limits.fast),
        number(limits.max_size),
        number(limits.gc_thresh),
        number(limits.advised),
        number(row.first),
        number(row.last),
        date(row.since),
        date(row.latest.map(|(time, _)| time)),
        row.kernel.as_ref().map_or_else(String::new, text),
        number(row.lost_events),
        row.documents.to_string(),
    ]
}

/// A header, and a record for each host.
#[derive(Debug)]
pub(crate) struct CsvTable;

impl Format<FleetDocument> for CsvTable {
    fn write(&self, view: &FleetView<'_>, out: &mut dyn Write) -> io::Result<()> {
        record(out, &COLUMNS.map(String::from))?;
        for row in view.fleet.worst_first() {
            record(out, &cells(row))?;
        }
        Ok(())
    }
}
