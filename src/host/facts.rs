//! Facts of the host around a capture: counters and limits, before and after.

use serde::Serialize;

use crate::host::fact::Fact;
use crate::host::snapshot::Snapshot;

/// Longest facts file that is read, in bytes; `snmp6` and the sysctls need a few KiB.
pub(crate) const MAX_FACTS: u64 = 1024 * 1024;

/// Facts before and after a capture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The reading before the capture, or the only one.
    pub before: Option<Snapshot>,
    /// The reading after it.
    pub after: Option<Snapshot>,
}

/// A facts file in which nothing was recognised, or too much.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FactsError {
    /// No line is known.
    #[error(
        "no facts found; expected what `cat /proc/net/rt6_stats /proc/net/snmp6; sysctl net.ipv6.route; nproc` prints, once or twice"
    )]
    Nothing,
    /// More than two readings.
    #[error("line {0}: a third reading; expected one, or two (before and after)")]
    TooMany(usize),
}

impl Facts {
    /// Parses what `cat /proc/net/rt6_stats /proc/net/snmp6; sysctl net.ipv6.route; nproc`
    /// prints, once or twice. A second reading starts with the words before or after, or
    /// with the first value that is there already.
    ///
    /// # Errors
    /// Fails where no line is known or where there are more than two readings.
    pub fn parse(text: &[u8]) -> Result<Facts, FactsError> {
        let mut facts = Facts::default();
        let mut now = Snapshot::default();
        let mut is_after = false;
        for (number, line) in text.split(|&b| b == b'\n').enumerate() {
            let word = line.trim_ascii().trim_ascii_start();
            let word = word.strip_prefix(b"#").unwrap_or(word).trim_ascii();
            let marked_after = word.eq_ignore_ascii_case(b"after");
            let marked = marked_after || word.eq_ignore_ascii_case(b"before");
            let fact = Fact::parse(line);
            let again = fact.as_ref().is_some_and(|fact| now.has(fact));
            if marked || again {
                if !now.is_empty() {
                    if is_after {
                        return Err(FactsError::TooMany(number + 1));
                    }
                    facts.before = Some(std::mem::take(&mut now));
                    is_after = true;
                }
                is_after |= marked_after;
            }
            if let Some(fact) = &fact {
                now.take(fact);
            }
        }
        if !now.is_empty() {
            let side = if is_after {
                &mut facts.after
            } else {
                &mut facts.before
            };
            *side = Some(now);
        }
        if facts == Facts::default() {
            return Err(FactsError::Nothing);
        }
        Ok(facts)
    }

    /// The latest reading.
    #[must_use]
    pub fn last(&self) -> Option<&Snapshot> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// How far a counter rose from the first reading to the second.
    #[must_use]
    pub fn rise(&self, counter: fn(&Snapshot) -> Option<u64>) -> Option<u64> {
        counter(self.after.as_ref()?)?.checked_sub(counter(self.before.as_ref()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONCE: &str = "034d 01a8 02f1 01d2 0000 0268 0000\nIp6InNoRoutes   \t7\nIp6InReceives 9\nnet.ipv6.route.max_size = 200\nnet.ipv6.route.gc_thresh=64\n4\n";

    #[test]
    fn one_reading_and_two() {
        let one = Facts::parse(ONCE.as_bytes()).unwrap();
        let before = one.before.clone().unwrap();
        assert_eq!(one.after, None);
        assert_eq!(
            (before.slow(), before.max_size(), before.gc_thresh()),
            (Some(616), Some(200), Some(64))
        );
        assert_eq!((before.in_no_routes(), before.cpus), (Some(7), Some(4)));
        let later = ONCE.replace("\t7", "\t55");
        for text in [
            format!("# before\n{ONCE}# after\n{later}"),
            format!("before\r\n{ONCE}after\n{later}"),
            format!("{ONCE}{later}"),
            // Any order, as long as it is the same.
            {
                let turned = |text: &str| text.lines().rev().collect::<Vec<_>>().join("\n");
                format!("{}\n{}\n", turned(ONCE), turned(&later))
            },
        ] {
            let two = Facts::parse(text.as_bytes()).unwrap();
            assert_eq!(two.before, one.before, "{text}");
            assert_eq!(two.rise(Snapshot::in_no_routes), Some(48), "{text}");
        }
        let only_after = Facts::parse(format!("# after\n{ONCE}").as_bytes()).unwrap();
        assert_eq!((only_after.before, only_after.after), (None, one.before));
    }

    #[test]
    fn bad_files_are_refused() {
        assert_eq!(Facts::parse(b""), Err(FactsError::Nothing));
        assert_eq!(Facts::parse(b"\x00\xff\nhello\n"), Err(FactsError::Nothing));
        assert!(matches!(
            Facts::parse(ONCE.repeat(3).as_bytes()),
            Err(FactsError::TooMany(_))
        ));
    }
}
