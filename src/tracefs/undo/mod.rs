//! Changes of tracing state, each with its undo on disk before it is made.

pub mod change;
pub mod journal;
pub mod leftovers;
pub mod replay;
pub mod session;
