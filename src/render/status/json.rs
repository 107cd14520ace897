//! JSON of `status`: schema `ip6drop.status/1`.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::diagnosis::assessment::{SYSCTL_D, sysctl_command, sysctl_d};
use crate::host::netns::NetNs;
use crate::kernel::sysctls::SYSCTLS;
use crate::render::format::Format;
use crate::render::json::json;
use crate::render::status::words::sentence;
use crate::render::view::{Round, StatusDocument, StatusView};
use crate::status::sampler::{NetNsStatus, ReadProblem, SCHEMA, Status};
use crate::text::{Untrusted, harmless};

fn problems(problems: &[ReadProblem]) -> Value {
    problems
        .iter()
        .map(|problem| json!({"kind": problem.kind, "text": problem.text}))
        .collect()
}

/// A namespace and whose it is.
pub(crate) fn netns(netns: &NetNs) -> Value {
    json!({
        "inode": netns.id.map(|id| id.inode),
        "init": netns.init,
        "own": netns.own,
        "name": netns.name.as_ref().map(Untrusted::to_string),
        "path": netns.path.to_string(),
        "pid": netns.owner.as_ref().map(|owner| owner.pid),
        "comm": netns.owner.as_ref().map(|owner| harmless(&owner.comm)),
        "pod": netns.owner.as_ref().and_then(|owner| owner.pod.clone()),
    })
}

/// Every key is there; what could not be read is `null`.
fn stats(row: &NetNsStatus) -> Value {
    let stats = row.snapshot.rt6_stats;
    json!({
        "fib_nodes": stats.map(|s| s.fib_nodes),
        "fib_route_nodes": stats.map(|s| s.fib_route_nodes),
        "fib_rt_alloc": stats.map(|s| s.fib_rt_alloc),
        "fib_rt_entries": stats.map(|s| s.fib_rt_entries),
        "fib_rt_cache": stats.map(|s| s.fib_rt_cache),
        "dst_entries": stats.map(|s| s.dst_entries),
        "fib_discarded_routes": stats.map(|s| s.fib_discarded_routes),
    })
}

fn namespace(row: &NetNsStatus) -> Value {
    let found = &row.assessment;
    let sysctls: Map<String, Value> = SYSCTLS
        .into_iter()
        .map(|name| (name.to_owned(), json!(row.snapshot.route.get(name))))
        .collect();
    let rates = row.rates;
    let sizing = found.sizing.as_ref().map(|sizing| {
        let mut value = json!(sizing);
        value["command"] = json!(sysctl_command(sizing, &row.netns));
        value["sysctl_d"] = json!({"path": SYSCTL_D, "content": sysctl_d(sizing)});
        value
    });
    json!({
        "netns": netns(&row.netns),
        "state": found.state.certain(),
        "regimes": found.state.names(),
        "slow": row.snapshot.slow(),
        "fast": {"low": found.fast.map(|f| f.0), "high": found.fast.map(|f| f.1)},
        "batch": found.batch,
        "slack": found.slack,
        "headroom": {
            "entries": found.headroom.map(|h| h.entries),
            "percent": found.headroom.map(|h| h.percent),
        },
        "rt6_stats": stats(row),
        "sysctls": sysctls,
        "counters": {
            "in_no_routes": row.snapshot.in_no_routes(),
            "out_no_routes": row.out_no_routes(),
        },
        "rates": {
            "seconds": rates.map(|r| r.seconds),
            "in_no_routes": rates.and_then(|r| r.in_no_routes),
            "out_no_routes": rates.and_then(|r| r.out_no_routes),
            "allocations": rates.and_then(|r| r.allocations),
            "entries": rates.and_then(|r| r.entries),
        },
        "sizing": sizing,
        "advice": found.advice,
        "problems": problems(&row.problems),
    })
}

/// The object of the schema, without its namespaces.
fn without_namespaces(status: &Status) -> Value {
    let kernel = &status.kernel;
    let release = (!kernel.release.is_empty()).then(|| kernel.release.to_string());
    json!({
        "schema": SCHEMA,
        "tool": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
        "host": status.host.as_ref().map(Untrusted::to_string),
        "time": status.time,
        "kernel": {
            "release": release,
            "checks_max_size": kernel.checks,
            "reason": kernel.reason,
        },
        "cpus": {
            "online": status.cpus.map(|c| c.online),
            "present": status.cpus.map(|c| c.present),
        },
        "verdict": {"exit": status.exit(true).status(), "summary": sentence(status)},
        "namespaces": null,
        "kernel_log": status.log.map(|log| json!({"refused": log.refused, "ago": log.ago})),
        "route_matches": status.matches.names(),
        "hidden_processes": status.hidden,
        "problems": problems(&status.problems),
    })
}

/// The namespaces, each made when it is written: a node may have thousands.
struct Namespaces<'a>(&'a [NetNsStatus]);

impl Serialize for Namespaces<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(namespace))
    }
}

/// The object of the schema.
struct Document<'a>(&'a Status);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = without_namespaces(self.0);
        let mut map = serializer.serialize_map(None)?;
        for (name, member) in value.as_object().into_iter().flatten() {
            match name.as_str() {
                "namespaces" => map.serialize_entry(name, &Namespaces(&self.0.rows))?,
                _ => map.serialize_entry(name, member)?,
            }
        }
        map.end()
    }
}

/// One object: indented, or of several a line each.
#[derive(Debug)]
pub(crate) struct JsonStatus;

impl Format<StatusDocument> for JsonStatus {
    fn write(&self, view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let value = Document(view.status);
        match view.round {
            Round::Only => serde_json::to_writer_pretty(&mut *out, &value)?,
            Round::First | Round::Later => serde_json::to_writer(&mut *out, &value)?,
        }
        writeln!(out)
    }
}
