//! The text that ftrace and others print, from bytes to lines. Nothing here opens, prints or decodes.

pub mod assemble;
pub mod banner;
pub mod bpftrace;
mod columns;
pub mod cut;
pub mod foreign;
mod guess;
pub mod header;
pub mod kmsg;
pub mod line;
mod memo;
pub mod parse;
pub mod payload;
pub mod perf;
pub mod stacks;
pub mod symbol;
pub mod time;

pub use assemble::{Assembler, Comm, Context, KernelLog, LineCounts, Sink, StackView, TextFacts};
pub use banner::Banner;
pub use header::Header;
pub use line::{Line, line};
pub use parse::{Meaning, Parser, Record, RecordOf, Records};
pub use payload::Payload;
pub use stacks::{Name, StackId, Stacks, Table};
pub use symbol::{Frame, Symbol};
pub use time::{Stamp, Time};
