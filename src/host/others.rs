//! The node's other network namespaces, whose drops a trace shows as well: their policy.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::host::counters::read_namespace;
use crate::host::netns::{NetNs, RUN_DIRS, all};
use crate::host::policy::{Around, Policy};
use crate::host::roots::Host;

/// Most of them that are looked into: a node has some hundred pods.
const MAX_OTHERS: usize = 256;
/// When no further one is entered, of each look: a recording waits for it.
const PATIENCE: Duration = Duration::from_millis(150);
/// Most namespaces that are kept of a capture.
const MAX_NAMESPACES: usize = 1024;
/// Most different policies that are kept of a side of a capture.
const MAX_POLICIES: usize = 64;

/// A namespace and what tells it in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherNs {
    /// How to enter it.
    pub(crate) netns: NetNs,
    /// The address of its `dst_ops`.
    pub(crate) ops: u64,
}

/// Policies by number, and which namespaces have which: by their `dst_ops`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Policies {
    policies: BTreeMap<u32, Policy>,
    of: BTreeMap<u64, u32>,
}

impl Policies {
    /// The policy of that number, to be filled; `None` where too many are kept.
    pub(crate) fn numbered(&mut self, number: u32) -> Option<&mut Policy> {
        let has_room = self.policies.len() < MAX_POLICIES || self.policies.contains_key(&number);
        has_room.then(|| self.policies.entry(number).or_default())
    }

    /// Takes that a namespace has the policy of that number.
    pub(crate) fn give(&mut self, ops: u64, number: u32) {
        if self.of.len() < MAX_NAMESPACES {
            self.of.insert(ops, number);
        }
    }

    /// Each policy that some namespace has, with its number and those namespaces.
    pub(crate) fn each(&self) -> impl Iterator<Item = (u32, &Policy, Vec<u64>)> {
        self.policies.iter().map(|(&number, policy)| {
            let has = self.of.iter().filter(move |of| *of.1 == number);
            (number, policy, has.map(|(&ops, _)| ops).collect())
        })
    }

    fn of(&self, ops: u64) -> Option<&Policy> {
        self.policies.get(self.of.get(&ops)?)
    }

    fn add(&mut self, ops: u64, policy: Policy) {
        let known = self.policies.iter().find(|(_, known)| **known == policy);
        let number = match known {
            Some((&number, _)) => number,
            None => {
                let next = self.policies.keys().last().map_or(1, |last| last + 1);
                let Some(place) = self.numbered(next) else {
                    return;
                };
                *place = policy;
                next
            }
        };
        self.give(ops, number);
    }
}

impl Around<Policies> {
    /// What is known of a namespace on both sides.
    #[must_use]
    pub(crate) fn of(&self, ops: u64) -> Option<Around<Policy>> {
        Some(Around {
            before: self.before.of(ops)?.clone(),
            after: self.after.of(ops)?.clone(),
        })
    }
}

impl Host {
    /// Namespaces of the node that the caller is not in; none where their policy could not be
    /// asked for, because /proc is another one.
    #[must_use]
    pub(crate) fn other_namespaces(&self) -> Vec<NetNs> {
        if self.proc != Path::new("/proc") {
            return Vec::new();
        }
        let found = all(self, &RUN_DIRS.map(Path::new)).unwrap_or_default();
        let others = found.namespaces.into_iter();
        others
            .filter(|netns| !netns.own && netns.id.is_some())
            .take(MAX_OTHERS)
            .collect()
    }

    /// All of them, where none is hidden.
    #[must_use]
    pub(crate) fn every_other_namespace(&self) -> Option<Vec<NetNs>> {
        let found = all(self, &RUN_DIRS.map(Path::new)).ok()?;
        let is_known = self.proc == Path::new("/proc")
            && found.hidden == 0
            && found.namespaces.iter().all(|netns| netns.id.is_some());
        let others = found.namespaces.into_iter().filter(|netns| !netns.own);
        is_known.then(|| others.collect())
    }

    /// Reads `/proc/net/rt6_stats` and `gc_thresh` in one namespace after the other, with the
    /// calling thread, which stays in the last: the kernel runs `rt6_stats_seq_show` once in each
    /// that the answer has, in this order.
    #[must_use]
    pub(crate) fn touch_each(&self, namespaces: Vec<NetNs>) -> Vec<(NetNs, u64)> {
        let touch = |netns: NetNs| {
            netns.enter().ok()?;
            let net = self.proc.join("thread-self/net");
            let now = read_namespace(&self.proc, &net, &["gc_thresh"]).snapshot;
            now.rt6_stats?;
            let gc_thresh = now.route.get("gc_thresh").copied()?;
            Some((netns, u64::try_from(gc_thresh).ok()?))
        };
        in_time(namespaces).filter_map(touch).collect()
    }

    /// The policies of these, as of now. What cannot be had is left out.
    #[must_use]
    pub(crate) fn policies(&self, others: &[OtherNs]) -> Policies {
        let mut policies = Policies::default();
        if others.is_empty() {
            return policies;
        }
        let look = || {
            for OtherNs { netns, ops } in in_time(others) {
                if netns.enter().is_ok() {
                    let policy = self.policy();
                    // Each has addresses of its own, and would share its policy with nobody.
                    let local_routes = None;
                    policies.add(
                        *ops,
                        Policy {
                            local_routes,
                            ..policy
                        },
                    );
                }
            }
        };
        // It must not come back from where it went.
        thread::scope(|scope| {
            let helper = thread::Builder::new().name("netns".to_owned());
            let _ = helper.spawn_scoped(scope, look).map(|thread| thread.join());
        });
        policies
    }
}

/// As many of these as there is time for.
fn in_time<T>(all: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    let until = Instant::now() + PATIENCE;
    all.into_iter().take_while(move |_| Instant::now() < until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::rules::PolicyRules;

    fn policy(line: &str) -> Policy {
        Policy {
            rules: Some(PolicyRules::parse([line])),
            throw_routes: Some(0),
            local_routes: None,
        }
    }

    const LOCAL: &str = "0:\tfrom all lookup local";
    const MAIN: &str = "0:\tfrom all lookup main";

    #[test]
    fn namespaces_share_policies() {
        let mut now = Policies::default();
        for (ops, line) in [(7, LOCAL), (8, MAIN), (9, LOCAL)] {
            now.add(ops, policy(line));
        }
        let (local, main) = (policy(LOCAL), policy(MAIN));
        let each: Vec<_> = now.each().collect();
        assert_eq!(each, [(1, &local, vec![7, 9]), (2, &main, vec![8])]);
        let around = |before: &Policies, after: &Policies| {
            let (before, after) = (before.clone(), after.clone());
            Around { before, after }
        };
        let none = Policies::default();
        let both = around(&now, &now).of(9).unwrap();
        assert_eq!((both.before, both.after), (local.clone(), local));
        for (known, ops) in [
            (around(&now, &now), 10),
            (around(&none, &now), 9),
            (around(&now, &none), 9),
        ] {
            assert_eq!(known.of(ops), None);
        }
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let mut now = Policies::default();
        for number in 0..=u64::try_from(MAX_NAMESPACES).unwrap() {
            now.add(number, policy(LOCAL));
        }
        assert_eq!(now.each().next().unwrap().2.len(), MAX_NAMESPACES);
        let mut now = Policies::default();
        for number in 0..=u32::try_from(MAX_POLICIES).unwrap() {
            now.add(
                u64::from(number),
                policy(&format!("{number}:\tfrom all lookup main")),
            );
        }
        assert_eq!(now.each().count(), MAX_POLICIES);
        assert!(now.numbered(1).is_some() && now.numbered(9999).is_none());
    }

    #[test]
    fn another_proc_has_no_other_namespaces() {
        let host = |proc: &str| Host {
            proc: proc.into(),
            sys: "/sys".into(),
            state: "".into(),
        };
        assert_eq!(host("/nowhere").other_namespaces(), []);
        assert_eq!(host("/nowhere").every_other_namespace(), None);
        assert!(
            host("/proc")
                .other_namespaces()
                .iter()
                .all(|netns| !netns.own)
        );
    }
}
