//! The route cache's counters and limits around a capture, with what the trace adds to them.

use std::path::PathBuf;

use crate::diagnosis::assessment::{Assessment, Behaviour, State, assess};
use crate::diagnosis::collect::gathered::{FastSeries, Gathered};
use crate::diagnosis::evidence::Observed;
use crate::diagnosis::knowledge::Knowledge;
use crate::host::matches::RouteMatches;
use crate::host::netns::{NetNs, unidentified};
use crate::host::{CpuCount, Facts};
use crate::kernel::release::{Kernel, Release, judge};

/// What is known of the host besides a capture's own facts.
#[derive(Debug, Clone)]
pub(crate) struct HereAndNow {
    /// The namespace the facts are of.
    pub(crate) netns: NetNs,
    /// CPUs, those offline included.
    pub(crate) cpus: Option<CpuCount>,
    /// The kernel, with its vendor's level where it tells.
    pub(crate) kernel: Kernel,
}

/// The route cache's counters and limits, and `fast` where it was read and found valid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counters {
    /// `fast` over the capture.
    pub(crate) fast: Option<FastSeries>,
    /// Exact number of entries, at the last reading.
    pub(crate) slow: Option<i64>,
    /// `net.ipv6.route.max_size`.
    pub(crate) max_size: Option<i64>,
    /// `net.ipv6.route.gc_thresh`.
    pub(crate) gc_thresh: Option<i64>,
    /// Regime, sizes and advice that follow.
    pub(crate) assessment: Assessment,
}

impl Counters {
    /// Puts facts and trace together. `fast` is believed only where it fits the facts: the
    /// same `gc_thresh`, and never further from `slow` than the CPUs can hide. What the trace
    /// shows of refusals counts only where it is of the namespace that the facts are of.
    #[must_use]
    pub(crate) fn new(
        facts: &Facts,
        gathered: &Gathered,
        host: Option<&HereAndNow>,
        knowledge: &Knowledge,
        refuses: bool,
    ) -> Option<Counters> {
        let last = facts.last()?;
        let fast = gathered.fast.filter(|series| series.fits(facts));
        let at_once = |observed: Observed| {
            let attempt = knowledge.failed(observed) == Some(false);
            attempt && matches!(observed, Observed::Uncollected | Observed::Nothing)
        };
        let same = knowledge.counts_agree;
        let seen = Behaviour {
            fast: fast.map(|series| series.last),
            refuses: same && refuses,
            grants_at_once: same && gathered.gc.keys().any(|(.., observed)| at_once(*observed)),
            returns_nothing: gathered.gc_returns_nothing,
            // A capture does not say.
            matches: RouteMatches::default(),
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
    pub(crate) fn is_over(&self) -> bool {
        let over = self.slow.zip(self.max_size).is_some_and(|(n, max)| n > max);
        over && self.assessment.state != State::Unaffected
    }

    /// How far `fast` was from `slow` when it was last read, in entries.
    #[must_use]
    pub(crate) fn fast_to_slow(&self) -> Option<i64> {
        Some(self.slow? - self.fast?.last)
    }

    /// `fast` at its last reading as a multiple of the batch; `None` where it is none.
    #[must_use]
    pub(crate) fn fast_in_batches(&self) -> Option<i64> {
        let (fast, batch) = (self.fast?.last, self.assessment.batch?);
        (fast % batch == 0).then_some(fast / batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::rules::witnesses::Given;
    use crate::kernel::functions::Origin;

    /// Two readings on 4 CPUs, with so many entries and limits of 366 and 64.
    fn facts(before: u64, after: u64) -> Facts {
        let reading = |slow: u64| {
            format!(
                "0032 0028 03e8 001e 0000 {slow:04x} 0000\nnet.ipv6.route.gc_thresh = 64\n\
                 net.ipv6.route.max_size = 366\n4\n"
            )
        };
        Facts::parse((reading(before) + &reading(after)).as_bytes()).unwrap()
    }

    fn series(min: i64, max: i64, last: i64) -> FastSeries {
        FastSeries {
            min,
            max,
            last,
            gc_thresh: Some(64),
            samples: 3,
        }
    }

    /// Counters of a capture on a kernel that checks the limit, where something is different.
    fn counters(facts: &Facts, change: impl FnOnce(&mut Given, &mut Gathered)) -> Counters {
        let mut given = Given::usual();
        let mut gathered = Gathered {
            kernel: Some("4.19.108".to_owned()),
            fast: Some(series(288, 320, 288)),
            ..Gathered::default()
        };
        change(&mut given, &mut gathered);
        Counters::new(facts, &gathered, None, &given.knowledge, true).unwrap()
    }

    #[test]
    fn numbers_are_those_of_the_last_reading() {
        let found = counters(&facts(376, 379), |_, _| ());
        let numbers = (found.slow, found.max_size, found.gc_thresh);
        assert_eq!(numbers, (Some(379), Some(366), Some(64)));
        assert_eq!(found.assessment.batch, Some(32));
        assert_eq!(found.assessment.state.names(), ["intermittent"]);
        let (known, gathered) = (Given::usual().knowledge, Gathered::default());
        let none = Counters::new(&Facts::default(), &gathered, None, &known, true);
        assert_eq!(none, None);
    }

    #[test]
    fn a_cache_is_over_where_it_holds_more_than_its_limit() {
        assert!(counters(&facts(367, 367), |_, _| ()).is_over());
        assert!(!counters(&facts(366, 366), |_, _| ()).is_over());
        let fixed = |given: &mut Given, gathered: &mut Gathered| {
            given.knowledge.counts_agree = false;
            gathered.gc_returns_nothing = true;
        };
        let unaffected = counters(&facts(376, 376), fixed);
        assert_eq!(unaffected.assessment.state, State::Unaffected);
        assert!(!unaffected.is_over());
    }

    #[test]
    fn what_the_trace_shows_counts_in_the_same_namespace_alone() {
        // Without fast, three regimes are possible; what was granted at once excludes one.
        let granted = |observed, same| {
            let found = counters(&facts(376, 376), |given, gathered| {
                gathered.fast = None;
                given.knowledge.counts_agree = same;
                gathered.gc.insert((Some(1), Origin::Receive, observed), 1);
            });
            found.assessment.state.names().len()
        };
        let all = granted(Observed::Cut, true);
        assert_eq!(granted(Observed::Nothing, true), all - 1);
        assert_eq!(granted(Observed::Uncollected, true), all - 1);
        assert_eq!(granted(Observed::Uncollected, false), all);
        // Its collection may have made the room.
        assert_eq!(granted(Observed::Succeeded, true), all);
        // A kernel that refuses checks, whatever its version says.
        let newer = |same| {
            let found = counters(&facts(376, 376), |given, gathered| {
                gathered.kernel = Some("6.12.1".to_owned());
                given.knowledge.counts_agree = same;
            });
            found.assessment.state == State::Unaffected
        };
        assert!(!newer(true));
        assert!(newer(false));
    }

    #[test]
    fn fast_is_believed_where_it_fits_the_facts() {
        let (facts, slack) = (facts(376, 379), 124);
        let believed = |fast| {
            counters(&facts, |_, gathered| gathered.fast = fast)
                .fast
                .is_some()
        };
        assert!(!believed(None));
        assert!(believed(Some(series(376 - slack, 379 + slack, 300))));
        assert!(!believed(Some(series(376 - slack - 1, 379 + slack, 300))));
        assert!(!believed(Some(series(376 - slack, 379 + slack + 1, 300))));
        let other_thresh = |gc_thresh| FastSeries {
            gc_thresh,
            ..series(300, 300, 300)
        };
        assert!(!believed(Some(other_thresh(Some(65)))));
        assert!(!believed(Some(other_thresh(None))));
        let mut without_cpus = facts.clone();
        without_cpus.after.as_mut().unwrap().cpus = None;
        assert_eq!(counters(&without_cpus, |_, _| ()).fast, None);
    }

    #[test]
    fn fast_is_held_against_slow_and_the_batch() {
        let with = |last| {
            let fast = Some(series(280, 320, last));
            let found = counters(&facts(376, 379), |_, gathered| gathered.fast = fast);
            (found.fast_to_slow(), found.fast_in_batches())
        };
        assert_eq!(with(288), (Some(91), Some(9)));
        assert_eq!(with(289), (Some(90), None));
        assert_eq!(with(400), (Some(-21), None));
        let found = counters(&facts(376, 379), |_, gathered| gathered.fast = None);
        assert_eq!(
            (found.fast_to_slow(), found.fast_in_batches()),
            (None, None)
        );
    }
}
