//! The text that ftrace and others print, from bytes to lines, and from lines to events and
//! stacks. Nothing here opens, prints or decodes.

mod address;
pub(crate) mod assemble;
mod banner;
mod bpftrace;
mod columns;
pub(crate) mod cut;
pub(crate) mod event;
mod foreign;
mod guess;
mod header;
mod kmsg;
mod line;
pub(crate) mod lookup;
mod memo;
mod number;
pub(crate) mod packet;
mod parse;
mod parts;
pub(crate) mod payload;
mod perf;
mod record;
mod short;
pub(crate) mod skb;
pub(crate) mod stacks;
mod symbol;
mod time;
mod wide;

pub(crate) use assemble::{KernelLog, LineCounts, TextFacts};
pub use event::Context;
pub(crate) use event::{Banner, Level, Meaning, Name, Payload, Sink, StackId, StackView};
pub(crate) use line::{Line, cut_event, line};
pub use packet::Packet;
pub use parse::Parser;
pub(crate) use record::RecordOf;
pub use record::{Record, Records};
pub(crate) use short::{Comm, DevName};
pub use stacks::Stacks;
pub(crate) use stacks::Table;
pub(crate) use symbol::{Frame, Symbol};
pub use time::Stamp;
pub(crate) use time::Time;
