//! The tables of `merge`: rows of cells, the head first.

use crate::fleet::classes::ClassName;
use crate::fleet::row::{Basis, Finding, HostRow};
use crate::fleet::totals::{Group, Totals};
use crate::render::utc::utc;
use crate::render::words::{drops, or_dash};
use crate::text::Untrusted;

/// Hosts with a finding that are shown without `--all-hosts`.
const MAX_ROWS: usize = 50;
/// Kernels and limits that are shown.
const MAX_GROUPS: usize = 12;
/// Characters of a host's name that are shown in a table.
const MAX_NAME: usize = 48;

/// The name of a class or the words for its absence.
fn verdict(row: &HostRow) -> String {
    let confidence = row.confidence.map_or("", |confidence| confidence.name());
    match (row.finding, row.basis) {
        (Finding::Confirmed, _) => "full, confirmed".to_owned(),
        (Finding::Suspected, Basis::Report) => format!("full, {confidence}"),
        (Finding::Suspected, Basis::Status) => "refuses".to_owned(),
        (Finding::Inconclusive, _) => "no verdict".to_owned(),
        (Finding::OtherDrops, _) => row
            .class
            .as_ref()
            .map_or("other", ClassName::as_str)
            .to_owned(),
        (Finding::Clean, Basis::Report) => "no drop".to_owned(),
        (Finding::Clean, Basis::Status) => "room left".to_owned(),
    }
}

fn shortened(text: &Untrusted) -> String {
    let safe = text.to_string();
    if safe.chars().count() <= MAX_NAME {
        return safe;
    }
    safe.chars().take(MAX_NAME - 1).chain(['…']).collect()
}

/// When the fault was first seen: a date where a document has one, else the trace's own clock.
fn since(row: &HostRow) -> String {
    let date = row.since.or(row.time).and_then(utc);
    let clock = || row.first.map(|first| format!("clock {first:.6}"));
    or_dash(date.or_else(clock))
}

const COLUMNS: [&str; 12] = [
    "host", "verdict", "drops", "full", "CPUs", "regime", "slow", "fast", "max_size", "advised",
    "since", "kernel",
];

fn cells(row: &HostRow) -> Vec<String> {
    let traced = row.basis == Basis::Report;
    let counted = |n: u64| {
        if traced {
            n.to_string()
        } else {
            "-".to_owned()
        }
    };
    let limits = &row.limits;
    let regimes = limits.regimes.names();
    let cpus = row.cpus.map_or("?".to_owned(), |cpus| cpus.to_string());
    vec![
        shortened(&row.host),
        verdict(row),
        counted(row.drops),
        counted(row.by_class.of_fault()),
        format!("{}/{cpus}", counted(row.dropping_cpus)),
        if regimes.is_empty() {
            "-".to_owned()
        } else {
            regimes.join("|")
        },
        or_dash(limits.slow),
        or_dash(limits.fast),
        or_dash(limits.max_size),
        or_dash(limits.advised),
        since(row),
        or_dash(row.kernel.as_ref().map(shortened)),
    ]
}

/// A host in a line: `node1: full, confirmed; 89 drops, advised max_size 4096`.
fn line(row: &HostRow) -> String {
    let mut text = format!("{}: {}", shortened(&row.host), verdict(row));
    if row.basis == Basis::Report {
        text += &format!("; {}", drops(row.drops));
    }
    if let Some(advised) = row.limits.advised {
        text += &format!("; advised max_size {advised}");
    }
    text
}

/// The worst hosts with a finding in so many lines, the last of which may say how many more.
pub(super) fn worst(rows: &[&HostRow], most: usize) -> Vec<String> {
    let found = || rows.iter().filter(|row| row.finding != Finding::Clean);
    let number = found().count();
    let shown = if number > most {
        most.saturating_sub(1)
    } else {
        number
    };
    let mut lines: Vec<String> = found().take(shown).map(|row| line(row)).collect();
    let more = number - shown;
    lines.extend((more > 0).then(|| format!("… and {more} more with a finding")));
    lines
}

/// The table of hosts, its head first, and what it leaves out.
pub(super) fn hosts(rows: &[&HostRow], all_hosts: bool) -> (Vec<Vec<String>>, Option<String>) {
    let found = rows
        .iter()
        .filter(|row| row.finding != Finding::Clean)
        .count();
    let shown = if all_hosts {
        rows.len()
    } else {
        found.min(MAX_ROWS)
    };
    let mut table = vec![COLUMNS.map(String::from).to_vec()];
    table.extend(rows.iter().take(shown).map(|row| cells(row)));
    let left = [
        (found.saturating_sub(shown), "with a finding"),
        (rows.len() - found.max(shown), "without"),
    ];
    let left: Vec<String> = left
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, words)| format!("{n} {words}"))
        .collect();
    let note = format!("not shown: {} (--all-hosts shows all)", left.join(", "));
    (table, (!left.is_empty()).then_some(note))
}

fn group_head(name: &str) -> Vec<String> {
    let columns = [
        "hosts",
        "confirmed",
        "may be",
        "no verdict",
        "other drops",
        "no drop",
        "drops",
    ];
    [name]
        .into_iter()
        .chain(columns)
        .map(String::from)
        .collect()
}

fn group_rows<K>(name: &str, groups: &[(K, Group)], key: fn(&K) -> String) -> Vec<Vec<String>> {
    let mut table = vec![group_head(name)];
    for (of, group) in groups.iter().take(MAX_GROUPS) {
        table.push(group_cells(key(of), group));
    }
    let more = groups.len().saturating_sub(MAX_GROUPS);
    if more > 0 {
        table.push(vec![format!("… {more} more")]);
    }
    table
}

fn group_cells(key: String, group: &Group) -> Vec<String> {
    let numbers = [group.hosts()]
        .into_iter()
        .chain(group.by_finding)
        .chain([group.drops]);
    let numbers = numbers.map(|n| n.to_string());
    [key].into_iter().chain(numbers).collect()
}

pub(super) fn by_kernel(totals: &Totals<'_>) -> Vec<Vec<String>> {
    group_rows("kernel", &totals.by_kernel, |kernel| {
        kernel.map_or("unknown".to_owned(), shortened)
    })
}

pub(super) fn by_limit(totals: &Totals<'_>) -> Vec<Vec<String>> {
    group_rows("max_size", &totals.by_max_size, |limit| {
        limit.map_or("unknown".to_owned(), |n| n.to_string())
    })
}
