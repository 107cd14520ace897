//! The route cache's counters and limits around a capture, with what the trace adds to them.

use std::path::PathBuf;

use crate::diagnosis::assessment::{Assessment, Behaviour, assess};
use crate::diagnosis::collect::fast::{Doubt, Fast};
use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::evidence::Observed;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::limit::kernel;
use crate::diagnosis::proof::Proof;
use crate::diagnosis::state::State;
use crate::host::matches::RouteMatches;
use crate::host::netns::{NetNs, unidentified};
use crate::host::{CpuCount, Facts, Snapshot};
use crate::kernel::release::Kernel;

/// What of a trace was refused, in whatever namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Calls of `ip6_dst_gc`.
    pub(crate) calls: bool,
    /// Drops, confirmed to be for that.
    pub(crate) confirmed: bool,
}

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
    /// `fast` over the capture, where it was read and is believed.
    pub(crate) fast: Option<Fast>,
    /// Why it is not, where something was read.
    pub(crate) fast_doubt: Option<Doubt>,
    /// Exact number of entries, at the last reading.
    pub(crate) slow: Option<i64>,
    /// `net.ipv6.route.max_size`.
    pub(crate) max_size: Option<i64>,
    /// `net.ipv6.route.gc_thresh`.
    pub(crate) gc_thresh: Option<i64>,
    /// Regime, sizes and advice that follow.
    pub(crate) assessment: Assessment,
}

/// Calls were granted without a collection, or most of them behind one: a collection can make
/// room now and then.
fn grants(gathered: &Gathered, knowledge: &Knowledge) -> bool {
    let (mut granted, mut refused) = (0, 0);
    for (&(.., observed), calls) in &gathered.gc {
        match knowledge.failed(observed) {
            Some(true) => refused += calls,
            Some(false) if matches!(observed, Observed::Uncollected | Observed::Nothing) => {
                return true;
            }
            Some(false) => granted += calls,
            None => {}
        }
    }
    granted > refused.max(1)
}

/// Every call was granted, as far as counting tells, though the cache was over its limit and
/// `fast` above `gc_thresh`.
fn granted_over(facts: &Facts, knowledge: &Knowledge) -> bool {
    let is_over = |side: &Option<Snapshot>| {
        let side = side.as_ref()?;
        Some(side.slow()? > side.max_size()?)
    };
    let sides = [&facts.before, &facts.after];
    knowledge.proof == Proof::AllGranted
        && knowledge.counts_agree
        && sides.into_iter().all(|side| is_over(side) == Some(true))
}

impl Counters {
    /// Puts facts and trace together. What the trace shows of refusals counts only where it is
    /// of the namespace that the facts are of.
    #[must_use]
    pub(crate) fn new(
        facts: &Facts,
        gathered: &Gathered,
        host: Option<&HereAndNow>,
        knowledge: &Knowledge,
        refused: Refused,
    ) -> Option<Counters> {
        let last = facts.last()?;
        let read = gathered.fast.map(|reads| reads.believed(facts));
        let (fast, fast_doubt) = (read.and_then(Result::ok), read.and_then(Result::err));
        let same = knowledge.counts_agree;
        let seen = Behaviour {
            fast: fast.map(|fast| fast.series.last),
            refuses: same && refused.calls,
            checks: refused.confirmed,
            grants: same && grants(gathered, knowledge),
            never_refuses: !knowledge.returns_count || granted_over(facts, knowledge),
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
            kernel: kernel(gathered),
        };
        let host = host.cloned().unwrap_or_else(elsewhere);
        Some(Counters {
            fast,
            fast_doubt,
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
        Some(self.slow? - self.fast?.series.last)
    }

    /// `fast` at its last reading as a multiple of the batch; `None` where it is none.
    #[must_use]
    pub(crate) fn fast_in_batches(&self) -> Option<i64> {
        let (fast, batch) = (self.fast?.series.last, self.assessment.batch?);
        (fast % batch == 0).then_some(fast / batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::collect::fast::FastReads;
    use crate::diagnosis::rules::witnesses::Given;
    use crate::kernel::functions::Origin;

    const CALLS: Refused = Refused {
        calls: true,
        confirmed: false,
    };

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

    /// Counters of a capture on a kernel that checks the limit, where something is different.
    fn counters(facts: &Facts, change: impl FnOnce(&mut Given, &mut Gathered)) -> Counters {
        let mut given = Given::usual();
        let mut gathered = Gathered {
            kernel: Some("4.19.108".into()),
            fast: FastReads::of(&[288, 320, 288], 64),
            ..Gathered::default()
        };
        change(&mut given, &mut gathered);
        Counters::new(facts, &gathered, None, &given.knowledge, CALLS).unwrap()
    }

    #[test]
    fn numbers_are_those_of_the_last_reading() {
        let found = counters(&facts(376, 379), |_, _| ());
        let numbers = (found.slow, found.max_size, found.gc_thresh);
        assert_eq!(numbers, (Some(379), Some(366), Some(64)));
        assert_eq!(found.assessment.batch, Some(32));
        assert_eq!(found.assessment.state.names(), ["intermittent"]);
        let (known, gathered) = (Given::usual().knowledge, Gathered::default());
        let none = Counters::new(&Facts::default(), &gathered, None, &known, CALLS);
        assert_eq!(none, None);
    }

    #[test]
    fn a_cache_is_over_where_it_holds_more_than_its_limit() {
        assert!(counters(&facts(367, 367), |_, _| ()).is_over());
        assert!(!counters(&facts(366, 366), |_, _| ()).is_over());
        let fixed = |given: &mut Given, _: &mut Gathered| {
            given.knowledge.counts_agree = false;
            given.knowledge.returns_count = false;
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
                gathered.kernel = Some("6.12.1".into());
                given.knowledge.counts_agree = same;
            });
            found.assessment.state == State::Unaffected
        };
        assert!(!newer(true));
        assert!(newer(false));
        // So does one that is proven to have, in whatever namespace.
        let proven = |confirmed| {
            let gathered = Gathered {
                kernel: Some("6.12.1".into()),
                ..Gathered::default()
            };
            let refused = Refused {
                confirmed,
                ..Refused::default()
            };
            let known = Given::usual().knowledge;
            let found = Counters::new(&facts(376, 376), &gathered, None, &known, refused);
            found.unwrap().assessment.checks
        };
        assert_eq!(proven(true), Some(true));
        assert_eq!(proven(false), Some(false));
    }

    #[test]
    fn what_is_not_believed_is_doubted() {
        let doubt = |fast| {
            let found = counters(&facts(376, 379), |_, gathered| gathered.fast = fast);
            (found.fast.is_some(), found.fast_doubt)
        };
        assert_eq!(doubt(None), (false, None));
        assert_eq!(doubt(FastReads::of(&[288, 320], 64)), (true, None));
        let low = Some(Doubt::Low(0));
        assert_eq!(doubt(FastReads::of(&[0, 0], 64)), (false, low));
    }

    #[test]
    fn a_cache_that_grants_most_is_not_exhausted() {
        let names = |calls: &[(Observed, u64)]| {
            let found = counters(&facts(376, 376), |_, gathered| {
                gathered.fast = None;
                for (observed, n) in calls {
                    let at = (Some(1), Origin::Receive, *observed);
                    gathered.gc.insert(at, *n);
                }
            });
            found.assessment.state.names()
        };
        let both = vec!["intermittent", "exhausted"];
        assert_eq!(
            names(&[(Observed::Failed, 2), (Observed::Succeeded, 62)]),
            ["intermittent"]
        );
        assert_eq!(
            names(&[(Observed::Failed, 62), (Observed::Succeeded, 2)]),
            both
        );
        assert_eq!(
            names(&[(Observed::Failed, 2), (Observed::Succeeded, 2)]),
            both
        );
        assert_eq!(names(&[(Observed::Succeeded, 1)]), both);
    }

    #[test]
    fn drops_go_before_counters() {
        let names = |slow, calls| {
            let facts = facts(slow, slow);
            let (known, gathered) = (Given::usual().knowledge, Gathered::default());
            let refused = Refused { calls, ..CALLS };
            let found = Counters::new(&facts, &gathered, None, &known, refused);
            found.unwrap().assessment.state.names()
        };
        assert_eq!(names(300, false), ["within-limits"]);
        assert_eq!(names(300, true), ["intermittent", "exhausted"]);
    }

    #[test]
    fn a_cache_over_its_limit_that_grants_everything_is_not_held_against_it() {
        let unaffected = |slow, change: fn(&mut Knowledge)| {
            let facts = facts(slow, slow);
            let mut known = Given::usual().knowledge;
            known.proof = Proof::AllGranted;
            change(&mut known);
            let none = Refused::default();
            let found = Counters::new(&facts, &Gathered::default(), None, &known, none);
            found.unwrap().assessment.state == State::Unaffected
        };
        assert!(unaffected(367, |_| ()));
        assert!(!unaffected(366, |_| ()));
        assert!(!unaffected(367, |known| known.proof = Proof::CollectedFailed));
        assert!(!unaffected(367, |known| known.counts_agree = false));
    }

    #[test]
    fn fast_is_held_against_slow_and_the_batch() {
        let with = |last| {
            let fast = FastReads::of(&[last, last], 64);
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
