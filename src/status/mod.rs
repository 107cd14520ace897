//! The counters of network namespaces, without a trace.

pub(crate) mod rises;
pub(crate) mod sampler;
