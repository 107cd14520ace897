//! Where this kernel keeps what a packet is known by: found out by own packets, in a network
//! namespace that nobody sees.

mod bench;
pub(crate) mod calibration;
mod own_packet;
mod solve;
#[cfg(test)]
mod tests;
mod words;
