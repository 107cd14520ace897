//! What is shown of one input or many: counted once, for all formats.

pub(crate) mod build;
pub(crate) mod decided;
pub(crate) mod drops;
pub(crate) mod entries;
pub(crate) mod filter;
pub(crate) mod moments;
pub(crate) mod packet_filter;
mod packet_tally;
pub(crate) mod packets;
mod rows;
pub(crate) mod stacks;
pub(crate) mod summary;
mod tally;
pub(crate) mod timeline;
