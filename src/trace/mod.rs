//! The text that ftrace and others print, from bytes to lines, and from lines to events and
//! stacks. Nothing here opens, prints or decodes.

pub mod assemble;
mod banner;
mod bpftrace;
mod columns;
pub mod cut;
pub mod event;
mod foreign;
mod guess;
mod header;
mod kmsg;
mod line;
mod memo;
mod number;
mod parse;
pub mod payload;
mod perf;
mod record;
pub mod stacks;
pub mod symbol;
mod time;

pub use assemble::{Assembler, KernelLog, LineCounts, TextFacts};
pub use event::{Banner, Comm, Context, Meaning, Name, Payload, Sink, StackId, StackView};
pub use line::{Line, line};
pub use parse::Parser;
pub use record::{Record, RecordOf, Records};
pub use stacks::{Stacks, Table};
pub use symbol::{Frame, Symbol};
pub use time::{Stamp, Time};
