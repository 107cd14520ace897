//! The sysctls of the IPv6 route cache, and what the kernel makes of their values.

/// The sysctls of `net.ipv6.route` that decide about refusals.
pub(crate) const SYSCTLS: [&str; 6] = [
    "max_size",
    "gc_thresh",
    "gc_min_interval_ms",
    "gc_elasticity",
    "gc_timeout",
    "gc_interval",
];

/// A sysctl whose value no one can have meant, and what the kernel makes of it.
#[must_use]
pub(crate) fn absurd(name: &str, value: i64) -> Option<&'static str> {
    match (name, value) {
        ("max_size", ..0) => Some(
            "every count of entries is above a negative limit, so every collection ends in a refusal",
        ),
        ("max_size", 0) => Some(
            "the first entry is already above the limit, so every collection ends in a refusal",
        ),
        ("gc_thresh", ..0) => Some(
            "the kernel compares it as an unsigned number, a threshold of billions, so the limit is never checked",
        ),
        ("gc_elasticity", ..0 | 32..) => {
            Some("the kernel shifts a 32-bit number by it, which is only defined from 0 to 31")
        }
        ("gc_min_interval_ms" | "gc_timeout" | "gc_interval", ..0) => {
            Some("a time cannot be negative; the kernel's timers treat it as already over")
        }
        _ => None,
    }
}
