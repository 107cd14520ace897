//! What makes new entries of the route cache, for people and in JSON.

use core::net::Ipv6Addr;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::order::sort_by_key;
use crate::render::json::json;
use crate::render::report::packet_tables::{MAX_NEIGHBOURS, NETWORK, interface, share};
use crate::render::words::count;
use crate::report::entries::{Became, Entries, Place, To};
use crate::report::summary::Summary;
use crate::text::Untrusted;

/// Rows in JSON.
const MAX_ROWS: usize = 100;

/// The namespace in a word; the `dst_ops` of another one as the trace shows them.
fn netns(place: Place) -> Option<String> {
    match place {
        Place::Host => Some("host".to_owned()),
        Place::Other(0) => Some("other".to_owned()),
        Place::Other(ops) => Some(format!("{ops:#x}")),
        Place::Unknown => None,
    }
}

/// Rows with the name of each: addresses, and in place of many neighbours their network.
fn rows(entries: &Entries) -> Vec<(String, To, Became)> {
    let all = entries.by_number();
    let network = |to: &To| To {
        dst: Ipv6Addr::from_bits(to.dst.to_bits() & NETWORK),
        ..*to
    };
    let mut neighbours: BTreeMap<To, (usize, Became)> = BTreeMap::new();
    for (to, became) in &all {
        let (number, sum) = neighbours.entry(network(to)).or_default();
        *number += 1;
        sum.add(*became);
    }
    neighbours.retain(|_, (number, _)| *number > MAX_NEIGHBOURS);
    let alone = all
        .iter()
        .filter(|(to, _)| !neighbours.contains_key(&network(to)));
    let alone = alone.map(|(to, became)| (to.dst.to_string(), *to, *became));
    let networks = neighbours.iter().map(|(to, (number, became))| {
        let name = format!("{}/64, {number} addresses", to.dst);
        (name, *to, *became)
    });
    let mut rows: Vec<_> = alone.chain(networks).collect();
    sort_by_key(&mut rows, |(_, to, became)| {
        (Reverse((became.new, became.refused)), *to)
    });
    rows
}

/// The heading: how many of the new entries are named, where it is not all.
pub(super) fn heading(summary: &Summary, entries: &Entries) -> String {
    let named = entries.named();
    let granted = summary.findings.gc_total().succeeded;
    match granted.saturating_sub(entries.uncounted) {
        all if all <= named => "What fills the cache".to_owned(),
        all => format!("What fills the cache ({named} of {all} new entries named)"),
    }
}

/// The table of routes, of at most so many rows, the head first.
pub(super) fn table(summary: &Summary, entries: &Entries, most: usize) -> Vec<Vec<String>> {
    let rows = rows(entries);
    let places: BTreeSet<Place> = rows.iter().map(|(_, to, _)| to.place).collect();
    let with_netns = places.len() > 1;
    let line = |name: String, dev: String, netns: Option<String>, became: Became| {
        let netns = with_netns.then(|| netns.unwrap_or_default());
        let numbers = [
            became.new.to_string(),
            share(became.new, entries.named()),
            became.refused.to_string(),
        ];
        let mut cells = vec![name, dev];
        cells.extend(netns);
        cells.extend(numbers);
        cells
    };
    let mut head = vec!["route to", "interface"];
    head.extend(with_netns.then_some("namespace"));
    head.extend(["new", "share", "refused"]);
    let mut lines = vec![head.into_iter().map(String::from).collect()];
    for (name, to, became) in rows.iter().take(most) {
        let dev = interface(&to.dev, &summary.pods);
        lines.push(line(name.clone(), dev, netns(to.place), *became));
    }
    let further = rows.get(most..).unwrap_or_default();
    let mut left = entries.beyond;
    further.iter().for_each(|(.., became)| left.add(*became));
    if left != Became::default() {
        let name = match further.len() {
            0 => "others".to_owned(),
            further => format!("{further} more"),
        };
        lines.push(line(name, String::new(), None, left));
    }
    lines
}

/// What the table does not say.
pub(super) fn lines(entries: &Entries) -> Vec<String> {
    let uncounted = (entries.uncounted > 0).then(|| {
        format!(
            "{} for this host's own addresses, which the kernel does not count against max_size",
            count(entries.uncounted, "more is", "more are")
        )
    });
    uncounted.into_iter().collect()
}

/// New entries by their routes; null where the trace names none.
pub(super) fn value(summary: &Summary) -> Value {
    let Some(entries) = &summary.entries else {
        return Value::Null;
    };
    let all = entries.by_number();
    let rows = all.iter().take(MAX_ROWS).map(|(to, became)| {
        let dev = Untrusted::lossy(to.dev.as_bytes());
        json!({
            "dst": to.dst,
            "pod": summary.pods.get(&dev),
            "dev": dev,
            "netns": netns(to.place),
            "new": became.new,
            "refused": became.refused,
        })
    });
    let mut beyond = entries.beyond;
    let further = all.iter().skip(MAX_ROWS);
    further.for_each(|(_, became)| beyond.add(*became));
    json!({
        "named": entries.named(),
        "uncounted": entries.uncounted,
        "by_route": rows.collect::<Value>(),
        "beyond": {"new": beyond.new, "refused": beyond.refused},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::collect::wanted::{Route, Wanted};
    use crate::diagnosis::evidence::Observed;
    use crate::diagnosis::findings::GcCounts;
    use crate::kernel::functions::Origin;
    use crate::trace::DevName;

    /// A report of which so many attempts were granted, and these have a route: the end of its
    /// address, its interface, its namespace, and whether it was granted.
    fn summary(granted: u64, attempts: &[(u128, &str, Option<u64>, bool)]) -> Summary {
        let mut summary = Summary::default();
        let counts = GcCounts {
            calls: granted,
            succeeded: granted,
            ..GcCounts::default()
        };
        summary.findings.gc.insert(Origin::Other, counts);
        let attempts = attempts.iter().map(|&(dst, dev, ops, is_new)| Wanted {
            route: Route {
                dst: Ipv6Addr::from(0xfd00 << 112 | dst),
                dev: DevName::new(dev.as_bytes()),
                ops,
            },
            counts: true,
            observed: [Observed::Failed, Observed::Succeeded][usize::from(is_new)],
        });
        let failed = |observed| Some(observed == Observed::Failed);
        summary.entries = Entries::of(attempts, failed, Some(1));
        summary
    }

    fn shown(summary: &Summary, most: usize) -> Vec<String> {
        let rows = table(summary, summary.entries.as_ref().unwrap(), most);
        rows.iter().map(|cells| cells.join(" | ")).collect()
    }

    #[test]
    fn routes_by_their_new_entries() {
        let (a, b, c) = (
            (1, "a", None, true),
            (2, "b", None, true),
            (3, "c", None, true),
        );
        let refused = (2, "b", None, false);
        let mut summary = summary(6, &[a, b, b, refused, c]);
        summary.pods.insert("b".into(), "web/1".into());
        let wanted = [
            "route to | interface | new | share | refused",
            "fd00::2 | b of web/1 | 2 | 50% | 1",
            "fd00::1 | a | 1 | 25% | 0",
            "1 more |  | 1 | 25% | 0",
        ];
        assert_eq!(shown(&summary, 2), wanted);
        let entries = summary.entries.as_ref().unwrap();
        let wanted = "What fills the cache (4 of 6 new entries named)";
        assert_eq!(heading(&summary, entries), wanted);
        assert_eq!(value(&summary)["by_route"][0]["pod"], "web/1");
    }

    #[test]
    fn namespaces_are_named_where_there_are_several() {
        let (host, other) = ((1, "a", Some(1), true), (1, "a", Some(0xff), true));
        let one = summary(1, &[other]);
        assert_eq!(shown(&one, 9)[1], "fd00::1 | a | 1 | 100% | 0");
        assert_eq!(
            heading(&one, one.entries.as_ref().unwrap()),
            "What fills the cache"
        );
        assert_eq!(value(&one)["by_route"][0]["netns"], "0xff");
        let wanted = [
            "route to | interface | namespace | new | share | refused",
            "fd00::1 | a | host | 1 | 50% | 0",
            "fd00::1 | a | 0xff | 1 | 50% | 0",
        ];
        assert_eq!(shown(&summary(2, &[host, other]), 9), wanted);
    }

    #[test]
    fn many_neighbours_share_a_row() {
        let of = |number: usize| {
            let all = (1..=number as u128).map(|dst| (dst, "a", None, true));
            let all: Vec<_> = all
                .chain([(1 << 64, "a", None, true), (9, "b", None, true)])
                .collect();
            shown(&summary(9, &all), 99)
        };
        assert_eq!(of(MAX_NEIGHBOURS).len(), 1 + MAX_NEIGHBOURS + 2);
        let wanted = [
            "route to | interface | new | share | refused",
            "fd00::/64, 9 addresses | a | 9 | 82% | 0",
            "fd00::9 | b | 1 | 9% | 0",
            "fd00:0:0:1:: | a | 1 | 9% | 0",
        ];
        assert_eq!(of(MAX_NEIGHBOURS + 1), wanted);
    }
}
