//! From bytes to a report: the one way that everything takes that is read, saved or live.

mod feed;
mod gatherer;
mod open_input;
mod reader;
pub(crate) mod stream;
pub(crate) mod watch;
