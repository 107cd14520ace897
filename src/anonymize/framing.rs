//! The framing lines of a capture.

use core::net::Ipv6Addr;

use crate::anonymize::pseudonyms::Pseudonyms;
use crate::anonymize::rule::rule;
use crate::capture::framing::{Framing, PolicyPart};
use crate::capture::one_line::OneLine;

/// The line with pseudonyms; `None` for one that may name something and cannot be read.
pub(super) fn framing(names: &Pseudonyms, framing: &Framing<'_>) -> Option<String> {
    Some(match framing {
        Framing::Host(name) => {
            let host = names.host(name.as_str());
            Framing::Host(OneLine::new(&host)).to_string()
        }
        Framing::Rule(when, said) => {
            let rule = rule(names, said.as_str());
            Framing::Rule(*when, OneLine::new(&rule)).to_string()
        }
        Framing::Policy(when, number, PolicyPart::Rule(said)) => {
            let rule = rule(names, said.as_str());
            let part = PolicyPart::Rule(OneLine::new(&rule));
            Framing::Policy(*when, *number, part).to_string()
        }
        // It is made of addresses, and must stay the same where they do.
        Framing::LocalRoutes(when, routes) => {
            let (high, low) = (0x2001 << 112, u128::from(*routes));
            let bits = names.address(Ipv6Addr::from_bits(high | low)).to_bits();
            #[allow(clippy::cast_possible_truncation)] // the half that the sum is in
            let routes = bits as u64;
            Framing::LocalRoutes(*when, routes).to_string()
        }
        // A filter may compare names, between quotes; every host has a lo.
        Framing::Lookups(filter) if filter.as_str().replace("\"lo\"", "").contains('"') => {
            return None;
        }
        Framing::Pod { dev, pod } => {
            let dev = names.device(dev.as_str().as_bytes());
            let pod = names.pod(pod.as_str());
            Framing::Pod {
                dev: OneLine::new(&dev),
                pod: OneLine::new(&pod),
            }
            .to_string()
        }
        // Whoever writes it may put the host in; parts of one recording stay such.
        Framing::Part { number, id } => Framing::Part {
            number: *number,
            id: OneLine::new(&names.host(id.as_str())),
        }
        .to_string(),
        // It names addresses and interfaces; that it is there must not be lost.
        Framing::Packets(_) => Framing::Packets(OneLine::new("of a filter")).to_string(),
        Framing::Unknown(_) => return None,
        Framing::Version(_)
        | Framing::Began(_)
        | Framing::Clock(_)
        | Framing::Kernel(_)
        | Framing::Cpus(_)
        | Framing::NewMaxSize(_)
        | Framing::Method(_)
        | Framing::Traced(_)
        | Framing::Probes(_)
        | Framing::StacksOff(_)
        | Framing::Fact(..)
        | Framing::ThrowRoutes(..)
        | Framing::Policy(..)
        | Framing::Lookups(_)
        | Framing::Ops(_)
        | Framing::LookupsSince(_)
        | Framing::Offsets(_)
        | Framing::WayBack { .. }
        | Framing::Lost { .. }
        | Framing::TraceDat
        | Framing::SeveralBuffers
        | Framing::Gap => framing.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::key::Key;

    fn shown(key: &str, value: &str) -> Option<String> {
        let names = Pseudonyms::new(Key::of_text("k"));
        framing(&names, &Framing::parse(key.as_bytes(), value.as_bytes()))
    }

    #[test]
    fn what_names_nothing_stays() {
        for (key, value) in [
            ("version", "1"),
            ("kernel", "4.19.108"),
            ("traced", "ip6_pkt_drop,ip6_dst_gc"),
            ("before", "Ip6InNoRoutes 5"),
            ("after", "rule 0:\tfrom all lookup local"),
            ("lookups", "iif != 1"),
            ("lost", "1 5"),
        ] {
            assert_eq!(shown(key, value), Some(format!("# ip6drop: {key} {value}")));
        }
    }

    #[test]
    fn hosts_and_rules_have_pseudonyms_and_what_is_not_known_is_left_out() {
        let host = shown("host", "node7.example.org").unwrap();
        assert!(host.starts_with("# ip6drop: host host-"), "{host}");
        let rule = shown("before", "rule 5:\tfrom fd00::/8 iif eth0 lookup 9").unwrap();
        assert!(
            rule.starts_with("# ip6drop: before rule 5:\tfrom "),
            "{rule}"
        );
        assert!(
            !rule.contains("fd00::/8") && !rule.contains("eth0"),
            "{rule}"
        );
        let other = "policy 2 rule 5:\tfrom fd00::/8 iif eth0 lookup 9";
        let other = shown("before", other).unwrap();
        assert_eq!(other, rule.replace("before rule", "before policy 2 rule"));
        let local = |when, value| {
            shown(when, value)
                .unwrap()
                .split_once(" local")
                .unwrap()
                .1
                .to_owned()
        };
        let one = local("before", "local_routes 0x1234567812345678");
        assert!(one.starts_with("_routes 0x") && !one.contains("12345678"));
        assert_eq!(local("after", "local_routes 0x1234567812345678"), one);
        assert_ne!(local("after", "local_routes 0x1234567812345679"), one);
        let ops = "policy 2 ops 0xffff88805d942340";
        let said = shown("after", ops).unwrap();
        assert_eq!(said, format!("# ip6drop: after {ops}"));
        assert_eq!(shown("lookups", "name == \"eth0\""), None);
        assert_eq!(shown("acme", "node7"), None);
        assert_eq!(shown("cpus", "node7"), None);
    }
}
