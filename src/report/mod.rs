//! What is shown of one input or many: counted once, for all formats.

pub mod build;
pub mod decided;
pub mod drops;
pub mod filter;
pub mod stacks;
pub mod summary;
pub mod tally;
pub mod timeline;
