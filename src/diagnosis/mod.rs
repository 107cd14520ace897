//! From events to classes: the evidence of each CPU and task, and what follows from it.

pub mod advice;
pub mod assessment;
pub mod collect;
pub mod evidence;
pub mod rules;
pub mod sizing;
