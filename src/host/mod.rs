//! What a host says of itself: the only reader of /proc, of sysctls and of network namespaces,
//! and parsers of what others have read there.

mod counters;
pub mod cpulist;
mod fact;
pub mod facts;
pub mod netns;
mod processes;
mod read;
mod roots;
mod rt6_stats;
mod snapshot;

pub use counters::NetNsReading;
pub use fact::Fact;
pub use facts::{Facts, FactsError};
pub use read::ReadError;
pub use roots::{CpuCount, Host};
pub use rt6_stats::Rt6Stats;
pub use snapshot::Snapshot;
