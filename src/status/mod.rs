//! The counters of network namespaces, without a trace.

pub(crate) mod meanwhile;
pub(crate) mod rises;
pub(crate) mod sampler;
