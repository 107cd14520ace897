//! What the kernel has counted, as its files print it: `hist` of an event, and `kprobe_profile`.

use crate::kernel::receive_path::Freed;
use crate::text::Untrusted;

/// Hits by key, as the kernel prints it.
pub(super) type Table = Vec<(String, u64)>;

/// The lines of a table.
pub(super) fn table(text: &str) -> Table {
    let lines = text.lines().filter_map(|line| {
        let (keys, hits) = line.strip_prefix('{')?.split_once("} hitcount:")?;
        Some((keys.to_owned(), hits.trim().parse().ok()?))
    });
    lines.collect()
}

/// What a table has risen by.
pub(super) fn since(before: &Table, after: &Table) -> Table {
    let risen = after.iter().filter_map(|(key, now)| {
        let then = before.iter().find(|(of, _)| of == key);
        let rise = now.saturating_sub(then.map_or(0, |(_, hits)| *hits));
        (rise > 0).then(|| (key.clone(), rise))
    });
    risen.collect()
}

/// Hits that found no room in the table.
pub(super) fn dropped(text: &str) -> u64 {
    let mut lines = text.lines();
    let dropped = lines.find_map(|line| line.trim().strip_prefix("Dropped:")?.trim().parse().ok());
    dropped.unwrap_or(0)
}

/// The CPU that is the only key: `cpu`, in newer kernels `common_cpu`.
pub(super) fn cpu(key: &str) -> Option<u32> {
    key.split_once(':')?.1.trim().parse().ok()
}

/// The value of one of several keys.
fn value<'a>(keys: &'a str, name: &str) -> Option<&'a str> {
    let mut keys = keys.split(", ").filter_map(|key| key.split_once(':'));
    keys.find_map(|(of, value)| of.trim().starts_with(name).then(|| value.trim()))
}

/// Packets by where they were freed, and by the reason where there is such a key. The names of
/// reasons come from the event's `format`.
pub(super) fn freed(table: &Table, format: &str) -> Vec<Freed> {
    let mut all: Vec<Freed> = Vec::new();
    for (keys, packets) in table {
        // `[ffffffff81303206] nf_hook_slow`, and ` [module]` behind it.
        let place = value(keys, "location").unwrap_or_default();
        let symbol = place.split_once(']').map_or(place, |(_, symbol)| symbol);
        let symbol = symbol.split_whitespace().next().unwrap_or(place);
        let reason = value(keys, "reason").map(|number| Untrusted::from(reason(format, number)));
        // A function may free packets at several addresses.
        let known = all
            .iter_mut()
            .find(|f| f.place == symbol && f.reason == reason);
        match known {
            Some(freed) => freed.packets += packets,
            None => all.push(Freed {
                place: symbol.into(),
                reason,
                packets: *packets,
            }),
        }
    }
    all
}

/// True where the event tells why a packet was freed.
pub(super) fn has_reason(format: &str) -> bool {
    format.lines().any(|line| line.contains(" reason;"))
}

/// The name of a reason by its number, such as 2: `{ 2, "NO_SOCKET" }` in the line that prints the
/// event.
fn reason(format: &str, number: &str) -> String {
    let named = format.split_once(&format!("{{ {number}, \""));
    let name = named.and_then(|(_, rest)| Some(rest.split_once('"')?.0));
    name.unwrap_or(number).to_owned()
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

    /// Packets that the lines of a table say were freed there.
    fn of(text: &str, format: &str, place: &str, reason: Option<&str>) -> Option<u64> {
        let freed = freed(&table(text), format);
        let is_of = |f: &&Freed| f.place == place && f.reason == reason.map(Untrusted::from);
        freed.iter().find(is_of).map(|f| f.packets)
    }

    #[test]
    fn packets_are_freed_at_places_with_names() {
        let old = fixture("kfree_skb-4.19");
        assert_eq!(of(&old, "", "nf_hook_slow", None), Some(7));
        assert_eq!(of(&old, "", "ip6_pkt_drop", None), Some(62021));
        assert_eq!(table(&old).len(), 4);
        let twice = "{ location: [ffffffff81000001] f } hitcount: 3\n{ location: [ffffffff81000009] f } hitcount: 4\n";
        assert_eq!(of(twice, "", "f", None), Some(7));
    }

    #[test]
    fn newer_kernels_tell_why() {
        let format = fixture("kfree_skb-6.1.format");
        assert!(has_reason(&format) && !has_reason("\tfield:void * location;\n"));
        let new = fixture("kfree_skb-6.1");
        let why = Some("NOT_SPECIFIED");
        assert_eq!(of(&new, &format, "icmpv6_rcv", why), Some(12));
        let why = Some("IP_INNOROUTES");
        assert_eq!(of(&new, &format, "ip6_pkt_drop", why), Some(12));
        // A reason that the format does not name keeps its number.
        let text = "{ location: [ffffffffc0000000] nft_do_chain [nf_tables]   , reason:  65537 } hitcount: 3\n";
        assert_eq!(of(text, &format, "nft_do_chain", Some("65537")), Some(3));
    }

    #[test]
    fn hits_of_each_cpu() {
        let text = fixture("ip6_input-6.1");
        let by_cpu = |table: Table| -> Vec<(Option<u32>, u64)> {
            table.iter().map(|(key, n)| (cpu(key), *n)).collect()
        };
        assert_eq!(by_cpu(table(&text)), [(Some(0), 7), (Some(1), 11)]);
        let later = table(
            "{ cpu:          3 } hitcount:          4\n{ cpu:          1 } hitcount:          2\n",
        );
        let before = table("{ cpu:          1 } hitcount:          2\n");
        assert_eq!(by_cpu(since(&before, &later)), [(Some(3), 4)]);
        assert_eq!((dropped(&text), dropped("    Dropped: 5\n")), (0, 5));
        // What is no line of the table is none.
        assert_eq!(table("{ cpu: 1 } hitcount: x\ncpu: 1\n{}\n"), []);
        assert_eq!(cpu(" cpu: x "), None);
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
