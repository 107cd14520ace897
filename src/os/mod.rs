//! What the program asks of the operating system besides files to read.

pub mod atomic;
pub mod signals;
pub mod terminal;
pub mod trigger;
