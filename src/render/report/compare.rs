//! Two reports side by side: did it help?

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::diagnosis::class::Class;
use crate::diagnosis::comparison::{Became, became, is_sure, lost};
use crate::diagnosis::verdict::Verdict;
use crate::render::json::{Escaping, json};
use crate::render::paper::Paper;
use crate::render::report::json::ReportObject;
use crate::render::report::words::regime;
use crate::render::table::table;
use crate::render::words::{count, or_dash};
use crate::report::summary::Summary;

/// Destinations that have a row.
const MAX_DESTINATIONS: usize = 10;

/// Name and version as a JSON document.
const SCHEMA: &str = "ip6drop.compare/1";

/// `24.3 a second`, or so many where the trace does not say how long it took.
fn rate(summary: &Summary, drops: u64) -> String {
    match summary.rate_seconds() {
        Some(seconds) if drops > 0 => format!("{:.1} a second", drops as f64 / seconds),
        _ => count(drops, "packet", "packets"),
    }
}

/// What became of the loss, in one sentence, and how sure that is.
fn sentence(before: &Summary, after: &Summary) -> String {
    let of = |summary: &Summary| rate(summary, lost(&summary.findings));
    let (then, now) = (of(before), of(after));
    let none = match is_sure(&after.findings) {
        true => "No packet is",
        false => "Probably no packet is",
    };
    let time = match after.rate_seconds() {
        Some(seconds) => format!("in {seconds:.1} s after"),
        None => "after".to_owned(),
    };
    match became(&before.findings, &after.findings) {
        Became::Ended => {
            format!("{none} lost to the IPv6 route cache any more: {then} before, none {time}.")
        }
        Became::Goes => format!(
            "Packets are still lost to the IPv6 route cache, or may be: {then} before, {now} after."
        ),
        Became::Began => format!(
            "Packets are lost to the IPv6 route cache, or may be, that were not before: {now}."
        ),
        Became::Absent => format!("{none} lost to the IPv6 route cache, before or after."),
        Became::Unknown => format!(
            "Whether packets are still lost to the IPv6 route cache the second trace does not show: {then} before."
        ),
    }
}

/// What is shown of both, a row each.
fn rows(before: &Summary, after: &Summary) -> Vec<Vec<String>> {
    let both = [before, after];
    let row = |name: String, of: &dyn Fn(&Summary) -> String| -> Vec<String> {
        let cells = both.iter().map(|summary| of(summary));
        std::iter::once(name).chain(cells).collect()
    };
    let mut rows = vec![["", "before", "after"].map(String::from).to_vec()];
    rows.push(row("status".to_owned(), &|summary| {
        Verdict::of(&summary.findings).exit.status().to_string()
    }));
    rows.push(row("seconds".to_owned(), &|summary| {
        or_dash(summary.seconds().map(|seconds| format!("{seconds:.1}")))
    }));
    rows.push(row("drops".to_owned(), &|summary| {
        summary.findings.drops().to_string()
    }));
    for class in Class::ALL {
        if both
            .iter()
            .any(|summary| summary.findings.of_class(class) > 0)
        {
            rows.push(row(class.name().to_owned(), &|summary| {
                let n = summary.findings.of_class(class);
                match summary.rate_seconds() {
                    Some(seconds) => format!("{n} ({:.1}/s)", n as f64 / seconds),
                    None => n.to_string(),
                }
            }));
        }
    }
    type Number = fn(&crate::diagnosis::counters::Counters) -> Option<i64>;
    let numbers: [(&str, Number); 3] = [
        ("cache entries (slow)", |counters| counters.slow),
        ("max_size", |counters| counters.max_size),
        ("gc_thresh", |counters| counters.gc_thresh),
    ];
    for (name, number) in numbers {
        rows.push(row(name.to_owned(), &|summary| {
            or_dash(summary.findings.counters.as_ref().and_then(number))
        }));
    }
    rows.push(row("regime".to_owned(), &|summary| {
        or_dash(regime(summary).map(|(name, _)| name))
    }));
    rows
}

/// Where dropped packets were going, the most of both first.
fn destinations(before: &Summary, after: &Summary) -> Option<Vec<Vec<String>>> {
    let both = [before, after].map(|summary| summary.packets.as_ref());
    let all: BTreeSet<_> = both
        .iter()
        .flatten()
        .flat_map(|packets| packets.by_destination.by_drops())
        .map(|row| *row.key)
        .collect();
    let drops = |side: usize, key| {
        let rows = both[side].map(|packets| packets.by_destination.by_drops());
        rows.and_then(|rows| rows.iter().find(|row| *row.key == key).map(|row| row.drops))
    };
    let mut rows: Vec<_> = all
        .into_iter()
        .map(|key| (key, drops(0, key), drops(1, key)))
        .collect();
    crate::order::sort_by_key(&mut rows, |(_, then, now)| {
        std::cmp::Reverse(then.unwrap_or(0) + now.unwrap_or(0))
    });
    let head = ["destination", "before", "after"]
        .map(String::from)
        .to_vec();
    let cells = rows
        .into_iter()
        .take(MAX_DESTINATIONS)
        .map(|(key, then, now)| {
            vec![
                key.to_string(),
                then.unwrap_or(0).to_string(),
                now.unwrap_or(0).to_string(),
            ]
        });
    let rows: Vec<_> = std::iter::once(head).chain(cells).collect();
    (rows.len() > 1).then_some(rows)
}

/// For people.
///
/// # Errors
/// Those of the writer.
pub(crate) fn text(
    before: &Summary,
    after: &Summary,
    paper: Paper,
    out: &mut dyn Write,
) -> io::Result<()> {
    for line in paper.wrap(&sentence(before, after), "", "") {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    table(out, &rows(before, after), paper)?;
    if let Some(rows) = destinations(before, after) {
        writeln!(out)?;
        table(out, &rows, paper)?;
    }
    Ok(())
}

/// The object: the sentence, and both reports.
#[derive(Serialize)]
struct Comparison<'a> {
    schema: &'static str,
    tool: Value,
    summary: String,
    before: ReportObject<'a>,
    after: ReportObject<'a>,
}

/// As one object.
///
/// # Errors
/// Those of the writer.
pub(crate) fn object(before: &Summary, after: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let object = Comparison {
        schema: SCHEMA,
        tool: json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")}),
        summary: sentence(before, after),
        before: ReportObject::of(before),
        after: ReportObject::of(after),
    };
    serde_json::to_writer_pretty(Escaping::new(&mut *out), &object)?;
    writeln!(out)
}
