//! Changes of tracing state, each with its undo on disk before it is made.

mod chains;
pub(crate) mod change;
pub(crate) mod journal;
pub(crate) mod leftovers;
pub(crate) mod replay;
pub(crate) mod session;
