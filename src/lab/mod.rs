//! The fault made on purpose, in network namespaces of our own: which packets are lost, and why, is known there
//! from how they are made, and what the program says of them is held against that.

pub(crate) mod bench;
pub(crate) mod error;
mod links;
mod network;
mod nft;
pub(crate) mod proof;
mod recording;
pub(crate) mod scenario;
mod sender;
pub(crate) mod sizes;
mod traffic;
pub(crate) mod truth;
