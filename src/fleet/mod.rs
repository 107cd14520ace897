//! Many hosts' JSON reports as one table: which have the fault, how sure, since when.
//!
//! [`inputs`] finds the files, [`cut`] cuts their bytes into documents, [`document`] reads what
//! is needed of each, [`read`] names its host, and [`hosts`] keeps one [`row`] a host. Memory
//! grows with the number of hosts alone, and that has a cap.

mod capped;
pub(crate) mod classes;
pub(crate) mod comparison;
pub(crate) mod cut;
mod document;
pub(crate) mod hosts;
pub(crate) mod inputs;
mod members;
pub(crate) mod problem;
pub(crate) mod read;
mod report;
pub(crate) mod row;
mod status;
pub(crate) mod totals;
