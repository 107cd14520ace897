//! The status, a file for each format.

pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod prometheus;
pub(crate) mod text;
pub(crate) mod words;
