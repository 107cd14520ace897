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
        // The recorder writes its totals of lost events at the end.
        losses_are_placed: knowledge.losses_are_placed && !knowledge.losses_outstanding,
        // Counters may be equal midway by chance, and another namespace may still show.
        proof: Proof::Nothing,
        // So may other rules, and another filter on lookups.
        lookups_filter_known: false,
        shows_received: false,
        ..knowledge.clone()
    }
}

/// Classifies a drop as [`classify`] does, and confirms only what nothing behind takes back.
#[must_use]
pub(crate) fn classify_so_far(evidence: &Evidence, knowledge: &Knowledge) -> Classification {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::class::Cause;
    use crate::diagnosis::evidence::{Attempt, Observed, Reverse};
    use crate::diagnosis::lookups::told::Told;
    use crate::diagnosis::rules::witnesses::Given;

    fn attempted(given: &mut Given, observed: Observed) {
        let certain = true;
        given.evidence.bounded = true;
        given.evidence.receive.push(Attempt { certain, observed });
    }

    #[test]
    fn what_can_be_taken_back_is_probable() {
        type Case = (&'static str, fn(&mut Given));
        let cases: [Case; 8] = [
            ("returns of a void function", |given| {
                attempted(given, Observed::Failed);
            }),
            ("returns of a void function that look granted", |given| {
                attempted(given, Observed::Succeeded);
            }),
            ("policy rules and filters that are still to come", |given| {
                given.told(Told::Sure(Cause::DstAlloc));
            }),
            ("a filter that hides routes", |given| {
                given.told(Told::Sure(Cause::NoRoute));
            }),
            ("a filter that hides what came in between", |given| {
                given.freed(Reverse::Returned);
            }),
            ("totals of lost events", |given| {
                given.knowledge.losses_outstanding = true;
            }),
            ("counters that are equal by chance", |given| {
                given.knowledge.traced.dst_gc = false;
                given.evidence.gc_seen = false;
                given.knowledge.proof = Proof::NoneFailed;
            }),
            ("a stack that is still to come", |given| {
                given.evidence.whole = false;
            }),
        ];
        for (what, change) in cases {
            let mut given = Given::usual();
            change(&mut given);
            let decided = classify(&given.evidence, &given.knowledge);
            assert_eq!(decided.confidence, Confidence::Confirmed, "{what}");
            let so_far = classify_so_far(&given.evidence, &given.knowledge);
            assert_eq!(so_far.confidence, Confidence::Probable, "{what}");
            assert_eq!((so_far.class, so_far.rule), (decided.class, decided.rule));
        }
    }

    #[test]
    fn what_nothing_takes_back_is_confirmed() {
        let given = Given::usual();
        let so_far = classify_so_far(&given.evidence, &given.knowledge);
        assert_eq!(so_far.confidence, Confidence::Confirmed);
    }
}
