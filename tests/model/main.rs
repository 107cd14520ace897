//! A model of the kernel's IPv6 route lookup, of what runs on a machine's CPUs and of what the
//! tracer prints of it, written from the kernel's source. It knows why each packet was dropped,
//! and so finds what the program gets wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly
#![allow(unreachable_pub)] // one crate of many modules
#![allow(clippy::print_stdout)] // tables are read by people

mod addresses;
mod case;
mod check;
mod claims;
mod event;
mod facts;
mod follows;
mod identity;
mod inside;
mod kernel;
mod likeness;
mod lookup;
mod naming;
mod print;
mod receive;
mod reduce;
mod reference;
mod rng;
mod rules;
mod setup;
mod soak;
mod stacks;
mod strategies;
mod table;
mod tracer;
mod traffic;
mod truth;
