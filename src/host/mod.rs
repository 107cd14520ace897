//! What a host says of itself: parsers of counters and limits.

pub mod facts;
pub mod rt6_stats;

pub use facts::{Facts, FactsError, Snapshot};
pub use rt6_stats::Rt6Stats;
