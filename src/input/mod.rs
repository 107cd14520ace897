//! From a name on the command line to lines and stack blocks.

mod open;
mod pieces;
mod spool;

pub use open::{InputError, Opened, STDIN, open};
pub use pieces::{MAX_BLOCK, MAX_LINE, Piece, Pieces};
pub use spool::Spool;
