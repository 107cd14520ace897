//! Facts around a capture, and how far they can be held against it.

use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::evidence::Observed;
use crate::diagnosis::proof::{CallCounts, Proof, prove};
use crate::host::rules::PolicyRules;
use crate::host::{Facts, Snapshot};
use crate::trace::TextFacts;

/// Facts around a capture, and what is known of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Counters, limits and policy.
    pub(crate) facts: &'a Facts,
    /// They are the capture's own, read while it was traced and at moments without a drop. Facts
    /// from elsewhere may be of a longer time or of another namespace.
    pub(crate) bracketed: bool,
    /// Receive-path drops of all inputs that share them.
    pub(crate) receive_drops: u64,
    /// Some input holds a log in which memory could not be allocated.
    pub(crate) memory_failed: bool,
}

impl Surroundings<'_> {
    /// The kernel counted as many receive-path drops in between as the trace shows.
    pub(crate) fn counts_are_equal(&self) -> bool {
        self.facts.rise(Snapshot::in_no_routes) == Some(self.receive_drops)
    }

    /// It counted fewer: some drops are of another namespace than the counters, or of another
    /// time.
    pub(crate) fn are_foreign(&self) -> bool {
        let counted = self.facts.rise(Snapshot::in_no_routes);
        counted.is_some_and(|counted| counted < self.receive_drops)
    }

    /// All attempts in the trace are of the namespace that the facts are of: by its pointer, or,
    /// where only one namespace asks, as far as its counters can tell.
    pub(crate) fn are_of(&self, gathered: &Gathered) -> bool {
        let Some(one) = gathered.only_namespace() else {
            return false;
        };
        let fits = || gathered.fast.is_none_or(|reads| reads.fit(self.facts));
        match self.facts.ops {
            Some(ops) => ops == one,
            None => !self.are_foreign() && (!self.facts.has_reading() || fits()),
        }
    }

    /// No rule puts a route back that its table found, and no throw route sends a packet on: a
    /// route that was found decides, and its refusal counts. Where there are VRFs a packet may have
    /// got its dst without `ip6_route_input` (drivers/net/vrf.c: `vrf_ip6_input_dst`), and what was
    /// refused before is another one's.
    pub(crate) fn pass_nothing_over(&self) -> bool {
        let rules = self.facts.policy.rules();
        rules.is_some_and(|rules| !rules.suppresses() && !rules.has_l3mdev())
            && self.facts.policy.throw_routes() == Some(0)
    }

    /// Packets may be of a VRF: its rule is there, or the rules are not known and some table was
    /// asked that only rules name.
    pub(crate) fn has_vrf(&self) -> bool {
        let rules = self.facts.policy.rules();
        rules.is_some_and(PolicyRules::has_l3mdev)
    }

    /// What they prove of the calls in the trace, which may show that they are of another
    /// namespace, or of limits that were others in between.
    pub(crate) fn prove(&self, gathered: &Gathered, text: &TextFacts) -> Proof {
        let shows =
            |observed: &[Observed]| gathered.gc.keys().any(|(.., seen)| observed.contains(seen));
        let proof = prove(self.facts, calls(gathered, text));
        let is_contradicted = match proof {
            Proof::NoneFailed => shows(&[Observed::Failed]),
            Proof::AllFailed => shows(&[Observed::Succeeded, Observed::Uncollected]),
            Proof::AllGranted => {
                shows(&[Observed::Failed]) || !self.bracketed || gathered.has_losses()
            }
            Proof::CollectedFailed | Proof::Nothing => false,
        };
        if is_contradicted || self.are_foreign() {
            Proof::Nothing
        } else {
            proof
        }
    }
}

/// Calls of `ip6_dst_gc` in the capture that the facts bracket.
pub(crate) fn calls(gathered: &Gathered, text: &TextFacts) -> CallCounts {
    let mut calls = CallCounts::default();
    // Calls that bpftrace has counted may have been made before the facts, or after them.
    let counted =
        |cpu: Option<u32>, observed| text.bpftrace && cpu.is_none() && observed == Observed::Cut;
    for (&(cpu, _, observed), &n) in &gathered.gc {
        if counted(cpu, observed) {
            continue;
        }
        calls.all += n;
        calls.collected += if observed == Observed::Collected {
            n
        } else {
            0
        };
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_vrfs_is_known_by_its_table() {
        let has_vrf = |rule: &str| {
            let facts = Facts::parse(rule.as_bytes()).unwrap();
            let around = Surroundings {
                facts: &facts,
                bracketed: false,
                receive_drops: 0,
                memory_failed: false,
            };
            around.has_vrf()
        };
        assert!(has_vrf("1000:\tfrom all lookup [l3mdev-table]\n"));
        assert!(!has_vrf("32766:\tfrom all lookup main\n"));
    }
}
