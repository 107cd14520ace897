//! Follows each CPU and task through the trace and gathers the evidence before each drop.

mod banners;
mod calls;
pub(crate) mod collector;
mod context;
mod drops;
pub(crate) mod fast;
pub(crate) mod gathered;
mod identity;
mod netfilter;
pub(crate) mod packet_drop;
mod recent;
pub(crate) mod signal;
mod slots;
mod stacks;
pub(crate) mod wanted;
