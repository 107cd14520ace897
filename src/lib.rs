//! ip6drop: why a Linux node drops IPv6 packets, from ftrace text alone.
//!
//! Data flows one way: [`input`] cuts bytes into pieces, [`trace`] makes lines and stacks of
//! them, [`diagnosis`] gathers evidence and classifies, [`summary`] counts, [`render`] writes.
//! Facts of the [`host`] come in from the side. [`tracefs`], the control of the kernel's tracer,
//! is another wing: it feeds input, nothing else.

pub mod atomic;
pub mod cli;
pub mod commands;
pub mod diagnosis;
pub mod exit;
pub mod filter;
pub mod host;
pub mod input;
pub mod merge;
pub mod namespaces;
pub mod reading;
pub mod render;
pub mod report;
pub mod schema;
pub mod signals;
pub mod status;
pub mod summary;
pub mod tally;
pub mod timeline;
pub mod trace;
pub mod tracefs;
pub mod trigger;
