//! What a host says of itself: parsers of counters and limits, and the readers of live ones.

pub mod netns;
pub mod read;
pub mod rt6_stats;
pub mod snapshot;

pub use rt6_stats::Rt6Stats;
pub use snapshot::{Facts, FactsError, Snapshot};
