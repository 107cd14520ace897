//! The map of drops by CPU and time, and the marks by which tables are narrowed to what is
//! selected in it: with all of it selected, tables say what they say without.

use std::fmt::Write as _;

use roxmltree::{Document, Node};

use super::{as_xml, capture, check_closed, facts, of_class, page, page_of, parse, texts};

/// Numbers between dots, of entries between blanks.
fn entries(text: &str) -> Vec<Vec<u64>> {
    let entries = text.split(' ').filter(|entry| !entry.is_empty());
    let numbers = |entry: &str| entry.split('.').map(|n| n.parse().unwrap()).collect();
    entries.map(numbers).collect()
}

/// Bin, ground and drops of each entry, row by row.
fn rows(map: Node<'_, '_>) -> Vec<Vec<Vec<u64>>> {
    let pictures = map
        .descendants()
        .filter_map(|node| node.attribute("data-drops"));
    pictures.map(entries).collect()
}

fn n(text: &str) -> u64 {
    text.parse().unwrap()
}

/// How many cells of tables count drops, each held against the map.
pub(super) fn check(document: &Document<'_>) -> usize {
    let maps = of_class(document, "map");
    for map in &maps {
        let bins = map.attribute("data-times").unwrap().split(' ').count() as u64 - 1;
        let classes = map.attribute("data-classes").unwrap().split(' ').count() as u64;
        let lanes: Vec<String> = map
            .descendants()
            .filter(|node| node.attribute("class") == Some("n"))
            .map(texts)
            .collect();
        for (row, lane) in rows(*map).iter().zip(&lanes) {
            assert!(
                row.iter()
                    .all(|entry| entry[0] < bins && entry[1] < classes)
            );
            assert_eq!(row.iter().map(|entry| entry[2]).sum::<u64>(), n(lane));
        }
        assert_eq!(rows(*map).len(), lanes.len());
    }
    let narrows = |map: &Node<'_, '_>| map.has_attribute("data-narrows");
    let Some(map) = maps.into_iter().find(narrows) else {
        return 0;
    };
    let rows = rows(map);
    let mut checked = 0;
    for cell in document.descendants() {
        if let Some(why) = cell.attribute("data-why") {
            let row = cell.attribute("data-row").map(|row| n(row) as usize);
            let counted = rows
                .iter()
                .enumerate()
                .filter(|(at, _)| row.is_none_or(|row| row == *at));
            let counted = counted.flat_map(|(_, row)| row);
            let counted =
                counted.filter(|entry| why.split(' ').any(|of| of == entry[1].to_string()));
            assert_eq!(counted.map(|entry| entry[2]).sum::<u64>(), n(&texts(cell)));
            checked += 1;
        }
        let Some(at) = cell.attribute("data-at").filter(|at| !at.is_empty()) else {
            continue;
        };
        let line = cell.parent().unwrap();
        let drops = line.children().find(|cell| cell.has_attribute("data-sum"));
        let places = entries(at);
        let sum: u64 = places.iter().map(|place| place[2]).sum();
        assert_eq!(sum, n(&texts(drops.unwrap())));
        assert!(places.iter().all(|place| (place[0] as usize) < rows.len()));
    }
    checked
}

#[test]
fn every_packet_is_on_the_map() {
    let facts = facts("4.19-identity/iif");
    let page = page(&[
        &capture("4.19-identity/iif"),
        std::path::Path::new("--facts"),
        &facts,
    ]);
    let xml = as_xml(&page);
    let document = parse(&xml);
    assert!(check(&document) > 40);
    let placed = document
        .descendants()
        .filter(|cell| cell.attribute("data-at").is_some_and(|at| !at.is_empty()));
    assert_eq!(placed.count(), 180);
}

/// Drops of 2000 kinds of packets on 40 CPUs, each kind at many moments.
fn flood() -> String {
    let mut text = String::new();
    for at in 0..60_000_u64 {
        writeln!(
            text,
            "     a-1  [{:03}] ..s1  {}.{:06}: drop: (ip6_pkt_drop+0x0/0xe0) dev=\"eth0\" d0=0x10000fd d1={:#x}",
            at * 7 % 40,
            1 + at / 1000,
            at % 1000 * 999,
            (at % 1999).to_be()
        )
        .unwrap();
    }
    text
}

#[test]
fn a_flood_gives_a_bounded_page_that_says_what_cannot_be_selected() {
    let page = page_of(flood().as_bytes(), &[]);
    assert!(page.len() < 768 * 1024, "{}", page.len());
    let xml = as_xml(&page);
    let document = parse(&xml);
    check_closed(&document);
    assert!(check(&document) > 0);
    let places: usize = document
        .descendants()
        .filter_map(|cell| cell.attribute("data-at"))
        .map(|at| entries(at).len())
        .sum();
    assert!(places > 15_000 && places <= 20_000, "{places}");
    let shown = texts(document.root_element());
    assert!(
        shown.contains("rows are not held against what is selected in the map: too many moments.")
    );
    // Rows of 32 CPUs, and one of the others.
    let map = of_class(&document, "map")[0];
    assert_eq!(rows(map).len(), 33);
}
