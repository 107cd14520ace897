//! What the answers of a packet's own tables say of its drop.

pub(crate) mod filter;
pub(crate) mod sequence;
pub(crate) mod step;
pub(crate) mod told;
pub(crate) mod ways;

#[cfg(test)]
mod tests;
