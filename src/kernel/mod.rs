//! What the program knows of the kernel.

pub(crate) mod dst_ops;
pub(crate) mod frames;
pub(crate) mod functions;
pub(crate) mod limits;
pub(crate) mod printed;
pub(crate) mod protocols;
pub(crate) mod receive_path;
pub(crate) mod release;
pub(crate) mod sysctls;
pub(crate) mod traced;
mod vendors;
