//! The route cache's counters and limits around a capture, with what the trace adds to them.

use std::path::PathBuf;

use crate::diagnosis::assessment::{Assessment, Behaviour, State, assess};
use crate::diagnosis::collect::gathered::{FastSeries, Gathered};
use crate::diagnosis::evidence::Observed;
use crate::diagnosis::knowledge::Knowledge;
use crate::host::netns::{NetNs, unidentified};
use crate::host::{CpuCount, Facts, Snapshot};
use crate::kernel::limits;
use crate::kernel::release::{Kernel, Release, judge};

/// What is known of the host besides a capture's own facts.
#[derive(Debug, Clone)]
pub struct HereAndNow {
    /// The namespace the facts are of.
    pub netns: NetNs,
    /// CPUs, those offline included.
    pub cpus: Option<CpuCount>,
    /// The kernel, with its vendor's level where it tells.
    pub kernel: Kernel,
}

/// The route cache's counters and limits, and `fast` where it was read and found valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Counters {
    /// `fast` over the capture.
    pub fast: Option<FastSeries>,
    /// Exact number of entries, at the last reading.
    pub slow: Option<i64>,
    /// `net.ipv6.route.max_size`.
    pub max_size: Option<i64>,
    /// `net.ipv6.route.gc_thresh`.
    pub gc_thresh: Option<i64>,
    /// Regime, sizes and advice that follow.
    pub assessment: Assessment,
}

impl Counters {
    /// Puts facts and trace together. `fast` is believed only where it fits the facts: the
    /// same `gc_thresh`, and never further from `slow` than the CPUs can hide. What the trace
    /// shows of refusals counts only where it is of the namespace that the facts are of.
    #[must_use]
    pub fn new(
        facts: &Facts,
        gathered: &Gathered,
        host: Option<&HereAndNow>,
        knowledge: &Knowledge,
        refuses: bool,
    ) -> Option<Counters> {
        let last = facts.last()?;
        let fast = gathered.fast.filter(|series| fits(series, facts));
        let at_once = |observed: Observed| {
            let attempt = knowledge.failed(observed) == Some(false);
            attempt && matches!(observed, Observed::Uncollected | Observed::Nothing)
        };
        let same = knowledge.same_namespace;
        let seen = Behaviour {
            fast: fast.map(|series| series.last),
            refuses: same && refuses,
            grants_at_once: same && gathered.gc.keys().any(|(.., observed)| at_once(*observed)),
            returns_nothing: gathered.gc_returns_nothing,
        };
        let elsewhere = || HereAndNow {
            netns: unidentified(PathBuf::new()),
            // The facts of a capture know the CPUs online alone.
            cpus: last.cpus.map(|cpus| CpuCount {
                online: cpus,
                present: cpus,
            }),
            kernel: judge(&Release {
                release: gathered.kernel.clone().unwrap_or_default(),
                ..Release::default()
            }),
        };
        let host = host.cloned().unwrap_or_else(elsewhere);
        Some(Counters {
            fast,
            slow: last.slow(),
            max_size: last.max_size(),
            gc_thresh: last.gc_thresh(),
            assessment: assess(last, host.cpus, &host.kernel, &host.netns, &seen),
        })
    }

    /// True where the cache holds more than its limit, on a kernel that minds.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let over = self.slow.zip(self.max_size).is_some_and(|(n, max)| n > max);
        over && self.assessment.state != State::Unaffected
    }

    /// How far `fast` was from `slow` when it was last read, in entries.
    #[must_use]
    pub fn fast_to_slow(&self) -> Option<i64> {
        Some(self.slow? - self.fast?.last)
    }

    /// `fast` at its last reading as a multiple of the batch; `None` where it is none.
    #[must_use]
    pub fn fast_in_batches(&self) -> Option<i64> {
        let (fast, batch) = (self.fast?.last, self.assessment.batch?);
        (fast % batch == 0).then_some(fast / batch)
    }
}

/// Whether `fast` can be what it was read as, beside these facts.
fn fits(series: &FastSeries, facts: &Facts) -> bool {
    let slows = || {
        [&facts.before, &facts.after]
            .into_iter()
            .flatten()
            .filter_map(Snapshot::slow)
    };
    let fits = || {
        let last = facts.last()?;
        let slack = limits::slack(last.cpus?);
        let low = slows().min()?.saturating_sub(slack);
        let high = slows().max()?.saturating_add(slack);
        let same = series.gc_thresh? == last.gc_thresh()?;
        Some(same && series.min >= low && series.max <= high)
    };
    fits() == Some(true)
}
