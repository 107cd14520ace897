//! Pseudonyms, so that a report or a capture can be shown to outsiders: every address and every
//! name in it is replaced, the same one always by the same.

mod address;
pub(crate) mod capture;
mod event;
mod framing;
pub(crate) mod key;
pub(crate) mod pseudonyms;
pub(crate) mod report;
mod rule;
