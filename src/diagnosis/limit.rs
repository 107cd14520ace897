//! Whether the kernel of a capture holds its route cache against `max_size`.

use crate::diagnosis::collect::gathered::Gathered;
use crate::diagnosis::evidence::{Observed, Traced};
use crate::diagnosis::surroundings::Surroundings;
use crate::host::{Facts, Snapshot};
use crate::kernel::release::{Kernel, Release, judge};

/// The kernel that the capture names, by what it was asked.
#[must_use]
pub(crate) fn kernel(gathered: &Gathered) -> Kernel {
    let release = gathered.kernel.clone().unwrap_or_default();
    let release = Release {
        release,
        new_max_size: gathered.preamble.new_max_size,
        ..Release::default()
    };
    judge(&release)
}

/// Whether allocations can be refused: by what its calls did, else by what the kernel answered
/// when it was asked, else by its release.
#[must_use]
pub(crate) fn checks_limit(
    gathered: &Gathered,
    around: &Surroundings<'_>,
    traced: Traced,
) -> Option<bool> {
    if gathered.gc_returns_nothing || granted_over_limit(gathered, around, traced) {
        return Some(false);
    }
    kernel(gathered).checks
}

/// The limit throughout, where it did not change.
fn held_limit(facts: &Facts) -> Option<i64> {
    let limit = |side: &Option<Snapshot>| side.as_ref()?.max_size();
    let (before, after) = (limit(&facts.before)?, limit(&facts.after)?);
    (before == after).then_some(before)
}

/// Calls were granted at once with `fast` above `max_size`. Where the limit is checked,
/// `fib6_run_gc` runs inside each of these (net/ipv6/route.c: `ip6_dst_gc`, 4.19).
pub(crate) fn granted_over_limit(
    gathered: &Gathered,
    around: &Surroundings<'_>,
    traced: Traced,
) -> bool {
    let granted = |observed: &Observed| match observed {
        Observed::Uncollected => true,
        Observed::Nothing => traced.run_gc,
        _ => false,
    };
    let calls = |of: &dyn Fn(&Observed) -> bool| -> u64 {
        let all = gathered.gc.iter();
        all.filter(|((.., seen), _)| of(seen)).map(|(_, n)| n).sum()
    };
    let fast = gathered
        .fast
        .and_then(|reads| reads.believed(around.facts).ok());
    let is_over = fast
        .zip(held_limit(around.facts))
        .is_some_and(|(fast, limit)| fast.series.min > limit);
    // One call may have met fast as it fell.
    is_over
        && calls(&granted) > 1
        && calls(&|seen| *seen == Observed::Failed) == 0
        && around.are_of(gathered)
        && !gathered.has_losses()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::collect::fast::FastReads;
    use crate::kernel::functions::Origin;

    /// Two readings on 4 CPUs with 380 entries.
    fn facts(max_size: [i64; 2]) -> Facts {
        let reading = |max_size: i64| {
            format!(
                "0001 0001 0203 0001 0000 017c 0000\nIp6InNoRoutes 0\n\
                 net.ipv6.route.max_size = {max_size}\nnet.ipv6.route.gc_thresh = 64\n4\n"
            )
        };
        let text = max_size.map(reading).concat();
        Facts::parse(text.as_bytes()).unwrap()
    }

    /// Calls with `fast` at 320 over a limit of 200, and fib6_run_gc traced, where something is
    /// different.
    fn granted(change: impl FnOnce(&mut Gathered, &mut Facts, &mut Traced)) -> bool {
        let mut gathered = Gathered {
            fast: FastReads::of(&[320, 320], 64),
            ..Gathered::default()
        };
        gathered.namespaces.insert(1);
        let at = |observed| (Some(0), Origin::Receive, observed);
        gathered.gc.insert(at(Observed::Nothing), 2);
        gathered.gc.insert(at(Observed::Collected), 9);
        let (mut facts, mut traced) = (facts([200, 200]), Traced::default());
        traced.run_gc = true;
        change(&mut gathered, &mut facts, &mut traced);
        let around = Surroundings {
            facts: &facts,
            bracketed: true,
            receive_drops: 0,
            memory_failed: false,
        };
        granted_over_limit(&gathered, &around, traced)
    }

    #[test]
    fn a_call_over_the_limit_that_collects_nothing_shows_that_there_is_no_check() {
        assert!(granted(|_, _, _| ()));
        let fast = |values: &'static [i64]| granted(|g, _, _| g.fast = FastReads::of(values, 64));
        assert!(fast(&[288, 320]));
        assert!(!fast(&[320]));
        assert!(!granted(|g, _, _| g.fast = None));
        // At the limit a collection that is recent is not repeated.
        assert!(granted(|_, f, _| *f = facts([319, 319])));
        assert!(!granted(|_, f, _| *f = facts([320, 320])));
        assert!(!granted(|_, f, _| *f = facts([200, 201])));
        assert!(!granted(|_, f, _| f.after = None));
    }

    #[test]
    fn that_nothing_was_collected_must_show() {
        let calls = |observed: Observed, n: u64| {
            move |gathered: &mut Gathered, _: &mut Facts, traced: &mut Traced| {
                gathered.gc.clear();
                let at = (Some(0), Origin::Receive, observed);
                gathered.gc.insert(at, n);
                traced.run_gc = false;
            }
        };
        assert!(granted(calls(Observed::Uncollected, 2)));
        assert!(!granted(calls(Observed::Uncollected, 1)));
        for observed in [
            Observed::Nothing,
            Observed::Collected,
            Observed::Cut,
            Observed::Succeeded,
        ] {
            assert!(!granted(calls(observed, 9)), "{observed:?}");
        }
        assert!(!granted(|g, _, _| {
            g.gc.insert((Some(1), Origin::Receive, Observed::Failed), 1);
        }));
        assert!(!granted(|g, _, _| g.lost_uncounted = 1));
        assert!(!granted(|g, _, _| {
            g.namespaces.insert(2);
        }));
    }

    #[test]
    fn calls_go_before_answers_and_answers_before_the_release() {
        let with = |release: &str, new_max_size, returns_nothing| {
            let mut gathered = Gathered {
                kernel: Some(release.into()),
                gc_returns_nothing: returns_nothing,
                ..Gathered::default()
            };
            gathered.preamble.new_max_size = new_max_size;
            let around = Surroundings {
                facts: &Facts::default(),
                bracketed: true,
                receive_drops: 0,
                memory_failed: false,
            };
            checks_limit(&gathered, &around, Traced::default())
        };
        assert_eq!(with("4.19.108", None, false), Some(true));
        assert_eq!(with("6.12.1", None, false), Some(false));
        assert_eq!(with("4.19.108", Some(2_147_483_647), false), Some(false));
        assert_eq!(with("6.12.1", Some(4096), false), Some(true));
        assert_eq!(with("6.12.1", Some(4096), true), Some(false));
    }
}
