//! What is known of a whole input when its drops are classified, and what that makes of one attempt.

use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::evidence::{Attempt, Observed, Traced};
use crate::diagnosis::proof::{CallCounts, Proof, prove};
use crate::host::{Facts, Snapshot};
use crate::trace::TextFacts;

/// What is known beyond the drop itself when drops are classified.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge {
    /// Functions whose entries were recorded from start to end.
    pub traced: Traced,
    /// Functions whose entries were seen, perhaps only from there on.
    pub seen: Traced,
    /// What return probes on `ip6_dst_gc` say, and what looks like a whole call, is of use.
    pub returns_count: bool,
    /// A call that shows no `fib6_run_gc` had none.
    pub calls_are_whole: bool,
    /// No event is missing at a place that is not known.
    pub losses_are_placed: bool,
    /// Totals of lost events are still to come, which may show some at no known place.
    pub losses_outstanding: bool,
    /// What the facts prove.
    pub proof: Proof,
    /// Where events are missing, the text says so.
    pub losses_are_marked: bool,
    /// The kernel's log in the same text says that allocations were refused.
    pub refusals_logged: bool,
    /// The facts are known to be of the namespace in which the drops happened.
    pub same_namespace: bool,
    /// Attempts that each drop with any had before it, where all have the same number and
    /// it is more than one.
    pub lookups_per_drop: Option<u8>,
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
            (_, Proof::AllFailed(_)) => Outcome::Failed { proven },
            (_, Proof::NoneFailed(_)) => Outcome::Succeeded { proven },
            (Observed::Collected, Proof::CollectedFailed(_)) => Outcome::Failed { proven },
            // fib6_run_gc was seen, but only later: it was probably traced here as well.
            (Observed::Nothing, _) if whole && self.seen.run_gc => {
                Outcome::Succeeded { proven: false }
            }
            _ => Outcome::Open,
        }
    }

    /// What became of a call of `ip6_dst_gc`: refused, granted, or not known.
    #[must_use]
    pub fn failed(&self, observed: Observed) -> Option<bool> {
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
pub fn knowledge(
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
