//! The buffer read as it is: pages of each CPU, of which the program makes the text that
//! `trace_pipe` would print. Reading text costs the kernel more than tracing does.

pub(crate) mod cpu;
pub(crate) mod names;
pub(crate) mod reader;
pub(crate) mod source;

#[cfg(test)]
mod tests;
