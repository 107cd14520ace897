//! When and where drops of each reason were: the numbers behind a map that can be selected in.

use std::collections::BTreeMap;

use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::rules::classify::Classification;

/// Why drops are what they are: class, confidence and the rule's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ground {
    /// What they are.
    pub(crate) class: Class,
    /// How sure.
    pub(crate) confidence: Confidence,
    /// The name of the rule that decided.
    pub(crate) rule: &'static str,
}

impl From<&Classification> for Ground {
    fn from(of: &Classification) -> Ground {
        Ground {
            class: of.class,
            confidence: of.confidence,
            rule: of.rule.name,
        }
    }
}

/// A row of the map and a bin of time.
pub(crate) type Place = (usize, usize);

/// Drops by place and ground. Rows, bins and rules have limits, and so has this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Moments {
    grounds: Vec<Ground>,
    counts: BTreeMap<(Place, usize), u64>,
}

impl Moments {
    /// Counts drops.
    pub(super) fn add(&mut self, place: Place, ground: Ground, drops: u64) {
        let known = self.grounds.iter().position(|known| *known == ground);
        let at = known.unwrap_or_else(|| {
            self.grounds.push(ground);
            self.grounds.len() - 1
        });
        *self.counts.entry((place, at)).or_default() += drops;
    }

    /// All grounds there are, by their numbers.
    pub(crate) fn grounds(&self) -> &[Ground] {
        &self.grounds
    }

    /// The numbers of the grounds of which that is true.
    pub(crate) fn numbers(&self, is: impl Fn(&Ground) -> bool) -> Vec<usize> {
        let numbered = self.grounds.iter().enumerate();
        numbered
            .filter(|(_, ground)| is(ground))
            .map(|(at, _)| at)
            .collect()
    }

    /// Bin, number of the ground and drops of each in a row, by time.
    pub(crate) fn of_row(&self, row: usize) -> impl Iterator<Item = (usize, usize, u64)> {
        let of_row = self.counts.range(((row, 0), 0)..((row + 1, 0), 0));
        of_row.map(|(((_, bin), ground), drops)| (*bin, *ground, *drops))
    }
}
