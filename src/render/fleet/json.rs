//! JSON of `merge`: schema `ip6drop.merge/1`.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::diagnosis::class::Confidence;
use crate::fleet::classes::{ClassCounts, ClassName};
use crate::fleet::hosts::Fleet;
use crate::fleet::problem::ProblemKind;
use crate::fleet::row::{Basis, Finding, HostRow};
use crate::fleet::totals::{Group, Totals};
use crate::render::fleet::words::sentence;
use crate::render::format::Format;
use crate::render::json::json;
use crate::render::view::{FleetDocument, FleetView};

/// Name and version of the schema.
pub(crate) const SCHEMA: &str = "ip6drop.merge/1";

fn by_class(counts: &ClassCounts) -> Value {
    let members = counts.all().map(|(name, n)| (name.to_owned(), json!(n)));
    members.collect::<Map<_, _>>().into()
}

fn group(group: &Group) -> Map<String, Value> {
    let by_exit: Map<String, Value> = Finding::ALL
        .into_iter()
        .map(|finding| {
            (
                finding.exit().status().to_string(),
                json!(group.of(finding)),
            )
        })
        .collect();
    let members = [
        ("hosts", json!(group.hosts())),
        ("with_fault", json!(group.with_fault())),
        ("by_exit", by_exit.into()),
        (
            "drops",
            json!({"total": group.drops, "by_class": by_class(&group.by_class)}),
        ),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn keyed(name: &str, key: Value, of: &Group) -> Value {
    let mut members = Map::new();
    members.insert(name.to_owned(), key);
    members.extend(group(of));
    members.into()
}

fn host(row: &HostRow) -> Value {
    let limits = &row.limits;
    let traced = row.basis == Basis::Report;
    json!({
        "host": row.host,
        "exit": row.finding.exit().status(),
        "class": row.class.as_ref().map(ClassName::as_str),
        "confidence": row.confidence.map(Confidence::name),
        "evidence": if traced { "report" } else { "status" },
        "drops": traced.then(|| json!({"total": row.drops, "by_class": by_class(&row.by_class)})),
        "first": row.first,
        "last": row.last,
        "time": row.time,
        "since": row.since,
        "latest": {
            "time": row.latest.map(|latest| latest.0),
            "exit": row.latest.map(|latest| latest.1.exit().status()),
        },
        "kernel": row.kernel,
        "cpus": row.cpus,
        "dropping_cpus": traced.then_some(row.dropping_cpus),
        "busiest": row.busiest.map(|busiest| json!({"cpu": busiest.cpu, "drops": busiest.drops})),
        "limits": {
            "slow": limits.slow,
            "fast": limits.fast,
            "max_size": limits.max_size,
            "gc_thresh": limits.gc_thresh,
            "headroom": limits.headroom(),
            "regimes": limits.regimes.names(),
            "advised_max_size": limits.advised,
        },
        "health": {
            "lost_events": row.lost_events,
            "unparsed_lines": row.unparsed_lines,
        },
        "documents": row.documents,
        "place": {
            "input": row.place.as_ref().map(|place| &place.input),
            "line": row.place.as_ref().and_then(|place| place.line),
        },
    })
}

fn documents(fleet: &Fleet) -> Value {
    let problems = &fleet.problems;
    let by_kind: Map<String, Value> = ProblemKind::ALL
        .into_iter()
        .map(|kind| (kind.name().to_owned(), json!(problems.of_kind(kind))))
        .collect();
    let named: Vec<Value> = problems
        .named()
        .iter()
        .map(|problem| {
            json!({
                "input": problem.place.input,
                "line": problem.place.line,
                "column": problem.place.column,
                "kind": problem.kind,
                "text": problem.text,
            })
        })
        .collect();
    json!({
        "inputs": fleet.inputs,
        "total": fleet.documents(),
        "reports": fleet.reports,
        "statuses": fleet.statuses,
        "repeated": fleet.repeated,
        "drop_lines": fleet.drop_lines,
        "lost": problems.lost(),
        "by_kind": by_kind,
        "named": named,
        "unnamed": problems.unnamed(),
    })
}

/// One indented object; a host at a time, so that no second copy of the table is made.
#[derive(Debug)]
pub(crate) struct JsonTable;

impl Format<FleetDocument> for JsonTable {
    fn write(&self, view: &FleetView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let fleet = view.fleet;
        let rows = fleet.worst_first();
        let totals = Totals::of(&rows);
        let exit = fleet.worst().map(|finding| finding.exit().status());
        let by_kernel = totals.by_kernel.iter();
        let by_max_size = totals.by_max_size.iter();
        let head = json!({
            "schema": SCHEMA,
            "tool": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
            "verdict": {"exit": exit, "summary": sentence(fleet, &totals.all)},
            "documents": documents(fleet),
            "totals": group(&totals.all),
            "by_kernel": by_kernel.map(|(kernel, of)| keyed("kernel", json!(kernel), of)).collect::<Vec<_>>(),
            "by_max_size": by_max_size.map(|(limit, of)| keyed("max_size", json!(limit), of)).collect::<Vec<_>>(),
        });
        let head = serde_json::to_string_pretty(&head)?;
        out.write_all(head.trim_end_matches(['}', '\n']).as_bytes())?;
        out.write_all(b",\n  \"hosts\": [")?;
        let mut separator = "\n    ";
        for row in rows {
            out.write_all(separator.as_bytes())?;
            serde_json::to_writer(&mut *out, &host(row))?;
            separator = ",\n    ";
        }
        out.write_all(b"\n  ]\n}\n")
    }
}
