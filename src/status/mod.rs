//! The counters of network namespaces, without a trace.

pub mod rises;
pub mod sampler;
