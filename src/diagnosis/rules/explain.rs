//! The evidence of one drop in words.

use crate::diagnosis::evidence::{Evidence, HandlerSource, Observed, Window};
use crate::diagnosis::knowledge::{Knowledge, Outcome};
use crate::diagnosis::rules::classify::Classification;

fn outcome_words(outcome: Outcome, observed: Observed, knowledge: &Knowledge) -> &'static str {
    match (outcome, observed) {
        (Outcome::Failed { .. }, Observed::Failed) => "refused (return probe)",
        (Outcome::Succeeded { .. }, Observed::Succeeded) => "granted (return probe)",
        (Outcome::Succeeded { .. }, Observed::Uncollected) => "granted (no fib6_run_gc in it)",
        (Outcome::Succeeded { .. }, Observed::Nothing) if knowledge.traced.run_gc => {
            "granted (no fib6_run_gc in it)"
        }
        (Outcome::Failed { .. }, Observed::Collected) => "refused (fib6_run_gc in it, and facts)",
        (Outcome::Failed { .. }, _) => "refused (facts)",
        (Outcome::Succeeded { .. }, _) => "granted (facts)",
        (Outcome::Open, Observed::Collected) => "outcome not recorded (fib6_run_gc in it)",
        (Outcome::Open, _) => "outcome not recorded",
    }
}

/// The evidence of one drop in words, most telling first.
#[must_use]
pub fn explain(
    evidence: &Evidence,
    knowledge: &Knowledge,
    decided: &Classification,
) -> Vec<String> {
    let mut words = vec![decided.rule.reason.to_owned()];
    match evidence.handler {
        Some((handler, source)) => {
            let source = match source {
                HandlerSource::Caller => "caller column",
                HandlerSource::Frames => "stack",
                HandlerSource::Entry => "its own entry",
            };
            words.push(format!("handler {} ({source})", handler.name()));
        }
        None => words.push("handler hidden".to_owned()),
    }
    let (attempts, linked) = evidence.attempts();
    for (place, attempt) in [("last", attempts.last), ("previous", attempts.previous)] {
        let Some(attempt) = attempt else { continue };
        let outcome = knowledge.outcome(attempt);
        let owner = if attempt.certain {
            "of the drop's own path"
        } else {
            "of unknown origin"
        };
        let words_of = outcome_words(outcome, attempt.observed, knowledge);
        words.push(format!("{place} ip6_dst_gc {owner}: {words_of}"));
    }
    if attempts.last.is_none() {
        words.push("no ip6_dst_gc since the previous drop of this CPU and task".to_owned());
    } else if !linked {
        words.push(
            "something else happened on this CPU between the attempt and the drop".to_owned(),
        );
    }
    match evidence.window {
        Window::Whole => {}
        Window::Start => words.push("the trace starts right before".to_owned()),
        Window::Lost => words.push("events were lost right before".to_owned()),
        Window::Unordered => words.push("counted by its stack, without order".to_owned()),
    }
    if evidence.without_context && evidence.window != Window::Unordered {
        words.push("no CPU and pid: linked by order alone".to_owned());
    }
    words
}
