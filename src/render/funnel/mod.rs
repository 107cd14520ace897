//! Formats of the counts along the way of received packets.

pub(crate) mod json;
pub(crate) mod text;
