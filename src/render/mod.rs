//! Formats: each takes what is to be shown and writes it. [`registry`] lists them all.

mod csv;
pub(crate) mod fleet;
pub(crate) mod format;
pub(crate) mod funnel;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod lab;
mod markdown;
pub(crate) mod paper;
mod prometheus;
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod status;
mod table;
pub(crate) mod utc;
pub(crate) mod view;
pub(crate) mod watch;
pub(crate) mod words;
