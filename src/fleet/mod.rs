//! Many hosts' JSON reports as one table: which have the fault, how sure, since when.
//!
//! [`inputs`] finds the files, [`cut`] cuts their bytes into documents, [`document`] reads what
//! is needed of each, [`read`] names its host, and [`fleet`] keeps one [`row`] a host. Memory
//! grows with the number of hosts alone, and that has a cap.

pub mod cut;
pub mod document;
pub mod hosts;
pub mod inputs;
pub mod problem;
pub mod read;
pub mod row;
pub mod totals;
