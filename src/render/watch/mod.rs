//! The screen of `watch`, drawn from its model alone; and the same in a line of text.

mod body;
pub(crate) mod canvas;
mod cpus;
mod detail;
mod lists;
mod pen;
pub(crate) mod plain;
pub(crate) mod screen;
#[cfg(test)]
mod tests;
mod top;
mod words;
