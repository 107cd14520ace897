//! Control of the kernel's tracer: what is set up, how it is undone, and whether it works here.
//!
//! Every change goes through a [`Session`], which writes its undo to disk before it acts.

pub mod bracket;
pub mod change;
pub mod counts;
pub mod error;
pub mod facts_preamble;
pub mod files;
pub mod foreign;
pub mod functions;
pub mod guard;
pub mod journal;
pub mod leftovers;
pub mod method;
pub mod mount;
pub mod output;
pub mod preflight;
pub mod probes;
pub mod recording;
pub mod selfcheck;
pub mod session;
pub mod undo;

pub use change::Change;
pub use error::TraceError;
pub use files::{Pipe, RealFs, TraceFs};
pub use journal::StateDir;
pub use method::Method;
pub use session::Session;
pub use undo::Undo;
