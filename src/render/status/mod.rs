//! The status, a file for each format.

pub mod json;
pub mod markdown;
pub mod prometheus;
pub mod text;
pub mod words;
