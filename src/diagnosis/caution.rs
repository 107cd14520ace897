//! Judgement of an input that goes on: what something behind may take back is not confirmed.

use crate::diagnosis::class::Confidence;
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::proof::Proof;
use crate::diagnosis::rules::classify::{Classification, classify};

/// The same knowledge, had everything gone wrong that can still go wrong.
fn at_worst(knowledge: &Knowledge) -> Knowledge {
    Knowledge {
        // A later return of something else than 0 or 1 shows that the function returns nothing.
        returns_count: false,
        // A later call may turn out to have been split.
        calls_are_whole: false,
        // The recorder writes its totals of lost events at the end.
        losses_are_placed: knowledge.losses_are_placed && !knowledge.losses_outstanding,
        // Counters may be equal midway by chance, and another namespace may still show.
        proof: Proof::Nothing,
        same_namespace: false,
        // Later drops may have other numbers of lookups.
        lookups_per_drop: None,
        ..*knowledge
    }
}

/// Classifies a drop as [`classify`] does, and confirms only what nothing behind takes back.
#[must_use]
pub fn classify_so_far(evidence: &Evidence, knowledge: &Knowledge) -> Classification {
    let decided = classify(evidence, knowledge);
    let stays = || {
        let worst = classify(evidence, &at_worst(knowledge));
        (worst.class, worst.confidence) == (decided.class, Confidence::Confirmed)
    };
    if decided.confidence == Confidence::Confirmed && !(evidence.whole && stays()) {
        Classification {
            confidence: Confidence::Probable,
            ..decided
        }
    } else {
        decided
    }
}
