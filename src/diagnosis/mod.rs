//! From events to classes: the evidence of each CPU and task, and what follows from it.

pub(crate) mod advice;
pub(crate) mod assessment;
pub(crate) mod cache;
pub(crate) mod caution;
pub(crate) mod class;
pub(crate) mod collect;
pub(crate) mod comparison;
pub(crate) mod counters;
pub(crate) mod evidence;
pub(crate) mod findings;
pub(crate) mod funnel;
pub(crate) mod health;
pub(crate) mod knowledge;
pub(crate) mod limit;
pub(crate) mod lookups;
pub(crate) mod next_steps;
mod proof;
pub(crate) mod remedy;
pub(crate) mod rules;
mod sizing;
pub(crate) mod state;
pub(crate) mod surroundings;
pub(crate) mod verdict;

#[cfg(test)]
mod tests;
