//! A recording as it would be: the same steps on a tracefs that takes writes into a list.

pub(crate) mod listing;
mod overlay;
pub(crate) mod rehearsal;
