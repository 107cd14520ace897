//! One drop's evidence, seen with all the knowledge there is: what conditions look at.

use crate::diagnosis::evidence::{Attempt, Attempts, Evidence};
use crate::diagnosis::knowledge::{Knowledge, Outcome};
use crate::diagnosis::lookups::told::Told;
use crate::diagnosis::lookups::ways::DroppedBy;
use crate::kernel::functions::Handler;

/// What the lookups of its flow tell of a drop.
fn told(evidence: &Evidence, knowledge: &Knowledge) -> Told {
    let dropped_by = match evidence.handler {
        Some((Handler::Discard, _)) => DroppedBy::Discard,
        Some((Handler::Prohibit, _)) => DroppedBy::Prohibit,
        Some((Handler::DiscardOut | Handler::ProhibitOut, _)) => return Told::Nothing,
        None => DroppedBy::Either,
    };
    let lookups = evidence.lookups;
    lookups.map_or(Told::Nothing, |lookups| {
        knowledge.tellings.of(lookups, dropped_by)
    })
}

/// A drop's evidence and what is known beyond it.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) knowledge: &'a Knowledge,
    /// The attempts for the drop's own direction.
    pub(super) attempts: Attempts,
    /// Nothing happened on the CPU between the last of them and the drop.
    pub(super) linked: bool,
    /// What became of the last one.
    pub(super) last: Option<Outcome>,
    /// What became of the one before it.
    pub(super) previous: Option<Outcome>,
    /// What the lookups of its flow tell.
    pub(super) told: Told,
}

impl<'a> Case<'a> {
    pub(super) fn new(evidence: &'a Evidence, knowledge: &'a Knowledge) -> Self {
        let (attempts, linked) = evidence.attempts();
        let outcome = |attempt: Attempt| knowledge.outcome(attempt);
        Case {
            evidence,
            knowledge,
            attempts,
            linked,
            last: attempts.last.map(outcome),
            previous: attempts.previous.map(outcome),
            told: told(evidence, knowledge),
        }
    }

    /// The outcomes of all kinds of attempts that there were.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.attempts
            .kinds()
            .map(|attempt| self.knowledge.outcome(attempt))
    }
}
