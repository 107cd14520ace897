//! What is known of a whole input when its drops are classified, and what that makes of one attempt.

use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::evidence::{Attempt, Observed, Traced};
use crate::diagnosis::proof::{CallCounts, Proof, prove};
use crate::host::{Facts, Snapshot};
use crate::trace::TextFacts;

/// What is known beyond the drop itself when drops are classified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knowledge {
    /// Functions whose entries were recorded from start to end.
    pub(crate) traced: Traced,
    /// Functions whose entries were seen, perhaps only from there on.
    pub(crate) seen: Traced,
    /// What return probes on `ip6_dst_gc` say, and what looks like a whole call, is of use.
    pub(crate) returns_count: bool,
    /// A call that shows no `fib6_run_gc` had none.
    pub(crate) calls_are_whole: bool,
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
    /// Attempts that each drop with any had before it, where all have the same number and
    /// it is more than one.
    pub(crate) lookups_per_drop: Option<u8>,
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
        let whole = self.calls_are_whole;
        match (attempt.observed, self.proof) {
            (Observed::Failed, _) if self.returns_count => Outcome::Failed { proven: true },
            (Observed::Succeeded, _) if self.returns_count => Outcome::Succeeded { proven: true },
            (Observed::Uncollected, _) if whole => Outcome::Succeeded { proven: true },
            (Observed::Nothing, _) if whole && self.traced.run_gc => {
                Outcome::Succeeded { proven: true }
            }
            (_, Proof::AllFailed) => Outcome::Failed { proven },
            (_, Proof::NoneFailed) => Outcome::Succeeded { proven },
            (Observed::Collected, Proof::CollectedFailed) => Outcome::Failed { proven },
            // fib6_run_gc was seen, but only later: it was probably traced here as well.
            (Observed::Nothing, _) if whole && self.seen.run_gc => {
                Outcome::Succeeded { proven: false }
            }
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

/// Windows with the same number of attempts from which on that number is no accident.
const MIN_EQUAL_WINDOWS: u64 = 8;

/// What is known for the drops of one input once all of it has been read.
#[must_use]
pub(crate) fn knowledge(
    gathered: &Gathered,
    facts: &Facts,
    text: &TextFacts,
    traced: Traced,
    receive_drops: u64,
) -> Knowledge {
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
    // Each namespace has its own counter and its own limits. The facts are those of the
    // drops' own exactly if that namespace counted as many as the trace shows.
    let counted = facts.rise(Snapshot::in_no_routes);
    let foreign = counted.is_some_and(|counted| receive_drops > counted);
    let has_losses = !gathered.lost.values().all(|n| *n == 0) || gathered.lost_uncounted > 0;
    // Buffers differ in filters, in losses and perhaps in clocks: what one does not show,
    // another may have left out.
    let several = gathered.preamble.several_buffers;
    let mut windows = (0u8..)
        .zip(gathered.attempts_per_drop)
        .filter(|(_, drops)| *drops > 0);
    let lookups_per_drop = windows
        .next()
        .filter(|(count, drops)| *count > 1 && *drops >= MIN_EQUAL_WINDOWS)
        .filter(|_| windows.next().is_none())
        .map(|(count, _)| count);
    Knowledge {
        traced: traced.or(gathered.traced),
        seen: gathered.seen,
        returns_count: !gathered.gc_returns_nothing,
        calls_are_whole: !gathered.split_calls,
        losses_are_placed: !gathered.unplaced_losses && !text.perf && !several,
        losses_are_marked: !text.perf && !several,
        losses_outstanding: gathered.losses_outstanding(),
        refusals_logged: text.log.refusals() > 0,
        proof: if foreign {
            Proof::Nothing
        } else {
            prove(facts, calls)
        },
        same_namespace: gathered.namespaces.len() <= 1
            && counted == Some(receive_drops)
            && !has_losses,
        lookups_per_drop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::rules::witnesses::Given;
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
        outcomes(
            |known| known.calls_are_whole = false,
            [FAILED, SUCCEEDED, OPEN, OPEN, OPEN, OPEN],
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
        outcomes(
            |known| {
                known.traced.run_gc = false;
                known.calls_are_whole = false;
            },
            [FAILED, SUCCEEDED, OPEN, OPEN, OPEN, OPEN],
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
                known.calls_are_whole = false;
            },
            [FAILED; 6],
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
                known.calls_are_whole = false;
            },
            [
                FAILED,
                SUCCEEDED,
                PERHAPS_SUCCEEDED,
                PERHAPS_SUCCEEDED,
                PERHAPS_SUCCEEDED,
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

    /// An input whose calls, held against its facts, prove by counting alone: 323 of 326 were
    /// granted, and `fib6_run_gc` ran in 3.
    struct Whole {
        gathered: Gathered,
        facts: Facts,
        text: TextFacts,
        receive_drops: u64,
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
                receive_drops: 7,
            }
        }

        fn known(&self) -> Knowledge {
            let traced = Traced::default();
            knowledge(
                &self.gathered,
                &self.facts,
                &self.text,
                traced,
                self.receive_drops,
            )
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
        for (namespaces, same) in [(&[][..], true), (&[1], true), (&[1, 2], false)] {
            let known = with(|whole| whole.gathered.namespaces.extend(namespaces));
            assert_eq!(known.same_namespace, same, "{namespaces:?}");
        }
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
        let unplaced = with(|whole| whole.gathered.unplaced_losses = true);
        assert_eq!(losses(unplaced), (false, true));
        assert_eq!(losses(with(|whole| whole.text.perf = true)), (false, false));
        let several = with(|whole| whole.gathered.preamble.several_buffers = true);
        assert_eq!(losses(several), (false, false));
    }

    #[test]
    fn returns_and_calls_count_until_they_are_seen_not_to() {
        let counts = |known: Knowledge| (known.returns_count, known.calls_are_whole);
        assert_eq!(counts(with(|_| ())), (true, true));
        let void = with(|whole| whole.gathered.gc_returns_nothing = true);
        assert_eq!(counts(void), (false, true));
        let split = with(|whole| whole.gathered.split_calls = true);
        assert_eq!(counts(split), (true, false));
    }

    #[test]
    fn what_is_traced_is_said_by_either() {
        let one = |dst_gc, run_gc| Traced {
            dst_gc,
            run_gc,
            handlers: false,
        };
        let whole = Whole {
            gathered: Gathered {
                traced: one(true, false),
                seen: one(false, true),
                ..Gathered::default()
            },
            ..Whole::new()
        };
        let known = knowledge(
            &whole.gathered,
            &whole.facts,
            &whole.text,
            one(false, true),
            7,
        );
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

    #[test]
    fn every_drop_has_the_same_number_of_lookups() {
        let with_windows = |windows: &[(usize, u64)]| {
            let known = with(|whole| {
                for (count, drops) in windows {
                    whole.gathered.attempts_per_drop[*count] = *drops;
                }
            });
            known.lookups_per_drop
        };
        assert_eq!(with_windows(&[]), None);
        assert_eq!(with_windows(&[(2, 8)]), Some(2));
        assert_eq!(with_windows(&[(2, 9)]), Some(2));
        assert_eq!(with_windows(&[(3, 8)]), Some(3));
        assert_eq!(with_windows(&[(2, 7)]), None);
        assert_eq!(with_windows(&[(1, 8)]), None);
        assert_eq!(with_windows(&[(2, 80), (3, 1)]), None);
        assert_eq!(with_windows(&[(1, 1), (2, 80)]), None);
    }
}
