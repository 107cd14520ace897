//! Formats: each takes what is to be shown and writes it. [`registry`] lists them all.

pub mod fleet;
pub mod format;
mod markdown;
pub mod registry;
pub mod report;
pub mod rules;
pub mod status;
mod table;
pub mod view;
mod words;
