//! What a host says of itself: the only reader of /proc, of sysctls, of network namespaces and
//! of netlink, and parsers of what others have read there.

pub(crate) mod cni;
mod counters;
pub(crate) mod cpulist;
mod fact;
pub(crate) mod facts;
mod facts_file;
pub(crate) mod interfaces;
pub(crate) mod kmsg;
pub(crate) mod matches;
pub(crate) mod netlink;
pub(crate) mod netns;
mod new_netns;
pub(crate) mod others;
pub(crate) mod policy;
mod privileges;
mod processes;
mod read;
mod readings;
mod roots;
pub(crate) mod rt6_stats;
pub(crate) mod rules;
mod snapshot;
mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod way_back_rules;

pub(crate) use fact::Fact;
pub use facts::Facts;
pub(crate) use policy::Policy;
pub(crate) use read::ReadError;
pub(crate) use roots::CpuCount;
pub use roots::Host;
pub(crate) use snapshot::Snapshot;
