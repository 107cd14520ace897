//! How large `max_size` and `gc_thresh` should be, from what the namespace holds.

use serde::Serialize;

/// Bytes of one dst entry: `struct rt6_info` of 4.19 and later is rounded up to 256 in the
/// slab `ip6_dst_cache` on 64-bit machines.
pub(crate) const ENTRY_BYTES: i64 = 256;

/// The kernel's default of `max_size`, in entries: no advice goes below it.
pub(crate) const DEFAULT_MAX_SIZE: i64 = 4096;

/// Entries in flight that room is kept for where rules ask for the way back of each packet: so
/// many packets a grace period of some 100 ms at 80,000 packets a second. Measured on 4.19: 657
/// at 23,000 a second.
const IN_FLIGHT: i64 = 8192;

/// Room for growth: twice what is needed now.
const GROWTH: i64 = 2;

/// Sized limits, with the numbers they came from. All in entries unless named otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Sizing {
    /// For `net.ipv6.route.max_size`.
    pub(crate) max_size: i64,
    /// For `net.ipv6.route.gc_thresh`.
    pub(crate) gc_thresh: i64,
    /// Routes in the FIB.
    pub(crate) routes: i64,
    /// CPUs that are online.
    pub(crate) cpus: u32,
    /// Copies when every CPU has used every route.
    pub(crate) copies: i64,
    /// Entries beyond the copies: path-MTU and redirect exceptions.
    pub(crate) exceptions: i64,
    /// Entries of single packets, freed after a grace period, that room is kept for.
    pub(crate) in_flight: i64,
    /// What the cache can need with today's routes.
    pub(crate) needed: i64,
    /// Memory of the needed entries, in bytes.
    pub(crate) needed_bytes: i64,
    /// Memory when the new limit is reached, in bytes.
    pub(crate) full_bytes: i64,
    /// How it was reckoned, for people.
    pub(crate) arithmetic: String,
    /// Copies of routes count as entries.
    #[serde(skip)]
    pub(crate) counts_copies: bool,
}

/// What sizing starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// Routes in the FIB (`fib_rt_entries`).
    pub(crate) routes: i64,
    /// CPUs that are online.
    pub(crate) cpus: u32,
    /// Exception routes (`fib_rt_cache`).
    pub(crate) exceptions: i64,
    /// Entries there are now (`slow`).
    pub(crate) slow: i64,
    /// The limit there is now, where it is one to be believed.
    pub(crate) max_size: Option<i64>,
    /// Rules ask for the way back of each packet.
    pub(crate) has_in_flight: bool,
    /// Copies of routes count as entries.
    pub(crate) counts_copies: bool,
}

impl Sizing {
    /// How `max_size` was reckoned, in a line.
    #[must_use]
    pub(crate) fn in_short(&self) -> String {
        let flying = match self.in_flight {
            0 => String::new(),
            n => format!(" + {n} in flight"),
        };
        if !self.counts_copies {
            return format!(
                "{} entries now{flying}; x {GROWTH} for growth",
                self.needed - self.in_flight
            );
        }
        let reckoned = self.copies + self.exceptions + self.in_flight;
        let already = match self.needed > reckoned {
            true => format!(", {} now", self.needed),
            false => String::new(),
        };
        format!(
            "{} routes x {} CPUs + {} exceptions{flying} = {reckoned}{already}; x {GROWTH} for growth",
            self.routes, self.cpus, self.exceptions
        )
    }

    /// How many routes the new limit has room for.
    #[must_use]
    pub(crate) fn holds(&self) -> String {
        if !self.counts_copies {
            let now = self.needed - self.in_flight;
            return format!(
                "enough for {} entries ({now} now)",
                self.max_size - self.in_flight
            );
        }
        let room = self.max_size - self.exceptions - self.in_flight;
        format!(
            "enough for {} routes on {} CPUs ({} now)",
            room / i64::from(self.cpus.max(1)),
            self.cpus,
            self.routes
        )
    }
}

fn power_of_two(n: i64) -> i64 {
    // A sysctl is an int: the largest power of two in it is 2^30.
    let n = u64::try_from(n).unwrap_or(0).min(1 << 30);
    n.next_power_of_two().cast_signed()
}

/// Works out limits with room for growth.
///
/// Every CPU makes its own copy of a route when it first uses it (`rt6_make_pcpu_route`,
/// net/ipv6/route.c), so routes times CPUs is what a healthy cache can come to. `gc_thresh`
/// is half of `max_size`: above that need, so that a full set of copies starts no collection,
/// and below the limit, so that collection starts before anything is refused.
#[must_use]
pub(crate) fn size(needs: Needs) -> Sizing {
    let Needs {
        routes,
        cpus,
        exceptions,
        slow,
        max_size,
        has_in_flight,
        counts_copies,
    } = needs;
    let in_flight = if has_in_flight { IN_FLIGHT } else { 0 };
    // Which of the routes count is not to be seen: what there is, is what is known.
    let (copies, reckoned) = if counts_copies {
        let copies = routes.saturating_mul(i64::from(cpus));
        (
            copies,
            copies.saturating_add(exceptions).saturating_add(in_flight),
        )
    } else {
        (0, slow.saturating_add(in_flight))
    };
    let needed = reckoned.max(slow);
    let grown = needed.saturating_mul(GROWTH).max(DEFAULT_MAX_SIZE);
    let current = max_size.unwrap_or(0);
    let rounded = power_of_two(grown);
    // A limit that is already larger stays.
    let max_size = rounded.max(current);
    let gc_thresh = max_size / 2;
    let flying = match in_flight {
        0 => String::new(),
        n => format!(" + {n} in flight"),
    };
    let mut arithmetic = if counts_copies {
        format!(
            "{routes} routes x {cpus} CPUs + {exceptions} exceptions{flying} = {reckoned} entries"
        )
    } else {
        format!("{slow} entries now{flying}, for ordinary routes do not count on this kernel")
    };
    if slow > reckoned {
        arithmetic.push_str(&format!(", but there are {slow} already"));
    }
    arithmetic.push_str(&format!(
        "; x {GROWTH} for growth = {}, at least {DEFAULT_MAX_SIZE}, up to a power of two = {rounded}",
        needed.saturating_mul(GROWTH)
    ));
    if current > rounded {
        arithmetic.push_str(&format!("; the limit is {current} already and stays"));
    }
    arithmetic.push_str(&format!("; gc_thresh = half = {gc_thresh}"));
    Sizing {
        max_size,
        gc_thresh,
        routes,
        cpus,
        copies,
        exceptions,
        in_flight,
        needed,
        needed_bytes: needed.saturating_mul(ENTRY_BYTES),
        full_bytes: max_size.saturating_mul(ENTRY_BYTES),
        arithmetic,
        counts_copies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_for_entries_in_flight() {
        let with = |has_in_flight| {
            size(Needs {
                routes: 100,
                cpus: 4,
                exceptions: 3,
                slow: 0,
                max_size: None,
                has_in_flight,
                counts_copies: true,
            })
        };
        let (without, with) = (with(false), with(true));
        assert_eq!((without.in_flight, without.needed), (0, 403));
        assert_eq!((with.in_flight, with.needed), (8192, 8595));
        assert_eq!((without.max_size, with.max_size), (4096, 32768));
        assert!(
            with.arithmetic
                .contains("3 exceptions + 8192 in flight = 8595 entries")
        );
        let entries = size(Needs {
            routes: 100,
            cpus: 4,
            exceptions: 3,
            slow: 50,
            max_size: None,
            has_in_flight: true,
            counts_copies: false,
        });
        assert!(entries.holds().contains("(50 now)"), "{}", entries.holds());
    }

    fn needs(routes: i64, cpus: u32, slow: i64, max_size: Option<i64>) -> Sizing {
        size(Needs {
            routes,
            cpus,
            exceptions: 6,
            slow,
            max_size,
            has_in_flight: false,
            counts_copies: true,
        })
    }

    #[test]
    fn routes_times_cpus_with_growth() {
        let sizing = needs(466, 4, 616, Some(200));
        assert_eq!((sizing.copies, sizing.needed), (1864, 1870));
        assert_eq!((sizing.max_size, sizing.gc_thresh), (4096, 2048));
        assert_eq!(sizing.full_bytes, 1024 * 1024);
        assert_eq!(
            sizing.arithmetic,
            "466 routes x 4 CPUs + 6 exceptions = 1870 entries; x 2 for growth = 3740, at least 4096, up to a power of two = 4096; gc_thresh = half = 2048"
        );
        let large = needs(466, 96, 616, Some(4096));
        assert_eq!((large.max_size, large.gc_thresh), (131_072, 65_536));
    }

    #[test]
    fn in_short_and_how_long_it_holds() {
        let sizing = needs(466, 96, 616, Some(4096));
        assert_eq!(
            sizing.in_short(),
            "466 routes x 96 CPUs + 6 exceptions = 44742; x 2 for growth"
        );
        assert_eq!(
            sizing.holds(),
            "enough for 1365 routes on 96 CPUs (466 now)"
        );
        let in_flight = Sizing {
            in_flight: 8192,
            ..sizing
        };
        assert!(
            in_flight
                .in_short()
                .contains("6 exceptions + 8192 in flight = 52934;")
        );
        assert!(in_flight.holds().starts_with("enough for 1279 routes"));
    }

    #[test]
    fn never_below_what_there_is() {
        assert_eq!(needs(10, 2, 9000, Some(4096)).max_size, 32_768);
        assert_eq!(needs(10, 2, 20, Some(1_000_000)).max_size, 1_000_000);
        assert_eq!(needs(10, 2, 20, None).max_size, 4096);
        assert_eq!(needs(i64::MAX, 4096, 20, None).max_size, 1 << 30);
        assert_eq!(needs(1 << 28, 1, 20, None).max_size, 1 << 30);
    }

    #[test]
    fn what_there_is_already_is_said() {
        let says = |slow, max_size, what| {
            let arithmetic = needs(10, 2, slow, Some(max_size)).arithmetic;
            assert_eq!(
                arithmetic.contains(what),
                slow > 26 || max_size > 4096,
                "{arithmetic}"
            );
        };
        says(26, 0, "already");
        says(27, 0, ", but there are 27 already; x 2");
        says(20, 4096, "already");
        says(20, 4097, "; the limit is 4097 already and stays;");
    }
}
