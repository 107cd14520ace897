//! The report, a file for each format.

pub mod folded;
pub mod html;
pub mod json;
pub mod markdown;
pub mod ndjson;
mod sparks;
mod tables;
pub mod text;
mod words;
