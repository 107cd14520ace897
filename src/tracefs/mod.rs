//! Control of the kernel's tracer: what is set up, how it is undone, and whether it works here.
//!
//! Every change goes through a [`undo::session::Session`], which writes its undo to disk before
//! it acts. `undo` knows changes, `pages` how the buffer is read, `setup` the ways of tracing made
//! of them, `look` what is there and what works, `calibrate` where the kernel keeps the words of a
//! packet, `record` how events are taken from it, `funnel` how they are counted, `rehearse` what all that would write; each imports only those before it.

pub(crate) mod calibrate;
pub(crate) mod control;
pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod funnel;
pub(crate) mod look;
mod pages;
pub(crate) mod record;
pub(crate) mod rehearse;
pub(crate) mod seen;
pub(crate) mod setup;
pub(crate) mod undo;
