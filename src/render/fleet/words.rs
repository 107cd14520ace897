//! What `merge` says in sentences, the same in every format for people.

use crate::fleet::hosts::Fleet;
use crate::fleet::problem::{DocumentProblem, ProblemKind};
use crate::fleet::row::Finding;
use crate::fleet::totals::Group;
use crate::render::words::count;

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

/// A document that could not be used: where it is, what is wrong, of which kind.
pub(crate) fn problem_line(problem: &DocumentProblem) -> String {
    format!(
        "{}: {} ({})",
        problem.place,
        problem.text,
        problem.kind.name()
    )
}
