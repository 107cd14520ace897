//! From events to classes: the evidence of each CPU and task, and what follows from it.

pub mod advice;
pub mod classify;
pub mod collect;
pub mod evidence;
pub mod kernel;
pub mod limits;
pub mod rules;
pub mod signal;
pub mod sizing;
mod slots;
pub mod status;
