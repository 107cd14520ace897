//! ip6drop: why a Linux node drops IPv6 packets, from ftrace text alone.
//!
//! Data flows one way: [`input`] cuts bytes into pieces, [`trace`] makes lines and stacks of
//! them, [`diagnosis`] gathers evidence and classifies, [`report`] counts, [`render`] writes.
//! Facts of the [`host`] come in from the side. [`tracefs`], the control of the kernel's tracer,
//! is another wing: it feeds input, nothing else.

pub mod analysis;
pub mod capture;
pub mod cli;
pub mod commands;
pub mod diagnosis;
pub mod exit;
pub mod fleet;
pub mod host;
pub mod input;
pub mod kernel;
pub mod os;
pub mod render;
pub mod report;
mod ring;
pub mod schema;
pub mod status;
pub mod text;
pub mod trace;
pub mod tracefs;
