//! The table of `merge`, a file for each format.

pub mod json;
pub mod markdown;
mod tables;
pub mod text;
mod words;
