//! Formats of `merge`, and the words that they share.

pub mod json;
pub mod markdown;
pub mod text;

use crate::fleet::hosts::Fleet;
use crate::fleet::problem::Kind;
use crate::fleet::row::{Evidence, Finding, Row};
use crate::fleet::totals::{Group, Totals};
use crate::text::harmless;

/// Hosts with a finding that are shown without `--all-hosts`.
const MAX_ROWS: usize = 50;
/// Kernels and limits that are shown.
const MAX_GROUPS: usize = 12;
/// Characters of a host's name that are shown in a table.
const MAX_NAME: usize = 48;

fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A moment in seconds since 1970 as `2026-11-24 22:01:37Z`; `None` outside the years 1970 to 9999.
#[must_use]
pub fn utc(time: f64) -> Option<String> {
    if !(0.0..253_402_300_800.0).contains(&time) {
        return None;
    }
    let (days, second) = (time as i64 / 86_400, time as i64 % 86_400);
    // Years that begin in March end with the leap day: day and month follow without a table.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Some(format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    ))
}

/// The answer in one sentence.
#[must_use]
pub fn sentence(fleet: &Fleet, all: &Group) -> String {
    if fleet.hosts() == 0 {
        return "No report could be used.".to_owned();
    }
    let hosts = count(all.hosts(), "host", "hosts");
    let mut text = match (all.of(Finding::Confirmed), all.of(Finding::Suspected)) {
        (0, 0) => format!("None of {hosts} shows a full IPv6 route cache."),
        (sure, 0) => format!("The IPv6 route cache is full on {sure} of {hosts} (confirmed)."),
        (0, may) => format!("The IPv6 route cache may be full on {may} of {hosts}."),
        (sure, may) => format!(
            "The IPv6 route cache is full on {sure} of {hosts} (confirmed), and may be on {may} more."
        ),
    };
    let rest = [
        (Finding::Inconclusive, "without a verdict"),
        (Finding::OtherDrops, "with other drops only"),
        (Finding::Clean, "without a drop"),
    ];
    let rest: Vec<String> = rest
        .into_iter()
        .filter(|(finding, _)| all.of(*finding) > 0)
        .map(|(finding, words)| format!("{} {words}", all.of(finding)))
        .collect();
    if !rest.is_empty() {
        text.push_str(&format!(" {}.", rest.join(", ")));
    }
    let lost = fleet.problems.lost();
    if lost > 0 {
        let documents = count(lost, "document", "documents");
        text.push_str(&format!(" {documents} could not be used."));
    }
    text
}

/// What became of every document, in one line.
#[must_use]
pub fn accounting(fleet: &Fleet) -> String {
    let mut text = format!(
        "{} in {}: {}, {}",
        count(fleet.documents(), "document", "documents"),
        count(fleet.inputs, "input", "inputs"),
        count(fleet.reports, "report", "reports"),
        count(fleet.statuses, "status", "statuses"),
    );
    for kind in Kind::ALL {
        let n = fleet.problems.of_kind(kind);
        if n > 0 {
            text.push_str(&format!(", {n} {}", kind.name()));
        }
    }
    if fleet.drop_lines > 0 {
        text.push_str(&format!(
            "; {} about single drops besides",
            count(fleet.drop_lines, "line", "lines")
        ));
    }
    text
}

/// What is said of documents that went into the same row.
#[must_use]
pub fn repeats(fleet: &Fleet) -> Option<String> {
    (fleet.repeated > 0).then(|| {
        format!(
            "{} of a host that had one already: the worst is shown, its time is that of the first with the fault",
            count(fleet.repeated, "document is", "documents are")
        )
    })
}

/// The name of a class or the words for its absence.
fn verdict(row: &Row) -> String {
    let confidence = row.confidence.map_or("", |confidence| confidence.name());
    match (row.finding, row.evidence) {
        (Finding::Confirmed, _) => "full, confirmed".to_owned(),
        (Finding::Suspected, Evidence::Report) => format!("full, {confidence}"),
        (Finding::Suspected, Evidence::Status) => "refuses".to_owned(),
        (Finding::Inconclusive, _) => "no verdict".to_owned(),
        (Finding::OtherDrops, _) => row.class.map_or("other", |class| class.name()).to_owned(),
        (Finding::Clean, Evidence::Report) => "no drop".to_owned(),
        (Finding::Clean, Evidence::Status) => "room left".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    let safe = harmless(text.as_bytes());
    if safe.chars().count() <= MAX_NAME {
        return safe;
    }
    safe.chars().take(MAX_NAME - 1).chain(['…']).collect()
}

fn number(n: Option<i64>) -> String {
    n.map_or("-".to_owned(), |n| n.to_string())
}

/// When the fault was first seen: a date where a document has one, else the trace's own clock.
fn since(row: &Row) -> String {
    let date = row.since.or(row.time).and_then(utc);
    let clock = || row.first.map(|first| format!("clock {first:.6}"));
    date.or_else(clock).unwrap_or_else(|| "-".to_owned())
}

const COLUMNS: [&str; 12] = [
    "host", "verdict", "drops", "full", "CPUs", "regime", "slow", "fast", "max_size", "advised",
    "since", "kernel",
];

fn cells(row: &Row) -> Vec<String> {
    let traced = row.evidence == Evidence::Report;
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
        counted(row.by_class[0]),
        format!("{}/{cpus}", counted(row.dropping_cpus)),
        if regimes.is_empty() {
            "-".to_owned()
        } else {
            regimes.join("|")
        },
        number(limits.slow),
        number(limits.fast),
        number(limits.max_size),
        number(limits.advised),
        since(row),
        row.kernel.as_deref().map_or("-".to_owned(), shortened),
    ]
}

/// The table of hosts, its head first, and what it leaves out.
fn host_rows(rows: &[&Row], all_hosts: bool) -> (Vec<Vec<String>>, Option<String>) {
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

fn kernel_rows(totals: &Totals<'_>) -> Vec<Vec<String>> {
    group_rows("kernel", &totals.by_kernel, |kernel| {
        kernel.map_or("unknown".to_owned(), shortened)
    })
}

fn limit_rows(totals: &Totals<'_>) -> Vec<Vec<String>> {
    group_rows("max_size", &totals.by_max_size, |limit| {
        limit.map_or("unknown".to_owned(), |n| n.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates() {
        for (time, text) in [
            (0.0, "1970-01-01 00:00:00Z"),
            (951_782_400.0, "2000-02-29 00:00:00Z"),
            (951_868_799.9, "2000-02-29 23:59:59Z"),
            (1_709_164_800.0, "2024-02-29 00:00:00Z"),
            (1_735_689_599.0, "2024-12-31 23:59:59Z"),
            (4_107_542_400.0, "2100-03-01 00:00:00Z"),
            (253_402_300_799.0, "9999-12-31 23:59:59Z"),
        ] {
            assert_eq!(utc(time).as_deref(), Some(text));
        }
        for none in [-1.0, f64::NAN, f64::INFINITY, 1e18, 253_402_300_800.0] {
            assert_eq!(utc(none), None);
        }
    }
}
