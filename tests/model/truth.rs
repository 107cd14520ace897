//! What each drop really was.

use crate::identity::Named;
use crate::inside::Class;
use crate::kernel::{Answer, Unlimited};

/// A drop.
#[derive(Debug, Clone)]
pub struct Drop {
    /// Every class that is right.
    pub right: Vec<Class>,
    /// Memory failed in the allocation that decided.
    pub memory: bool,
    /// A refusal decided.
    pub refused: bool,
    /// The attempt that was refused and decided began on this CPU, at this time.
    pub at: Option<(usize, i64)>,
    /// Copies were refused that decided nothing.
    pub beside: bool,
    pub out: bool,
    /// The packet, and by whose routes of what family it was routed.
    pub named: Named,
    pub space: usize,
    pub family: usize,
}

/// What was refused on the way, by the numbers of the rules.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    pub all: Vec<Refusal>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    pub rule: usize,
    pub memory: bool,
    /// On which CPU, and when it began.
    pub at: (usize, i64),
}

fn of_answer(answer: Answer, out: bool) -> Option<Class> {
    Some(match (answer, out) {
        (Answer::Discard, false) => Class::RcvNoRoute,
        (Answer::Prohibit, false) => Class::RcvProhibited,
        (Answer::Discard, true) => Class::OutNoRoute,
        (Answer::Prohibit, true) => Class::OutProhibited,
        _ => return None,
    })
}

impl Drop {
    /// The drop of a packet that an unlimited cache would have answered so, that `dropped` says
    /// what handled, after these refusals.
    pub fn new(
        (out, named, (space, family)): (bool, Named, (usize, usize)),
        unlimited: Unlimited,
        dropped: Answer,
        refusals: &Refusals,
    ) -> Drop {
        // Only the copy of the route that decides decides: those before it are of routes that
        // are passed over in any case, those behind it are not asked for.
        let mut all = refusals.all.iter();
        let deciding = all.find(|one| unlimited.is_route && one.rule == unlimited.rule);
        let full = if out {
            Class::OutDstAlloc
        } else {
            Class::RcvDstAlloc
        };
        let right = match deciding {
            None => of_answer(dropped, out).into_iter().collect(),
            // Refused, and lost anyway where it was a reject route: both are true, and so is
            // what then said no.
            Some(_) => {
                let lost = of_answer(unlimited.answer, out);
                let then = lost.and(of_answer(dropped, out));
                [Some(full), lost, then].into_iter().flatten().collect()
            }
        };
        Drop {
            right,
            memory: deciding.is_some_and(|one| one.memory),
            refused: deciding.is_some(),
            at: deciding.map(|one| one.at),
            beside: refusals.all.len() > usize::from(deciding.is_some()),
            out,
            named,
            space,
            family,
        }
    }

    /// The full cache and nothing else.
    pub fn is_full(&self) -> bool {
        self.right == [Class::RcvDstAlloc] && !self.memory
    }
}
