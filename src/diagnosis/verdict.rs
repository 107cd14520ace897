//! The answer in short, and the exit status that it stands for.

use crate::diagnosis::class::{Class, Confidence, Weight};
use crate::diagnosis::counters::Counters;
use crate::diagnosis::findings::{Control, Findings};
use crate::exit::Exit;

/// What there is to say of the host first of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headline {
    /// What the class itself says.
    Class(Class),
    /// The cache is over its limit: that the counters say, whatever is sure of single drops.
    CacheOverLimit,
    /// The cache is probably full.
    CacheProbablyFull,
    /// The cache may be full.
    CacheMayBeFull,
    /// No drop, and the kernel's log alone says that the cache was full.
    OnlyLogged,
    /// No drop in what could be read.
    Unreadable,
    /// No drop.
    NoDrop,
}

impl Headline {
    fn of(class: Class, confidence: Confidence, found: &Findings) -> Headline {
        if class.weight() != Weight::Fault || confidence == Confidence::Confirmed {
            Headline::Class(class)
        } else if found.counters.as_ref().is_some_and(Counters::is_over) {
            Headline::CacheOverLimit
        } else if confidence == Confidence::Probable {
            Headline::CacheProbablyFull
        } else {
            Headline::CacheMayBeFull
        }
    }
}

/// The answer in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The class that matters most.
    pub class: Option<Class>,
    /// The highest confidence in it.
    pub confidence: Option<Confidence>,
    /// What to say first.
    pub headline: Headline,
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

impl Verdict {
    /// What the findings come to.
    #[must_use]
    pub fn of(found: &Findings) -> Verdict {
        let class = Class::ALL
            .into_iter()
            .filter(|class| found.of_class(*class) > 0)
            .max_by_key(|&class| {
                let drops = found.of_class(class);
                (class.weight(), drops, std::cmp::Reverse(class))
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
            _ if found.health.is_unreadable() => Exit::Inconclusive,
            _ if found.health.has_losses() && found.control() != Control::Equal => {
                Exit::Inconclusive
            }
            _ if found.health.has_only_empty_stacks() && exit == Exit::Suspected => {
                Exit::Inconclusive
            }
            _ => exit,
        };
        let headline = match (class.zip(confidence), exit) {
            (Some((class, confidence)), _) => Headline::of(class, confidence, found),
            (None, Exit::Suspected) => Headline::OnlyLogged,
            (None, Exit::Inconclusive) => Headline::Unreadable,
            (None, _) => Headline::NoDrop,
        };
        Verdict {
            class,
            confidence,
            headline,
            exit,
        }
    }
}
