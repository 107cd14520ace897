//! From a name on the command line to chunks of text.

mod chunks;
mod error;
mod open;
mod spool;
pub mod trace_dat;

pub use chunks::{Chunk, Chunks, Source};
pub use error::InputError;
pub use open::{Opened, STDIN, Spool, open};
