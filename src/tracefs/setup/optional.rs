//! What a tracing can be without, and what that costs.

use crate::kernel::functions::{Function, NETFILTER_DROP};
use crate::kernel::traced::TRACED;

/// An event or a function that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Optional<'a> {
    /// Its name, as the trace shows it.
    pub(crate) name: &'a str,
    /// What is lost in certainty without it.
    pub(crate) cost: &'static str,
    /// How much that is, beside the others.
    pub(crate) weight: u8,
}

impl<'a> Optional<'a> {
    /// What has this name; a function that is not traced by default was asked for.
    #[must_use]
    pub(crate) fn of(name: &'a str) -> Optional<'a> {
        let function = TRACED.iter().find(|traced| traced.name() == name);
        let (weight, cost) = match (name, function) {
            ("gc_enter", _) => (0, "how full the route cache was at each call is not seen"),
            ("gc_exit", _) => (4, "what became of an allocation is not seen for sure"),
            (NETFILTER_DROP, _) => (3, "what netfilter drops for its own lookup is not seen"),
            (_, Some(traced)) if traced.function == Function::DstGc => (5, traced.cost),
            (_, Some(traced)) => (2, traced.cost),
            (_, None) => (1, "it was asked for, and nothing is concluded from it"),
        };
        Optional { name, cost, weight }
    }
}

/// True for the file that switches our event of this name on, or that of a clone of its function.
#[must_use]
pub(crate) fn is_switch(file: &str, name: &str) -> bool {
    let event = file.strip_suffix("/enable").unwrap_or(file);
    let event = event.rsplit('/').next().unwrap_or(event);
    let clone = event.strip_prefix(name).and_then(|n| n.strip_prefix('_'));
    event == name || clone.is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_function_go_with_it() {
        let of = |event: &str| format!("instances/ip6drop-1/events/ip6drop_1/{event}/enable");
        assert!(is_switch(&of("ip6_dst_gc"), "ip6_dst_gc"));
        assert!(is_switch(&of("ip6_dst_gc_1"), "ip6_dst_gc"));
        assert!(!is_switch(&of("ip6_dst_gc_x"), "ip6_dst_gc"));
        assert!(!is_switch(&of("gc_enter"), "ip6_dst_gc"));
    }

    #[test]
    fn what_decides_goes_last() {
        let names = [
            "gc_enter",
            "vfs_read",
            "icmp6_send",
            NETFILTER_DROP,
            "gc_exit",
            "ip6_dst_gc",
        ];
        let weights = names.map(|name| Optional::of(name).weight);
        assert!(weights.is_sorted_by(|a, b| a < b), "{weights:?}");
        let gc = Optional::of("ip6_dst_gc");
        assert!(gc.cost.contains("full route cache"), "{}", gc.cost);
    }
}
