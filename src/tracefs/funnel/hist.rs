//! What the kernel has counted, as its files print it: `hist` of an event, and `kprobe_profile`.

use std::collections::BTreeMap;

use crate::kernel::receive_path::Freed;

/// What was counted under each distinct key, in the order of the file: keys and values as they are
/// printed, then hits.
pub(super) fn buckets(text: &str) -> impl Iterator<Item = (Vec<(&str, &str)>, u64)> {
    text.lines().filter_map(|line| {
        let (keys, hits) = line.strip_prefix('{')?.split_once("} hitcount:")?;
        let keys = keys.split(", ").filter_map(|key| key.split_once(':'));
        let keys = keys.map(|(name, value)| (name.trim(), value.trim()));
        Some((keys.collect(), hits.trim().parse().ok()?))
    })
}

/// Hits that found no room in the table.
pub(super) fn dropped(text: &str) -> u64 {
    let mut lines = text.lines();
    let dropped = lines.find_map(|line| line.trim().strip_prefix("Dropped:")?.trim().parse().ok());
    dropped.unwrap_or(0)
}

/// Hits by CPU, the only key there is: `cpu`, in newer kernels `common_cpu`.
pub(super) fn by_cpu(text: &str) -> BTreeMap<u32, u64> {
    let buckets = buckets(text);
    let of = |(keys, hits): (Vec<(&str, &str)>, u64)| Some((keys.first()?.1.parse().ok()?, hits));
    buckets.filter_map(of).collect()
}

/// Packets by where they were freed, and by the reason where there is such a key. The names of
/// reasons come from the event's `format`.
pub(super) fn freed(text: &str, format: &str) -> Freed {
    let names = reasons(format);
    let mut freed = Freed::new();
    for (keys, hits) in buckets(text) {
        let value = |name: &str| Some(keys.iter().find(|key| key.0.starts_with(name))?.1);
        // `[ffffffff81303206] nf_hook_slow`, and ` [module]` behind it.
        let place = value("location").unwrap_or_default();
        let symbol = place.split_once(']').map_or(place, |(_, symbol)| symbol);
        let symbol = symbol.split_whitespace().next().unwrap_or(place);
        let reason = value("reason").map(|number| match names.get(number) {
            Some(name) => (*name).to_owned(),
            None => number.to_owned(),
        });
        *freed.entry((symbol.to_owned(), reason)).or_default() += hits;
    }
    freed
}

/// True where the event tells why a packet was freed.
pub(super) fn has_reason(format: &str) -> bool {
    format.lines().any(|line| line.contains(" reason;"))
}

/// The names of reasons by their numbers: `{ 2, "NO_SOCKET" }` in the line that prints the event.
fn reasons(format: &str) -> BTreeMap<&str, &str> {
    let pairs = format.split("{ ").skip(1);
    let named = pairs.filter_map(|pair| {
        let (number, name) = pair.split_once(", \"")?;
        Some((number, name.split_once('"')?.0))
    });
    named.collect()
}

/// Hits and misses of a probe in `kprobe_profile`, which names no groups.
pub(super) fn profile(text: &str, event: &str) -> Option<(u64, u64)> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let is_of = words.next()? == event;
        let mut number = || words.next()?.parse().ok();
        is_of.then(|| Some((number()?, number()?)))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> String {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/funnel/");
        std::fs::read_to_string(format!("{dir}{name}")).unwrap()
    }

    fn of(freed: &Freed, place: &str, reason: Option<&str>) -> Option<u64> {
        let key = (place.to_owned(), reason.map(str::to_owned));
        freed.get(&key).copied()
    }

    #[test]
    fn packets_are_freed_at_places_with_names() {
        let old = freed(&fixture("kfree_skb-4.19"), "");
        assert_eq!(of(&old, "nf_hook_slow", None), Some(7));
        assert_eq!(of(&old, "ip6_pkt_drop", None), Some(62021));
        assert_eq!(old.len(), 4);
    }

    #[test]
    fn newer_kernels_tell_why() {
        let format = fixture("kfree_skb-6.1.format");
        assert!(has_reason(&format) && !has_reason("\tfield:void * location;\n"));
        let new = freed(&fixture("kfree_skb-6.1"), &format);
        let why = Some("NOT_SPECIFIED");
        assert_eq!(of(&new, "icmpv6_rcv", why), Some(12));
        assert_eq!(of(&new, "ip6_pkt_drop", Some("IP_INNOROUTES")), Some(12));
        // A reason that the format does not name keeps its number.
        let text = "{ location: [ffffffffc0000000] nft_do_chain [nf_tables]   , reason:  65537 } hitcount: 3\n";
        assert_eq!(
            of(&freed(text, &format), "nft_do_chain", Some("65537")),
            Some(3)
        );
    }

    #[test]
    fn hits_of_each_cpu() {
        let text = fixture("ip6_input-6.1");
        assert_eq!(by_cpu(&text), BTreeMap::from([(0, 7), (1, 11)]));
        assert_eq!(
            by_cpu("{ cpu:          3 } hitcount:          4\n"),
            BTreeMap::from([(3, 4)])
        );
        assert_eq!((dropped(&text), dropped("    Dropped: 5\n")), (0, 5));
        // What is no line of the table is none.
        assert!(by_cpu("{ cpu: x } hitcount: 1\n{ cpu: 1 } hitcount: x\ncpu: 1\n{}\n").is_empty());
    }

    #[test]
    fn hits_of_a_probe() {
        let text = fixture("kprobe_profile-6.1");
        assert_eq!(profile(&text, "ip6_rcv_core"), Some((56, 0)));
        assert_eq!(
            (profile(&text, "ip6_rcv"), profile("x 1\n", "x")),
            (None, None)
        );
    }
}
