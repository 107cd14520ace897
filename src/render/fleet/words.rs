//! What `merge` says in sentences, the same in every format for people.

use crate::fleet::hosts::Fleet;
use crate::fleet::problem::ProblemKind;
use crate::fleet::row::Finding;
use crate::fleet::totals::Group;
use crate::render::words::count;

/// A moment in seconds since 1970 as `2026-11-24 22:01:37Z`; `None` outside the years 1970 to 9999.
pub(super) fn utc(time: f64) -> Option<String> {
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
pub(super) fn sentence(fleet: &Fleet, all: &Group) -> String {
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
pub(super) fn accounting(fleet: &Fleet) -> String {
    let mut text = format!(
        "{} in {}: {}, {}",
        count(fleet.documents(), "document", "documents"),
        count(fleet.inputs, "input", "inputs"),
        count(fleet.reports, "report", "reports"),
        count(fleet.statuses, "status", "statuses"),
    );
    for kind in ProblemKind::ALL {
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
pub(super) fn repeats(fleet: &Fleet) -> Option<String> {
    (fleet.repeated > 0).then(|| {
        format!(
            "{} of a host that had one already: the worst is shown, its time is that of the first with the fault",
            count(fleet.repeated, "document is", "documents are")
        )
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
