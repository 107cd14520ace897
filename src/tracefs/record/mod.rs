//! Events taken from the tracer into a capture, within limits.

pub(crate) mod bracket;
pub(crate) mod counts;
pub(crate) mod guard;
pub(crate) mod onlooker;
pub(crate) mod output;
pub(crate) mod recorder;
pub(crate) mod recording;
