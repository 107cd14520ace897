//! The report, a file for each format.

pub(crate) mod compare;
mod entry_tables;
pub(crate) mod first_screen;
pub(crate) mod folded;
pub(crate) mod headline;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod ndjson;
mod packet_tables;
pub(crate) mod packet_words;
mod packets;
pub(crate) mod prometheus;
pub(crate) mod sparks;
mod tables;
pub(crate) mod text;
mod words;

#[cfg(test)]
mod tests;
