//! From evidence to a class: rules as data, tried in order, each with its name and its grounds.

mod case;
pub mod classify;
pub mod condition;
pub mod explain;
pub mod registry;
pub mod rule;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod witnesses;
