//! The kernel's ring buffer as it is in memory and in files: pages of records, and the files
//! that say what stands in those.
//!
//! Nothing here opens a file: whoever has a page hands in its bytes, and gets places of events
//! in it. `page` cuts a page into records, `format` says where in an event each field is,
//! `print_format`, `conversion` and `addresses` how the kernel prints it, `symbols`, `tasks` and
//! `clock` what its numbers mean, and `print` writes what it says, as `trace-cmd report` does.
//! `pipe_text` writes it as `trace_pipe` of the running kernel does, with `columns` in front of
//! it and the names of `kallsyms`. No length or place in a page is believed: arithmetic is checked.

#![warn(clippy::arithmetic_side_effects)]

mod addresses;
pub(crate) mod clock;
pub(crate) mod columns;
mod conversion;
pub(crate) mod format;
pub(crate) mod kallsyms;
pub(crate) mod machine;
mod names;
pub(crate) mod page;
pub(crate) mod pipe_text;
pub(crate) mod print;
mod print_format;
pub(crate) mod symbols;
pub(crate) mod tasks;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)] // lengths of its own making
mod tests;
