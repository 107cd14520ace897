//! How large the lab is, and which limits make which regime of the route cache.

use crate::kernel::limits::{batch, slack_of};

/// Pods: each is a namespace and a thread.
pub(super) const PODS: u16 = 3;
/// Addresses of the node: every one but the first has no entry on any CPU, until its first packet.
pub(super) const LOCALS: u16 = 100;
/// The most CPUs that packets are sent on.
pub(super) const MOST_CPUS: usize = 4;
/// What the shared counter of later kernels and of some vendors takes at once, whatever the number of CPUs.
const FIXED_BATCH: i64 = 32;
/// What each CPU keeps to itself of a batch when the cache is filled, and what it lacks of the next one, at
/// least: interfaces make entries by themselves as well.
const KEPT: i64 = 12;

/// What becomes of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regime {
    /// Room for all.
    Roomy,
    /// Over its limit, and its shared count as well: everything is refused.
    Full,
    /// Over its limit, its shared count not: refused now and then.
    JustOver,
    /// Over its limit, and below the threshold at which it is looked at.
    Latent,
    /// Room for all that stays, and not for what is in flight.
    Tight,
}

/// `max_size` and `gc_thresh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_size: i64,
    pub(super) gc_thresh: i64,
}

/// Routes to each pod, so many that their copies on one CPU fill the shared count, and a part of a
/// batch stays with the CPU.
pub(super) fn routes_a_pod(online: u32) -> u16 {
    let batch = batch(online);
    let is_between = |routes: i64, batch: i64| (KEPT..=batch - KEPT).contains(&(routes % batch));
    let fits = |routes: &i64| is_between(*routes, batch) && is_between(*routes, FIXED_BATCH);
    let pods = i64::from(PODS);
    let all = (4 * batch / pods..).map(|n| n * pods).find(fits);
    let each = all.unwrap_or(8 * batch) / pods;
    u16::try_from(each).unwrap_or(u16::MAX)
}

/// The limits for a cache that was filled on so many CPUs, and holds `slow` entries.
pub(super) fn limits(regime: Regime, (online, cpus): (u32, u32), slow: i64) -> Limits {
    let batch = batch(online);
    let routes = i64::from(routes_a_pod(online)) * i64::from(PODS);
    // Of each CPU's entries a batch may not be in the shared count.
    let shared = i64::from(cpus) * (routes - batch);
    let gc_thresh = shared / 8;
    let max_size = match regime {
        Regime::Full => shared / 2,
        Regime::JustOver => slow - KEPT / 2,
        Regime::Tight => slow + 3 * KEPT,
        Regime::Latent => shared / 2,
        Regime::Roomy => 8 * (slow + shared),
    };
    let gc_thresh = match regime {
        Regime::Latent => 2 * slow + slack_of(online, batch),
        _ => gc_thresh,
    };
    Limits {
        max_size,
        gc_thresh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_cpus_has_its_regimes() {
        for online in [1, 2, 4, 16, 17, 64, 96, 255, 1024] {
            let cpus = online.min(u32::try_from(MOST_CPUS).unwrap());
            let each = i64::from(routes_a_pod(online)) * i64::from(PODS);
            for taken in [batch(online), FIXED_BATCH] {
                let slow = i64::from(cpus) * each;
                let fast = i64::from(cpus) * (each - each % taken);
                let limits = |regime| limits(regime, (online, cpus), slow);
                let full = limits(Regime::Full);
                assert!(full.gc_thresh > 0 && full.gc_thresh < full.max_size);
                assert!(full.max_size < fast, "{online} {taken}");
                let over = limits(Regime::JustOver);
                assert!(over.gc_thresh < fast, "{online} {taken}");
                assert!(fast <= over.max_size && over.max_size < slow);
                let latent = limits(Regime::Latent);
                assert!(fast <= latent.gc_thresh && latent.max_size < slow);
                let roomy = limits(Regime::Roomy);
                assert!(slow < roomy.max_size && roomy.gc_thresh < fast);
                let tight = limits(Regime::Tight);
                assert!(slow < tight.max_size && tight.gc_thresh < fast);
            }
        }
    }
}
