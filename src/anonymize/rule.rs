//! Policy rules, as `ip -6 rule` prints them.

use core::net::Ipv6Addr;

use crate::anonymize::address::prefix;
use crate::anonymize::pseudonyms::Pseudonyms;
use crate::host::rules::SELECTORS;

/// Words that are not of this host, besides those in front of a value: those of `ip rule`, and
/// names that every host has.
const WORDS: [&str; 33] = [
    "not",
    "from",
    "all",
    "lookup",
    "goto",
    "nop",
    "prohibit",
    "unreachable",
    "blackhole",
    "suppress_prefixlength",
    "suppress_ifgroup",
    "proto",
    "realms",
    "none",
    "[detached]",
    "[unresolved]",
    "[l3mdev-table]",
    "local",
    "main",
    "default",
    "kernel",
    "boot",
    "static",
    "ra",
    "zebra",
    "bird",
    "dhcp",
    "babel",
    "bgp",
    "ospf",
    "tcp",
    "udp",
    "ipv6-icmp",
];

/// A number, a range of them, or a number and its mask.
fn is_number(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'/' | b'-');
    word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(fits)
}

/// An address, or one with the length of its prefix.
fn address(names: &Pseudonyms, word: &str) -> Option<String> {
    let Some((address, length)) = word.split_once('/') else {
        return Some(names.address(word.parse().ok()?).to_string());
    };
    let length: u32 = length.parse().ok().filter(|length| *length <= 128)?;
    let address = names.address(address.parse().ok()?).to_bits();
    // Bits behind a prefix say nothing of it.
    let address = Ipv6Addr::from_bits(prefix(address, length));
    Some(format!("{address}/{length}"))
}

/// The rule with pseudonyms for addresses, interfaces, and whatever else the host has named.
#[must_use]
pub(super) fn rule(names: &Pseudonyms, line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let (priority, rest) = match line.split_once(':') {
        Some((priority, rest)) if is_number(priority.trim()) => (Some(priority), rest),
        _ => (None, line),
    };
    if let Some(priority) = priority {
        out.push_str(priority);
        out.push(':');
    }
    let mut before = "";
    for piece in rest.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if word.is_empty() {
            out.push_str(piece);
            continue;
        }
        let is_device = matches!(before, "iif" | "oif");
        if is_device {
            out.push_str(&String::from_utf8_lossy(&names.device(word.as_bytes())));
        } else if let Some(address) = address(names, word) {
            out.push_str(&address);
        } else if WORDS.contains(&word) || SELECTORS.contains(&word) || is_number(word) {
            out.push_str(word);
        } else {
            out.push_str(&names.word(word));
        }
        out.push_str(&piece[word.len()..]);
        before = if is_device { "" } else { word };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::key::Key;
    use crate::host::rules::PolicyRules;

    fn names() -> Pseudonyms {
        Pseudonyms::new(Key::of_text("k"))
    }

    #[test]
    fn what_no_host_has_named_stays() {
        for line in [
            "0:\tfrom all lookup local",
            "32766:\tfrom all lookup main suppress_prefixlength 0",
            "7:\tnot from all fwmark 0x1/0xff iif lo [detached] lookup 1000 proto static",
            "7:\tfrom all uidrange 1-5 ipproto tcp sport 1-2 goto 32766 [unresolved]",
            "1000:\tfrom all lookup [l3mdev-table]",
        ] {
            assert_eq!(rule(&names(), line), line);
        }
    }

    #[test]
    fn addresses_interfaces_and_tables_of_this_host_do_not() {
        let names = names();
        let line = "5:\tfrom fd00:1::/32 to fd00:1::9 iif eth0 oif dev lookup vpn proto acme";
        let found = rule(&names, line);
        for word in ["fd00", "eth0", "vpn", "acme", " dev "] {
            assert!(!found.contains(word), "{found}");
        }
        let words: Vec<&str> = found.split_ascii_whitespace().collect();
        let to: Ipv6Addr = words[4].parse().unwrap();
        assert_eq!(to, names.address("fd00:1::9".parse().unwrap()));
        let from = Ipv6Addr::from_bits(prefix(to.to_bits(), 32));
        assert_eq!(words[2], format!("{from}/32"));
        assert_eq!((words[5], words[7], words[9]), ("iif", "oif", "lookup"));
        assert_eq!(rule(&names, line), found);
        assert_ne!(words[6], words[8]);
    }

    #[test]
    fn a_rule_means_the_same_afterwards() {
        for line in [
            "5:\tfrom fd00::/8 iif eth0 lookup 12",
            "5:\tfrom all to 2001:db8::1 prohibit",
            "5:\tfrom 0/8 lookup vpn",
            "5:\tfrom all hello",
            "no rule",
        ] {
            let meaning = |line: &str| {
                let set = PolicyRules::parse([line]);
                let rules = set.rules().iter();
                let all = rules.map(|rule| (rule.priority, rule.action, rule.is_conditional));
                (all.collect::<Vec<_>>(), set.is_understood())
            };
            assert_eq!(meaning(&rule(&names(), line)), meaning(line), "{line}");
        }
    }
}
