//! Counting in the kernel how often functions are entered, on each CPU, and where packets are freed.

pub(crate) mod counting;
pub(crate) mod hist;
