//! What `watch` shows: the latest part of a recording that goes on, and what was asked of the screen.
//! All of it is values; others read, draw and decide.

pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod last;
pub(crate) mod model;
pub(crate) mod observer;
pub(crate) mod picture;
pub(crate) mod window;
