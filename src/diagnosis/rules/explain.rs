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

const NO_ATTEMPT: &str = "no ip6_dst_gc since the previous drop of this CPU and task";

/// The evidence of one drop in words, most telling first.
#[must_use]
pub(crate) fn explain(
    evidence: &Evidence,
    knowledge: &Knowledge,
    decided: &Classification,
) -> Vec<String> {
    let mut words = vec![decided.rule.reason.to_owned()];
    match evidence.handler {
        Some((handler, source)) => {
            let source = match source {
                HandlerSource::Arguments => "the arguments of ip6_pkt_drop",
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
        // Where nobody looked, that there was none says nothing.
        if knowledge.traced.dst_gc || knowledge.seen.dst_gc {
            words.push(NO_ATTEMPT.to_owned());
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::evidence::Attempt;
    use crate::diagnosis::proof::Proof;
    use crate::diagnosis::rules::classify::classify;
    use crate::diagnosis::rules::witnesses::Given;
    use crate::kernel::functions::Handler;

    /// The words behind the reason.
    fn words(change: impl FnOnce(&mut Given)) -> Vec<String> {
        let mut given = Given::usual();
        change(&mut given);
        let decided = classify(&given.evidence, &given.knowledge);
        let mut all = explain(&given.evidence, &given.knowledge, &decided);
        assert_eq!(all.remove(0), decided.rule.reason);
        all
    }

    fn after(given: &mut Given, certain: bool, observed: Observed) {
        given.evidence.receive.push(Attempt { certain, observed });
        given.evidence.receive_linked = true;
    }

    const NONE: &str = NO_ATTEMPT;

    #[test]
    fn handlers_are_named_with_where_they_show() {
        let handler = |handler| words(|given| given.evidence.handler = handler);
        for (source, shown) in [
            (HandlerSource::Caller, "caller column"),
            (HandlerSource::Frames, "stack"),
            (HandlerSource::Entry, "its own entry"),
        ] {
            let found = handler(Some((Handler::Discard, source)));
            let named = format!("handler ip6_pkt_discard ({shown})");
            assert_eq!(found, [named.as_str(), NONE]);
        }
        assert_eq!(handler(None), ["handler hidden", NONE]);
    }

    #[test]
    fn that_there_was_no_attempt_is_said_where_somebody_looked() {
        let with = |traced, seen| {
            words(|given| {
                given.knowledge.traced.dst_gc = traced;
                given.knowledge.seen.dst_gc = seen;
            })
        };
        for (traced, seen) in [(true, true), (true, false), (false, true)] {
            assert!(with(traced, seen).contains(&NONE.to_owned()));
        }
        assert!(!with(false, false).contains(&NONE.to_owned()));
    }

    #[test]
    fn attempts_are_told_with_owner_and_outcome() {
        let found = words(|given| {
            after(given, true, Observed::Failed);
            after(given, false, Observed::Succeeded);
        });
        assert_eq!(
            found[1..],
            [
                "last ip6_dst_gc of unknown origin: granted (return probe)",
                "previous ip6_dst_gc of the drop's own path: refused (return probe)",
            ]
        );
        let unlinked = words(|given| {
            after(given, true, Observed::Failed);
            given.evidence.receive_linked = false;
        });
        let something = "something else happened on this CPU between the attempt and the drop";
        assert_eq!(unlinked.len(), 3);
        assert_eq!(unlinked[2], something);
    }

    #[test]
    fn outcomes_are_told_by_what_shows_them() {
        let outcome = |observed, change: fn(&mut Knowledge)| {
            let found = words(|given| {
                after(given, true, observed);
                change(&mut given.knowledge);
            });
            let attempt = "last ip6_dst_gc of the drop's own path: ";
            found[1].strip_prefix(attempt).unwrap().to_owned()
        };
        let same = |_: &mut Knowledge| ();
        let not_collected = "granted (no fib6_run_gc in it)";
        assert_eq!(outcome(Observed::Uncollected, same), not_collected);
        assert_eq!(outcome(Observed::Nothing, same), not_collected);
        let open = "outcome not recorded";
        assert_eq!(outcome(Observed::Cut, same), open);
        let collected = "outcome not recorded (fib6_run_gc in it)";
        assert_eq!(outcome(Observed::Collected, same), collected);
        let all = |known: &mut Knowledge| known.proof = Proof::AllFailed;
        assert_eq!(outcome(Observed::Cut, all), "refused (facts)");
        let refused = "refused (fib6_run_gc in it, and facts)";
        assert_eq!(outcome(Observed::Collected, all), refused);
        let none = |known: &mut Knowledge| {
            known.proof = Proof::NoneFailed;
            known.traced.run_gc = false;
        };
        assert_eq!(outcome(Observed::Cut, none), "granted (facts)");
        assert_eq!(outcome(Observed::Nothing, none), "granted (facts)");
    }

    #[test]
    fn what_is_missing_is_told() {
        let window = |window| words(|given| given.evidence.window = window).pop().unwrap();
        assert_eq!(window(Window::Whole), NONE);
        assert_eq!(window(Window::Start), "the trace starts right before");
        assert_eq!(window(Window::Lost), "events were lost right before");
        let unordered = "counted by its stack, without order";
        assert_eq!(window(Window::Unordered), unordered);
        let without = |window| {
            let found = words(|given| {
                given.evidence.without_context = true;
                given.evidence.window = window;
            });
            found.last().unwrap().clone()
        };
        assert_eq!(
            without(Window::Whole),
            "no CPU and pid: linked by order alone"
        );
        assert_eq!(without(Window::Unordered), unordered);
    }
}
