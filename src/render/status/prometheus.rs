//! `status` in the text format of Prometheus, for the node exporter's textfile collector.
//!
//! Base units (seconds, ratios from 0 to 1), counters end in `_total`, and what is not known
//! is left out.

use std::io::{self, Write};

use crate::kernel::limits::Regime;
use crate::render::format::Format;
use crate::render::prometheus::{escaped, family};
use crate::render::view::{StatusDocument, StatusView};
use crate::status::sampler::NetNsStatus;
use crate::text::Untrusted;

/// Labels that last as long as the namespace; a process would make new series at each start.
fn labels(row: &NetNsStatus) -> String {
    let netns = &row.netns;
    let inode = netns.id.map_or_else(String::new, |id| id.inode.to_string());
    let name = match (&netns.init, &netns.name) {
        (Some(true), _) => "init".to_owned(),
        (_, Some(name)) => name.to_string(),
        _ if inode.is_empty() => "own".to_owned(),
        _ => format!("net:[{inode}]"),
    };
    let pod = netns
        .owner
        .as_ref()
        .and_then(|owner| owner.pod.as_ref())
        .map_or_else(String::new, Untrusted::to_string);
    format!(
        "netns=\"{}\",inode=\"{inode}\",pod=\"{}\"",
        escaped(&name),
        escaped(&pod)
    )
}

/// One number of a namespace.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&NetNsStatus) -> Option<f64>,
}

fn sysctl(row: &NetNsStatus, name: &str) -> Option<f64> {
    row.snapshot.route.get(name).map(|n| *n as f64)
}

const METRICS: [Metric; 16] = [
    Metric {
        name: "ip6drop_netns_readable",
        kind: "gauge",
        help: "Whether the route cache of the network namespace could be read.",
        value: |row| Some(f64::from(u8::from(!row.is_unread()))),
    },
    Metric {
        name: "ip6drop_route_cache_entries",
        kind: "gauge",
        help: "IPv6 dst entries, the exact sum over all CPUs.",
        value: |row| row.snapshot.slow().map(|n| n as f64),
    },
    Metric {
        name: "ip6drop_route_cache_max_entries",
        kind: "gauge",
        help: "Limit of IPv6 dst entries, net.ipv6.route.max_size.",
        value: |row| sysctl(row, "max_size"),
    },
    Metric {
        name: "ip6drop_route_cache_gc_threshold_entries",
        kind: "gauge",
        help: "Entries above which the limit is checked, net.ipv6.route.gc_thresh.",
        value: |row| sysctl(row, "gc_thresh"),
    },
    Metric {
        name: "ip6drop_route_cache_gc_min_interval_seconds",
        kind: "gauge",
        help: "Shortest time between two collections, net.ipv6.route.gc_min_interval_ms.",
        value: |row| sysctl(row, "gc_min_interval_ms").map(|ms| ms / 1000.0),
    },
    Metric {
        name: "ip6drop_route_cache_headroom_entries",
        kind: "gauge",
        help: "Entries left below the limit; negative when the cache is over it.",
        value: |row| row.assessment.headroom.map(|h| h.entries as f64),
    },
    Metric {
        name: "ip6drop_route_cache_headroom_ratio",
        kind: "gauge",
        help: "Room left below the limit as a share of it; negative when the cache is over it.",
        value: |row| row.assessment.headroom.map(|h| h.percent / 100.0),
    },
    Metric {
        name: "ip6drop_route_cache_shared_min_entries",
        kind: "gauge",
        help: "Lowest value the shared part of the entry counter can have.",
        value: |row| row.assessment.fast.map(|f| f.0 as f64),
    },
    Metric {
        name: "ip6drop_route_cache_shared_max_entries",
        kind: "gauge",
        help: "Highest value the shared part of the entry counter can have.",
        value: |row| row.assessment.fast.map(|f| f.1 as f64),
    },
    Metric {
        name: "ip6drop_route_cache_batch_entries",
        kind: "gauge",
        help: "Entries a CPU counts by itself before it tells the shared part.",
        value: |row| row.assessment.batch.map(|n| n as f64),
    },
    Metric {
        name: "ip6drop_route_cache_advised_max_entries",
        kind: "gauge",
        help: "Limit sized from routes times CPUs with room for growth.",
        value: |row| row.assessment.sizing.as_ref().map(|s| s.max_size as f64),
    },
    Metric {
        name: "ip6drop_route_cache_exceptions",
        kind: "gauge",
        help: "Cached exception routes, such as path-MTU ones.",
        value: |row| row.snapshot.rt6_stats.map(|s| s.fib_rt_cache as f64),
    },
    Metric {
        name: "ip6drop_routes",
        kind: "gauge",
        help: "IPv6 routes in the FIB.",
        value: |row| row.snapshot.rt6_stats.map(|s| s.fib_rt_entries as f64),
    },
    Metric {
        name: "ip6drop_route_cache_allocations_total",
        kind: "counter",
        help: "IPv6 dst entries allocated; a 32-bit counter of the kernel.",
        value: |row| row.snapshot.rt6_stats.map(|s| s.fib_rt_alloc as f64),
    },
    Metric {
        name: "ip6drop_in_no_routes_packets_total",
        kind: "counter",
        help: "Received IPv6 packets dropped for want of a route or of a route cache entry, Ip6InNoRoutes.",
        value: |row| row.snapshot.in_no_routes().map(|n| n as f64),
    },
    Metric {
        name: "ip6drop_out_no_routes_packets_total",
        kind: "counter",
        help: "IPv6 packets not sent for want of a route or of a route cache entry, Ip6OutNoRoutes.",
        value: |row| row.out_no_routes().map(|n| n as f64),
    },
];

/// States of the state set, `unaffected` last.
const STATES: [&str; 5] = [
    Regime::WithinLimits.name(),
    Regime::Latent.name(),
    Regime::Intermittent.name(),
    Regime::Exhausted.name(),
    "unaffected",
];

/// Every metric, each family together.
#[derive(Debug)]
pub(crate) struct PrometheusStatus;

impl Format<StatusDocument> for PrometheusStatus {
    fn write(&self, view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let status = view.status;
        let labelled: Vec<(String, &NetNsStatus)> =
            status.rows.iter().map(|row| (labels(row), row)).collect();
        let name = "ip6drop_build_info";
        family(name, "gauge", "Version of ip6drop.", out)?;
        writeln!(out, "{name}{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))?;
        if let Some(checks) = status.kernel.checks {
            let name = "ip6drop_kernel_checks_max_size";
            family(
                name,
                "gauge",
                "Whether this kernel refuses IPv6 dst entries above max_size, judged by version.",
                out,
            )?;
            writeln!(out, "{name} {}", u8::from(checks))?;
        }
        if let Some(cpus) = status.cpus {
            let name = "ip6drop_online_cpus";
            family(name, "gauge", "CPUs that are online.", out)?;
            writeln!(out, "{name} {}", cpus.online)?;
        }
        let name = "ip6drop_hidden_processes";
        family(
            name,
            "gauge",
            "Processes whose network namespace could not be looked at.",
            out,
        )?;
        writeln!(out, "{name} {}", status.hidden)?;
        let name = "ip6drop_route_cache_regime";
        family(
            name,
            "gauge",
            "Whether the regime is possible (1) or not (0); more than one is possible where the counters cannot decide.",
            out,
        )?;
        for (labels, row) in &labelled {
            if row.is_unread() {
                continue;
            }
            let possible = row.assessment.state.names();
            for state in STATES {
                let value = u8::from(possible.contains(&state));
                writeln!(out, "{name}{{{labels},regime=\"{state}\"}} {value}")?;
            }
        }
        for metric in METRICS {
            let values: Vec<(&String, f64)> = labelled
                .iter()
                .filter_map(|(labels, row)| Some((labels, (metric.value)(row)?)))
                .collect();
            if values.is_empty() {
                continue;
            }
            family(metric.name, metric.kind, metric.help, out)?;
            for (labels, value) in values {
                writeln!(out, "{}{{{labels}}} {value}", metric.name)?;
            }
        }
        Ok(())
    }
}
