//! Many hosts' JSON reports as one table: which have the fault, how sure, since when.
//!
//! [`inputs`] finds the files, [`cut`] cuts their bytes into documents, [`document`] reads what
//! is needed of each, [`read`] names its host, and [`hosts`] keeps one [`row`] a host. Memory
//! grows with the number of hosts alone, and that has a cap.

mod capped;
pub mod classes;
pub mod cut;
pub mod document;
pub mod hosts;
pub mod inputs;
mod members;
pub mod problem;
pub mod read;
mod report;
pub mod row;
mod status;
pub mod totals;
