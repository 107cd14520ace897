//! What the program asks of the operating system besides files to read.

pub(crate) mod ask;
pub(crate) mod atomic;
pub(crate) mod background;
pub(crate) mod fresh_netns;
pub(crate) mod hook;
pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod random;
pub(crate) mod screen;
pub(crate) mod signals;
pub(crate) mod terminal;
pub(crate) mod trigger;
