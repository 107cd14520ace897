//! From events to classes: the evidence of each CPU and task, and what follows from it.

pub mod rules;
