//! Which interfaces there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::thread;

use crate::host::roots::Host;
use crate::order::map_of;

/// The number of each interface by its name; `None` for one without IPv6.
pub(crate) type Interfaces = BTreeMap<String, Option<u32>>;

impl Host {
    /// The interfaces of the network namespace of the caller (`/proc/net/dev`), with the numbers
    /// that `/proc/net/dev_snmp6` has.
    ///
    /// # Errors
    /// What reading the list answers.
    pub(crate) fn interfaces(&self) -> io::Result<Interfaces> {
        let net = self.proc.join("thread-self/net");
        let number = |name: &str| {
            let text = fs::read_to_string(net.join("dev_snmp6").join(name)).ok()?;
            let number = text.lines().find_map(|line| line.strip_prefix("ifIndex"))?;
            number.trim().parse().ok()
        };
        let text = fs::read_to_string(net.join("dev"))?;
        let names = text.lines().filter_map(|line| line.split_once(':'));
        let names = names.map(|(name, _)| name.trim());
        Ok(map_of(names.map(|name| (name.to_owned(), number(name)))))
    }

    /// The names of interfaces of all network namespaces of the node; `None` where one cannot be
    /// looked into.
    #[must_use]
    pub(crate) fn interfaces_everywhere(&self) -> Option<BTreeSet<String>> {
        let mut names: BTreeSet<String> = self.interfaces().ok()?.into_keys().collect();
        let others = self.every_other_namespace()?;
        // It must not come back from where it went.
        thread::scope(|scope| {
            let helper = thread::Builder::new().name("netns".to_owned());
            let look = helper.spawn_scoped(scope, || {
                for netns in others {
                    netns.enter().ok()?;
                    names.extend(self.interfaces().ok()?.into_keys());
                }
                Some(names)
            });
            look.ok()?.join().ok()?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let net = dir.path().join("thread-self/net");
        let snmp6 = net.join("dev_snmp6");
        fs::create_dir_all(&snmp6).unwrap();
        let head = "Inter-|   Receive                  |  Transmit\n face |bytes packets\n";
        let lines = "    lo:  84  1\ncali7:  9 0\n tunl0: 0 0\n torn: 0 0\n";
        fs::write(net.join("dev"), format!("{head}{lines}")).unwrap();
        let counters = |n| format!("ifIndex                         \t{n}\nIp6InReceives  \t9\n");
        fs::write(snmp6.join("lo"), counters("1")).unwrap();
        fs::write(snmp6.join("cali7"), counters("12")).unwrap();
        fs::write(snmp6.join("torn"), "Ip6InReceives 9\n").unwrap();
        let host = Host {
            proc: dir.path().to_owned(),
            sys: dir.path().to_owned(),
            state: "".into(),
        };
        let expected = [
            ("cali7", Some(12)),
            ("lo", Some(1)),
            ("torn", None),
            ("tunl0", None),
        ];
        let expected = expected.map(|(name, n)| (name.to_owned(), n));
        assert_eq!(host.interfaces().unwrap(), expected.into());
        // Of other namespaces nothing is known.
        assert_eq!(host.interfaces_everywhere(), None);
        let nowhere = Host {
            proc: dir.path().join("nothing"),
            ..host
        };
        assert!(nowhere.interfaces().is_err());
    }
}
