//! What ends the loss now, where that is a larger route cache.

use crate::diagnosis::assessment::Assessment;
use crate::diagnosis::findings::Findings;
use crate::diagnosis::state::State;

/// Sized limits for a cache that is over its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remedy {
    /// The command that sets them now.
    pub(crate) command: String,
    /// How they were reckoned, in short.
    pub(crate) arithmetic: String,
    /// How long they hold.
    pub(crate) holds: String,
    /// The command that has them after the next boot; `None` where that is not this host's.
    pub(crate) lasting: Option<String>,
}

/// Caches in which packets were dropped and that are over their limit, that of the counters first.
pub(crate) fn over_limit(found: &Findings) -> impl Iterator<Item = &Assessment> {
    let here = found.counters.iter().filter(|counters| counters.is_over());
    let here = here.map(|counters| &counters.assessment);
    let elsewhere = found.elsewhere.iter().flatten();
    let elsewhere = elsewhere
        .filter(|found| found.state != State::Unaffected)
        .filter(|found| found.headroom.is_some_and(|room| room.entries < 0));
    here.chain(elsewhere)
}

impl Remedy {
    /// That of the first cache that is over its limit and can be sized.
    #[must_use]
    pub(crate) fn of(found: &Findings) -> Option<Remedy> {
        let sized = |cache: &Assessment| {
            let sizing = cache.sizing.as_ref()?;
            let mut commands = cache.advice.iter().map(|advice| advice.command.clone());
            Some(Remedy {
                command: commands.next()??,
                arithmetic: sizing.in_short(),
                holds: sizing.holds(),
                lasting: commands.next().flatten(),
            })
        };
        over_limit(found).find_map(sized)
    }

    /// Whether an advice says the same at length.
    #[must_use]
    pub(crate) fn says(&self, command: Option<&str>) -> bool {
        command == Some(&self.command) || command.is_some() && command == self.lasting.as_deref()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diagnosis::counters::{Counters, Refused};
    use crate::diagnosis::rules::witnesses::Given;
    use crate::host::Facts;

    /// What is found of a cache with 616 entries and this limit.
    pub(in crate::diagnosis) fn found(max_size: i64) -> Findings {
        let facts = format!(
            "0032 0028 03e8 0028 0006 0268 0000\nnet.ipv6.route.max_size = {max_size}\n\
             net.ipv6.route.gc_thresh = 64\n4\n"
        );
        let facts = Facts::parse(facts.as_bytes()).unwrap();
        let known = Given::usual().knowledge;
        let refused = Refused {
            calls: true,
            confirmed: true,
        };
        Findings {
            counters: Counters::new(&facts, &Default::default(), None, &known, refused),
            ..Findings::default()
        }
    }

    #[test]
    fn a_cache_over_its_limit_is_sized() {
        let remedy = Remedy::of(&found(200)).unwrap();
        assert_eq!(
            remedy.command,
            "sysctl -w net.ipv6.route.max_size=4096 net.ipv6.route.gc_thresh=2048"
        );
        assert_eq!(
            remedy.arithmetic,
            "40 routes x 4 CPUs + 6 exceptions = 166, 616 now; x 2 for growth"
        );
        assert_eq!(remedy.holds, "enough for 1022 routes on 4 CPUs (40 now)");
        assert!(remedy.lasting.as_ref().unwrap().contains("/etc/sysctl.d/"));
        assert!(remedy.says(Some(&remedy.command)) && remedy.says(remedy.lasting.as_deref()));
        assert!(!remedy.says(None) && !remedy.says(Some("ip -6 rule")));
        assert_eq!(Remedy::of(&found(616)), None);
        assert_eq!(Remedy::of(&Findings::default()), None);
    }

    #[test]
    fn so_is_that_of_another_namespace() {
        let there = found(200).counters.unwrap().assessment;
        let elsewhere = |change: fn(&mut Assessment)| {
            let mut there = there.clone();
            change(&mut there);
            let found = Findings {
                elsewhere: Some(vec![there]),
                ..found(616)
            };
            Remedy::of(&found).is_some()
        };
        assert!(elsewhere(|_| ()));
        assert!(!elsewhere(|there| there.state = State::Unaffected));
        assert!(!elsewhere(|there| there.headroom = None));
        assert!(!elsewhere(|there| there.sizing = None));
        assert!(!elsewhere(|there| there.advice.clear()));
    }
}
