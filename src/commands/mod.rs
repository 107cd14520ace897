//! One file a subcommand: glue between the command line and the parts that do the work.

pub mod check;
pub mod live;
pub mod record;
pub mod restore;
