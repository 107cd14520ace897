//! A report in the text format of Prometheus, for the node exporter's textfile collector.
//!
//! Numbers of one trace are gauges: the next trace starts anew.

use std::io::{self, Write};

use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::verdict::Verdict;
use crate::render::format::Format;
use crate::render::prometheus::family;
use crate::render::view::{ReportDocument, ReportView};
use crate::report::packets::{ByClass, Packets};
use crate::report::summary::Summary;

/// Destinations with series of their own: each new one is kept by the server for good.
const MAX_DESTINATIONS: usize = 20;
/// The label of all further ones, which is no address.
const OTHER: &str = "other";

fn drops(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let name = "ip6drop_drops";
    let help = "Dropped IPv6 packets in the trace, by class and by how sure that is.";
    family(name, "gauge", help, out)?;
    let confidences = [
        Confidence::Confirmed,
        Confidence::Probable,
        Confidence::Possible,
    ];
    for class in Class::ALL {
        for confidence in confidences {
            writeln!(
                out,
                "{name}{{class=\"{}\",confidence=\"{}\"}} {}",
                class.name(),
                confidence.name(),
                summary.findings.count(class, confidence)
            )?;
        }
    }
    Ok(())
}

/// Drops by destination, which are bounded.
fn destinations(packets: &Packets, out: &mut dyn Write) -> io::Result<()> {
    let name = "ip6drop_identified_drops";
    let help = "Dropped IPv6 packets that the trace names.";
    family(name, "gauge", help, out)?;
    writeln!(out, "{name} {}", packets.drops())?;
    let name = "ip6drop_destination_drops";
    let help = "Dropped IPv6 packets by destination, the 20 with most drops; all others together.";
    family(name, "gauge", help, out)?;
    let mut series = |destination: &str, by_class: &ByClass| {
        let known = by_class.iter().filter(|(_, drops)| **drops > 0);
        known.into_iter().try_for_each(|(class, drops)| {
            let class = class.name();
            writeln!(
                out,
                "{name}{{destination=\"{destination}\",class=\"{class}\"}} {drops}"
            )
        })
    };
    let rows = packets.by_destination.by_drops();
    for row in rows.iter().take(MAX_DESTINATIONS) {
        series(&row.key.to_string(), row.by_class)?;
    }
    series(OTHER, &packets.by_destination.behind(MAX_DESTINATIONS))
}

/// The numbers that are asked for over time.
#[derive(Debug)]
pub(crate) struct PrometheusReport;

impl Format<ReportDocument> for PrometheusReport {
    fn write(&self, view: &ReportView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let summary = view.summary;
        let name = "ip6drop_verdict_status";
        let help = "The verdict, as the exit status says it under --exit-code.";
        family(name, "gauge", help, out)?;
        let status = Verdict::of(&summary.findings).exit.status();
        writeln!(out, "{name} {status}")?;
        drops(summary, out)?;
        if let Some(packets) = &summary.packets {
            destinations(packets, out)?;
        }
        let health = &summary.findings.health;
        if health.lost_uncounted == 0 {
            let name = "ip6drop_lost_events";
            let help = "Events that the kernel says are missing from the trace.";
            family(name, "gauge", help, out)?;
            writeln!(out, "{name} {}", health.lost_events())?;
        }
        Ok(())
    }
}
