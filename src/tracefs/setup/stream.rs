//! Which lookups are taken: the kernel's event of them, and the filter on it.

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

/// The least filter that proves under these rules.
#[must_use]
pub(crate) fn least(rules: Option<&PolicyRules>) -> &'static str {
    let words = |text: &str| {
        let words = text.split_ascii_whitespace().skip(1);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let rules = rules.map_or(&[][..], PolicyRules::rules);
    let asked: Vec<Vec<String>> = rules.iter().map(|rule| words(&rule.text)).collect();
    let usual = ["0: from all lookup local", "0: from all lookup main"].map(words);
    if asked == usual { LEAST } else { RECEIVED }
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
        let of = |lines: &[&str]| least(Some(&PolicyRules::parse(lines.iter().copied())));
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
        assert_eq!(least(None), RECEIVED);
    }
}
