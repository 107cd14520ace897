//! Formats: each takes what is to be shown and writes it.

pub mod fleet;
mod markdown;
pub mod report;
pub mod rules;
pub mod status;
mod table;
mod words;
