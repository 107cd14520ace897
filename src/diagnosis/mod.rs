//! From events to classes: the evidence of each CPU and task, and what follows from it.

pub mod advice;
pub mod assessment;
pub mod caution;
pub mod class;
pub mod collect;
pub mod counters;
pub mod evidence;
pub mod findings;
pub mod health;
pub mod knowledge;
pub mod next_steps;
pub mod proof;
pub mod rules;
pub mod sizing;
pub mod verdict;

#[cfg(test)]
mod tests;
