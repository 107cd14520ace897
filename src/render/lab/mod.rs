//! Formats of what the lab proved.

pub(crate) mod json;
pub(crate) mod text;
