//! What a rule is made of.

use std::cmp::Ordering;
use std::fmt;

use crate::diagnosis::class::{Cause, Class, Confidence};
use crate::diagnosis::rules::case::Case;
use crate::diagnosis::rules::condition::{Condition, RECEIVED};
use crate::kernel::functions::Direction;

/// What must be so for a rule to apply.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// That condition holds.
    Is(&'static Condition),
    /// That condition does not hold.
    Not(&'static Condition),
    /// One of these is so in all its parts.
    OneOf(&'static [&'static [Need]]),
}

impl Need {
    fn is_met(&self, case: &Case<'_>) -> bool {
        match self {
            Need::Is(condition) => (condition.holds)(case),
            Need::Not(condition) => !(condition.holds)(case),
            Need::OneOf(ways) => ways
                .iter()
                .any(|way| way.iter().all(|need| need.is_met(case))),
        }
    }
}

/// Where a rule, or a cap, applies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grounds {
    /// What must be so, all of it.
    pub(crate) needs: &'static [Need],
    /// What must not be so, none of it.
    pub(crate) unless: &'static [&'static Condition],
}

impl Grounds {
    pub(super) fn are_met(&self, case: &Case<'_>) -> bool {
        self.needs.iter().all(|need| need.is_met(case))
            && !self.unless.iter().any(|condition| (condition.holds)(case))
    }
}

/// One rule: what it says, why, and where it applies.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its name in every output, in kebab-case. It never changes.
    pub name: &'static str,
    /// What it says.
    pub(crate) cause: Cause,
    /// How sure, at most.
    pub(crate) confidence: Confidence,
    /// Why, in the words of every output.
    pub(crate) reason: &'static str,
    /// What in the kernel makes it so, with file and function of Linux 4.19.
    pub(crate) kernel: &'static str,
    /// Where it applies.
    pub(crate) grounds: Grounds,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Rules are listed by the reasons that people read.
impl Ord for Rule {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.reason, self.name).cmp(&(other.reason, other.name))
    }
}

impl PartialOrd for Rule {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rule {}

impl Rule {
    /// The classes of drops that it decides, in the order of every output.
    #[must_use]
    pub(crate) fn classes(&self) -> Vec<Class> {
        let directions = [Direction::Receive, Direction::Output, Direction::Unknown];
        let needs_receive = self.grounds.needs.iter().any(|need| match need {
            Need::Is(condition) => condition.name == RECEIVED.name,
            _ => false,
        });
        let directions = if needs_receive {
            &directions[..1]
        } else {
            &directions
        };
        let mut classes: Vec<Class> = directions
            .iter()
            .map(|direction| Class::of(*direction, self.cause))
            .collect();
        classes.dedup();
        classes
    }
}

/// What lowers the confidence of whichever rule decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cap {
    /// Its name, in kebab-case.
    pub(crate) name: &'static str,
    /// The highest confidence that is left.
    pub(crate) at_most: Confidence,
    /// Why.
    pub(crate) reason: &'static str,
    /// Where it applies.
    pub(crate) grounds: Grounds,
}
