//! How tracing is set up: where tracefs is, which functions and probes, and the ways of tracing.

pub mod functions;
pub mod mount;
pub mod plan;
pub mod probes;
pub mod tracing;
