//! What the lab can make, as one table.

use crate::diagnosis::class::Class;
use crate::lab::sizes::Regime;
use crate::lab::truth::Fate;

/// A kind of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What a pod answers the node: received at an address that had no packet before.
    Answer,
    /// A pod's, to where the node has no route.
    NoRoute,
    /// A pod's, to where an unreachable route leads.
    Unreachable,
    /// A pod's, to where a prohibit route leads.
    Prohibited,
    /// A pod's, to another pod.
    Forwarded,
    /// A pod's, to a socket of the node, behind a rule that asks for the way back.
    Served,
    /// The same, with a source that nobody has.
    Spoofed,
}

impl Kind {
    /// What must become of it, on a kernel that refuses entries or does not.
    #[must_use]
    pub(super) fn fate(self, regime: Regime, refuses: bool) -> Fate {
        match (self, regime) {
            (Kind::NoRoute | Kind::Unreachable | Kind::Prohibited | Kind::Spoofed, _) => Fate::Lost,
            (Kind::Forwarded, _) => Fate::Arrives,
            (Kind::Answer | Kind::Served, Regime::Full) if refuses => Fate::Lost,
            (Kind::Answer, Regime::JustOver) if refuses => Fate::Either,
            (Kind::Served, Regime::JustOver | Regime::Tight) if refuses => Fate::Either,
            (Kind::Answer | Kind::Served, _) => Fate::Arrives,
        }
    }

    /// What a loss of it may be called: where the cache is full, the copy of a route that says no
    /// is refused as well, and both are true.
    #[must_use]
    pub(super) fn names(self, regime: Regime) -> &'static [Class] {
        match (self, regime) {
            (Kind::Answer | Kind::Forwarded, _) => &[Class::RcvDstAlloc],
            (Kind::NoRoute, _) => &[Class::RcvNoRoute],
            (Kind::Unreachable, Regime::Full) => &[Class::RcvNoRoute, Class::RcvDstAlloc],
            (Kind::Unreachable, _) => &[Class::RcvNoRoute],
            (Kind::Prohibited, Regime::Full) => &[Class::RcvProhibited, Class::RcvDstAlloc],
            (Kind::Prohibited, _) => &[Class::RcvProhibited],
            (Kind::Served, _) => &[Class::RcvRpfilterDstAlloc],
            (Kind::Spoofed, _) => &[],
        }
    }
}

/// How packets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One after the other.
    Burst,
    /// The same, spread over the time.
    Spread,
    /// From before the recording until after it.
    Endless,
    /// As many as go, from several senders at once.
    Flood,
    /// Once with the fault, and once with the setting that is advised.
    Remedied,
}

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it shows, in short.
    pub(crate) about: &'static str,
    /// Only a kernel that refuses entries shows it.
    pub(crate) needs_fault: bool,
    /// What the cache is in.
    pub(crate) regime: Regime,
    /// A rule asks for the way back to each packet's source.
    pub(crate) asks_way_back: bool,
    /// The packets, by turns.
    pub(crate) kinds: &'static [Kind],
    /// How they are sent.
    pub(crate) pace: Pace,
}

const fn scenario(
    name: &'static str,
    about: &'static str,
    regime: Regime,
    kinds: &'static [Kind],
) -> Scenario {
    Scenario {
        name,
        about,
        needs_fault: false,
        regime,
        asks_way_back: false,
        kinds,
        pace: Pace::Burst,
    }
}

/// All of them, in the order in which they run.
#[rustfmt::skip]
pub(crate) static SCENARIOS: [Scenario; 12] = [
    Scenario { needs_fault: true, ..scenario("full", "the cache is full: every answer of a pod is lost", Regime::Full, &[Kind::Answer]) },
    Scenario { needs_fault: true, pace: Pace::Spread, ..scenario("intermittent", "it is just over its limit: now and then one is lost", Regime::JustOver, &[Kind::Answer]) },
    scenario("latent", "over the limit, and below gc_thresh: nothing is lost", Regime::Latent, &[Kind::Answer]),
    scenario("healthy", "room for all, and packets from pod to pod: nothing is lost", Regime::Roomy, &[Kind::Answer, Kind::Forwarded]),
    scenario("no-route", "packets to where the node has no route", Regime::Roomy, &[Kind::NoRoute]),
    scenario("prohibit", "packets to where a prohibit route leads", Regime::Roomy, &[Kind::Prohibited]),
    scenario("unreachable", "packets to where an unreachable route leads", Regime::Roomy, &[Kind::Unreachable]),
    Scenario { needs_fault: true, ..scenario("alternating", "full cache and missing route by turns, on each CPU", Regime::Full, &[Kind::Answer, Kind::NoRoute]) },
    Scenario { asks_way_back: true, ..scenario("rpfilter", "the cache is full, and a rule drops what has no way back to its source", Regime::Full, &[Kind::Served, Kind::Spoofed]) },
    Scenario { needs_fault: true, asks_way_back: true, pace: Pace::Flood, ..scenario("inflight", "room for all that stays, and not for the entries of that rule under load", Regime::Tight, &[Kind::Served]) },
    Scenario { pace: Pace::Endless, ..scenario("never-stopping", "senders that began before the recording and go on after it", Regime::Full, &[Kind::Answer, Kind::NoRoute, Kind::Forwarded]) },
    Scenario { needs_fault: true, pace: Pace::Remedied, ..scenario("remedy", "the setting that is advised, applied in there: the loss ends", Regime::Full, &[Kind::Answer]) },
];

impl Scenario {
    /// The one of that name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name_and_loses_what_it_says() {
        for scenario in &SCENARIOS {
            assert_eq!(Scenario::named(scenario.name), Some(scenario));
            let fates = |refuses| {
                let kinds = scenario.kinds.iter();
                kinds
                    .map(|kind| kind.fate(scenario.regime, refuses))
                    .collect::<Vec<_>>()
            };
            // Only where entries are refused it makes a difference.
            assert_eq!(
                fates(true) != fates(false),
                scenario.needs_fault || scenario.asks_way_back || scenario.pace == Pace::Endless,
                "{}",
                scenario.name
            );
            for (kind, fate) in scenario.kinds.iter().zip(fates(true)) {
                let names = kind.names(scenario.regime);
                assert!(fate == Fate::Arrives || *kind == Kind::Spoofed || !names.is_empty());
            }
        }
        assert_eq!(Scenario::named("fully"), None);
    }
}
