//! The policy rules of a network namespace: which tables a lookup asks, and in which order.

use std::str::SplitAsciiWhitespace;

use crate::text::Untrusted;

/// Rules that are kept of one namespace; further ones make the set one that is not understood.
pub(crate) const MAX_RULES: usize = 4096;
/// Longest line of a rule that is looked at, in bytes; a rule with every word has some 300.
const MAX_LINE: usize = 1024;

/// The numbers of the tables that have names everywhere, with the name.
const NAMED_TABLES: [(&str, u32); 3] = [
    ("local", TABLE_LOCAL),
    ("main", TABLE_MAIN),
    ("default", TABLE_DEFAULT),
];
/// The table of the host's own addresses.
pub(crate) const TABLE_LOCAL: u32 = 255;
/// The table of ordinary routes.
pub(crate) const TABLE_MAIN: u32 = 254;
/// The table that IPv4 asks last; IPv6 has no rule for it unless somebody adds one.
pub(crate) const TABLE_DEFAULT: u32 = 253;
/// What is printed in place of a table where the packet's own VRF decides.
const L3MDEV_TABLE: &str = "[l3mdev-table]";
/// Words in front of one value that say which packets a rule is for.
pub(crate) const SELECTORS: [&str; 13] = [
    "to",
    "tos",
    "dsfield",
    "dscp",
    "flowlabel",
    "fwmark",
    "iif",
    "oif",
    "uidrange",
    "ipproto",
    "sport",
    "dport",
    "tun_id",
];

/// What a rule does with a packet that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Asks a table.
    Table(u32),
    /// Asks the table of the VRF that the packet belongs to, if any.
    L3mdev,
    /// Goes on with a later rule.
    Goto,
    /// Nothing.
    Nop,
    /// Answers with a prohibit route of its own; no table is asked, and no lookup shows it.
    Prohibit,
    /// The same with an unreachable one.
    Unreachable,
    /// The same with a blackhole.
    Blackhole,
    /// Something that was not understood, a table by a name of this host's own included.
    Unknown,
}

/// One policy rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Where it stands; lower ones are asked first.
    pub(crate) priority: u32,
    /// The line as it came, with its priority.
    pub(crate) text: Untrusted,
    /// What it does.
    pub(crate) action: Action,
    /// It puts some of the routes back that its table found (`suppress_prefixlength`,
    /// `suppress_ifgroup`), and the next rule is asked.
    pub(crate) suppresses: bool,
    /// It is for some packets only: anything but `from all`. A rule for the tables of VRFs is
    /// one of these, for it passes over packets of no VRF.
    pub(crate) is_conditional: bool,
}

impl Rule {
    /// What a line of `ip -6 rule` says; false beside a rule in which something was not
    /// understood. `None` where not even the priority was, or where the line is too long.
    fn parse(line: &str) -> Option<(Rule, bool)> {
        let text = line.trim();
        if text.len() > MAX_LINE {
            return None;
        }
        let (priority, rest) = text.split_once(':')?;
        let mut rule = Rule {
            priority: number(priority)?,
            text: text.into(),
            action: Action::Unknown,
            suppresses: false,
            is_conditional: false,
        };
        let understood = rule.take(&mut rest.split_ascii_whitespace()).is_some();
        // A name among the tables of this host says nothing elsewhere.
        let understood = understood && rule.action != Action::Unknown;
        Some((rule, understood))
    }

    fn take(&mut self, words: &mut SplitAsciiWhitespace<'_>) -> Option<()> {
        while let Some(word) = words.next() {
            match word {
                "not" | "[detached]" => self.is_conditional = true,
                "from" => self.is_conditional |= words.next()? != "all",
                // Behind a table, the action is what counts: a rule may carry both.
                "lookup" => match words.next()? {
                    L3MDEV_TABLE => {
                        self.action = Action::L3mdev;
                        self.is_conditional = true;
                    }
                    table => {
                        self.action = table_number(table).map_or(Action::Unknown, Action::Table)
                    }
                },
                "goto" => {
                    words.next()?;
                    self.action = Action::Goto;
                }
                "[unresolved]" => {}
                "nop" => self.action = Action::Nop,
                "prohibit" => self.action = Action::Prohibit,
                "unreachable" => self.action = Action::Unreachable,
                "blackhole" => self.action = Action::Blackhole,
                "suppress_prefixlength" | "suppress_ifgroup" => {
                    words.next()?;
                    self.suppresses = true;
                }
                "proto" | "realms" => drop(words.next()?),
                selector if SELECTORS.contains(&selector) => {
                    words.next()?;
                    self.is_conditional = true;
                }
                _ => return None,
            }
        }
        Some(())
    }
}

/// A number of digits alone.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn table_number(name: &str) -> Option<u32> {
    let named = NAMED_TABLES.iter().find(|(known, _)| *known == name);
    named.map(|(_, number)| *number).or_else(|| number(name))
}

/// The name of a table that has one everywhere.
pub(super) fn table_name(number: u32) -> Option<&'static str> {
    let named = NAMED_TABLES.iter().find(|(_, known)| *known == number);
    named.map(|(name, _)| *name)
}

/// The policy rules of a network namespace at one moment, in the order of their priority.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PolicyRules {
    rules: Vec<Rule>,
    has_unknown: bool,
}

impl PolicyRules {
    /// The rules in the lines that `ip -6 rule` prints.
    #[must_use]
    pub(crate) fn parse<'l>(lines: impl IntoIterator<Item = &'l str>) -> Self {
        let mut rules = PolicyRules::default();
        for line in lines {
            rules.take(line);
        }
        rules
    }

    /// True of a line that only `ip -6 rule` prints: a priority, a colon, and behind a tab
    /// whatever follows, or behind a space the word that every rule begins with.
    #[must_use]
    pub(crate) fn is_line(line: &str) -> bool {
        let Some((priority, rest)) = line.trim().split_once(':') else {
            return false;
        };
        let first = rest.split_ascii_whitespace().next().unwrap_or_default();
        let is_rule = rest.starts_with('\t') || matches!(first, "from" | "not");
        let digits = priority.bytes().all(|byte| byte.is_ascii_digit());
        is_rule && rest.starts_with([' ', '\t']) && digits && !priority.is_empty()
    }

    /// Takes the next line. What is not understood, or out of order, is remembered as that.
    pub(crate) fn take(&mut self, line: &str) {
        let Some((rule, understood)) = Rule::parse(line) else {
            self.has_unknown = true;
            return;
        };
        self.has_unknown |= !understood || !self.goes_on_with(rule.priority);
        if self.rules.len() < MAX_RULES {
            self.rules.push(rule);
        } else {
            self.has_unknown = true;
        }
    }

    /// True where a rule of that line's priority can follow in this set: a listing is in
    /// order, so that a lower one begins another.
    pub(super) fn takes_on(&self, line: &str) -> bool {
        Rule::parse(line).is_none_or(|(rule, _)| self.goes_on_with(rule.priority))
    }

    fn goes_on_with(&self, priority: u32) -> bool {
        self.rules
            .last()
            .is_none_or(|last| last.priority <= priority)
    }

    /// The rules, lowest priority first.
    #[must_use]
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// False where some line was not understood, lines were out of order, there are more than
    /// [`MAX_RULES`], or none at all: then the answers below are about the rest alone, and
    /// what they deny is not denied.
    #[must_use]
    pub(crate) fn is_understood(&self) -> bool {
        !self.has_unknown && !self.rules.is_empty()
    }

    /// Some rule puts back routes that its table found.
    #[must_use]
    pub(crate) fn suppresses(&self) -> bool {
        self.rules.iter().any(|rule| rule.suppresses)
    }

    /// Some rule asks the tables of VRFs.
    #[must_use]
    pub(crate) fn has_l3mdev(&self) -> bool {
        self.rules.iter().any(|rule| rule.action == Action::L3mdev)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n";

    fn parse(text: &str) -> PolicyRules {
        PolicyRules::parse(text.lines())
    }

    fn one(line: &str) -> Rule {
        let (rule, understood) = Rule::parse(line).unwrap();
        assert!(understood, "{line}");
        rule
    }

    #[test]
    fn actions() {
        for (text, action) in [
            ("from all lookup local", Action::Table(255)),
            ("from all lookup main ", Action::Table(254)),
            ("from all lookup default", Action::Table(253)),
            ("from all lookup 1000 proto static", Action::Table(1000)),
            ("from all lookup 4294967295", Action::Table(u32::MAX)),
            ("from all lookup [l3mdev-table]", Action::L3mdev),
            ("from all goto 32766", Action::Goto),
            ("from all goto 200 [unresolved]", Action::Goto),
            ("from all nop", Action::Nop),
            ("from all prohibit", Action::Prohibit),
            ("from all uidrange 1-5 unreachable", Action::Unreachable),
            ("from all blackhole", Action::Blackhole),
            ("from all lookup 9 unreachable", Action::Unreachable),
            ("from all lookup main realms 5/6", Action::Table(254)),
        ] {
            let rule = one(&format!("7:\t{text}"));
            assert_eq!((rule.priority, rule.action), (7, action), "{text}");
            assert_eq!(*rule.text.raw(), format!("7:\t{}", text.trim()));
        }
    }

    #[test]
    fn conditions() {
        for (text, is_conditional) in [
            ("from all lookup 5", false),
            ("from all lookup 5 suppress_prefixlength 0", false),
            ("not from all lookup 5", true),
            ("from 2001:db8::/32 lookup 5", true),
            ("from 0/8 lookup 5", true),
            ("from all to 2001:db8::1 lookup 5", true),
            ("from all fwmark 0x1/0xff lookup 5", true),
            ("from all iif lo lookup 5", true),
            ("from all oif foo [detached] lookup 5", true),
            ("from all [detached] lookup 5", true),
            ("from all uidrange 1-5 lookup 5", true),
            ("from all tos AF11 lookup 5", true),
            ("from all dsfield AF11 lookup 5", true),
            ("from all dscp 3 lookup 5", true),
            ("from all flowlabel 0x5 lookup 5", true),
            ("from all ipproto tcp lookup 5", true),
            ("from all sport 3 lookup 5", true),
            ("from all dport 80-90 lookup 5", true),
            ("from all tun_id 5 lookup 5", true),
        ] {
            let rule = one(&format!("0:\t{text}"));
            assert_eq!(rule.is_conditional, is_conditional, "{text}");
            assert_eq!(rule.action, Action::Table(5), "{text}");
        }
        assert!(one("0:\tfrom all lookup [l3mdev-table]").is_conditional);
    }

    #[test]
    fn what_is_not_understood_is_said_so() {
        assert!(parse(DEFAULT).is_understood());
        assert!(!PolicyRules::default().is_understood());
        for line in [
            "100:\tfrom all lookup vpn",
            "100:\tfrom all lookup -1",
            "100:\tfrom all lookup +1",
            "100:\tfrom all lookup",
            "100:\tfrom all",
            "100:\t",
            "100:\tfrom",
            "100:\tfrom all fwmark",
            "100:\tfrom all frobnicate 5 lookup main",
            "100:\tfrom all lookup main suppress_prefixlength",
            "100:\tfrom all lookup main suppress_ifgroup",
            "100:\tfrom all goto",
            "100:\tfrom all lookup main proto",
            "4294967296:\tfrom all lookup main",
            "-1:\tfrom all lookup main",
            ":\tfrom all lookup main",
            "hello",
            "",
        ] {
            let text = DEFAULT.replace("32766", &format!("{line}\n32766"));
            let rules = parse(&text);
            assert!(!rules.is_understood(), "{line}");
            let kept: Vec<u32> = rules.rules().iter().map(|rule| rule.priority).collect();
            assert_eq!((kept[0], kept[kept.len() - 1]), (0, 32766), "{line}");
        }
        let named = parse("100:\tfrom all lookup vpn");
        assert_eq!(named.rules()[0].action, Action::Unknown);
    }

    #[test]
    fn order_and_number_of_rules() {
        let turned = parse("32766:\tfrom all lookup main\n0:\tfrom all lookup local\n");
        assert!(!turned.is_understood());
        let twice = parse("5:\tfrom all lookup local\n5:\tfrom all lookup main\n");
        assert!(twice.is_understood());
        let many = |n: usize| PolicyRules::parse((0..n).map(|_| "1:\tfrom all lookup 7"));
        assert!(many(MAX_RULES).is_understood());
        assert!(!many(MAX_RULES + 1).is_understood());
        assert_eq!(many(MAX_RULES + 9).rules().len(), MAX_RULES);
        let long = |length| parse(&format!("{:<1$}7", "1:\tfrom all lookup ", length - 1));
        assert!(long(MAX_LINE).is_understood());
        assert!(!long(MAX_LINE + 1).is_understood());
    }

    #[test]
    fn questions_about_the_set() {
        let ask = |line: &str| {
            let rules = parse(&DEFAULT.replace("32766", &format!("100:\t{line}\n32766")));
            assert!(rules.is_understood(), "{line}");
            (rules.suppresses(), rules.has_l3mdev())
        };
        for plain in ["lookup 500", "nop", "goto 32766", "prohibit"] {
            assert_eq!(ask(&format!("from all {plain}")), (false, false), "{plain}");
        }
        for suppressing in ["suppress_prefixlength 0", "suppress_ifgroup 3"] {
            let line = format!("from all lookup 500 {suppressing}");
            assert_eq!(ask(&line), (true, false), "{line}");
        }
        assert_eq!(ask("from all lookup [l3mdev-table]"), (false, true));
    }

    #[test]
    fn lines_of_a_listing() {
        for line in [
            "0:\tfrom all lookup local",
            "0: from all lookup local",
            "  7:  not from all lookup 5\r",
            "7:\tsomething new",
            // Not understood, and not passed over either.
            "4294967296:\tfrom all lookup 5",
        ] {
            assert!(PolicyRules::is_line(line), "{line}");
        }
        for line in [
            "1: lo: <LOOPBACK,UP>",
            "4",
            "7:from all lookup 5",
            "from all lookup local",
            "x:\tfrom all lookup 5",
            ":\tfrom all lookup 5",
            "034d 01a8 02f1 01d2 0000 0268 0000",
            "",
        ] {
            assert!(!PolicyRules::is_line(line), "{line}");
        }
    }
}
