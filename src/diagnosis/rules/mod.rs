//! From evidence to a class: rules as data, tried in order, each with its name and its grounds.

mod case;
pub(crate) mod classify;
pub(crate) mod condition;
pub(crate) mod explain;
pub(crate) mod registry;
pub(crate) mod rule;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod witnesses;
