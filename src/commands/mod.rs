//! One file a command: glue between the command line and the library.

pub(crate) mod dispatch;
pub(crate) mod seen;

mod anonymize;
mod bursts;
mod capture;
mod check;
mod compare;
mod diagnose;
mod dry_run;
mod finds;
mod funnel;
mod generate;
mod inputs;
mod lab;
mod live;
mod man;
mod merge;
mod naming;
mod narrowing;
mod on_drop;
mod output;
mod progress;
mod record;
mod report;
mod restore;
mod status;
mod traces;
mod watch;
mod watcher;
