//! Policy rules, throw routes and the table local of the current network namespace.

use std::path::Path;

use crate::host::netlink::dump::{FAMILY, Listing, dump};
use crate::host::netlink::route::{self, Routes};
use crate::host::netlink::rule;
use crate::host::policy::Policy;
use crate::host::roots::Host;
use crate::host::rules::{MAX_RULES, PolicyRules};

const RULES: Listing = Listing {
    of: None,
    family: FAMILY,
    ask: 34,
    entry: 32,
    header: rule::HEADER,
};
const ROUTES: Listing = Listing {
    of: None,
    family: FAMILY,
    ask: 26,
    entry: 24,
    header: route::HEADER,
};

impl Host {
    /// Policy rules, throw routes and the table local of the network namespace of the caller, as of now. What
    /// cannot be had is unknown: where /proc is another one, the kernel that answers netlink
    /// may be another host's.
    #[must_use]
    pub(crate) fn policy(&self) -> Policy {
        if self.proc != Path::new("/proc") {
            return Policy::default();
        }
        let routes = routes();
        Policy {
            rules: rules(),
            throw_routes: routes.map(|routes| routes.throw),
            local_routes: routes.map(|routes| routes.local),
        }
    }
}

fn rules() -> Option<PolicyRules> {
    let lines: Vec<String> = dump(RULES, |lines: &mut Vec<String>, body| {
        if body.first() == Some(&FAMILY) {
            lines.push(rule::line(body)?);
        }
        (lines.len() <= MAX_RULES).then_some(())
    })
    .ok()?;
    let rules = PolicyRules::parse(lines.iter().map(String::as_str));
    // A namespace without any rule asks no table: nobody means that.
    (!lines.is_empty()).then_some(rules)
}

fn routes() -> Option<Routes> {
    dump(ROUTES, |routes: &mut Routes, body| {
        routes.take(body, FAMILY)
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::thread;

    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

    use super::*;

    fn host(proc: &str) -> Host {
        Host {
            proc: PathBuf::from(proc),
            sys: PathBuf::from("/sys"),
            state: "".into(),
        }
    }

    /// A network namespace of its own in which a script has run, with what it printed. `None`
    /// where namespaces, netlink or `ip` cannot be had.
    fn namespace(script: &str) -> Option<(Child, Vec<String>)> {
        let permitted = Command::new("unshare")
            .args(["-n", "ip", "-6", "rule"])
            .output();
        if !permitted.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let script = format!("set -e\n{script}\necho READY\nread end");
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines: Vec<String> = Vec::new();
        for line in printed.map(Result::unwrap) {
            if line == "READY" {
                return Some((child, lines));
            }
            lines.push(line);
        }
        panic!("{:?}: {lines:?}", child.wait());
    }

    /// The policy of the namespace that the child is in.
    fn policy_in(mut child: Child) -> Policy {
        let net = File::open(format!("/proc/{}/ns/net", child.id())).unwrap();
        let inside = thread::spawn(move || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&net), network).unwrap();
            host("/proc").policy()
        });
        let policy = inside.join().unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        policy
    }

    #[test]
    fn rules_and_throw_routes_of_a_namespace() {
        let Some((child, lines)) = namespace(
            "ip -6 rule add pref 100 prohibit
            ip -6 rule add pref 101 not from 2001::/16 iif lo oif foo fwmark 1/0xff table 500 suppress_prefixlength 0
            ip -6 rule add pref 102 table main suppress_ifgroup 3
            ip -6 rule add pref 103 goto 32766
            ip -6 rule add pref 104 goto 200
            ip -6 rule add pref 105 nop
            ip -6 rule add pref 106 uidrange 1-5 unreachable
            ip -6 rule add pref 107 blackhole
            ip -6 rule add pref 109 ipproto tcp dport 80-90 sport 3 tos 0x10 table 7
            ip -6 rule add pref 110 from 2001:db8::/32 to 2001:db8::1 table local
            ip -6 rule add pref 111 protocol static tun_id 5 table 1000
            ip -6 route add throw 2001:db8:1::/64
            ip -6 route add throw 2001:db8:2::/64 table 77
            ip -6 route add unreachable 2001:db8:3::/64
            ip -6 rule",
        ) else {
            return;
        };
        let found = policy_in(child);
        let rules = found.rules.unwrap();
        let texts: Vec<&str> = rules
            .rules()
            .iter()
            .map(|rule| rule.text.raw().as_str())
            .collect();
        let printed: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
        assert_eq!(texts, printed);
        assert!(rules.is_understood() && texts.len() == 13);
        assert_eq!(found.throw_routes, Some(2));
    }

    #[test]
    fn a_namespace_as_it_comes() {
        let Some((child, _)) = namespace("") else {
            return;
        };
        let found = policy_in(child);
        assert!(found.rules.unwrap().is_understood());
        assert_eq!(found.throw_routes, Some(0));
    }

    #[test]
    fn more_rules_than_are_kept_are_unknown() {
        let many = |n: usize| {
            let fill = format!(
                "i=0; while [ $i -lt {n} ]; do echo rule add pref 100 table 7 fwmark $i; i=$((i+1)); done | ip -6 -batch -"
            );
            Some(policy_in(namespace(&fill)?.0))
        };
        let Some(most) = many(MAX_RULES - 2) else {
            return;
        };
        assert_eq!(most.rules.unwrap().rules().len(), MAX_RULES);
        let beyond = many(MAX_RULES - 1).unwrap();
        assert_eq!((beyond.rules, beyond.throw_routes), (None, Some(0)));
    }

    #[test]
    fn another_proc_is_another_host() {
        assert!(host("/nowhere").policy().is_empty());
    }
}
