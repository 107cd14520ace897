//! From a name on the command line to lines and stack blocks.

mod chunks;
mod open;
mod spool;
pub mod trace_dat;

pub use chunks::{Chunk, Chunks, Source};
pub use open::{InputError, Opened, STDIN, open};
pub use spool::Spool;
