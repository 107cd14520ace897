//! Packets in JSON: that of one drop, and the counts of all.

use serde_json::{Map, Value};

use crate::diagnosis::class::Class;
use crate::kernel::protocols;
use crate::render::json::json;
use crate::render::report::packet_words::protocol;
use crate::report::decided::{DecidedDrop, Namespace};
use crate::report::packets::{ByClass, Packets, Row};
use crate::report::summary::Summary;
use crate::text::Untrusted;
use crate::trace::DevName;
use crate::trace::lookup::Lookup;

/// Rows of each kind.
const MAX_ROWS: usize = 100;
/// Lookups of one packet, the last ones.
const MAX_LOOKUPS: usize = 8;

fn text(dev: &DevName) -> Untrusted {
    Untrusted::lossy(dev.as_bytes())
}

fn lookup(lookup: &Lookup) -> Value {
    let dev = Some(&lookup.dev).filter(|dev| !dev.as_bytes().is_empty());
    json!({"table": lookup.table, "dev": dev.map(text), "err": lookup.err})
}

/// The packet of a drop; null where the trace does not name it.
pub(super) fn packet(drop: &DecidedDrop<'_>) -> Value {
    let Some(packet) = drop.packet() else {
        return Value::Null;
    };
    let upper = packet.next_header.zip(packet.upper);
    let ports = upper.and_then(|(protocol, bytes)| protocols::ports(protocol, bytes));
    let icmp6 = upper.and_then(|(protocol, bytes)| protocols::icmp6(protocol, bytes));
    let lookups = drop.lookups();
    let last = &lookups[lookups.len().saturating_sub(MAX_LOOKUPS)..];
    json!({
        "src": packet.src,
        "dst": packet.dst,
        "proto": packet.next_header.map(protocol),
        "type": icmp6.map(|(kind, _)| kind),
        "code": icmp6.map(|(_, code)| code),
        "sport": ports.map(|(source, _)| source),
        "dport": ports.map(|(_, destination)| destination),
        "dev": packet.dev.as_ref().map(text),
        "pod": packet.dev.as_ref().and_then(|dev| drop.pods.get(&text(dev))),
        "netns": drop.namespace().map(|namespace| match namespace {
            Namespace::Host => "host",
            Namespace::Other => "other",
        }),
        "lookups": last.iter().map(lookup).collect::<Vec<_>>(),
    })
}

/// All classes with a number for each, zeros too.
pub(super) fn class_counts(counts: &ByClass) -> Map<String, Value> {
    let value = |class: Class| json!(counts.get(&class).copied().unwrap_or(0));
    Class::ALL
        .into_iter()
        .map(|class| (class.name().to_owned(), value(class)))
        .collect()
}

fn rows<K>(rows: &[Row<'_, K>], named: impl Fn(&K) -> Value) -> Value {
    let row = |row: &Row<'_, K>| {
        let mut value = named(row.key);
        value["drops"] = json!(row.drops);
        value["by_class"] = json!(class_counts(row.by_class));
        value
    };
    rows.iter().map(row).collect()
}

/// Counts of the packets that the trace names; null where it names none.
pub(super) fn packets(summary: &Summary) -> Value {
    let Some(packets) = &summary.packets else {
        return Value::Null;
    };
    let Packets {
        by_destination,
        by_source,
        by_device,
        ..
    } = packets;
    let (destinations, no_destination) = by_destination.first(MAX_ROWS);
    let (sources, no_source) = by_source.first(MAX_ROWS);
    let (devices, no_device) = by_device.first(MAX_ROWS);
    json!({
        "identified": packets.drops(),
        "by_destination": rows(&destinations, |dst| json!({"dst": dst})),
        "by_source": rows(&sources, |src| json!({"src": src})),
        "by_device": rows(&devices, |dev| json!({"dev": text(dev), "pod": summary.pods.get(&text(dev))})),
        "beyond": {
            "by_destination": no_destination,
            "by_source": no_source,
            "by_device": no_device,
        },
    })
}
