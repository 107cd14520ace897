//! Attempts at new entries of the route cache, each with the route that it was made for.

use core::net::Ipv6Addr;

use crate::diagnosis::evidence::Observed;
use crate::diagnosis::lookups::sequence::Answer;
use crate::host::rules::TABLE_LOCAL;
use crate::kernel::functions::Origin;
use crate::trace::DevName;
use crate::trace::lookup::Lookup;

/// A route, as far as a lookup names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    /// Where to.
    pub(crate) dst: Ipv6Addr,
    /// By which interface.
    pub(crate) dev: DevName,
    /// The `dst_ops` of its namespace, where the attempt shows them.
    pub(crate) ops: Option<u64>,
}

/// An attempt at a new entry for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// The route.
    pub(crate) route: Route,
    /// The entry counts against the limit. Those for addresses of the host itself do not
    /// (net/ipv6/route.c: `addrconf_f6i_alloc` sets `dst_nocount`).
    pub(crate) counts: bool,
    /// What the trace says of the outcome.
    pub(crate) observed: Observed,
}

impl Wanted {
    /// The attempt right behind that lookup; `None` where it may be another's: neighbour discovery
    /// asks no table, and where a table holds no route there is nothing to make an entry of.
    #[must_use]
    pub(super) fn new(
        lookup: &Lookup,
        (origin, ops): (Origin, Option<u64>),
        observed: Observed,
    ) -> Option<Wanted> {
        let is_for_it = origin != Origin::Ndisc && Answer::of(lookup) != Answer::Nothing;
        is_for_it.then(|| Wanted {
            route: Route {
                dst: lookup.dst,
                dev: lookup.dev,
                ops,
            },
            counts: lookup.table != TABLE_LOCAL || lookup.dst.is_multicast(),
            observed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::lookup::lookup;

    fn wanted(table: u32, dst: &str, route: &str, origin: Origin) -> Option<Wanted> {
        let says = format!(
            "table {table} oif 0 iif 4 proto 17 fd00::1/0 -> {dst}/0 tos 0 scope 0 flags 0 ==> dev {route}"
        );
        let lookup = lookup(says.as_bytes()).unwrap();
        Wanted::new(&lookup, (origin, Some(7)), Observed::Succeeded)
    }

    #[test]
    fn an_attempt_is_for_the_route_that_was_found() {
        let found = "cali1 gw :: err 0";
        let attempt = wanted(254, "fd00::2", found, Origin::Unknown).unwrap();
        let route = Route {
            dst: "fd00::2".parse().unwrap(),
            dev: DevName::new(b"cali1"),
            ops: Some(7),
        };
        assert_eq!((attempt.route, attempt.counts), (route, true));
        for origin in Origin::ALL {
            let is_for_it = wanted(254, "fd00::2", found, origin).is_some();
            assert_eq!(is_for_it, origin != Origin::Ndisc, "{origin:?}");
        }
        // A reject route has copies of its own; of no route there is none.
        for (err, is_for_it) in [
            (-13, true),
            (-22, true),
            (-11, true),
            (-113, false),
            (-101, false),
        ] {
            let route = format!("lo gw :: err {err}");
            let attempt = wanted(254, "fd00::2", &route, Origin::Receive);
            assert_eq!(attempt.is_some(), is_for_it, "{err}");
        }
    }

    #[test]
    fn entries_for_the_host_itself_do_not_count() {
        let counts = |table, dst: &str, route: &str| {
            wanted(table, dst, route, Origin::Receive).unwrap().counts
        };
        assert!(!counts(255, "fd00::2", "eth0 gw fd00::2 err 0"));
        assert!(!counts(255, "fd00::2", "lo gw :: err 0"));
        assert!(counts(255, "ff02::1", "eth0 gw :: err 0"));
        assert!(counts(254, "fd00::2", "eth0 gw fd00::2 err 0"));
    }
}
