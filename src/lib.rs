//! ip6drop: why a Linux node drops IPv6 packets, from ftrace text alone.

pub mod commands;
pub mod diagnosis;
pub mod host;
pub mod input;
pub mod trace;
pub mod tracefs;
