//! The policy of the current network namespace, what goes away in it, and its rules of nftables,
//! as the kernel tells them by netlink.

mod attributes;
mod dump;
mod messages;
mod nft;
mod policy;
mod route;
mod rule;
pub(crate) mod watch;
