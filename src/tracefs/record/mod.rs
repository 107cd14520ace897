//! Events taken from the tracer into a capture, within limits.

pub mod bracket;
pub mod counts;
pub mod guard;
pub mod onlooker;
pub mod output;
pub mod recorder;
pub mod recording;
