//! From a name on the command line to chunks of text.

mod chunks;
mod error;
mod named;
mod open;
mod packing;
mod parts;
mod pasted;
mod prefix;
mod spool;
mod start;
pub(crate) mod trace_dat;
mod waiting;

pub use chunks::Source;
pub(crate) use chunks::{Chunk, Chunks};
pub use error::InputError;
pub(crate) use named::{of_directory, of_pattern};
pub use open::{Opened, open};
pub(crate) use open::{STDIN, Spool};
pub use packing::Packing;
pub(crate) use parts::{Parts, Recordings, recordings};
