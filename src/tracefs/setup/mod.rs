//! How tracing is set up: where tracefs is, which functions and probes, and the ways of tracing.

pub(crate) mod functions;
pub(crate) mod layout;
pub(crate) mod mount;
pub(crate) mod netfilter;
pub(crate) mod optional;
pub(crate) mod options;
pub(crate) mod plan;
pub(crate) mod probes;
pub(crate) mod room;
pub(crate) mod stream;
pub(crate) mod tracing;
