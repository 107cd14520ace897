//! Whose packets were dropped, in tables and lines for people.

use core::net::Ipv6Addr;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::diagnosis::class::Class;
use crate::host::cni::Pods;
use crate::order::sort_by_key;
use crate::render::words::count;
use crate::report::packets::{ByClass, Counted, Packets};
use crate::report::summary::Summary;
use crate::text::{Untrusted, harmless};
use crate::trace::DevName;

/// Rows of each kind where it shall be short.
pub(super) const SHORT: usize = 5;
/// What is named in a line.
const IN_LINE: usize = 3;
/// Rows where it may be long.
pub(super) const LONG: usize = 100;
/// Addresses of one network that have rows of their own; more share one.
pub(super) const MAX_NEIGHBOURS: usize = 8;
/// The network of an address: its first 64 bits.
pub(super) const NETWORK: u128 = !(u64::MAX as u128);

/// One row.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    name: String,
    drops: u64,
    by_class: ByClass,
}

fn most_first(mut rows: Vec<Shown>) -> Vec<Shown> {
    // What is of equal weight stays in order.
    sort_by_key(&mut rows, |row| Reverse(row.drops));
    rows
}

/// Addresses, and in place of many neighbours their network.
fn addresses(counted: &Counted<Ipv6Addr>) -> Vec<Shown> {
    let network = |address: &Ipv6Addr| address.to_bits() & NETWORK;
    let mut neighbours: BTreeMap<u128, usize> = BTreeMap::new();
    for address in counted.keys() {
        *neighbours.entry(network(address)).or_default() += 1;
    }
    let mut rows = Vec::new();
    let mut networks: BTreeMap<u128, Shown> = BTreeMap::new();
    for row in counted.by_drops() {
        let bits = network(row.key);
        let number = neighbours.get(&bits).copied().unwrap_or_default();
        if number <= MAX_NEIGHBOURS {
            rows.push(Shown {
                name: row.key.to_string(),
                drops: row.drops,
                by_class: row.by_class.clone(),
            });
            continue;
        }
        let shared = networks.entry(bits).or_insert_with(|| Shown {
            name: format!("{}/64, {number} addresses", Ipv6Addr::from_bits(bits)),
            drops: 0,
            by_class: ByClass::new(),
        });
        shared.drops += row.drops;
        for (class, drops) in row.by_class {
            *shared.by_class.entry(*class).or_default() += drops;
        }
    }
    rows.extend(networks.into_values());
    most_first(rows)
}

/// An interface, with its pod where that is known.
pub(super) fn interface(dev: &DevName, pods: &Pods) -> String {
    let name = harmless(dev.as_bytes());
    match pods.get(&Untrusted::lossy(dev.as_bytes())) {
        Some(pod) => format!("{name} of {pod}"),
        None => name,
    }
}

/// Interfaces, with their pods where they are known.
fn interfaces(counted: &Counted<DevName>, pods: &Pods) -> Vec<Shown> {
    let rows = counted.by_drops().into_iter().map(|row| Shown {
        name: interface(row.key, pods),
        drops: row.drops,
        by_class: row.by_class.clone(),
    });
    rows.collect()
}

/// `rcv-dst-alloc`, or `12 rcv-dst-alloc, 8 rcv-no-route`.
fn classes(by_class: &ByClass) -> String {
    let mut all: Vec<_> = by_class.iter().filter(|(_, drops)| **drops > 0).collect();
    sort_by_key(&mut all, |(_, drops)| Reverse(**drops));
    match all[..] {
        [(class, _)] => class.name().to_owned(),
        _ => {
            let texts = all.iter().map(|(class, n)| format!("{n} {}", class.name()));
            texts.collect::<Vec<_>>().join(", ")
        }
    }
}

pub(super) fn share(drops: u64, all: u64) -> String {
    match 100.0 * drops as f64 / all.max(1) as f64 {
        share if share < 1.0 => "<1%".to_owned(),
        share => format!("{share:.0}%"),
    }
}

/// How many rows and drops are left behind the first ones.
fn left(rows: &[Shown], most: usize, beyond: u64) -> (usize, u64) {
    let further = rows.get(most..).unwrap_or_default();
    let drops: u64 = further.iter().map(|row| row.drops).sum();
    (further.len(), drops + beyond)
}

/// The rows of one kind, the head first.
fn table(head: &str, rows: &[Shown], most: usize, (beyond, all): (u64, u64)) -> Vec<Vec<String>> {
    let head = [head, "drops", "share", "class"].map(String::from).to_vec();
    let mut cells = vec![head];
    for row in rows.iter().take(most) {
        cells.push(vec![
            row.name.clone(),
            row.drops.to_string(),
            share(row.drops, all),
            classes(&row.by_class),
        ]);
    }
    let (further, drops) = left(rows, most, beyond);
    if drops > 0 {
        let name = match further {
            0 => "others".to_owned(),
            _ => format!("{further} more"),
        };
        cells.push(vec![
            name,
            drops.to_string(),
            share(drops, all),
            String::new(),
        ]);
    }
    cells
}

/// The same in a line: `cali1 (48), cali2 (32)`.
fn in_line(rows: &[Shown], beyond: u64) -> Option<String> {
    let first = rows.iter().take(IN_LINE);
    let mut texts: Vec<String> = first
        .map(|row| format!("{} ({})", row.name, row.drops))
        .collect();
    let (further, drops) = left(rows, IN_LINE, beyond);
    if drops > 0 {
        texts.push(match further {
            0 => format!("… others ({drops})"),
            _ => format!("… {further} more ({drops})"),
        });
    }
    (!rows.is_empty()).then(|| texts.join(", "))
}

/// The same behind a head: `by interface: cali1 (48), cali2 (32)`.
fn line(head: &str, rows: &[Shown], beyond: u64) -> Option<String> {
    in_line(rows, beyond).map(|texts| format!("{head}: {texts}"))
}

/// The heading: how many of the drops are named, where it is not all.
pub(super) fn heading(summary: &Summary) -> String {
    let named = summary.packets.as_ref().map_or(0, Packets::drops);
    match summary.findings.drops() {
        all if all == named => "Packets".to_owned(),
        all => format!(
            "Packets (named in {named} of {})",
            count(all, "drop", "drops")
        ),
    }
}

/// Tables of destinations, interfaces and sources, of at most so many rows; none is empty.
pub(super) fn tables(summary: &Summary, most: usize) -> Vec<Vec<Vec<String>>> {
    let Some(packets) = &summary.packets else {
        return Vec::new();
    };
    let Packets {
        by_destination,
        by_source,
        by_device,
        ..
    } = packets;
    let drops = summary.findings.drops();
    let all = [
        (
            "destination",
            addresses(by_destination),
            by_destination.beyond(),
        ),
        (
            "interface",
            interfaces(by_device, &summary.pods),
            by_device.beyond(),
        ),
        ("source", addresses(by_source), by_source.beyond()),
    ];
    let known = all.into_iter().filter(|(_, rows, _)| !rows.is_empty());
    known
        .map(|(head, rows, beyond)| table(head, &rows, most, (beyond, drops)))
        .collect()
}

/// The table of destinations alone, in short.
pub(super) fn destinations(summary: &Summary) -> Option<Vec<Vec<String>>> {
    let destinations = &summary.packets.as_ref()?.by_destination;
    let (rows, beyond) = (addresses(destinations), destinations.beyond());
    let drops = summary.findings.drops();
    (!rows.is_empty()).then(|| table("destination", &rows, SHORT, (beyond, drops)))
}

/// Where most of the dropped packets were going, in a line.
pub(super) fn destinations_line(summary: &Summary) -> Option<String> {
    let destinations = &summary.packets.as_ref()?.by_destination;
    in_line(&addresses(destinations), destinations.beyond())
}

/// The address that most dropped packets of a class were going to.
pub(super) fn first_destination(summary: &Summary, class: Class) -> Option<String> {
    let destinations = &summary.packets.as_ref()?.by_destination;
    let rows = destinations.by_drops().into_iter();
    let of_class = |row: &ByClass| row.get(&class).copied().unwrap_or(0);
    let most = rows.max_by_key(|row| (of_class(row.by_class), Reverse(*row.key)))?;
    (of_class(most.by_class) > 0).then(|| most.key.to_string())
}

/// Interfaces and sources, a line each.
pub(super) fn lines(summary: &Summary) -> Vec<String> {
    let Some(packets) = &summary.packets else {
        return Vec::new();
    };
    let (devices, sources) = (&packets.by_device, &packets.by_source);
    let lines = [
        line(
            "by interface",
            &interfaces(devices, &summary.pods),
            devices.beyond(),
        ),
        line("by source", &addresses(sources), sources.beyond()),
    ];
    lines.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, drops: u64) -> Shown {
        Shown {
            name: name.to_owned(),
            drops,
            by_class: ByClass::from([(Class::RcvNoRoute, drops)]),
        }
    }

    #[test]
    fn classes_most_first() {
        let by_class = [(Class::RcvDstAlloc, 3), (Class::RcvNoRoute, 12)];
        assert_eq!(
            classes(&ByClass::from(by_class)),
            "12 rcv-no-route, 3 rcv-dst-alloc"
        );
        assert_eq!(classes(&ByClass::from([by_class[0]])), "rcv-dst-alloc");
    }

    #[test]
    fn shares() {
        assert_eq!(share(1, 3), "33%");
        assert_eq!(share(9, 1000), "<1%");
        assert_eq!(share(3, 3), "100%");
    }

    #[test]
    fn what_is_left_has_a_row() {
        let rows: Vec<Shown> = (0..7).map(|n| row(&format!("a{n}"), 10)).collect();
        let cells = table("to", &rows, 5, (3, 100));
        assert_eq!(cells.len(), 7);
        assert_eq!(cells[6], ["2 more", "23", "23%", ""]);
        let all = table("to", &rows, 7, (0, 100));
        assert_eq!(all.len(), 8);
        let beyond = table("to", &rows, 7, (1, 100));
        assert_eq!(beyond[8], ["others", "1", "1%", ""]);
        assert_eq!(
            line("by", &rows[..1], 2).as_deref(),
            Some("by: a0 (10), … others (2)")
        );
        assert_eq!(line("by", &[], 0), None);
    }
}
