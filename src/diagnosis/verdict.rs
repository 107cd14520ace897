//! The answer in short, and the exit status that it stands for.

use crate::diagnosis::class::{Class, Confidence, Weight};
use crate::diagnosis::counters::Counters;
use crate::diagnosis::findings::{Around, Control, Findings};
use crate::exit::Exit;

/// What there is to say of the host first of all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Headline {
    /// What the class itself says.
    Class(Class),
    /// The cache refused every allocation: that is proven, whatever is sure of single drops.
    CacheRefusedAll,
    /// The cache is over its limit: that the counters say, whatever is sure of single drops.
    CacheOverLimit,
    /// Allocations were attempted, and nothing shows the outcome of any.
    OutcomeUnseen,
    /// The cache is probably full.
    CacheProbablyFull,
    /// The cache may be full.
    CacheMayBeFull,
    /// No drop, and the kernel's log alone says that the cache was full.
    OnlyLogged,
    /// No drop, and the kernel counted some around the trace.
    OnlyAround(Around),
    /// No drop, and rules of netfilter that ask for the way back met packets around the trace.
    OnlyMetByRules(Around),
    /// No drop in what could be read.
    Unreadable,
    /// No drop in a recording that did not end.
    Unfinished,
    /// No drop, and none would have shown: whatever drops packets was not traced.
    Untraced,
    /// No drop, for the text holds no event at all.
    Eventless,
    /// No drop, and those of the reverse-path filter would not show.
    WayBackHidden,
    /// No drop, and the kernel counted so many.
    OnlyCounted(u64),
    /// No drop that is asked for, and so many that may be.
    OnlyNameless(u64),
    /// No drop.
    NoDrop,
}

impl Headline {
    fn of(class: Class, confidence: Confidence, found: &Findings) -> Headline {
        if class.weight() != Weight::Fault || confidence == Confidence::Confirmed {
            Headline::Class(class)
        } else if found.proves_cache() {
            Headline::CacheRefusedAll
        } else if found.counters.as_ref().is_some_and(Counters::is_over) {
            Headline::CacheOverLimit
        } else if found.is_only_attempted(class) {
            Headline::OutcomeUnseen
        } else if confidence == Confidence::Probable {
            Headline::CacheProbablyFull
        } else {
            Headline::CacheMayBeFull
        }
    }

    /// What there is to say where no drop passes, and that is no all-clear.
    fn without_drops(found: &Findings) -> Headline {
        let is_whole = found.health.is_whole();
        match (found.around, found.unseen_by_rules, found.control()) {
            _ if found.refused_all.is_some() => Headline::CacheRefusedAll,
            _ if found.health.log.refusals() > 0 => Headline::OnlyLogged,
            (Some(around), ..) if around.is_over => Headline::OnlyAround(around),
            (_, Some(unseen), _) if unseen.is_over => Headline::OnlyMetByRules(unseen),
            _ if found.nameless > 0 => Headline::OnlyNameless(found.nameless),
            (.., Control::Missing(drops)) if is_whole => Headline::OnlyCounted(drops),
            (Some(around), ..) if is_whole => Headline::OnlyAround(around),
            (_, Some(unseen), _) if is_whole => Headline::OnlyMetByRules(unseen),
            _ if is_whole && found.health.unfinished > 0 => Headline::Unfinished,
            _ if is_whole && found.health.eventless > 0 => Headline::Eventless,
            _ if is_whole && found.health.untraced > 0 => Headline::Untraced,
            _ if is_whole && found.health.way_back_hidden > 0 => Headline::WayBackHidden,
            _ => Headline::Unreadable,
        }
    }
}

/// The answer in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The class that matters most.
    pub(crate) class: Option<Class>,
    /// The highest confidence in it.
    pub(crate) confidence: Option<Confidence>,
    /// What to say first.
    pub(crate) headline: Headline,
    /// The status under `--exit-code`.
    pub exit: Exit,
}

/// The status of a verdict that names a class.
fn of_class(class: Class, confidence: Confidence) -> Exit {
    match (class.weight(), confidence) {
        (Weight::Fault, Confidence::Confirmed) => Exit::Confirmed,
        (Weight::Fault | Weight::MayBeFault, _) => Exit::Suspected,
        (Weight::Other, _) => Exit::OtherDrops,
    }
}

/// What a class is to the verdict, as far as the drops of it go. Those right where the trace starts
/// may be of any cause; where others are known to be of another one, most of all on a healthy node
/// with a missing route, they do not speak for the fault.
fn weight(class: Class, found: &Findings) -> Weight {
    let is_other = |of: Class| {
        of.weight() == Weight::Other && found.confidence(of) == Some(Confidence::Confirmed)
    };
    let only_at_start = found.at_start(class) == found.of_class(class);
    match class.weight() {
        Weight::MayBeFault if only_at_start && Class::ALL.into_iter().any(is_other) => {
            Weight::Other
        }
        weight => weight,
    }
}

impl Verdict {
    /// What the findings come to.
    #[must_use]
    pub fn of(found: &Findings) -> Verdict {
        let class = Class::ALL
            .into_iter()
            .filter(|class| found.of_class(*class) > 0)
            .max_by_key(|&class| {
                let drops = found.of_class(class);
                let is_sure = found.confidence(class) == Some(Confidence::Confirmed);
                let is_fault = class.weight() == Weight::Fault;
                (
                    weight(class, found),
                    is_fault && is_sure,
                    drops,
                    std::cmp::Reverse(class),
                )
            });
        let confidence = class.and_then(|class| found.confidence(class));
        let exit = match class.zip(confidence) {
            Some((class, confidence)) => of_class(class, confidence),
            None => Exit::Clean,
        };
        let exit = match exit {
            Exit::Confirmed => exit,
            Exit::Suspected if class.is_some_and(|class| class.weight() == Weight::Fault) => exit,
            // Refused it was; whether for a received packet, the log does not say.
            _ if found.health.log.refusals() > 0 => Exit::Suspected,
            // So it was by what the counters say.
            _ if found.refused_all.is_some() => Exit::Suspected,
            Exit::Clean if found.around.is_some_and(|around| around.is_over) => Exit::Suspected,
            Exit::Clean if found.unseen_by_rules.is_some_and(|unseen| unseen.is_over) => {
                Exit::Suspected
            }
            _ if found.health.is_unreadable() => Exit::Inconclusive,
            Exit::Clean if found.health.has_losses() => Exit::Inconclusive,
            Exit::Clean if found.nameless > 0 || found.health.unfinished > 0 => Exit::Inconclusive,
            Exit::Clean if found.health.is_blind() || found.health.way_back_hidden > 0 => {
                Exit::Inconclusive
            }
            Exit::Clean if found.around.is_some() || found.unseen_by_rules.is_some() => {
                Exit::Inconclusive
            }
            _ if found.health.has_losses() && found.control() != Control::Equal => {
                Exit::Inconclusive
            }
            Exit::Clean if matches!(found.control(), Control::Missing(_)) => Exit::Inconclusive,
            _ if found.health.has_only_empty_stacks() && exit != Exit::OtherDrops => {
                Exit::Inconclusive
            }
            _ => exit,
        };
        let headline = match class.zip(confidence) {
            Some((class, confidence)) => Headline::of(class, confidence, found),
            None if exit == Exit::Clean => Headline::NoDrop,
            None => Headline::without_drops(found),
        };
        Verdict {
            class,
            confidence,
            headline,
            exit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::cache::RefusedAll;
    use crate::diagnosis::rules::registry::RULES;
    use Class::{
        OutDstAlloc, OutNoRoute, RcvDstAlloc, RcvNoRoute, RcvRpfilterDstAlloc, RcvUndetermined,
        Unknown,
    };
    use Confidence::{Confirmed, Possible, Probable};
    use Exit::{Clean, Inconclusive, OtherDrops, Suspected};

    /// What drops come to, in an input that is as `change` makes it.
    fn verdict(
        drops: &[(Class, Confidence, u64)],
        change: fn(&mut Findings),
    ) -> (Option<Class>, Option<Confidence>, Exit) {
        let mut found = Findings::default();
        for (class, confidence, n) in drops {
            found.classes.insert((*class, *confidence), *n);
        }
        change(&mut found);
        let verdict = Verdict::of(&found);
        (verdict.class, verdict.confidence, verdict.exit)
    }

    fn nothing(_: &mut Findings) {}

    const AROUND: Around = Around {
        drops: 256,
        seconds: 2.5,
        is_over: false,
    };
    const OVER: Around = Around {
        is_over: true,
        ..AROUND
    };

    #[test]
    fn drops_where_the_trace_starts_do_not_outweigh_those_that_are_known() {
        let at_start = |found: &mut Findings| {
            let rule = RULES.iter().find(|rule| rule.name == "starts-at-drop");
            let key = (RcvUndetermined, Possible, rule.unwrap());
            found.rules.insert(key, 4);
        };
        let first = (RcvUndetermined, Possible, 4);
        let no_route = Some(RcvNoRoute);
        let undetermined = (Some(RcvUndetermined), Some(Possible), Suspected);
        assert_eq!(
            verdict(&[first, (RcvNoRoute, Confirmed, 28)], at_start),
            (no_route, Some(Confirmed), OtherDrops)
        );
        // They may be of the cause that the tool is for where nothing else is known, where they are
        // the most, and where others of their class have another reason.
        assert_eq!(verdict(&[first], at_start), undetermined);
        assert_eq!(
            verdict(&[first, (RcvNoRoute, Probable, 28)], at_start),
            undetermined
        );
        assert_eq!(
            verdict(&[first, (RcvNoRoute, Confirmed, 3)], at_start),
            undetermined
        );
        let more = (RcvUndetermined, Possible, 5);
        assert_eq!(
            verdict(&[more, (RcvNoRoute, Confirmed, 28)], at_start),
            undetermined
        );
        let sure = (RcvDstAlloc, Confirmed, 28);
        assert_eq!(
            verdict(&[first, sure], at_start),
            (Some(RcvDstAlloc), Some(Confirmed), Exit::Confirmed)
        );
    }

    #[test]
    fn the_class_that_matters_most_is_named() {
        assert_eq!(verdict(&[], nothing), (None, None, Clean));
        assert_eq!(
            verdict(&[(RcvNoRoute, Confirmed, 0)], nothing),
            (None, None, Clean)
        );
        let many = (RcvNoRoute, Confirmed, 90);
        assert_eq!(
            verdict(&[many, (RcvDstAlloc, Possible, 1)], nothing),
            (Some(RcvDstAlloc), Some(Possible), Suspected)
        );
        assert_eq!(
            verdict(&[many, (RcvUndetermined, Possible, 1)], nothing),
            (Some(RcvUndetermined), Some(Possible), Suspected)
        );
        let both = [(RcvUndetermined, Possible, 9), (RcvDstAlloc, Probable, 1)];
        assert_eq!(
            verdict(&both, nothing),
            (Some(RcvDstAlloc), Some(Probable), Suspected)
        );
        assert_eq!(
            verdict(&[many, (OutDstAlloc, Probable, 91)], nothing),
            (Some(OutDstAlloc), Some(Probable), OtherDrops)
        );
        // Of as many the first in the order of every output.
        assert_eq!(
            verdict(&[(OutNoRoute, Probable, 90), many], nothing),
            (Some(RcvNoRoute), Some(Confirmed), OtherDrops)
        );
        assert_eq!(
            verdict(&[(Unknown, Possible, 1)], nothing),
            (Some(Unknown), Some(Possible), Suspected)
        );
    }

    #[test]
    fn what_could_not_have_shown_a_drop_is_no_all_clear() {
        let blind: [fn(&mut Findings); 2] = [
            |found| found.health.untraced = 1,
            |found| found.health.eventless = 1,
        ];
        for blind in blind {
            assert_eq!(verdict(&[], blind), (None, None, Inconclusive));
            let drop = (RcvNoRoute, Confirmed, 1);
            assert_eq!(verdict(&[drop], blind).2, OtherDrops);
        }
    }

    #[test]
    fn one_confirmed_drop_confirms_the_fault() {
        let drops = [(RcvDstAlloc, Possible, 90), (RcvDstAlloc, Confirmed, 1)];
        let confirmed = (Some(RcvDstAlloc), Some(Confirmed), Exit::Confirmed);
        assert_eq!(verdict(&drops, nothing), confirmed);
        // Whatever else is missing.
        assert_eq!(verdict(&drops, broken), confirmed);
        let suspected = (Some(RcvDstAlloc), Some(Possible), Suspected);
        assert_eq!(verdict(&drops[..1], broken), suspected);
        // One fault that is sure is said before another with more drops.
        let filtered = [drops[0], (RcvRpfilterDstAlloc, Confirmed, 1)];
        let confirmed = (Some(RcvRpfilterDstAlloc), Some(Confirmed), Exit::Confirmed);
        assert_eq!(verdict(&filtered, nothing), confirmed);
    }

    fn refused(found: &mut Findings) {
        found.refused_all = Some(RefusedAll {
            attempts: 1,
            confidence: Probable,
        });
    }

    #[test]
    fn the_headline_says_no_more_than_is_known() {
        let said = |drop: Option<(Class, Confidence)>, change: fn(&mut Findings)| {
            let mut found = Findings::default();
            found.classes.extend(drop.map(|drop| (drop, 1)));
            change(&mut found);
            Verdict::of(&found).headline
        };
        let full = |how| Some((RcvDstAlloc, how));
        let class = Headline::Class(RcvDstAlloc);
        assert_eq!(said(full(Confirmed), refused), class);
        let proven = |found: &mut Findings| {
            found.refused_all = Some(RefusedAll {
                attempts: 1,
                confidence: Confirmed,
            });
        };
        assert_eq!(said(full(Probable), proven), Headline::CacheRefusedAll);
        assert_eq!(said(full(Probable), refused), Headline::CacheProbablyFull);
        assert_eq!(said(full(Probable), nothing), Headline::CacheProbablyFull);
        assert_eq!(said(full(Possible), nothing), Headline::CacheMayBeFull);
        let other = Some((RcvNoRoute, Possible));
        assert_eq!(said(other, proven), Headline::Class(RcvNoRoute));
        // Without a drop.
        assert_eq!(said(None, nothing), Headline::NoDrop);
        assert_eq!(said(None, refused), Headline::CacheRefusedAll);
        let logged = |found: &mut Findings| found.health.log.failed = 1;
        assert_eq!(said(None, logged), Headline::OnlyLogged);
        let counted = |found: &mut Findings| found.in_no_routes = Some(3);
        assert_eq!(said(None, counted), Headline::OnlyCounted(3));
        let counted_and_lost = |found: &mut Findings| {
            lost(found);
            found.in_no_routes = Some(3);
        };
        assert_eq!(said(None, counted_and_lost), Headline::Unreadable);
        let nameless = |found: &mut Findings| {
            lost(found);
            found.nameless = 2;
        };
        assert_eq!(said(None, nameless), Headline::OnlyNameless(2));
        assert_eq!(said(None, lost), Headline::Unreadable);
        let unfinished = |found: &mut Findings| found.health.unfinished = 1;
        assert_eq!(said(None, unfinished), Headline::Unfinished);
        let hidden = |found: &mut Findings| found.health.way_back_hidden = 1;
        assert_eq!(said(None, hidden), Headline::WayBackHidden);
        let untraced = |found: &mut Findings| found.health.untraced = 1;
        assert_eq!(said(None, untraced), Headline::Untraced);
        let eventless = |found: &mut Findings| {
            found.health.untraced = 1;
            found.health.eventless = 1;
        };
        assert_eq!(said(None, eventless), Headline::Eventless);
        let lost_and_untraced = |found: &mut Findings| {
            lost(found);
            found.health.untraced = 1;
        };
        assert_eq!(said(None, lost_and_untraced), Headline::Unreadable);
        let lost_and_hidden = |found: &mut Findings| {
            lost(found);
            found.health.way_back_hidden = 1;
        };
        assert_eq!(said(None, lost_and_hidden), Headline::Unreadable);
        let nothing = Headline::without_drops(&Findings::default());
        assert_eq!(nothing, Headline::Unreadable);
        let met = |found: &mut Findings| found.unseen_by_rules = Some(AROUND);
        assert_eq!(said(None, met), Headline::OnlyMetByRules(AROUND));
        let met_and_hidden = |found: &mut Findings| {
            found.health.way_back_hidden = 1;
            found.unseen_by_rules = Some(AROUND);
        };
        assert_eq!(said(None, met_and_hidden), Headline::OnlyMetByRules(AROUND));
        let met_and_lost = |found: &mut Findings| {
            found.health.lost_uncounted = 1;
            found.unseen_by_rules = Some(AROUND);
        };
        assert_eq!(said(None, met_and_lost), Headline::Unreadable);
        let met_over = |found: &mut Findings| {
            found.health.lost_uncounted = 1;
            found.unseen_by_rules = Some(OVER);
        };
        assert_eq!(said(None, met_over), Headline::OnlyMetByRules(OVER));
        let around = |found: &mut Findings| found.around = Some(AROUND);
        assert_eq!(said(None, around), Headline::OnlyAround(AROUND));
        let around_and_lost = |found: &mut Findings| {
            lost(found);
            found.around = Some(AROUND);
        };
        assert_eq!(said(None, around_and_lost), Headline::Unreadable);
        let over = |found: &mut Findings| {
            lost(found);
            (found.around, found.nameless) = (Some(OVER), 2);
        };
        assert_eq!(said(None, over), Headline::OnlyAround(OVER));
    }

    fn lost(found: &mut Findings) {
        found.health.lost_uncounted = 1;
    }

    fn broken(found: &mut Findings) {
        lost(found);
        found.health.lines.unparsed = 9;
        found.health.stacks = 2;
        found.health.empty_stacks = 2;
    }

    fn equal(found: &mut Findings) {
        lost(found);
        found.in_no_routes = Some(7);
        found.receive_drops_seen = 7;
    }

    fn exits(change: fn(&mut Findings)) -> [Exit; 3] {
        let none = verdict(&[], change).2;
        let undetermined = verdict(&[(RcvUndetermined, Possible, 1)], change).2;
        let other = verdict(&[(RcvNoRoute, Confirmed, 1)], change).2;
        [none, undetermined, other]
    }

    #[test]
    fn what_is_missing_forbids_a_verdict() {
        assert_eq!(exits(nothing), [Clean, Suspected, OtherDrops]);
        assert_eq!(exits(lost), [Inconclusive; 3]);
        let unreadable = |found: &mut Findings| found.health.lines.unparsed = 1;
        assert_eq!(exits(unreadable), [Inconclusive; 3]);
        // The control total shows that no drop was lost, of the counters' namespace.
        assert_eq!(exits(equal), [Inconclusive, Suspected, OtherDrops]);
        let not_equal = |found: &mut Findings| {
            equal(found);
            found.receive_drops_seen = 6;
        };
        assert_eq!(exits(not_equal), [Inconclusive; 3]);
        // What a recording that did not end would have shown.
        let unfinished = |found: &mut Findings| found.health.unfinished = 1;
        assert_eq!(exits(unfinished), [Inconclusive, Suspected, OtherDrops]);
        // What the reverse-path filter drops, which is in no counter of routes.
        let hidden = |found: &mut Findings| found.health.way_back_hidden = 1;
        assert_eq!(exits(hidden), [Inconclusive, Suspected, OtherDrops]);
        // What rules count, and no event shows.
        let met = |found: &mut Findings| found.unseen_by_rules = Some(AROUND);
        assert_eq!(exits(met), [Inconclusive, Suspected, OtherDrops]);
        let met_over = |found: &mut Findings| found.unseen_by_rules = Some(OVER);
        assert_eq!(exits(met_over), [Suspected, Suspected, OtherDrops]);
        // Drops that were counted while tracing was set up.
        let around = |found: &mut Findings| found.around = Some(AROUND);
        assert_eq!(exits(around), [Inconclusive, Suspected, OtherDrops]);
        let over = |found: &mut Findings| found.around = Some(OVER);
        assert_eq!(exits(over), [Suspected, Suspected, OtherDrops]);
        // Drops that may be those which were asked for.
        let nameless = |found: &mut Findings| found.nameless = 1;
        assert_eq!(exits(nameless), [Inconclusive, Suspected, OtherDrops]);
        let empty = |found: &mut Findings| {
            found.health.stacks = 2;
            found.health.empty_stacks = 2;
        };
        assert_eq!(exits(empty), [Inconclusive, Inconclusive, OtherDrops]);
        // The cache refused everything, whatever dropped.
        assert_eq!(exits(refused), [Suspected; 3]);
        // The kernel counted drops that the trace does not show.
        let counted = |found: &mut Findings| found.in_no_routes = Some(1);
        assert_eq!(exits(counted), [Inconclusive, Suspected, OtherDrops]);
        let as_many = |found: &mut Findings| found.in_no_routes = Some(0);
        assert_eq!(exits(as_many), [Clean, Suspected, OtherDrops]);
    }

    #[test]
    fn a_refusal_in_the_log_is_suspect() {
        let logged = |found: &mut Findings| {
            broken(found);
            found.health.log.failed = 1;
        };
        assert_eq!(exits(logged), [Suspected; 3]);
    }
}
