//! Offsets from words that were fetched where every byte is known. What is not the only
//! possibility is no answer.

use std::collections::BTreeSet;

use crate::host::interfaces::Interfaces;
use crate::host::netns::NetNs;
use crate::host::others::OtherNs;
use crate::tracefs::calibrate::own_packet::OwnPacket;
use crate::tracefs::calibrate::words::Hit;
use crate::tracefs::setup::layout::Route;

/// Bytes of a word.
const WORD: u32 = 8;
/// Bytes of `struct net_device` that are looked at: its name is at 0 or at 304, its number at 216
/// to 264 in the kernels that were seen.
pub(super) const DEVICE: u32 = 520;
/// The same of `struct sk_buff`, whose `data` is at 192 to 232.
pub(super) const SKB: u32 = 312;
/// The same of `struct seq_file`, which has the namespace at its end.
pub(super) const SEQ: u32 = 256;
/// Where `skb_iif` may be: it is at 140 to 160.
pub(super) const IIF: std::ops::Range<u32> = 96..180;
/// Where `_skb_refdst` may be: behind the links of a list, in front of the addresses of its bytes.
const REFDST: std::ops::Range<u32> = 24..168;
/// Bytes of `struct dst_entry` that are looked at: `ops` is at 8, before 4.15 at 32.
const DST: u32 = 48;
/// Longest name of an interface with its end (`IFNAMSIZ`).
const NAME: usize = 16;
/// More than a namespace takes (`struct net`).
const NET: u64 = 1 << 16;
/// More than a packet's room (`skb->end`).
const ROOM: u64 = 1 << 16;

/// Words below `register` under the names `w0`, `w8`, …
pub(super) fn words(register: &str, bytes: u32) -> String {
    let words = (0..bytes).step_by(WORD as usize);
    let words: Vec<String> = words
        .map(|at| format!("w{at}=+{at}({register}):x64"))
        .collect();
    words.join(" ")
}

fn word(hit: &Hit, at: u32) -> Option<u64> {
    hit.number(&format!("w{at}"))
}

/// True where one of the words is this.
pub(super) fn holds(hit: &Hit, wanted: u64) -> bool {
    (0..SKB)
        .step_by(WORD as usize)
        .any(|at| word(hit, at) == Some(wanted))
}

/// The half of a word, as this CPU has it in memory.
fn half(hit: &Hit, at: u32) -> Option<u32> {
    let bytes = word(hit, at - at % WORD)?.to_ne_bytes();
    let from = (at % WORD) as usize;
    Some(u32::from_ne_bytes(
        bytes.get(from..from + 4)?.try_into().ok()?,
    ))
}

/// True for an address of the kernel: on every machine their first byte is 0xff.
pub(super) fn is_pointer(word: u64) -> bool {
    word >> 56 == 0xff
}

/// The only one there is.
fn only<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The name at an offset of an interface.
pub(super) fn name(hit: &Hit, at: u32) -> Option<String> {
    let words = [word(hit, at)?, word(hit, at + WORD)?];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let end = bytes[..NAME].iter().position(|&b| b == 0)?;
    String::from_utf8(bytes[..end].to_vec()).ok()
}

/// Where the name and the number of an interface are, by interfaces of which both are known.
pub(super) fn device(seen: &[(&Hit, &Interfaces)]) -> Option<(u32, Option<u32>)> {
    let is_name = |at: &u32| {
        seen.iter()
            .all(|(hit, known)| name(hit, *at).is_some_and(|name| known.contains_key(&name)))
    };
    let at = only((0..DEVICE - WORD).step_by(WORD as usize).filter(is_name))
        .filter(|_| !seen.is_empty())?;
    let numbers: Vec<(&Hit, u32)> = seen
        .iter()
        .filter_map(|(hit, known)| Some((*hit, (*known.get(&name(hit, at)?)?)?)))
        .collect();
    let is_number = |at: &u32| {
        numbers
            .iter()
            .all(|&(hit, number)| half(hit, *at) == Some(number))
    };
    // One interface alone has a number that other words may have as well.
    let different: BTreeSet<u32> = numbers.iter().map(|&(_, number)| number).collect();
    let ifindex = only((0..DEVICE).step_by(4).filter(is_number));
    Some((at, ifindex.filter(|_| different.len() > 1)))
}

/// A packet of our own that was dropped.
pub(super) struct Sent<'a> {
    /// What was sent.
    pub(super) packet: &'a OwnPacket,
    /// When it went out over `lo`, where that was seen.
    pub(super) out: Option<&'a Hit>,
    /// When it was dropped.
    pub(super) dropped: &'a Hit,
}

/// What all packets agree on among these offsets.
fn agreed<'a>(
    sent: &'a [Sent<'a>],
    offsets: impl Iterator<Item = u32> + 'a,
    holds: impl Fn(&Sent<'_>, u32) -> Option<bool> + 'a,
) -> impl Iterator<Item = u32> + 'a {
    offsets.filter(move |&at| {
        !sent.is_empty() && sent.iter().all(|sent| holds(sent, at) == Some(true))
    })
}

/// `skb->data`: an address behind `head`, which is in front of it; and before both, perhaps with a
/// gap, the end of what was sent (include/linux/skbuff.h: `tail`, `end`, `head`, `data`).
pub(super) fn data(sent: &[Sent<'_>]) -> Option<u32> {
    only(agreed(sent, (4 * WORD..SKB).step_by(8), |sent, at| {
        let hit = sent.dropped;
        let (head, data) = (word(hit, at - WORD)?, word(hit, at)?);
        let room = data.checked_sub(head).filter(|&room| room < ROOM)?;
        let fits = [16, 20, 24].iter().any(|before| {
            let (tail, end) = (half(hit, at - before), half(hit, at + 4 - before));
            tail.is_some_and(|tail| u64::from(tail) == room + sent.packet.len()) && end >= tail
        });
        Some(is_pointer(head) && is_pointer(data) && fits)
    }))
}

/// `skb->dev`: where the address of `lo` stands.
pub(super) fn dev(sent: &[Sent<'_>], lo: u64) -> Option<u32> {
    let at_lo = |sent: &Sent<'_>, at: u32| Some(word(sent.dropped, at)? == lo);
    only(agreed(sent, (0..SKB).step_by(8), at_lo)).filter(|_| is_pointer(lo))
}

/// `skb->skb_iif`: 0 on its way out, and the number of `lo`, which is 1, on its way in.
pub(super) fn iif(sent: &[Sent<'_>]) -> Option<u32> {
    only(agreed(sent, IIF.step_by(4), |sent, at| {
        let before = sent.out?.number(&format!("h{at}"))?;
        Some(before == 0 && half(sent.dropped, at)? == 1)
    }))
}

/// Offsets at which `_skb_refdst` may be, each with whether it carries the mark.
pub(super) fn routes(sent: &[Sent<'_>], lo: u64) -> Vec<(u32, bool)> {
    let holds = |sent: &Sent<'_>, at: u32| {
        let word = word(sent.dropped, at)?;
        Some(is_pointer(word) && word != lo)
    };
    let is_marked = |at| {
        sent.iter()
            .any(|sent| word(sent.dropped, at).is_some_and(|w| w & 1 == 1))
    };
    let found = agreed(sent, REFDST.step_by(8), holds);
    found.map(|at| (at, is_marked(at))).collect()
}

/// The words behind each of these, under names such as `r88_8`.
pub(super) fn route_words(register: &str, routes: &[(u32, bool)]) -> String {
    let words = routes.iter().flat_map(|&(at, marked)| {
        (0..DST).step_by(WORD as usize).map(move |behind| {
            let from = i64::from(behind) - i64::from(marked);
            format!("r{at}_{behind}={from:+}(+{at}({register})):x64")
        })
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Where the route is, and in it `ops`, which stands behind the route's interface (`dev`,
/// include/net/dst.h), which is `lo` for a packet without a route; with the address of `ops`.
pub(super) fn route(hits: &[Hit], routes: &[(u32, bool)], lo: u64) -> Option<(Route, u64)> {
    let candidates = routes.iter().flat_map(|&(refdst, marked)| {
        let offsets = (WORD..DST).step_by(WORD as usize);
        offsets.map(move |ops| (refdst, ops, marked))
    });
    let ops_of = |hit: &Hit, (refdst, ops, _): (u32, u32, bool)| {
        let word = |behind| hit.number(&format!("r{refdst}_{behind}"));
        let (dev, ops) = (word(ops - WORD)?, word(ops)?);
        (dev == lo && is_pointer(ops)).then_some(ops)
    };
    let found =
        only(candidates.filter(|&route| {
            !hits.is_empty() && hits.iter().all(|hit| ops_of(hit, route).is_some())
        }))?;
    let ops: BTreeSet<u64> = hits.iter().filter_map(|hit| ops_of(hit, found)).collect();
    let (refdst, at, marked) = found;
    let route = Route {
        refdst: refdst.into(),
        ops: at.into(),
        marked,
    };
    Some((route, only(ops.into_iter())?))
}

/// Where `struct seq_file` may have its namespace, by the address of the `dst_ops` in it: the
/// offset, and how far behind it they are.
pub(super) fn namespaces(fresh: &Hit, ops: u64) -> Vec<(u32, u64)> {
    let offsets = (0..SEQ).step_by(WORD as usize);
    let found = offsets.filter_map(|at| {
        let net = word(fresh, at).filter(|&net| is_pointer(net))?;
        Some((at, ops.checked_sub(net).filter(|&behind| behind < NET)?))
    });
    found.collect()
}

/// Family and threshold of what would be the `dst_ops`, under names such as `f112` and `t112`.
pub(super) fn namespace_words(register: &str, namespaces: &[(u32, u64)]) -> String {
    let words = namespaces.iter().map(|&(at, behind)| {
        let threshold = behind + 4;
        format!("w{at}=+{at}({register}):x64 f{at}=+{behind}(+{at}({register})):u16 t{at}=+{threshold}(+{at}({register})):u32")
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The address of the `dst_ops` of another namespace, whose `gc_thresh` is known.
pub(super) fn own_ops(own: &Hit, namespaces: &[(u32, u64)], gc_thresh: u64) -> Option<u64> {
    /// `AF_INET6`.
    const INET6: u64 = 10;
    let found: BTreeSet<u64> = namespaces
        .iter()
        .filter(|(at, _)| {
            own.number(&format!("f{at}")) == Some(INET6)
                && own.number(&format!("t{at}")) == Some(gc_thresh)
        })
        .filter_map(|&(at, behind)| word(own, at)?.checked_add(behind))
        .collect();
    only(found.into_iter())
}

/// The other namespaces with the addresses of their `dst_ops`: none where the hits are not one
/// for each, or where an address is not one's own.
pub(super) fn others(
    there: &[&Hit],
    visited: Vec<(NetNs, u64)>,
    namespaces: &[(u32, u64)],
    own: u64,
) -> Vec<OtherNs> {
    if there.len() != visited.len() {
        return Vec::new();
    }
    let told = there
        .iter()
        .zip(visited)
        .filter_map(|(hit, (netns, gc_thresh))| {
            let ops = own_ops(hit, namespaces, gc_thresh)?;
            Some(OtherNs { netns, ops })
        });
    let others: Vec<OtherNs> = told.collect();
    let mut seen = BTreeSet::from([own]);
    if others.iter().all(|other| seen.insert(other.ops)) {
        others
    } else {
        Vec::new()
    }
}
