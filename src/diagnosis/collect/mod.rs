//! Follows each CPU and task through the trace and gathers the evidence before each drop.

mod calls;
pub(crate) mod collector;
mod context;
mod drops;
pub(crate) mod gathered;
pub(crate) mod packet_drop;
pub(crate) mod signal;
mod slots;
mod stacks;
