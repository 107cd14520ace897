//! What a document is: a report, a status, a line about a drop, or nothing that can be merged.

use serde::Deserialize;
use serde_json::error::Category;

use crate::fleet::capped::{Capped, capped};
use crate::fleet::problem::ProblemKind;
use crate::fleet::report::{ReportJson, is_report};
use crate::fleet::row::HostRow;
use crate::fleet::status::StatusJson;
use crate::report::summary;
use crate::status::sampler;
use crate::text::Untrusted;

#[derive(Deserialize)]
struct HeadJson {
    schema: Option<Capped>,
    #[serde(rename = "type")]
    kind: Option<Capped>,
}

/// What a document turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document {
    /// A report or status; its row has no host where the document names none.
    Host(Box<HostRow>),
    /// A line of `report --format ndjson` about one drop, which the summary behind counts.
    Drop,
}

/// Why a document cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What kind.
    pub(crate) kind: ProblemKind,
    /// What is wrong, and what to do.
    pub(crate) text: Untrusted,
    /// Line from 1, counted from the document's own first line.
    pub(crate) line: u64,
    /// Column from 1; 0 where the document as a whole is meant.
    pub(crate) column: u64,
}

impl Fault {
    fn whole(kind: ProblemKind, text: String) -> Fault {
        Fault {
            kind,
            text: text.into(),
            line: 1,
            column: 0,
        }
    }

    fn cut_off(error: &serde_json::Error) -> Fault {
        Fault {
            kind: ProblemKind::Truncated,
            text: "cut off: the document ends too early; fetch it again".into(),
            line: error.line().max(1) as u64,
            column: error.column() as u64,
        }
    }

    fn of_error(error: &serde_json::Error, data: ProblemKind) -> Fault {
        let (line, column) = (error.line() as u64, error.column() as u64);
        let text = error.to_string();
        let position = format!(" at line {line} column {column}");
        let what = capped(text.strip_suffix(&position).unwrap_or(&text));
        let (kind, text) = match error.classify() {
            Category::Eof => return Fault::cut_off(error),
            Category::Syntax | Category::Io => (ProblemKind::Broken, format!("no JSON: {what}")),
            Category::Data => (data, what),
        };
        Fault {
            kind,
            text: text.into(),
            line: line.max(1),
            column,
        }
    }
}

fn foreign(what: &str) -> Fault {
    let text = format!("no report or status of ip6drop: {what}");
    Fault::whole(ProblemKind::Foreign, text)
}

/// Says what a document is that has the `schema` of neither a report nor a status of today.
fn stranger(schema: Option<&str>) -> Fault {
    match schema {
        Some(name)
            if name.starts_with("ip6drop.report/") || name.starts_with("ip6drop.status/") =>
        {
            Fault::whole(
                ProblemKind::Version,
                format!("{name} is of another version; merge it with the ip6drop that wrote it"),
            )
        }
        Some("ip6drop.merge/1") => {
            foreign("a table made by merge; name the reports it was made of")
        }
        Some("ip6drop.check/1") => foreign("what check prints says nothing about drops"),
        Some(name) => foreign(&format!("its schema is {name}")),
        None => foreign("it has no schema"),
    }
}

fn first_is_array(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'[')
}

/// Reads the first document of `bytes`, and says how many bytes it takes.
///
/// # Errors
/// See [`Fault`]. How far a document goes that cannot be read is not known.
pub(crate) fn read(bytes: &[u8]) -> Result<(Document, usize), Fault> {
    // Nearly all documents are reports, and are read once; any other is looked at twice.
    let mut reports = serde_json::Deserializer::from_slice(bytes).into_iter::<ReportJson>();
    match reports.next() {
        Some(Ok(report)) if report.is_known() => {
            let row = report.row().map_err(malformed)?;
            Ok((Document::Host(Box::new(row)), reports.byte_offset()))
        }
        _ => read_other(bytes),
    }
}

fn malformed(text: String) -> Fault {
    Fault::whole(ProblemKind::Malformed, text)
}

/// Whether the document ends within a number, as in `18.`, where the error is: serde_json calls
/// that an invalid number, and not the end.
fn ends_in_number(bytes: &[u8], error: &serde_json::Error) -> bool {
    let text = bytes.trim_ascii_end();
    let last = memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1);
    let lines = memchr::memchr_iter(b'\n', text).count();
    matches!(text.last(), Some(b'.' | b'-' | b'+' | b'e' | b'E'))
        && (error.line(), error.column()) >= (lines + 1, text.len() - last)
}

/// Reads anything but a report that is as it should be, and says what is wrong with it.
fn read_other(bytes: &[u8]) -> Result<(Document, usize), Fault> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<HeadJson>();
    let head = match values.next() {
        Some(Ok(head)) => head,
        Some(Err(_)) if first_is_array(bytes) => {
            return Err(foreign(
                "an array; take the reports out of it with: jq -c '.[]'",
            ));
        }
        Some(Err(error)) if ends_in_number(bytes, &error) => return Err(Fault::cut_off(&error)),
        Some(Err(error)) => {
            let fault = Fault::of_error(&error, ProblemKind::Foreign);
            return Err(match fault.kind {
                ProblemKind::Foreign => Fault {
                    text: foreign(fault.text.raw()).text,
                    ..fault
                },
                _ => fault,
            });
        }
        None => return Err(Fault::whole(ProblemKind::Empty, "no document".to_owned())),
    };
    let length = values.byte_offset();
    let document = &bytes[..length];
    let schema = head.schema.as_ref().map(|schema| &*schema.0);
    let kind = head.kind.as_ref().map(|kind| &*kind.0);
    let not_so = |error: serde_json::Error| Fault::of_error(&error, ProblemKind::Malformed);
    let row = match (schema, kind) {
        (None, Some("drop")) => return Ok((Document::Drop, length)),
        (Some(summary::SCHEMA), kind) if is_report(kind) => {
            serde_json::from_slice::<ReportJson>(document)
                .map_err(not_so)?
                .row()
        }
        (Some(sampler::SCHEMA), None) => serde_json::from_slice::<StatusJson>(document)
            .map_err(not_so)?
            .row(),
        _ => return Err(stranger(schema)),
    };
    let row = row.map_err(malformed)?;
    Ok((Document::Host(Box::new(row)), length))
}
