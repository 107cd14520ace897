//! What is known of a whole input when its drops are classified, and what that makes of one attempt.

use std::sync::Arc;

use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::evidence::{Attempt, Observed, Traced};
use crate::diagnosis::limit::checks_limit;
use crate::diagnosis::lookups::filter::Shown;
use crate::diagnosis::lookups::told::{Tellings, shown};
use crate::diagnosis::proof::Proof;
use crate::diagnosis::surroundings::Surroundings;
use crate::trace::TextFacts;

/// What is known beyond the drop itself when drops are classified.
#[derive(Debug, Clone)]
pub(crate) struct Knowledge {
    /// Functions whose entries were recorded from start to end.
    pub(crate) traced: Traced,
    /// Functions whose entries were seen, perhaps only from there on.
    pub(crate) seen: Traced,
    /// What return probes on `ip6_dst_gc` say, and what looks like a whole call, is of use.
    pub(crate) returns_count: bool,
    /// No event is missing at a place that is not known.
    pub(crate) losses_are_placed: bool,
    /// Totals of lost events are still to come, which may show some at no known place.
    pub(crate) losses_outstanding: bool,
    /// What the facts prove.
    pub(crate) proof: Proof,
    /// Where events are missing, the text says so.
    pub(crate) losses_are_marked: bool,
    /// The kernel's log in the same text says that allocations were refused.
    pub(crate) refusals_logged: bool,
    /// The facts are known to be of the namespace in which the drops happened.
    pub(crate) same_namespace: bool,
    /// As many drops were counted as the trace shows, and nothing speaks against one namespace:
    /// the counters are probably those of the drops.
    pub(crate) counts_agree: bool,
    /// The policy rules and throw routes of the drops' namespace are known, and leave no way in
    /// which a route that was refused would not have counted, and no VRF in which it may be that
    /// of another packet.
    pub(crate) refusals_count: bool,
    /// The kernel's log says that memory could not be allocated.
    pub(crate) memory_failed: bool,
    /// The kernel's filter on lookups is known and understood.
    pub(crate) lookups_filter_known: bool,
    /// It shows every lookup for a received packet.
    pub(crate) shows_received: bool,
    /// Some packet may be of a VRF.
    pub(crate) has_vrf: bool,
    /// What lookups tell.
    pub(crate) tellings: Arc<Tellings>,
}

/// The outcome of an attempt once everything is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Failed { proven: bool },
    Succeeded { proven: bool },
    Open,
}

impl Knowledge {
    /// A probe's word goes before the facts', which speak of one namespace only.
    pub(crate) fn outcome(&self, attempt: Attempt) -> Outcome {
        let proven = self.same_namespace;
        match (attempt.observed, self.proof) {
            (Observed::Failed, _) if self.returns_count => Outcome::Failed { proven: true },
            (Observed::Succeeded, _) if self.returns_count => Outcome::Succeeded { proven: true },
            (Observed::Uncollected, _) => Outcome::Succeeded { proven: true },
            (Observed::Nothing, _) if self.traced.run_gc => Outcome::Succeeded { proven: true },
            (_, Proof::AllFailed) => Outcome::Failed { proven },
            (_, Proof::NoneFailed) => Outcome::Succeeded { proven },
            (Observed::Collected, Proof::CollectedFailed) => Outcome::Failed { proven },
            (_, Proof::AllGranted) => Outcome::Succeeded { proven: false },
            // fib6_run_gc was seen, but only later: it was probably traced here as well.
            (Observed::Nothing, _) if self.seen.run_gc => Outcome::Succeeded { proven: false },
            _ => Outcome::Open,
        }
    }

    /// What became of a call of `ip6_dst_gc`: refused, granted, or not known.
    #[must_use]
    pub(crate) fn failed(&self, observed: Observed) -> Option<bool> {
        match self.outcome(Attempt {
            certain: true,
            observed,
        }) {
            Outcome::Failed { .. } => Some(true),
            Outcome::Succeeded { .. } => Some(false),
            Outcome::Open => None,
        }
    }
}

/// What is known for the drops of one input once all of it has been read.
#[must_use]
pub(crate) fn knowledge(
    gathered: &Gathered,
    around: &Surroundings<'_>,
    text: &TextFacts,
    traced: Traced,
) -> Knowledge {
    // Buffers differ in filters, in losses and perhaps in clocks: what one does not show,
    // another may have left out.
    let several = gathered.preamble.several_buffers;
    // Each namespace has its own counter and its own limits. The facts are those of the drops'
    // own if that namespace counted as many as the trace shows, in the same time, and is the one
    // whose attempts are in the trace.
    let agree = around.counts_are_equal() && !gathered.has_losses();
    let are_of = around.are_of(gathered);
    let shown = shown(around.facts);
    let traced = traced.or(gathered.traced.unwrap_or_default());
    Knowledge {
        traced,
        seen: gathered.seen,
        returns_count: checks_limit(gathered, around, traced) != Some(false),
        losses_are_placed: !gathered.has_unplaced_losses() && !text.perf && !several,
        losses_are_marked: !text.perf && !several,
        losses_outstanding: gathered.losses_outstanding(),
        refusals_logged: text.log.refusals() > 0,
        proof: around.prove(gathered, text),
        same_namespace: around.bracketed && agree && are_of,
        counts_agree: agree && gathered.namespaces.len() <= 1,
        refusals_count: around.pass_nothing_over() && are_of,
        memory_failed: around.memory_failed,
        lookups_filter_known: shown.is_some(),
        shows_received: shown.as_ref().is_some_and(Shown::shows_received),
        has_vrf: around.has_vrf(),
        tellings: Arc::new(Tellings::new(&gathered.sequences, around.facts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::rules::witnesses::Given;
    use crate::host::Facts;
    use crate::kernel::functions::Origin;
    use crate::trace::KernelLog;

    const FAILED: Outcome = Outcome::Failed { proven: true };
    const SUCCEEDED: Outcome = Outcome::Succeeded { proven: true };
    const PERHAPS_FAILED: Outcome = Outcome::Failed { proven: false };
    const PERHAPS_SUCCEEDED: Outcome = Outcome::Succeeded { proven: false };
    const OPEN: Outcome = Outcome::Open;

    /// What becomes of each thing that can be observed, in the order of [`Observed::ALL`].
    #[track_caller]
    fn outcomes(change: fn(&mut Knowledge), wanted: [Outcome; 6]) {
        let mut knowledge = Given::usual().knowledge;
        change(&mut knowledge);
        for certain in [false, true] {
            let outcome = |observed| knowledge.outcome(Attempt { certain, observed });
            assert_eq!(Observed::ALL.map(outcome), wanted);
        }
        let failed = wanted.map(|outcome| match outcome {
            Outcome::Failed { .. } => Some(true),
            Outcome::Succeeded { .. } => Some(false),
            Outcome::Open => None,
        });
        assert_eq!(
            Observed::ALL.map(|observed| knowledge.failed(observed)),
            failed
        );
    }

    #[test]
    fn what_was_observed_goes_first() {
        outcomes(
            |_| (),
            [FAILED, SUCCEEDED, OPEN, SUCCEEDED, SUCCEEDED, OPEN],
        );
        outcomes(
            |known| known.same_namespace = false,
            [FAILED, SUCCEEDED, OPEN, SUCCEEDED, SUCCEEDED, OPEN],
        );
        outcomes(
            |known| known.returns_count = false,
            [OPEN, OPEN, OPEN, SUCCEEDED, SUCCEEDED, OPEN],
        );
    }

    #[test]
    fn a_call_without_a_collection_is_granted_where_one_would_show() {
        outcomes(
            |known| known.traced.run_gc = false,
            [FAILED, SUCCEEDED, OPEN, SUCCEEDED, PERHAPS_SUCCEEDED, OPEN],
        );
        outcomes(
            |known| known.seen.run_gc = false,
            [FAILED, SUCCEEDED, OPEN, SUCCEEDED, SUCCEEDED, OPEN],
        );
        outcomes(
            |known| {
                known.traced.run_gc = false;
                known.seen.run_gc = false;
            },
            [FAILED, SUCCEEDED, OPEN, SUCCEEDED, OPEN, OPEN],
        );
    }

    #[test]
    fn facts_decide_what_was_not_observed() {
        outcomes(
            |known| known.proof = Proof::AllFailed,
            [FAILED, SUCCEEDED, FAILED, SUCCEEDED, SUCCEEDED, FAILED],
        );
        outcomes(
            |known| known.proof = Proof::NoneFailed,
            [
                FAILED, SUCCEEDED, SUCCEEDED, SUCCEEDED, SUCCEEDED, SUCCEEDED,
            ],
        );
        outcomes(
            |known| known.proof = Proof::CollectedFailed,
            [FAILED, SUCCEEDED, FAILED, SUCCEEDED, SUCCEEDED, OPEN],
        );
        outcomes(
            |known| {
                known.proof = Proof::AllFailed;
                known.returns_count = false;
            },
            [FAILED, FAILED, FAILED, SUCCEEDED, SUCCEEDED, FAILED],
        );
        outcomes(
            |known| {
                known.proof = Proof::AllFailed;
                known.same_namespace = false;
            },
            [
                FAILED,
                SUCCEEDED,
                PERHAPS_FAILED,
                SUCCEEDED,
                SUCCEEDED,
                PERHAPS_FAILED,
            ],
        );
        outcomes(
            |known| {
                known.proof = Proof::NoneFailed;
                known.same_namespace = false;
            },
            [
                FAILED,
                SUCCEEDED,
                PERHAPS_SUCCEEDED,
                SUCCEEDED,
                SUCCEEDED,
                PERHAPS_SUCCEEDED,
            ],
        );
        outcomes(
            |known| {
                known.proof = Proof::CollectedFailed;
                known.same_namespace = false;
            },
            [
                FAILED,
                SUCCEEDED,
                PERHAPS_FAILED,
                SUCCEEDED,
                SUCCEEDED,
                OPEN,
            ],
        );
    }

    #[test]
    fn as_many_entries_as_calls_grant_what_was_not_observed() {
        outcomes(
            |known| known.proof = Proof::AllGranted,
            [
                FAILED,
                SUCCEEDED,
                PERHAPS_SUCCEEDED,
                SUCCEEDED,
                SUCCEEDED,
                PERHAPS_SUCCEEDED,
            ],
        );
    }

    /// An input whose calls, held against its facts, prove by counting alone: 323 of 326 were
    /// granted, and `fib6_run_gc` ran in 3.
    struct Whole {
        gathered: Gathered,
        facts: Facts,
        text: TextFacts,
        traced: Traced,
        receive_drops: u64,
        bracketed: bool,
    }

    impl Whole {
        fn new() -> Whole {
            let reading = |slow: u64, allocations: u64, drops: u64| {
                format!(
                    "0001 0001 {allocations:04x} 0001 0000 {slow:04x} 0000\nIp6InNoRoutes {drops}\n\
                     net.ipv6.route.max_size = 366\nnet.ipv6.route.gc_thresh = 64\n4\n"
                )
            };
            let facts = reading(376, 511, 100) + &reading(379, 834, 107);
            let mut gathered = Gathered::default();
            gathered.namespaces.insert(7);
            let mut calls = |cpu, origin, observed, n| {
                gathered.gc.insert((cpu, origin, observed), n);
            };
            calls(Some(0), Origin::Receive, Observed::Uncollected, 300);
            calls(Some(0), Origin::Ndisc, Observed::Collected, 1);
            calls(Some(1), Origin::Receive, Observed::Collected, 2);
            calls(Some(1), Origin::Unknown, Observed::Cut, 20);
            calls(None, Origin::Receive, Observed::Nothing, 3);
            Whole {
                gathered,
                facts: Facts::parse(facts.as_bytes()).unwrap(),
                text: TextFacts::default(),
                traced: Traced::default(),
                receive_drops: 7,
                bracketed: true,
            }
        }

        fn known(&self) -> Knowledge {
            let around = Surroundings {
                facts: &self.facts,
                bracketed: self.bracketed,
                receive_drops: self.receive_drops,
                memory_failed: false,
            };
            knowledge(&self.gathered, &around, &self.text, self.traced)
        }
    }

    /// What is known where something is different.
    fn with(change: impl FnOnce(&mut Whole)) -> Knowledge {
        let mut whole = Whole::new();
        change(&mut whole);
        whole.known()
    }

    #[test]
    fn every_call_counts_for_the_proof() {
        assert_eq!(with(|_| ()).proof, Proof::CollectedFailed);
        // One call less, or one more in which fib6_run_gc ran: one of these was granted.
        let one_less = with(|whole| {
            let calls = whole.gathered.gc.values_mut();
            calls.for_each(|n| *n -= u64::from(*n == 300));
        });
        assert_eq!(one_less.proof, Proof::Nothing);
        let one_collected = with(|whole| {
            let calls = whole.gathered.gc.iter_mut();
            calls.for_each(|((.., observed), n)| match observed {
                Observed::Uncollected => *n -= 1,
                Observed::Collected if *n == 2 => *n += 1,
                _ => (),
            });
        });
        assert_eq!(one_collected.proof, Proof::Nothing);
        // Calls that bpftrace has counted were made at no known time.
        let fewer = |cpu, observed, bpftrace| {
            let known = with(|whole| {
                whole
                    .gathered
                    .gc
                    .remove(&(Some(1), Origin::Unknown, Observed::Cut));
                whole
                    .gathered
                    .gc
                    .insert((cpu, Origin::Output, observed), 20);
                whole.text.bpftrace = bpftrace;
            });
            known.proof
        };
        assert_eq!(fewer(None, Observed::Cut, false), Proof::CollectedFailed);
        assert_eq!(fewer(None, Observed::Cut, true), Proof::Nothing);
        assert_eq!(fewer(Some(2), Observed::Cut, true), Proof::CollectedFailed);
        assert_eq!(
            fewer(None, Observed::Uncollected, true),
            Proof::CollectedFailed
        );
    }

    /// 323 entries were allocated: as many as calls, and fast stayed above gc_thresh.
    #[test]
    fn every_call_was_granted_where_nothing_speaks_against_it() {
        let granted = |change: fn(&mut Whole)| {
            let known = with(|whole| {
                whole
                    .gathered
                    .gc
                    .retain(|(.., seen), _| *seen == Observed::Uncollected);
                whole
                    .gathered
                    .gc
                    .insert((Some(1), Origin::Receive, Observed::Collected), 23);
                let reading = |allocations: u64, drops: u64| {
                    format!(
                        "0001 0001 {allocations:04x} 0001 0000 0400 0000\nIp6InNoRoutes {drops}\n\
                         net.ipv6.route.max_size = 366\nnet.ipv6.route.gc_thresh = 64\n4\n"
                    )
                };
                let text = reading(511, 100) + &reading(834, 107);
                whole.facts = Facts::parse(text.as_bytes()).unwrap();
                change(whole);
            });
            known.proof == Proof::AllGranted
        };
        assert!(granted(|_| ()));
        assert!(!granted(|whole| whole.bracketed = false));
        assert!(!granted(|whole| whole.gathered.lost_uncounted = 1));
        assert!(!granted(|whole| {
            let calls = whole.gathered.gc.iter_mut();
            calls.for_each(|((.., seen), n)| *n -= u64::from(*seen == Observed::Collected));
            whole
                .gathered
                .gc
                .insert((Some(1), Origin::Receive, Observed::Failed), 1);
        }));
    }

    #[test]
    fn facts_are_of_the_namespace_that_counted_as_many_drops() {
        for (receive_drops, same, proves) in [(6, false, true), (7, true, true), (8, false, false)]
        {
            let known = with(|whole| whole.receive_drops = receive_drops);
            assert_eq!(known.same_namespace, same, "{receive_drops}");
            assert_eq!(known.proof != Proof::Nothing, proves, "{receive_drops}");
        }
        let uncounted = with(|whole| {
            whole.facts.before.as_mut().unwrap().snmp6.clear();
        });
        assert!(!uncounted.same_namespace);
        assert_eq!(uncounted.proof, Proof::CollectedFailed);
        // Facts from elsewhere may be equal by chance: of a longer time, or of another namespace.
        let handed = with(|whole| whole.bracketed = false);
        assert!(!handed.same_namespace);
        assert_eq!(handed.proof, Proof::CollectedFailed);
        // Attempts of another namespace, or of nobody knows which.
        let several = with(|whole| whole.gathered.namespaces.extend([8]));
        assert!(!several.same_namespace);
        let unknown = with(|whole| whole.gathered.namespaces.clear());
        assert!(!unknown.same_namespace);
        for (ops, same) in [(7, true), (8, false)] {
            let known = with(|whole| whole.facts.ops = Some(ops));
            assert_eq!(known.same_namespace, same, "{ops}");
        }
    }

    #[test]
    fn counts_agree_where_nothing_speaks_against_it() {
        let agree = |change: fn(&mut Whole)| with(change).counts_agree;
        assert!(agree(|_| ()));
        assert!(agree(|whole| whole.bracketed = false));
        assert!(agree(|whole| whole.gathered.namespaces.clear()));
        assert!(!agree(|whole| whole.gathered.namespaces.extend([8])));
        assert!(!agree(|whole| whole.gathered.lost_uncounted = 1));
        assert!(!agree(|whole| whole.receive_drops = 6));
    }

    #[test]
    fn losses_leave_the_namespace_open() {
        let with_lost = |lost| with(|whole| whole.gathered.lost.extend([(3, lost)]));
        assert!(with_lost(0).same_namespace);
        assert!(!with_lost(1).same_namespace);
        assert!(!with(|whole| whole.gathered.lost_uncounted = 1).same_namespace);
        let both = with(|whole| {
            whole.gathered.lost.insert(3, 1);
            whole.gathered.lost_uncounted = 1;
        });
        assert!(!both.same_namespace);
    }

    #[test]
    fn losses_are_placed_and_marked_where_nothing_hides_them() {
        let losses = |known: Knowledge| (known.losses_are_placed, known.losses_are_marked);
        assert_eq!(losses(with(|_| ())), (true, true));
        let unplaced = with(|whole| whole.gathered.unmarked = 1);
        assert_eq!(losses(unplaced), (false, true));
        assert_eq!(losses(with(|whole| whole.text.perf = true)), (false, false));
        let several = with(|whole| whole.gathered.preamble.several_buffers = true);
        assert_eq!(losses(several), (false, false));
    }

    #[test]
    fn returns_count_until_they_are_seen_not_to() {
        assert!(with(|_| ()).returns_count);
        let void = with(|whole| whole.gathered.gc_returns_nothing = true);
        assert!(!void.returns_count);
        let of_release = |release: &str| {
            with(|whole| whole.gathered.kernel = Some(release.into())).returns_count
        };
        assert!(of_release("4.19.108"));
        assert!(!of_release("6.12.0"));
    }

    #[test]
    fn what_is_traced_is_said_by_either() {
        let one = |dst_gc, run_gc| Traced {
            dst_gc,
            run_gc,
            handlers: false,
            drops: false,
        };
        let whole = Whole {
            gathered: Gathered {
                traced: Some(one(true, false)),
                seen: one(false, true),
                ..Gathered::default()
            },
            traced: one(false, true),
            ..Whole::new()
        };
        let known = whole.known();
        assert_eq!(
            (known.traced, known.seen),
            (one(true, true), one(false, true))
        );
    }

    #[test]
    fn a_refusal_in_the_log_is_one() {
        assert!(!with(|_| ()).refusals_logged);
        let logged = with(|whole| {
            whole.text.log = KernelLog {
                suppressed: 1,
                ..KernelLog::default()
            };
        });
        assert!(logged.refusals_logged);
    }
}
