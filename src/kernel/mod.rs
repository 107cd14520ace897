//! What the program knows of the kernel.

pub mod frames;
pub mod functions;
pub mod limits;
pub mod printed;
pub mod release;
pub mod sysctls;
pub mod traced;
