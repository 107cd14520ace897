//! The command line: what each command takes, one file a command. The types hold what was
//! written, checked as far as one value can be by itself; what it means is the command's matter.

pub mod check;
pub mod colour;
pub mod diagnose;
pub mod generate;
pub mod merge;
pub mod program;
pub mod record;
pub mod report;
pub mod restore;
pub mod status;
pub mod tracing;
pub mod values;
