//! The command line: what each command takes, one file a command. The types hold what was
//! written, checked as far as one value can be by itself; what it means is the command's matter.

pub(crate) mod anonymize;
pub(crate) mod check;
pub(crate) mod colour;
pub(crate) mod diagnose;
pub(crate) mod funnel;
pub(crate) mod generate;
pub(crate) mod lab;
pub(crate) mod merge;
pub(crate) mod packets;
pub(crate) mod program;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod status;
pub(crate) mod tracing;
pub(crate) mod values;
pub(crate) mod watch;
