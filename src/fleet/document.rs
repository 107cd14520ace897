//! What is needed of a report or status; the rest is passed over without being kept.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::diagnosis::class::{Class, Confidence};
use crate::fleet::problem::Kind;
use crate::fleet::row::{Busiest, Evidence, Finding, Limits, Regimes, Row};
use crate::render::report::json;
use crate::render::status;

/// Bytes kept of a text; names of hosts have 64 at most (`HOST_NAME_MAX`), of domains 253.
pub const MAX_TEXT: usize = 256;

/// A text, of which no more than [`MAX_TEXT`] bytes are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(pub String);

/// The beginning of `text` that has room.
#[must_use]
pub fn capped(text: &str) -> String {
    let end = (0..=MAX_TEXT.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    text[..end.unwrap_or(0)].to_owned()
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Capped;
        impl Visitor<'_> for Capped {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(capped(text)))
            }
        }
        deserializer.deserialize_str(Capped)
    }
}

/// Something that takes the items of an array one by one, so that none has to be kept.
trait Take: Default {
    type Item: for<'de> Deserialize<'de>;
    fn take(&mut self, item: Self::Item);
}

/// Reads an array, or `null` as an empty one.
fn each<'de, D: Deserializer<'de>, T: Take>(deserializer: D) -> Result<T, D::Error> {
    struct Items<T>(PhantomData<T>);
    impl<'de, T: Take> Visitor<'de> for Items<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }
        fn visit_unit<E>(self) -> Result<T, E> {
            Ok(T::default())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
            let mut taken = T::default();
            while let Some(item) = items.next_element()? {
                taken.take(item);
            }
            Ok(taken)
        }
    }
    deserializer.deserialize_any(Items(PhantomData))
}

#[derive(Deserialize)]
struct Head {
    schema: Option<Text>,
    #[serde(rename = "type")]
    kind: Option<Text>,
}

#[derive(Default)]
struct Cpus {
    first: Option<f64>,
    last: Option<f64>,
    busiest: Option<Busiest>,
    dropping: u64,
}

#[derive(Deserialize)]
struct Cpu {
    cpu: Option<u64>,
    drops: u64,
    first: Option<f64>,
    last: Option<f64>,
}

impl Take for Cpus {
    type Item = Cpu;
    fn take(&mut self, row: Cpu) {
        if row.drops == 0 {
            return;
        }
        self.dropping += 1;
        self.first = least(self.first, row.first);
        self.last = [self.last, row.last].into_iter().flatten().reduce(f64::max);
        if self.busiest.is_none_or(|busiest| row.drops > busiest.drops) {
            self.busiest = Some(Busiest {
                cpu: row.cpu,
                drops: row.drops,
            });
        }
    }
}

/// The smaller of two where both are known, else the known one.
#[must_use]
pub fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::min)
}

impl Take for Regimes {
    type Item = Text;
    fn take(&mut self, name: Text) {
        self.add(&name.0);
    }
}

#[derive(Deserialize)]
struct Source {
    host: Option<Text>,
    began: Option<f64>,
    kernel: Option<Text>,
    cpus: Option<u64>,
}

#[derive(Deserialize)]
struct Verdict {
    #[serde(default, deserialize_with = "class")]
    class: Option<Class>,
    #[serde(default, deserialize_with = "confidence")]
    confidence: Option<Confidence>,
    exit: u8,
}

/// One of `all`, by its name; `null` is none.
fn named<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<Option<T>, D::Error> {
    let Some(Text(text)) = Option::<Text>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let found = all.iter().copied().find(|one| name(*one) == text);
    found
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("`{text}` is not known here")))
}

fn class<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Class>, D::Error> {
    named(deserializer, &Class::ALL, Class::name)
}

fn confidence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Confidence>, D::Error> {
    let all = [
        Confidence::Possible,
        Confidence::Probable,
        Confidence::Confirmed,
    ];
    named(deserializer, &all, Confidence::name)
}

#[derive(Deserialize)]
struct Count {
    total: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Classes {
    rcv_dst_alloc: Count,
    rcv_no_route: Count,
    rcv_prohibited: Count,
    rcv_undetermined: Count,
    out_dst_alloc: Count,
    out_no_route: Count,
    out_prohibited: Count,
    unknown: Count,
}

#[derive(Deserialize)]
struct Drops {
    total: u64,
    by_class: Classes,
}

#[derive(Deserialize)]
struct Fast {
    last: i64,
}

#[derive(Deserialize)]
struct Sizing {
    max_size: i64,
}

#[derive(Deserialize)]
struct Counters {
    fast: Option<Fast>,
    slow: Option<i64>,
    max_size: Option<i64>,
    gc_thresh: Option<i64>,
    #[serde(deserialize_with = "each")]
    regimes: Regimes,
    sizing: Option<Sizing>,
}

#[derive(Deserialize)]
struct Health {
    lost_events: Option<u64>,
    unparsed_lines: u64,
}

#[derive(Deserialize)]
struct Report {
    schema: Text,
    #[serde(rename = "type")]
    kind: Option<Text>,
    host: Option<Text>,
    source: Source,
    verdict: Verdict,
    drops: Drops,
    #[serde(deserialize_with = "each")]
    per_cpu: Cpus,
    counters: Option<Counters>,
    health: Health,
}

impl Report {
    fn is_known(&self) -> bool {
        let kind = self.kind.as_ref().map(|kind| &*kind.0);
        self.schema.0 == json::SCHEMA && matches!(kind, None | Some("summary"))
    }

    fn row(self) -> Result<Row, String> {
        let exit = self.verdict.exit;
        let finding = Finding::of_exit(exit)
            .ok_or_else(|| format!("verdict.exit is {exit}, which is the status of no verdict"))?;
        let classes = self.drops.by_class;
        let by_class = [
            classes.rcv_dst_alloc,
            classes.rcv_no_route,
            classes.rcv_prohibited,
            classes.rcv_undetermined,
            classes.out_dst_alloc,
            classes.out_no_route,
            classes.out_prohibited,
            classes.unknown,
        ];
        let limits = self.counters.map(|counters| Limits {
            slow: counters.slow,
            fast: counters.fast.map(|fast| fast.last),
            max_size: counters.max_size,
            gc_thresh: counters.gc_thresh,
            regimes: counters.regimes,
            advised: counters.sizing.map(|sizing| sizing.max_size),
        });
        Ok(Row {
            host: self
                .host
                .or(self.source.host)
                .map_or_else(String::new, |host| host.0),
            finding,
            evidence: Evidence::Report,
            class: self.verdict.class,
            confidence: self.verdict.confidence,
            drops: self.drops.total,
            by_class: by_class.map(|count| count.total),
            first: self.per_cpu.first,
            last: self.per_cpu.last,
            busiest: self.per_cpu.busiest,
            dropping_cpus: self.per_cpu.dropping,
            time: self.source.began,
            kernel: self.source.kernel.map(|kernel| kernel.0),
            cpus: self.source.cpus,
            limits: limits.unwrap_or_default(),
            lost_events: self.health.lost_events,
            unparsed_lines: self.health.unparsed_lines,
            ..Row::default()
        })
    }
}

#[derive(Deserialize)]
struct StatusKernel {
    release: Option<Text>,
}

#[derive(Deserialize)]
struct StatusCpus {
    online: Option<u64>,
}

#[derive(Deserialize)]
struct StatusVerdict {
    exit: u8,
}

#[derive(Deserialize)]
struct Sysctls {
    max_size: Option<i64>,
    gc_thresh: Option<i64>,
}

#[derive(Deserialize)]
struct Namespace {
    slow: Option<i64>,
    sysctls: Sysctls,
    #[serde(deserialize_with = "each")]
    regimes: Regimes,
    sizing: Option<Sizing>,
}

/// The namespace nearest to its limit, or furthest above.
#[derive(Default)]
struct Worst(Limits);

impl Take for Worst {
    type Item = Namespace;
    fn take(&mut self, row: Namespace) {
        let limits = Limits {
            slow: row.slow,
            fast: None,
            max_size: row.sysctls.max_size,
            gc_thresh: row.sysctls.gc_thresh,
            regimes: row.regimes,
            advised: row.sizing.map(|sizing| sizing.max_size),
        };
        if limits.rank() < self.0.rank() {
            self.0 = limits;
        }
    }
}

#[derive(Deserialize)]
struct Status {
    host: Option<Text>,
    time: f64,
    kernel: StatusKernel,
    cpus: StatusCpus,
    verdict: StatusVerdict,
    #[serde(deserialize_with = "each")]
    namespaces: Worst,
}

impl Status {
    fn row(self) -> Result<Row, String> {
        // A count over its limit is no drop that was seen: `confirmed` is left to reports.
        let finding = match self.verdict.exit {
            0 => Finding::Clean,
            1 => Finding::Inconclusive,
            10 | 11 => Finding::Suspected,
            exit => return Err(format!("verdict.exit is {exit}, which no status has")),
        };
        Ok(Row {
            host: self.host.map_or_else(String::new, |host| host.0),
            finding,
            evidence: Evidence::Status,
            time: Some(self.time),
            kernel: self.kernel.release.map(|release| release.0),
            cpus: self.cpus.online,
            limits: self.namespaces.0,
            ..Row::default()
        })
    }
}

/// What a document turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// A report or status; its row has no host where the document names none.
    Row(Box<Row>),
    /// A line of `report --format ndjson` about one drop, which the summary behind counts.
    Drop,
}

/// Why a document cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: Kind,
    /// What is wrong, and what to do.
    pub text: String,
    /// Line from 1, counted from the document's own first line.
    pub line: u64,
    /// Column from 1; 0 where the document as a whole is meant.
    pub column: u64,
}

impl Fault {
    fn whole(kind: Kind, text: String) -> Fault {
        Fault {
            kind,
            text,
            line: 1,
            column: 0,
        }
    }

    fn cut_off(error: &serde_json::Error) -> Fault {
        Fault {
            kind: Kind::Truncated,
            text: "cut off: the document ends too early; fetch it again".to_owned(),
            line: error.line().max(1) as u64,
            column: error.column() as u64,
        }
    }

    fn of_error(error: &serde_json::Error, data: Kind) -> Fault {
        let (line, column) = (error.line() as u64, error.column() as u64);
        let text = error.to_string();
        let position = format!(" at line {line} column {column}");
        let what = capped(text.strip_suffix(&position).unwrap_or(&text));
        let (kind, text) = match error.classify() {
            Category::Eof => return Fault::cut_off(error),
            Category::Syntax | Category::Io => (Kind::Broken, format!("no JSON: {what}")),
            Category::Data => (data, what),
        };
        Fault {
            kind,
            text,
            line: line.max(1),
            column,
        }
    }
}

fn foreign(what: &str) -> Fault {
    let text = format!("no report or status of ip6drop: {what}");
    Fault::whole(Kind::Foreign, text)
}

/// Says what a document is that has the `schema` of neither a report nor a status of today.
fn stranger(schema: Option<&str>) -> Fault {
    match schema {
        Some(name)
            if name.starts_with("ip6drop.report/") || name.starts_with("ip6drop.status/") =>
        {
            Fault::whole(
                Kind::Version,
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
pub fn read(bytes: &[u8]) -> Result<(Document, usize), Fault> {
    // Nearly all documents are reports, and are read once; any other is looked at twice.
    let mut reports = serde_json::Deserializer::from_slice(bytes).into_iter::<Report>();
    match reports.next() {
        Some(Ok(report)) if report.is_known() => {
            let row = report.row().map_err(malformed)?;
            Ok((Document::Row(Box::new(row)), reports.byte_offset()))
        }
        _ => read_other(bytes),
    }
}

fn malformed(text: String) -> Fault {
    Fault::whole(Kind::Malformed, text)
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
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Head>();
    let head = match values.next() {
        Some(Ok(head)) => head,
        Some(Err(_)) if first_is_array(bytes) => {
            return Err(foreign(
                "an array; take the reports out of it with: jq -c '.[]'",
            ));
        }
        Some(Err(error)) if ends_in_number(bytes, &error) => return Err(Fault::cut_off(&error)),
        Some(Err(error)) => {
            let fault = Fault::of_error(&error, Kind::Foreign);
            return Err(match fault.kind {
                Kind::Foreign => Fault {
                    text: foreign(&fault.text).text,
                    ..fault
                },
                _ => fault,
            });
        }
        None => return Err(Fault::whole(Kind::Empty, "no document".to_owned())),
    };
    let length = values.byte_offset();
    let document = &bytes[..length];
    let schema = head.schema.as_ref().map(|schema| &*schema.0);
    let kind = head.kind.as_ref().map(|kind| &*kind.0);
    let not_so = |error: serde_json::Error| Fault::of_error(&error, Kind::Malformed);
    let row = match (schema, kind) {
        (None, Some("drop")) => return Ok((Document::Drop, length)),
        (Some(json::SCHEMA), None | Some("summary")) => serde_json::from_slice::<Report>(document)
            .map_err(not_so)?
            .row(),
        (Some(status::json::SCHEMA), None) => serde_json::from_slice::<Status>(document)
            .map_err(not_so)?
            .row(),
        _ => return Err(stranger(schema)),
    };
    let row = row.map_err(malformed)?;
    Ok((Document::Row(Box::new(row)), length))
}
