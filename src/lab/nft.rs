//! A rule of nftables that asks for the way back to each packet's source, and drops what has none:
//! `fib saddr . iif oif 0 drop`, in front of everything.

use crate::os::netlink::{CREATE, Request};

/// Kinds of requests of nftables (`NFNL_SUBSYS_NFTABLES`), and the brackets around them.
const OF_NFTABLES: u16 = 10 << 8;
const NEW_TABLE: u16 = OF_NFTABLES;
const NEW_CHAIN: u16 = OF_NFTABLES | 3;
const NEW_RULE: u16 = OF_NFTABLES | 6;
const BEGIN: u16 = 16;
const END: u16 = 17;
/// Rules that see IPv6 alone (`NFPROTO_IPV6`).
const IPV6: u8 = 10;
/// How the table and its chain are called.
const TABLE: &str = "ip6drop";
const CHAIN: &str = "way-back";
/// Whatever stands in a list, and its name and its data.
const ELEMENT: u16 = 1;
const NAME: u16 = 1;
const DATA: u16 = 2;
/// A register, as expressions number them, and the verdict's.
const REGISTER: u32 = 1;
const VERDICT: u32 = 0;

/// The fixed part of these requests (`struct nfgenmsg`).
fn fixed(of: u16) -> [u8; 4] {
    let [high, low] = of.to_be_bytes();
    [IPV6, 0, high, low]
}

fn number(request: Request, kind: u16, number: u32) -> Request {
    request.with(kind, &number.to_be_bytes())
}

fn expression(list: Request, name: &str, data: impl FnOnce(Request) -> Request) -> Request {
    list.nested(ELEMENT, |one| one.named(NAME, name).nested(DATA, data))
}

/// The rule's parts.
fn rule(list: Request) -> Request {
    let list = expression(list, "fib", |fib| {
        /// By source and incoming interface (`NFTA_FIB_F_SADDR`, `_IIF`), the interface of the route.
        const BY: u32 = 1 | 8;
        const INTERFACE: u32 = 1;
        number(number(number(fib, 1, REGISTER), 2, INTERFACE), 3, BY)
    });
    let list = expression(list, "cmp", |cmp| {
        const EQUAL: u32 = 0;
        let cmp = number(number(cmp, 1, REGISTER), 2, EQUAL);
        cmp.nested(3, |data| data.with(1, &[0; 4]))
    });
    expression(list, "immediate", |immediate| {
        const DROP: u32 = 0;
        let verdict = |data: Request| data.nested(2, |verdict| number(verdict, 1, DROP));
        number(immediate, 1, VERDICT).nested(2, verdict)
    })
}

/// What makes the rule, with its table and its chain.
pub(super) fn way_back() -> Vec<Request> {
    /// In front of the lookup, and of what else stands there (`NF_INET_PRE_ROUTING`).
    const HOOK: u32 = 0;
    const PRIORITY: i32 = -300;
    let hook = |hook: Request| number(hook, 1, HOOK).with(2, &PRIORITY.to_be_bytes());
    // Behind the others, as rules are.
    const APPEND: u16 = 0x800;
    vec![
        Request::unanswered(BEGIN, &fixed(10)),
        Request::new(NEW_TABLE, CREATE, &fixed(0)).named(1, TABLE),
        Request::new(NEW_CHAIN, CREATE, &fixed(0))
            .named(1, TABLE)
            .named(3, CHAIN)
            .nested(4, hook)
            .named(7, "filter"),
        Request::new(NEW_RULE, CREATE | APPEND, &fixed(0))
            .named(1, TABLE)
            .named(2, CHAIN)
            .nested(4, rule),
        Request::unanswered(END, &fixed(10)),
    ]
}

#[cfg(test)]
mod tests {
    use rustix::net::netlink::NETFILTER;

    use super::*;
    use crate::os::netlink::Netlink;
    use crate::os::netns::NetNs;

    #[test]
    fn the_kernel_takes_the_rule() {
        // Without the privilege, or nftables, there is nothing to see.
        let Ok(space) = NetNs::new(|| Netlink::to(Some(NETFILTER))) else {
            return;
        };
        let made = space.run(|kernel| kernel.ask(way_back()));
        let Ok(()) = made else { return };
        let listed = space.run(|_| {
            let mut nft = std::process::Command::new("nft");
            Ok(nft
                .args(["list", "ruleset"])
                .output()
                .map(|said| String::from_utf8_lossy(&said.stdout).into_owned()))
        });
        let Ok(Ok(listed)) = listed else { return };
        assert!(listed.contains("fib saddr . iif oif"), "{listed}");
        assert!(listed.contains("type filter hook prerouting"), "{listed}");
    }
}
