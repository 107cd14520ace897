//! What pages are made of: one file each that loads nothing and runs no script but its own.

pub(crate) mod markup;
pub(crate) mod page;
mod policy;

pub use policy::{SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH, policy};
