//! Which lookups are taken: the kernel's event of them, and the filter on it.

use crate::host::matches::RouteMatches;
use crate::host::rules::PolicyRules;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{TraceFs, read_text};
use crate::tracefs::undo::session::Session;

/// The event of a route table that was asked (include/trace/events/fib6.h).
pub(crate) const EVENT: &str = "events/fib6/fib6_table_lookup";

/// The least that proves, under the two rules that every host has: what the local table has, and
/// what a later one refuses, for packets that were received. A route through `lo` refuses
/// although it says `err 0` (net/ipv6/route.c: `ip6_route_info_create`).
pub(crate) const LEAST: &str =
    "iif != 1 && ((tb_id == 255 && err == 0) || (tb_id != 255 && (err != 0 || name == \"lo\")))";
/// The same under any other rules: all lookups for received packets.
pub(crate) const RECEIVED: &str = "iif != 1";
/// All lookups, as a capture says it.
pub(crate) const ALL: &str = "all";

/// The same, and the lookups of the way back to a packet's source, for which rpfilter, and hardly
/// anybody else, asks by interface.
const WITH_WAY_BACK: &str = "iif != 1 || oif != 0";

/// The least filter that proves of routing alone, under these rules.
fn least_of_routing(rules: Option<&PolicyRules>) -> &'static str {
    let words = |text: &str| {
        let words = text.split_ascii_whitespace().skip(1);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let rules = rules.map_or(&[][..], PolicyRules::rules);
    let asked: Vec<Vec<String>> = rules.iter().map(|rule| words(rule.text.raw())).collect();
    let usual = ["0: from all lookup local", "0: from all lookup main"].map(words);
    if asked == usual { LEAST } else { RECEIVED }
}

/// The least filter that proves, under these rules and where netfilter has these matches. Those
/// of nftables ask for the way back as this host asks for its own packets.
#[must_use]
pub(crate) fn least(rules: Option<&PolicyRules>, matches: RouteMatches) -> &'static str {
    match matches {
        RouteMatches { fib: true, .. } => ALL,
        RouteMatches { rpfilter: true, .. } => WITH_WAY_BACK,
        _ => least_of_routing(rules),
    }
}

/// What is taken where the host can bear no more: it proves of routing, and what it shows of
/// netfilter's drops is not sure. `None` where the least shows as little.
#[must_use]
pub(crate) fn barest(rules: Option<&PolicyRules>, matches: RouteMatches) -> Option<String> {
    match (matches, least_of_routing(rules)) {
        (RouteMatches { fib: true, .. }, least) => Some(least.to_owned()),
        (RouteMatches { rpfilter: true, .. }, LEAST) => Some(format!("({LEAST}) || oif != 0")),
        _ => None,
    }
}

/// True where this kernel tells what its tables answered: before 4.18 it did not say the error.
#[must_use]
pub(crate) fn is_there(fs: &dyn TraceFs) -> bool {
    let format = read_text(fs, &format!("{EVENT}/format")).unwrap_or_default();
    let has = |field: &str| {
        let named = |end| format.contains(&format!(" {field}{end}"));
        named(";") || named("[")
    };
    ["tb_id", "err", "iif", "name"]
        .iter()
        .all(|field| has(field))
}

/// The event in one buffer, with filters of which the first is in force.
#[derive(Debug)]
pub(crate) struct Stream {
    dir: String,
    filters: Vec<String>,
}

impl Stream {
    /// The event in the buffer `dir`, which is ours; `filters` is not empty.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn prepare(
        session: &mut Session<'_>,
        dir: &str,
        filters: &[String],
    ) -> Result<Stream, TraceError> {
        let stream = Stream {
            dir: format!("{dir}{EVENT}"),
            filters: filters.to_vec(),
        };
        stream.apply(session)?;
        Ok(stream)
    }

    /// The filter in force.
    pub(crate) fn filter(&self) -> &str {
        self.filters.first().map_or(ALL, String::as_str)
    }

    fn apply(&self, session: &mut Session<'_>) -> Result<(), TraceError> {
        match self.filter() {
            ALL => Ok(()),
            filter => session.set(&format!("{}/filter", self.dir), filter),
        }
    }

    /// Takes the next filter, which shows less; false where there is none.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn narrow(&mut self, session: &mut Session<'_>) -> Result<bool, TraceError> {
        if self.filters.len() < 2 {
            return Ok(false);
        }
        self.filters.remove(0);
        self.apply(session)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_proves_under_the_two_rules_that_every_host_has() {
        let local = "0:\tfrom all lookup local";
        let main = "32766:\tfrom all lookup main";
        let rules = |lines: &[&str]| PolicyRules::parse(lines.iter().copied());
        let of = |lines: &[&str]| least(Some(&rules(lines)), RouteMatches::default());
        assert_eq!(of(&[local, main]), LEAST);
        for other in [
            &[local][..],
            &[main, local],
            &[local, "100:\tfrom all fwmark 0x7 lookup 77", main],
            &[
                local,
                "32766:\tfrom all lookup main suppress_prefixlength 0",
            ],
        ] {
            assert_eq!(of(other), RECEIVED, "{other:?}");
        }
        let nothing = RouteMatches::default();
        assert_eq!(least(None, nothing), RECEIVED);
        assert_eq!(barest(Some(&rules(&[local, main])), nothing), None);
    }

    #[test]
    fn the_way_back_is_shown_where_netfilter_asks_for_it() {
        let usual = ["0:\tfrom all lookup local", "32766:\tfrom all lookup main"];
        let usual = PolicyRules::parse(usual);
        let rpfilter = RouteMatches {
            rpfilter: true,
            ..RouteMatches::default()
        };
        let both = RouteMatches {
            fib: true,
            ..rpfilter
        };
        assert_eq!(least(Some(&usual), rpfilter), WITH_WAY_BACK);
        assert_eq!(least(None, rpfilter), WITH_WAY_BACK);
        assert_eq!(least(Some(&usual), both), ALL);
        let barer = barest(Some(&usual), rpfilter).unwrap();
        assert!(barer.contains(LEAST) && barer.ends_with(" || oif != 0"));
        assert_eq!(barest(None, rpfilter), None);
        assert_eq!(barest(Some(&usual), both).as_deref(), Some(LEAST));
        assert_eq!(barest(None, both).as_deref(), Some(RECEIVED));
        let addrtype = RouteMatches {
            addrtype: true,
            ..RouteMatches::default()
        };
        assert_eq!(least(Some(&usual), addrtype), LEAST);
        assert_eq!(barest(Some(&usual), addrtype), None);
    }
}
