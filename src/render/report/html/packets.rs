//! The packets: whose they were in short, and a table of all to sort and to look for some in.

use core::net::Ipv6Addr;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io;

use crate::diagnosis::class::Class;
use crate::order::sort_by_key;
use crate::render::html::markup::{add, cells, sortable, table};
use crate::render::report::html::narrow::{Narrow, WHOLE};
use crate::render::report::packet_tables::{self, SHORT};
use crate::render::report::packet_words::carries;
use crate::render::view::ReportView;
use crate::render::words::{count, drops, stamp};
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::report::moments::Place;
use crate::report::summary::CpuKey;
use crate::text::harmless;
use crate::trace::{DevName, Time};

/// Rows of the table.
const MAX_ROWS: usize = 1000;
/// Moments on the map that the page has for the rows of the table, and that are kept to find them.
const MAX_PLACES: usize = 20_000;
const MAX_KEPT: usize = 262_144;
/// The column of drops.
const DROPS: usize = 5;
/// Kinds of packets that are told apart to find the rows.
const MAX_KINDS: usize = 16_384;

/// What packets of one row have in common, as it is shown.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    src: Option<Ipv6Addr>,
    dst: Option<Ipv6Addr>,
    carries: String,
    dev: Option<DevName>,
    class: Class,
}

/// The drops of one row.
struct Row {
    /// Its place in the order of the trace.
    place: usize,
    drops: u64,
    span: Option<(Time, Time)>,
    /// Where they are on the map, where there is one.
    places: BTreeMap<Place, u64>,
}

#[derive(Default)]
struct Rows<'a> {
    all: HashMap<Kind, Row>,
    /// Drops of further kinds.
    beyond: u64,
    narrow: Option<Narrow<'a>>,
    /// Places that are kept, of all rows.
    places: usize,
}

impl DecidedSink for Rows<'_> {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        let Some(packet) = drop.packet() else {
            return;
        };
        let kind = Kind {
            src: packet.src,
            dst: packet.dst,
            carries: carries(packet),
            dev: packet.dev,
            class: drop.classification.class,
        };
        let place = self.all.len();
        if place >= MAX_KINDS && !self.all.contains_key(&kind) {
            self.beyond += drop.count;
            return;
        }
        let row = self.all.entry(kind).or_insert(Row {
            place,
            drops: 0,
            span: None,
            places: BTreeMap::new(),
        });
        row.drops += drop.count;
        if let Some(context) = drop.context {
            let span = row.span.get_or_insert((context.time, context.time));
            *span = (span.0.min(context.time), span.1.max(context.time));
            let timeline = self.narrow.map(Narrow::timeline);
            let place = timeline.and_then(|of| of.place(CpuKey::Cpu(context.cpu), context.time));
            let Some(place) = place else { return };
            if self.places < MAX_KEPT || row.places.contains_key(&place) {
                let drops = row.places.entry(place).or_insert_with(|| {
                    self.places += 1;
                    0
                });
                *drops += drop.count;
            }
        }
    }
}

fn address(address: Option<Ipv6Addr>) -> String {
    address.map_or_else(|| "–".to_owned(), |address| address.to_string())
}

/// Where the drops of each row are on the map, for as many as there is room, most drops first;
/// empty where not all of a row's are known.
fn placed(rows: &[(Kind, Row)]) -> Vec<String> {
    let mut room = MAX_PLACES;
    let written = rows.iter().map(|(_, row)| {
        let known: u64 = row.places.values().sum();
        if known != row.drops || row.places.len() > room {
            return String::new();
        }
        room -= row.places.len();
        let places = row.places.iter();
        let places = places.map(|((row, bin), drops)| format!("{row}.{bin}.{drops}"));
        places.collect::<Vec<_>>().join(" ")
    });
    written.collect()
}

/// All packets, alike ones in a row, most first. Times are shown where there is one clock.
fn all(view: &ReportView<'_>, narrow: Option<Narrow<'_>>) -> io::Result<String> {
    let mut rows = Rows {
        narrow,
        ..Rows::default()
    };
    (view.walk)(&mut rows)?;
    let Rows { all, beyond, .. } = rows;
    let mut all: Vec<(Kind, Row)> = all.into_iter().collect();
    sort_by_key(&mut all, |(_, row)| (Reverse(row.drops), row.place));
    let further: u64 = all.iter().skip(MAX_ROWS).map(|(_, row)| row.drops).sum();
    let has_clock = view.summary.inputs.len() == 1;
    let mut table = vec![cells(&[
        &"destination",
        &"source",
        &"packet",
        &"interface",
        &"class",
        &"drops",
    ])];
    if has_clock {
        table[0].extend(["first", "last"].map(String::from));
    }
    all.truncate(MAX_ROWS);
    for (kind, row) in &all {
        let dev = kind.dev.as_ref().map(|dev| harmless(dev.as_bytes()));
        let mut line = vec![
            address(kind.dst),
            address(kind.src),
            kind.carries.clone(),
            dev.unwrap_or_else(|| "–".to_owned()),
            kind.class.name().to_owned(),
            row.drops.to_string(),
        ];
        if has_clock {
            line.push(stamp(row.span.map(|span| span.0)));
            line.push(stamp(row.span.map(|span| span.1)));
        }
        table.push(line);
    }
    let places = placed(&all);
    let marks = |row: usize, column: usize| match column {
        _ if narrow.is_none() || row == 0 => String::new(),
        0 => format!(" data-at=\"{}\"", places[row - 1]),
        DROPS => " data-sum=\"\"".to_owned(),
        _ if column > DROPS => WHOLE.to_owned(),
        _ => String::new(),
    };
    let mut out = format!(
        "<details>\n<summary>All packets, {}</summary>\n{}",
        count((table.len() - 1) as u64, "row", "rows"),
        sortable(
            "Packets that are alike, with most drops first",
            &table,
            &marks
        )
    );
    let unplaced = places.iter().filter(|places| places.is_empty()).count();
    if narrow.is_some() && unplaced > 0 {
        add(
            &mut out,
            format_args!(
                "<p>{} not held against what is selected in the map: too many moments.</p>\n",
                count(unplaced as u64, "row is", "rows are")
            ),
        );
    }
    if further + beyond > 0 {
        add(
            &mut out,
            format_args!(
                "<p>{} of other packets are in no row.</p>\n",
                drops(further + beyond)
            ),
        );
    }
    out.push_str("</details>\n");
    Ok(out)
}

/// The section; none where the trace names no packet.
pub(super) fn write(
    view: &ReportView<'_>,
    narrow: Option<Narrow<'_>>,
) -> io::Result<Option<String>> {
    let summary = view.summary;
    if summary.packets.is_none() {
        return Ok(None);
    }
    let mut out = String::new();
    for rows in packet_tables::tables(summary, SHORT) {
        out.push_str(&table(&format!("By {}", rows[0][0]), &rows));
    }
    out.push_str(&all(view, narrow)?);
    Ok(Some(out))
}
