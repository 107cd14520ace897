//! Events taken from the tracer into a capture, within limits.

mod bracket;
pub(crate) mod counts;
mod framing;
mod guard;
mod head;
pub(crate) mod onlooker;
pub(crate) mod output;
mod packer;
mod part_files;
mod reading;
pub(crate) mod recorder;
pub(crate) mod recording;
pub(crate) mod seam;
pub(crate) mod series;
mod trial;
