//! Facts of the host around a capture: counters and limits, policy, before and after.

use crate::host::others::Policies;
use crate::host::policy::{Around, Policy};
use crate::host::snapshot::Snapshot;
use crate::text::Untrusted;

/// Longest facts file that is read, in bytes; all sysctls of a node with a thousand interfaces
/// take some 8 MiB.
pub(crate) const MAX_FACTS: u64 = 32 * 1024 * 1024;

/// Facts around a capture. Readings of counters and what is known of the policy are apart:
/// rules alone are no reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The reading before the capture, or the only one.
    pub(crate) before: Option<Snapshot>,
    /// The reading after it.
    pub(crate) after: Option<Snapshot>,
    /// Policy rules and throw routes on both sides.
    pub(crate) policy: Around<Policy>,
    /// Those of the node's other namespaces, on both sides.
    pub(crate) others: Around<Policies>,
    /// The kernel's filter on `fib6_table_lookup`; `all` without one, `None` where nobody says.
    pub(crate) lookups: Option<Untrusted>,
    /// The `dst_ops` of the namespace that was traced, as a drop's own words show it.
    pub(crate) ops: Option<u64>,
    /// The kernel's release as `uname` printed it; it is shown and proves nothing.
    pub(crate) kernel: Option<Untrusted>,
}

/// The commands that print facts.
const SOURCES: &str =
    "cat /proc/net/rt6_stats /proc/net/snmp6; sysctl net.ipv6.route; nproc; ip -6 rule";

/// A facts file in which nothing was recognised, or too much.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FactsError {
    /// No line is known.
    #[error("no facts found; expected what `{SOURCES}` prints, once or twice")]
    Nothing,
    /// More than two readings.
    #[error("line {0}: a third reading; expected one, or two (before and after)")]
    TooMany(usize),
    /// Longer than [`MAX_FACTS`].
    #[error("is longer than 32 MiB; keep what `{SOURCES}` prints")]
    TooLong,
    /// Two filters in one file.
    #[error("line {0}: another filter on lookups; expected one for the whole capture")]
    Filters(usize),
}

impl Facts {
    /// The latest reading.
    #[must_use]
    pub(crate) fn last(&self) -> Option<&Snapshot> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// How far a counter rose from the first reading to the second.
    #[must_use]
    pub(crate) fn rise(&self, counter: fn(&Snapshot) -> Option<u64>) -> Option<u64> {
        counter(self.after.as_ref()?)?.checked_sub(counter(self.before.as_ref()?)?)
    }

    /// True where some counter or limit was read.
    #[must_use]
    pub(crate) fn has_reading(&self) -> bool {
        self.last().is_some()
    }

    /// These, and from others whatever kind of thing these do not say.
    #[must_use]
    pub(crate) fn or(&self, others: &Facts) -> Facts {
        let readings = if self.has_reading() { self } else { others };
        let says_policy = self.policy != Around::default();
        Facts {
            before: readings.before.clone(),
            after: readings.after.clone(),
            policy: if says_policy { self } else { others }.policy.clone(),
            others: if says_policy { self } else { others }.others.clone(),
            lookups: self.lookups.as_ref().or(others.lookups.as_ref()).cloned(),
            ops: self.ops.or(others.ops),
            kernel: self.kernel.as_ref().or(others.kernel.as_ref()).cloned(),
        }
    }

    /// Takes the start of these and the end of a later capture's.
    pub(crate) fn extend(&mut self, later: Facts) {
        self.before = self.before.take().or(later.before);
        self.after = later.after.or(self.after.take());
        self.policy.extend(later.policy);
        // What was filtered, and whose it is, must be the same for both.
        if self.lookups != later.lookups {
            self.lookups = None;
        }
        if self.others != later.others {
            self.others = Around::default();
        }
        if self.ops != later.ops {
            self.ops = None;
        }
        if self.kernel != later.kernel {
            self.kernel = None;
        }
    }
}

/// A kernel pointer as captures write it.
pub(crate) fn pointer(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    // `from_str_radix` would take a sign.
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::rules::PolicyRules;

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

    const RULES: &str = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n";

    #[test]
    fn rules_that_are_given_once_hold_for_both_sides() {
        let rules = Some(PolicyRules::parse(RULES.lines()));
        let policy = format!("{RULES}throw_routes 3\nlookups iif != 1 && err == 0\n");
        let later = ONCE.replace("\t7", "\t55");
        for (text, readings) in [
            (policy.clone(), 0),
            (format!("{policy}{ONCE}"), 1),
            (format!("{policy}{ONCE}{later}"), 2),
            (format!("{policy}# before\n{ONCE}# after\n{later}"), 2),
            (format!("# before\n{policy}{ONCE}# after\n{later}"), 2),
            (format!("# before\n{ONCE}# after\n{later}{policy}"), 2),
            (format!("{ONCE}{later}{policy}").replace('\n', "\r\n"), 2),
        ] {
            let facts = Facts::parse(text.as_bytes()).unwrap();
            let found = [&facts.before, &facts.after].map(|side| side.is_some());
            assert_eq!(found, [readings > 0, readings > 1], "{text}");
            let rise = (readings == 2).then_some(48);
            assert_eq!(facts.rise(Snapshot::in_no_routes), rise, "{text}");
            for side in [&facts.policy.before, &facts.policy.after] {
                assert_eq!(
                    (&side.rules, side.throw_routes),
                    (&rules, Some(3)),
                    "{text}"
                );
            }
            assert_eq!(facts.policy.rules(), rules.as_ref());
            assert_eq!(
                facts.lookups.as_ref().map(|text| text.raw().as_str()),
                Some("iif != 1 && err == 0")
            );
            assert_eq!(facts.ops, None);
        }
        let alone = Facts::parse(b"ops 0xffffffff8203a1c0\n").unwrap();
        assert_eq!(alone.ops, Some(0xffff_ffff_8203_a1c0));
        assert_eq!(alone.policy, Around::default());
    }

    #[test]
    fn rules_before_and_after() {
        let changed = RULES.replace("main", "7");
        for text in [
            format!("# before\n{RULES}throw_routes 0\n# after\n{changed}throw_routes 9\n"),
            format!("{RULES}throw_routes 0\n{changed}throw_routes 9\n"),
            format!("{RULES}throw_routes 0\n{ONCE}{changed}throw_routes 9\n{ONCE}"),
            format!("{ONCE}{RULES}throw_routes 0\n{ONCE}{changed}throw_routes 9\n"),
            format!("before\n{ONCE}{RULES}throw_routes 0\nafter\nthrow_routes 9\n{changed}"),
        ] {
            let facts = Facts::parse(text.as_bytes()).unwrap();
            let Around { before, after } = &facts.policy;
            let rules = |text: &str| Some(PolicyRules::parse(text.lines()));
            assert_eq!(before.rules, rules(RULES), "{text}");
            assert_eq!(after.rules, rules(&changed), "{text}");
            assert_eq!(facts.policy.rules(), None);
            assert_eq!(before.throw_routes, Some(0), "{text}");
            assert_eq!(facts.policy.throw_routes(), Some(9), "{text}");
        }
        // Rules of the second reading alone are no rules of the first.
        let turned = format!("{RULES}after\n100:\tfrom all lookup 7\n");
        let facts = Facts::parse(turned.as_bytes()).unwrap();
        assert_eq!(facts.policy.after.rules.unwrap().rules().len(), 1);
    }

    #[test]
    fn rules_that_are_not_understood_are_not_passed_over() {
        let text = RULES.replace("32766", "100:\tfrobnicate\n32766");
        let facts = Facts::parse(text.as_bytes()).unwrap();
        assert_eq!(facts.policy.rules(), None);
        assert!(!facts.policy.before.rules.unwrap().is_understood());
        // Others' listings in the same file are.
        let text = format!("1: lo: <LOOPBACK,UP> mtu 65536\nthrow_routes many\nops 7\n{RULES}");
        let facts = Facts::parse(text.as_bytes()).unwrap();
        assert_eq!(facts.policy.rules().unwrap().rules().len(), 2);
        assert_eq!((facts.policy.throw_routes(), facts.ops), (None, None));
    }

    #[test]
    fn pointers() {
        assert_eq!(pointer("0xffff888001"), Some(0xff_ff88_8001));
        assert_eq!(pointer("0xFFFFFFFFFFFFFFFF"), Some(u64::MAX));
        for text in ["", "0x", "12", "0x+1", "0x10000000000000000", "0xg", "ffff"] {
            assert_eq!(pointer(text), None, "{text}");
        }
    }

    #[test]
    fn several_captures() {
        let facts = |text: &str| Facts::parse(text.as_bytes()).unwrap();
        let mut first = facts(&format!("{ONCE}throw_routes 1\nlookups all\nops 0x1\n"));
        let later = facts(&format!(
            "after\n{ONCE}throw_routes 2\nlookups all\nops 0x2\n"
        ));
        first.extend(later.clone());
        assert_eq!((&first.before, &first.after), (&later.after, &later.after));
        assert_eq!(first.policy.before.throw_routes, Some(1));
        assert_eq!(first.policy.after.throw_routes, Some(2));
        assert_eq!(
            (
                first.lookups.as_ref().map(|text| text.raw().as_str()),
                first.ops
            ),
            (Some("all"), None)
        );
        first.extend(facts("lookups iif != 1\n"));
        assert_eq!(first.lookups, None);
        assert_eq!(first.after, later.after);
    }

    #[test]
    fn bad_files_are_refused() {
        assert_eq!(Facts::parse(b""), Err(FactsError::Nothing));
        assert_eq!(Facts::parse(b"\x00\xff\nhello\n"), Err(FactsError::Nothing));
        assert!(matches!(
            Facts::parse(ONCE.repeat(3).as_bytes()),
            Err(FactsError::TooMany(_))
        ));
        for (text, error) in [
            (RULES.repeat(3), FactsError::TooMany(5)),
            (
                format!("after\n{}", RULES.repeat(2)),
                FactsError::TooMany(4),
            ),
            ("throw_routes 0\n".repeat(3), FactsError::TooMany(3)),
            (
                "after\nthrow_routes 1\nthrow_routes 1\n".to_owned(),
                FactsError::TooMany(3),
            ),
            (
                "lookups all\nlookups err\n".to_owned(),
                FactsError::Filters(2),
            ),
        ] {
            assert_eq!(Facts::parse(text.as_bytes()), Err(error), "{text}");
        }
    }
}
