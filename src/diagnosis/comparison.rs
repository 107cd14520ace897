//! Whether a loss to the route cache has ended, from what was found before and after.

use crate::diagnosis::class::{Class, Confidence, Weight};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;

/// What became of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    /// There was one, and there is none.
    Ended,
    /// There was one, and there is one.
    Goes,
    /// There was none, and there is one.
    Began,
    /// There was none, and there is none.
    Absent,
    /// Nothing shows whether there is one now.
    Unknown,
}

/// Drops of packets that the route cache refused, or may have.
#[must_use]
pub(crate) fn lost(found: &Findings) -> u64 {
    let is_lost = |class: &Class| class.weight() != Weight::Other;
    let lost = Class::ALL.into_iter().filter(is_lost);
    lost.map(|class| found.of_class(class)).sum()
}

/// What became of the loss.
#[must_use]
pub(crate) fn became(before: &Findings, after: &Findings) -> Became {
    let is_sure = matches!(Verdict::of(after).exit, Exit::Clean | Exit::OtherDrops);
    match (lost(before) > 0, lost(after) > 0) {
        (true, true) => Became::Goes,
        (false, true) => Became::Began,
        // Drops of the cache would show, and none did.
        _ if !is_sure => Became::Unknown,
        (true, false) => Became::Ended,
        (false, false) => Became::Absent,
    }
}

/// Whether every drop that is left is confirmed to have another cause.
#[must_use]
pub(crate) fn is_sure(found: &Findings) -> bool {
    let mut drops = found.classes.iter().filter(|(_, n)| **n > 0);
    drops.all(|((class, how), _)| class.weight() == Weight::Other && *how == Confidence::Confirmed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::class::Confidence::{Confirmed, Possible, Probable};

    #[test]
    fn a_loss_has_ended_only_where_one_would_have_shown() {
        let found = |drops: &[(Class, u64)]| {
            let mut found = Findings::default();
            for (class, n) in drops {
                found.classes.insert((*class, Confirmed), *n);
            }
            found
        };
        let (none, some) = (found(&[]), found(&[(Class::RcvDstAlloc, 3)]));
        let other = found(&[(Class::RcvNoRoute, 3)]);
        let mut perhaps = Findings::default();
        perhaps
            .classes
            .insert((Class::RcvUndetermined, Possible), 1);
        let mut blind = Findings::default();
        blind.health.untraced = 1;
        for (before, after, wanted) in [
            (&some, &none, Became::Ended),
            (&some, &other, Became::Ended),
            (&some, &some, Became::Goes),
            (&some, &perhaps, Became::Goes),
            (&none, &some, Became::Began),
            (&other, &some, Became::Began),
            (&none, &other, Became::Absent),
            (&some, &blind, Became::Unknown),
            (&none, &blind, Became::Unknown),
        ] {
            assert_eq!(became(before, after), wanted, "{before:?} {after:?}");
        }
    }

    #[test]
    fn what_is_left_is_sure_where_each_drop_is() {
        let sure = |drops: &[(Class, Confidence, u64)]| {
            let mut found = Findings::default();
            for (class, how, n) in drops {
                found.classes.insert((*class, *how), *n);
            }
            is_sure(&found)
        };
        let no_route = (Class::RcvNoRoute, Confirmed, 3);
        assert!(sure(&[]) && sure(&[no_route]));
        assert!(!sure(&[no_route, (Class::RcvNoRoute, Probable, 1)]));
        assert!(!sure(&[(Class::RcvDstAlloc, Confirmed, 1)]));
        assert!(sure(&[no_route, (Class::RcvDstAlloc, Confirmed, 0)]));
    }
}
