//! Events taken from the tracer into a capture, within limits.

mod bracket;
pub(crate) mod counts;
mod framing;
mod guard;
pub(crate) mod onlooker;
pub(crate) mod output;
pub(crate) mod recorder;
pub(crate) mod recording;
