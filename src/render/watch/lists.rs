//! Where dropped packets were going, and the last drops.

use ratatui_core::layout::Rect;

use crate::diagnosis::class::{Class, Confidence};
use crate::render::report::packet_words::carries;
use crate::render::utc::rfc3339;
use crate::render::watch::pen::{Pen, Tone, split};
use crate::render::watch::words::{ROOMY, number, tone};
use crate::render::words::stamp;
use crate::text::harmless;
use crate::watch::last::LastDrop;
use crate::watch::model::Model;

/// Draws destinations in at most so many lines; what is left below them.
pub(super) fn destinations(model: &Model, pen: &mut Pen<'_>, area: Rect, most: u16) -> Rect {
    let named = rows(model);
    let wanted = u16::try_from(named.len()).unwrap_or(u16::MAX).max(1);
    let (above, below) = split(area, wanted.saturating_add(1).min(most));
    to(model, &named, pen, above);
    below
}

/// Whether the filter lets it pass.
fn passes(model: &Model, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains(&model.filter.to_ascii_lowercase())
}

/// A heading, with the filter that is in force.
fn heading(model: &Model, pen: &mut Pen<'_>, line: Rect, text: &str) {
    let text = match model.filter.as_str() {
        "" => text.to_owned(),
        filter => format!("{text} (with {filter:?})"),
    };
    pen.fill(line, Tone::Heading);
    pen.text((line.x, line.y), line.width, &text, Tone::Heading);
}

/// A destination, its drops and the class of most of them.
type Destination = (String, u64, Class);

fn rows(model: &Model) -> Vec<Destination> {
    let packets = model.shown().summary().packets.as_ref();
    let rows = packets.map(|packets| packets.by_destination.by_drops());
    let row = |row: crate::report::packets::Row<'_, _>| {
        let most = row.by_class.iter().max_by_key(|(_, n)| **n)?;
        let key: &core::net::Ipv6Addr = row.key;
        Some((key.to_string(), row.drops, *most.0))
    };
    let all = rows.into_iter().flatten().filter_map(row);
    all.filter(|(address, _, class)| passes(model, address) || passes(model, class.name()))
        .collect()
}

fn to(model: &Model, named: &[Destination], pen: &mut Pen<'_>, area: Rect) {
    let (line, area) = split(area, 1);
    let rows = usize::from(area.height);
    let title = match named.len() > rows {
        true => format!("  drops  destination, {rows} of {}", named.len()),
        false => "  drops  destination".to_owned(),
    };
    heading(model, pen, line, &title);
    let lines = area.y..area.bottom();
    if named.is_empty() {
        let why = match model.shown().summary().packets {
            Some(_) => "none",
            None => "none is named yet",
        };
        pen.text(
            (area.x + 9, area.y),
            area.width.saturating_sub(9),
            why,
            Tone::Faint,
        );
    }
    for (y, (address, drops, class)) in lines.zip(named) {
        pen.right((area.x + 7, y), 7, &drops.to_string(), Tone::Strong);
        pen.text((area.x + 9, y), 40, address, Tone::Plain);
        let x = area.x + 50;
        pen.text(
            (x, y),
            area.right().saturating_sub(x),
            class.name(),
            tone(*class),
        );
    }
}

/// `17:48:09.123` of the host's clock, or the trace's own time.
fn time(drop: &LastDrop) -> String {
    let wall = drop.wall.and_then(rfc3339);
    let wall = wall.and_then(|wall| wall.get(11..23).map(str::to_owned));
    wall.unwrap_or_else(|| stamp(drop.time))
}

/// Which packet it was, as far as it is known; else who was running.
fn who(drop: &LastDrop) -> String {
    let Some(packet) = &drop.packet else {
        let comm = harmless(&drop.comm);
        return match drop.pid {
            Some(pid) => format!("while {comm}-{pid} ran"),
            None => String::new(),
        };
    };
    let address = |address: Option<core::net::Ipv6Addr>| {
        address.map_or("?".to_owned(), |address| address.to_string())
    };
    let dev = packet.dev.map(|dev| harmless(dev.as_bytes()));
    let mut text = format!("{} > {}", address(packet.src), address(packet.dst));
    for more in [Some(carries(packet)), dev].into_iter().flatten() {
        if !more.is_empty() {
            text.push(' ');
            text.push_str(&more);
        }
    }
    text
}

/// How sure a cause is, in a mark.
fn doubt(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Confirmed => "",
        Confidence::Probable => "?",
        Confidence::Possible => "??",
    }
}

/// The last of these drops that the filter lets pass, the latest first.
pub(super) fn last(model: &Model, all: &[&LastDrop], pen: &mut Pen<'_>, area: Rect) {
    let (line, area) = split(area, 1);
    // Where it is narrow the packet is worth more than a word of how sure its cause is.
    let is_roomy = area.width >= ROOMY;
    let packets = area.x + if is_roomy { 55 } else { 41 };
    heading(model, pen, line, "  last drops    CPU  cause");
    pen.text(
        (packets, line.y),
        area.width.saturating_sub(packets - area.x),
        "packet",
        Tone::Heading,
    );
    let lines = area.y..area.bottom();
    let shown = all.iter().rev().filter_map(|drop| {
        let who = who(drop);
        let all = format!("{who} {} {}", drop.class.name(), harmless(&drop.comm));
        passes(model, &all).then_some((drop, who))
    });
    let mut shown = shown.peekable();
    if shown.peek().is_none() && area.height > 0 {
        pen.text(
            (area.x + 2, area.y),
            area.width.saturating_sub(2),
            "none",
            Tone::Faint,
        );
    }
    for (y, (drop, who)) in lines.zip(shown) {
        let x = area.x;
        pen.text((x + 2, y), 12, &time(drop), Tone::Plain);
        pen.right((x + 19, y), 4, &number(drop.cpu), Tone::Plain);
        let end = pen.text((x + 21, y), 22, drop.class.name(), tone(drop.class));
        match is_roomy {
            true => pen.text((x + 44, y), 10, drop.confidence.name(), Tone::Faint),
            false => pen.text(
                (end + 1, y),
                packets.saturating_sub(end + 2),
                doubt(drop.confidence),
                Tone::Strong,
            ),
        };
        pen.text(
            (packets, y),
            area.right().saturating_sub(packets),
            &who,
            Tone::Plain,
        );
    }
}
