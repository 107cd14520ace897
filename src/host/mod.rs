//! What a host says of itself: parsers of counters and limits, and the readers of live ones.

pub mod facts;
pub mod live;
pub mod netns;
pub mod rt6_stats;

pub use facts::{Facts, FactsError, Snapshot};
pub use rt6_stats::Rt6Stats;
