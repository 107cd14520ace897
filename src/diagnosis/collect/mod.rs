//! Follows each CPU and task through the trace and gathers the evidence before each drop.

mod calls;
pub mod collector;
mod context;
mod drops;
pub mod gathered;
pub mod packet_drop;
pub mod signal;
mod slots;
mod stacks;
