//! The rules of nftables in the current network namespace: only whether one asks a route table.

use std::io;
use std::path::Path;

use rustix::net::netlink::NETFILTER;

use crate::host::netlink::attributes::each;
use crate::host::netlink::dump::{Listing, dump};
use crate::host::roots::Host;

/// `NFT_MSG_GETRULE` and `NFT_MSG_NEWRULE` of `NFNL_SUBSYS_NFTABLES`, behind `nfgenmsg`.
const RULES: Listing = Listing {
    of: Some(NETFILTER),
    family: 0,
    ask: 10 << 8 | 7,
    entry: 10 << 8 | 6,
    header: 4,
};
/// Tables of family `ip`, which see no IPv6 (`NFPROTO_IPV4`).
const IPV4: u8 = 2;
/// What a rule is made of (`NFTA_RULE_EXPRESSIONS`), each part of it (`NFTA_LIST_ELEM`), and how
/// that is called (`NFTA_EXPR_NAME`).
const EXPRESSIONS: u16 = 4;
const ELEMENT: u16 = 1;
const NAME: u16 = 1;

/// Whether a rule that sees IPv6 has `fib`; `None` of a message that is cut.
fn has_fib(body: &[u8]) -> Option<bool> {
    let (header, attributes) = body.split_at_checked(RULES.header)?;
    let mut found = false;
    each(attributes, |kind, value| match kind {
        EXPRESSIONS => each(value, |kind, value| match kind {
            ELEMENT => each(value, |kind, value| {
                found |= kind == NAME && value == b"fib\0";
                Some(())
            }),
            _ => Some(()),
        }),
        _ => Some(()),
    })?;
    Some(found && header[0] != IPV4)
}

impl Host {
    /// Whether a rule of nftables has `fib`, in the network namespace of the caller and as of now;
    /// where there are more than can be listed, one may. No rule is known without the privilege,
    /// or of another /proc. A kernel that has nftables as a module would load it for this.
    pub(crate) fn nft_may_ask_routes(&self) -> bool {
        if self.proc != Path::new("/proc") {
            return false;
        }
        let any = |found: &mut bool, body: &[u8]| {
            *found |= has_fib(body)?;
            Some(())
        };
        let refused = |error: io::Error| error.kind() != io::ErrorKind::PermissionDenied;
        dump(RULES, any).unwrap_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use rustix::thread::UnshareFlags;

    use super::*;
    use crate::host::netlink::rule::tests::attribute;

    /// A rule of that family with these expressions, as the kernel lists it.
    fn rule(family: u8, names: &[&str]) -> Vec<u8> {
        let element = |name: &&str| {
            let name = attribute(NAME, format!("{name}\0").as_bytes());
            attribute(ELEMENT, &[name, attribute(2, b"data")].concat())
        };
        let elements: Vec<u8> = names.iter().flat_map(element).collect();
        let mut body = vec![family, 0, 0, 0];
        body.extend(attribute(1, b"fib\0"));
        body.extend(attribute(0x8000 | EXPRESSIONS, &elements));
        body
    }

    #[test]
    fn rules_that_have_fib_and_others() {
        assert_eq!(has_fib(&rule(10, &["counter", "fib", "cmp"])), Some(true));
        assert_eq!(has_fib(&rule(1, &["fib"])), Some(true));
        // The table is called so.
        assert_eq!(has_fib(&rule(10, &["counter", "fibs"])), Some(false));
        assert_eq!(has_fib(&rule(IPV4, &["fib"])), Some(false));
        assert_eq!(has_fib(&rule(10, &["fib"])[..17]), None);
        assert_eq!(has_fib(b"123"), None);
    }

    #[test]
    fn another_proc_is_another_host() {
        let host = Host {
            proc: "/nowhere".into(),
            sys: "/sys".into(),
            state: "".into(),
        };
        assert!(!host.nft_may_ask_routes());
    }

    /// What is said of the rules in a fresh namespace; `None` where there is none to be had.
    fn said_of(rules: &'static [&'static str]) -> Option<bool> {
        let inside = move || {
            #[allow(deprecated)]
            rustix::thread::unshare(UnshareFlags::NEWNET).ok()?;
            let host = Host {
                proc: "/proc".into(),
                sys: "/sys".into(),
                state: "".into(),
            };
            for rule in rules {
                let done = Command::new("nft").arg(rule).status().ok()?;
                done.success().then_some(())?;
            }
            Some(host.nft_may_ask_routes())
        };
        thread::spawn(inside).join().unwrap()
    }

    #[test]
    fn rules_of_a_namespace() {
        const TABLE: &str = "add table inet t";
        const CHAIN: &str = "add chain inet t c { type filter hook prerouting priority -300; }";
        const OTHER: &str = "add rule inet t c ip6 saddr fd00::1 counter drop";
        const FIB: &str = "add rule inet t c fib saddr . iif oif missing counter drop";
        for (rules, wanted) in [
            (&[TABLE, CHAIN, OTHER][..], false),
            (&[TABLE, CHAIN, OTHER, FIB], true),
        ] {
            let said = said_of(rules);
            assert!(said.is_none_or(|said| said == wanted), "{rules:?}");
        }
    }
}
