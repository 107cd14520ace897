//! Small traces, and what is made of the drops in them.

mod entries;
mod evidence;
mod facts;
mod gathering;
mod guards;
mod identity;
mod netfilter;
mod sight;
mod trace;
