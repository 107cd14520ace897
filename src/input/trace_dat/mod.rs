//! trace-cmd's own files, read as the text that `trace-cmd report` would print of them.
//!
//! Versions 6 and 7 as trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5) describe them, by the event
//! formats that the file brings, so that one grammar reads everything. From the file to the
//! text: `layout` finds the parts, `contents` takes what they say, `stream` finds the
//! pages of a CPU, `merge` orders their events by time, `print` writes lines; what pages and
//! events are made of, `ring` knows. `reader` drives all of it.
//!
//! Files may come from anybody. No size, offset or count in one is believed before it was held
//! against the length of the file; what is kept in memory is a small multiple of that
//! (`store::MAX_EXPANSION`). What is damaged is left out, cuts the evidence of its CPU as lost
//! events do, and is the error at the end of the text. Arithmetic is checked, saturates, or
//! says why it cannot overflow.

#![warn(clippy::arithmetic_side_effects)]

mod blocks;
mod compression;
mod contents;
mod damage;
mod fields;
mod layout;
mod merge;
mod print;
mod reader;
mod store;
mod stream;

pub(crate) use damage::Damages;
pub(crate) use layout::MAGIC;
pub use reader::TraceDat;
