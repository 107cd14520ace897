//! What a probe of ours fetched, as the trace prints it.

use std::collections::BTreeMap;

/// One hit of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Hit {
    /// The thread that it was seen in.
    pub(super) tid: u32,
    /// The numbers it fetched, by name.
    numbers: BTreeMap<String, u64>,
    /// The strings it fetched, by name, without their quotes.
    strings: BTreeMap<String, String>,
}

impl Hit {
    /// The number of that name; `None` where it was not fetched or could not be read.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.numbers.get(name).copied()
    }

    /// The string of that name.
    pub(super) fn string(&self, name: &str) -> Option<&str> {
        self.strings.get(name).map(String::as_str)
    }

    /// Reads a line: `comm-TID  [001] ..s1  1.2: EVENT: (function+0x0/0xd0) a=0x1 b="lo"`.
    fn parse(line: &str, event: &str) -> Option<Hit> {
        let (context, said) = line.split_once(&format!(" {event}: ("))?;
        let (task, _) = context.split_once('[')?;
        let (_, tid) = task.rsplit_once('-')?;
        let digits = tid.split(|c: char| !c.is_ascii_digit()).next()?;
        let mut hit = Hit {
            tid: digits.parse().ok()?,
            ..Hit::default()
        };
        let (_, arguments) = said.split_once(')')?;
        for (name, text) in arguments
            .split_ascii_whitespace()
            .filter_map(|w| w.split_once('='))
        {
            if let Some(text) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
                hit.strings.insert(name.to_owned(), text.to_owned());
                continue;
            }
            let number = match text.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16),
                None => text.parse(),
            };
            if let Ok(number) = number {
                hit.numbers.insert(name.to_owned(), number);
            }
        }
        Some(hit)
    }
}

/// The hits of an event in a text, in its order.
pub(super) fn hits(text: &str, event: &str) -> Vec<Hit> {
    text.lines()
        .filter_map(|line| Hit::parse(line, event))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_each_kernel() {
        let text = "# tracer: nop\n          python3-3480  [001] ..s1  1432.926880: raw: (ipv6_rcv+0x0/0xd0) skb=0xffff88805d0febc0 iif=5 dev=\"lo\" w0=(fault) gone\n\
                    ip6drop-net-77 (  12) [000] b.s1.  3.1: raw: (ipv6_rcv+0x0/0xd0) skb=0x1\n\
                    other-1 [000] .... 3.1: raw_more: (x+0x0/0x1) skb=0x1\nCPU:1 [LOST 3 EVENTS]\n";
        let found = hits(text, "raw");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].tid, found[1].tid), (3480, 77));
        assert_eq!(found[0].number("skb"), Some(0xffff_8880_5d0f_ebc0));
        assert_eq!(found[0].number("iif"), Some(5));
        assert_eq!(found[0].string("dev"), Some("lo"));
        assert_eq!(found[0].number("w0"), None);
        assert_eq!(found[1].number("dev"), None);
    }
}
