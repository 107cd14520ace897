//! Records put together: events, and stacks with the task they belong to.

mod assembler;
mod chains;
mod out;
mod text_facts;
mod waiting;

pub(crate) use assembler::Assembler;
pub(crate) use text_facts::{KernelLog, LineCounts, MAX_SAMPLES, TextFacts};
