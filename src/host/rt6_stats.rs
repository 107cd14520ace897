//! `/proc/net/rt6_stats`.

use std::fmt;

use serde::Serialize;

/// The seven hexadecimal fields of `/proc/net/rt6_stats`
/// (`rt6_stats_seq_show`, net/ipv6/route.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Rt6Stats {
    /// Nodes of the FIB trees.
    pub(crate) fib_nodes: u64,
    /// FIB nodes that carry routes.
    pub(crate) fib_route_nodes: u64,
    /// Route allocations that ever succeeded; it never falls.
    pub(crate) fib_rt_alloc: u64,
    /// Routes in the FIB.
    pub(crate) fib_rt_entries: u64,
    /// Cached exception routes.
    pub(crate) fib_rt_cache: u64,
    /// dst entries, the exact sum over all CPUs (`slow`): what is held against `max_size`.
    pub(crate) dst_entries: u64,
    /// Routes discarded.
    pub(crate) fib_discarded_routes: u64,
}

impl Rt6Stats {
    /// The kernel counts neither nodes nor allocations, as before 4.18 (measured on 4.14): routes
    /// cannot be without nodes.
    #[must_use]
    pub(crate) fn counts_no_allocations(&self) -> bool {
        (self.fib_nodes, self.fib_rt_alloc) == (0, 0) && self.fib_route_nodes > 0
    }
}

impl fmt::Display for Rt6Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, route_nodes) = (self.fib_nodes, self.fib_route_nodes);
        write!(
            f,
            "{nodes:04x} {route_nodes:04x} {:04x} ",
            self.fib_rt_alloc
        )?;
        let (entries, cache) = (self.fib_rt_entries, self.fib_rt_cache);
        write!(f, "{entries:04x} {cache:04x} {:04x} ", self.dst_entries)?;
        write!(f, "{:04x}", self.fib_discarded_routes)
    }
}

/// Parses the one line of `/proc/net/rt6_stats`; `None` where it is not seven hexadecimal
/// fields.
#[must_use]
pub(super) fn parse(line: &[u8]) -> Option<Rt6Stats> {
    let text = std::str::from_utf8(line).ok()?;
    let mut fields = text.split_ascii_whitespace().map(|field| {
        // `%04x` pads to four digits and never exceeds an int.
        (field.len() >= 4 && field.len() <= 8).then(|| u64::from_str_radix(field, 16).ok())?
    });
    let mut next = || fields.next()?;
    let stats = Rt6Stats {
        fib_nodes: next()?,
        fib_route_nodes: next()?,
        fib_rt_alloc: next()?,
        fib_rt_entries: next()?,
        fib_rt_cache: next()?,
        dst_entries: next()?,
        fib_discarded_routes: next()?,
    };
    fields.next().is_none().then_some(stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_do_not_count() {
        let dead = |line: &str| parse(line.as_bytes()).unwrap().counts_no_allocations();
        assert!(dead("0000 016c 0000 0196 0000 01c2 005a"));
        assert!(!dead("02d5 016c 0203 0196 0000 017c 0000"));
        assert!(!dead("0001 0001 0000 0001 0000 0000 0000"));
        assert!(!dead("0000 0000 0000 0000 0000 0000 0000"));
    }

    #[test]
    fn the_sixth_field_is_the_exact_count() {
        let stats = parse(b"034d 01a8 02f1 01d2 0000 0268 0000\n").unwrap();
        assert_eq!((stats.fib_rt_alloc, stats.dst_entries), (0x2f1, 0x268));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in [
            "",
            "4",
            "034d 01a8 02f1 01d2 0000 0268",
            "034d 01a8 02f1 01d2 0000 0268 0000 0000",
            "034d 01a8 02f1 01d2 0000 zzzz 0000",
            "1 2 3 4 5 6 7",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line:?}");
        }
    }
}
