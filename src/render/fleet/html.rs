//! The table of a fleet as a page: to sort and to search, and it loads nothing.

use std::io::{self, Write};

use crate::fleet::hosts::Fleet;
use crate::fleet::row::Finding;
use crate::fleet::totals::{Group, Totals};
use crate::render::fleet::tables;
use crate::render::fleet::words::{accounting, problem_line, repeats, sentence};
use crate::render::format::Format;
use crate::render::html::markup::{add, escaped, figures, foreign, sortable, table};
use crate::render::html::page::{self, section};
use crate::render::view::{FleetDocument, FleetView};

/// Documents that could not be used and are named.
const MAX_NAMED: usize = 100;

/// The worst finding in a word, with the class of its colour.
fn badge(fleet: &Fleet) -> (&'static str, &'static str) {
    match fleet.worst() {
        Some(Finding::Confirmed) => ("bad", "Full route cache, confirmed"),
        Some(Finding::Suspected) => ("warn", "Full route cache suspected"),
        Some(Finding::Inconclusive) => ("warn", "Inconclusive"),
        Some(Finding::OtherDrops) => ("warn", "Other IPv6 drops"),
        Some(Finding::Clean) => ("good", "No IPv6 drop found"),
        None => ("warn", "Nothing to show"),
    }
}

fn head(fleet: &Fleet, all: &Group) -> String {
    let (class, word) = badge(fleet);
    let numbers = [
        ("hosts", all.hosts().to_string()),
        ("with the fault, or suspected", all.with_fault().to_string()),
        ("drops", all.drops.to_string()),
        ("documents not used", fleet.problems.lost().to_string()),
    ];
    format!(
        "<header>\n<p class=\"badge {class}\">{word}</p>\n<h1>{}</h1>\n{}</header>\n",
        escaped(&sentence(fleet, all)),
        figures(&numbers)
    )
}

/// The hosts, worst first, and what the table leaves out.
fn hosts(rows: &[Vec<String>], left_out: Option<String>) -> Option<String> {
    let mut out = String::new();
    if rows.len() > 1 {
        out.push_str(&sortable("Hosts, worst first", rows, &|_, _| String::new()));
    }
    if let Some(note) = left_out {
        add(&mut out, format_args!("<p>{}</p>\n", escaped(&note)));
    }
    (!out.is_empty()).then_some(out)
}

fn classes(all: &Group) -> Option<String> {
    let mut rows = vec![["class", "drops"].map(String::from).to_vec()];
    let found = all.by_class.all().filter(|(_, drops)| *drops > 0);
    rows.extend(found.map(|(name, drops)| vec![name.to_owned(), drops.to_string()]));
    (rows.len() > 1).then(|| table("Drops of all hosts by class", &rows))
}

/// What became of every document.
fn documents(fleet: &Fleet) -> String {
    let mut out = format!("<p>{}.</p>\n", escaped(&accounting(fleet)));
    if let Some(note) = repeats(fleet) {
        add(&mut out, format_args!("<p>{}.</p>\n", escaped(&note)));
    }
    let named = fleet.problems.named();
    if named.is_empty() {
        return out;
    }
    out.push_str("<ul>\n");
    for problem in named.iter().take(MAX_NAMED) {
        let line = foreign(&problem_line(problem));
        add(&mut out, format_args!("<li>{line}</li>\n"));
    }
    let more = (named.len() as u64 + fleet.problems.unnamed()).saturating_sub(MAX_NAMED as u64);
    if more > 0 {
        add(&mut out, format_args!("<li>… {more} more</li>\n"));
    }
    out.push_str("</ul>\n");
    out
}

/// One page.
#[derive(Debug)]
pub(crate) struct HtmlTable;

impl Format<FleetDocument> for HtmlTable {
    fn write(&self, view: &FleetView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let fleet = view.fleet;
        let rows = fleet.worst_first();
        let totals = Totals::of(&rows);
        let (shown, left_out) = tables::hosts(&rows, view.all_hosts);
        let grouped = |caption: &str, group: Vec<Vec<String>>| {
            (!rows.is_empty()).then(|| table(caption, &group))
        };
        let parts = [
            section("hosts", "Hosts", hosts(&shown, left_out)),
            section("classes", "Drops by class", classes(&totals.all)),
            section(
                "kernels",
                "By kernel",
                grouped("Hosts of each kernel", tables::by_kernel(&totals)),
            ),
            section(
                "limits",
                "By limit",
                grouped("Hosts of each max_size", tables::by_limit(&totals)),
            ),
            section("documents", "Documents", Some(documents(fleet))),
        ];
        page::write(
            out,
            "IPv6 drops of many hosts",
            &head(fleet, &totals.all),
            &mut parts.into_iter().map(Ok),
        )
    }
}
