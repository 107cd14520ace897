//! All formats: the command line takes their names, order and help from here.

use crate::render::format::FormatEntry;
use crate::render::json::Escaped;
use crate::render::view::{
    FleetDocument, FunnelDocument, LabDocument, ReportDocument, StatusDocument,
};
use crate::render::{fleet, funnel, lab, report, status};

const PEOPLE: &str = "For people: the verdict first";
const TICKETS: &str = "For tickets";
const COLLECTOR: &str = "For the node exporter's textfile collector";
const PAGE: &str = "One page with pictures, to be opened in a browser; it loads nothing";
const TABLE_PAGE: &str =
    "One page to sort and to search, to be opened in a browser; it loads nothing";
const SHEET: &str = "For spreadsheets: a header, and a line for every host";

/// Formats of a report on saved traces.
#[rustfmt::skip]
pub(crate) static REPORT: [FormatEntry<ReportDocument>; 7] = [
    FormatEntry { name: "text", help: PEOPLE, format: &report::text::TextReport },
    FormatEntry { name: "json", help: "One object", format: &Escaped(report::json::JsonReport) },
    FormatEntry { name: "ndjson", help: "One object a drop, then the report as the last line", format: &Escaped(report::ndjson::NdjsonReport) },
    FormatEntry { name: "markdown", help: TICKETS, format: &report::markdown::MarkdownReport },
    FormatEntry { name: "prometheus", help: COLLECTOR, format: &report::prometheus::PrometheusReport },
    FormatEntry { name: "folded", help: "One line a stack, for flame-graph tools", format: &report::folded::FoldedReport },
    FormatEntry { name: "html", help: PAGE, format: &report::html::HtmlReport },
];

/// Formats of a report on what was recorded just now.
#[rustfmt::skip]
pub(crate) static DIAGNOSE: [FormatEntry<ReportDocument>; 4] = [
    FormatEntry { name: "text", help: PEOPLE, format: &report::text::TextReport },
    FormatEntry { name: "json", help: "One object, that of `report`", format: &Escaped(report::json::JsonReport) },
    FormatEntry { name: "markdown", help: TICKETS, format: &report::markdown::MarkdownReport },
    FormatEntry { name: "html", help: PAGE, format: &report::html::HtmlReport },
];

/// Formats of a status.
#[rustfmt::skip]
pub(crate) static STATUS: [FormatEntry<StatusDocument>; 4] = [
    FormatEntry { name: "text", help: PEOPLE, format: &status::text::TextStatus },
    FormatEntry { name: "json", help: "One object; with --interval one a line", format: &Escaped(status::json::JsonStatus) },
    FormatEntry { name: "markdown", help: TICKETS, format: &status::markdown::MarkdownStatus },
    FormatEntry { name: "prometheus", help: COLLECTOR, format: &status::prometheus::PrometheusStatus },
];

/// Formats of the counts along the way of received packets.
#[rustfmt::skip]
pub(crate) static FUNNEL: [FormatEntry<FunnelDocument>; 2] = [
    FormatEntry { name: "text", help: "For people: where most packets stop first", format: &funnel::text::TextFunnel },
    FormatEntry { name: "json", help: "One object", format: &Escaped(funnel::json::JsonFunnel) },
];

/// Formats of what the lab proved.
#[rustfmt::skip]
pub(crate) static LAB: [FormatEntry<LabDocument>; 2] = [
    FormatEntry { name: "text", help: "For people: the table, and what it proves", format: &lab::text::TextLab },
    FormatEntry { name: "json", help: "One object", format: &Escaped(lab::json::JsonLab) },
];

/// Formats of the table of many hosts.
#[rustfmt::skip]
pub static MERGE: [FormatEntry<FleetDocument>; 5] = [
    FormatEntry { name: "text", help: "For people: the hosts with the fault first", format: &fleet::text::TextTable },
    FormatEntry { name: "json", help: "One object", format: &Escaped(fleet::json::JsonTable) },
    FormatEntry { name: "markdown", help: TICKETS, format: &fleet::markdown::MarkdownTable },
    FormatEntry { name: "html", help: TABLE_PAGE, format: &fleet::html::HtmlTable },
    FormatEntry { name: "csv", help: SHEET, format: &fleet::csv::CsvTable },
];
