//! The policy of the current network namespace, as the kernel tells it by netlink.

mod attributes;
mod dump;
mod messages;
mod policy;
mod route;
mod rule;
