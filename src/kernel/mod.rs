//! What the program knows of the kernel.

pub mod functions;
pub mod limits;
pub mod release;
