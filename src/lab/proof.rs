//! What all scenarios prove together.

use crate::exit::Exit;
use crate::lab::scenario::{Pace, Scenario};
use crate::lab::truth::Score;

/// What became of a scenario.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Which.
    pub(crate) scenario: &'static Scenario,
    /// How well losses were named.
    pub(crate) score: Score,
    /// How far `Ip6InNoRoutes` of the node rose, where it has to be the number of losses.
    pub(crate) counted: Option<u64>,
    /// What ended the loss, where something was to end it.
    pub(crate) remedy: Option<Remedied>,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
}

/// A setting that was advised, and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remedied {
    /// The command that was advised.
    pub(crate) command: String,
    /// Packets that were sent with it.
    pub(crate) packets: u64,
    /// Those of them that were lost.
    pub(crate) lost: u64,
}

impl Outcome {
    /// Each packet fared as it must, and the kernel counted as many losses.
    #[must_use]
    pub(crate) fn is_as_made(&self) -> bool {
        let score = &self.score;
        let loses = match self.scenario.pace {
            Pace::Spread => score.lost > 0 && score.lost < score.packets,
            Pace::Flood => score.lost > 0,
            _ => true,
        };
        // Drops of others may have been before it was counted.
        let as_counted = |n: u64| (score.lost..=score.lost + score.others).contains(&n);
        let ended = |remedy: &Remedied| remedy.packets > 0 && remedy.lost == 0;
        score.unexpected == 0
            && loses
            && self.counted.is_none_or(as_counted)
            && self.remedy.as_ref().is_none_or(ended)
    }
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Proof {
    /// Whether this kernel refuses entries; `None` where that was not tried.
    pub(crate) refuses: Option<bool>,
    /// Scenarios that were made.
    pub(crate) outcomes: Vec<Outcome>,
    /// Those that were not, and why.
    pub(crate) skipped: Vec<(&'static Scenario, String)>,
}

impl Proof {
    /// All scenarios together.
    #[must_use]
    pub(crate) fn total(&self) -> Score {
        let mut total = Score::default();
        let scores = self.outcomes.iter().map(|outcome| outcome.score);
        scores.for_each(|score| total.add(score));
        total
    }

    /// Scenarios in which not that became of the packets which had to.
    fn astray(&self) -> Vec<&'static str> {
        let astray = self.outcomes.iter().filter(|outcome| !outcome.is_as_made());
        astray.map(|outcome| outcome.scenario.name).collect()
    }

    /// How the command ends.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        let total = self.total();
        if total.wrongly > 0 || !self.astray().is_empty() {
            Exit::Error
        } else if total.unnamed > 0 {
            Exit::Inconclusive
        } else {
            Exit::Clean
        }
    }

    /// What it proves, in sentences.
    #[must_use]
    pub(crate) fn verdict(&self) -> String {
        let total = self.total();
        let kernel = match self.refuses {
            Some(true) => "This kernel checks max_size: ",
            Some(false) => "This kernel refuses no entries of a full route cache, as was tried: ",
            None => "",
        };
        let named = match total.lost {
            0 => format!(
                "{} packets, none was lost, and none was said to be",
                total.packets
            ),
            lost => format!(
                "{} of {lost} lost packets were named by their cause, {} of them confirmed",
                total.rightly, total.confirmed
            ),
        };
        let named = match self.outcomes.is_empty() {
            true => "nothing is left to be shown".to_owned(),
            false => named,
        };
        let mut said = vec![format!("{kernel}{named}.")];
        if total.wrongly > 0 {
            said.push(format!(
                "{} were named wrongly, {} of them confirmed: that is a bug of ip6drop; run it again with --save DIR, and report it with the capture.",
                total.wrongly, total.confirmed_wrongly
            ));
        }
        let astray = self.astray();
        if !astray.is_empty() {
            said.push(format!(
                "Not that was lost which had to be: {}.",
                astray.join(", ")
            ));
        }
        let ended = self
            .outcomes
            .iter()
            .filter_map(|outcome| outcome.remedy.as_ref());
        said.extend(ended.map(|remedy| {
            let Remedied {
                command,
                packets,
                lost,
            } = remedy;
            format!("With `{command}`, as advised, {lost} of {packets} were lost.")
        }));
        said.join(" ")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::lab::scenario::SCENARIOS;

    /// What became of the first scenarios with these scores.
    pub(crate) fn proof(refuses: Option<bool>, scores: &[Score]) -> Proof {
        let outcome = |(scenario, score): (&'static Scenario, &Score)| Outcome {
            scenario,
            score: *score,
            counted: Some(score.lost),
            remedy: None,
            seconds: 2.5,
        };
        Proof {
            refuses,
            outcomes: SCENARIOS.iter().zip(scores).map(outcome).collect(),
            skipped: Vec::new(),
        }
    }

    /// All of these were lost, and so many named rightly.
    pub(crate) fn score(lost: u64, rightly: u64) -> Score {
        Score {
            packets: lost,
            lost,
            rightly,
            unnamed: lost - rightly,
            confirmed: rightly,
            ..Score::default()
        }
    }

    /// The same, and one more that arrived.
    pub(crate) fn some(lost: u64) -> Score {
        Score {
            packets: lost + 1,
            ..score(lost, lost)
        }
    }

    #[test]
    fn what_is_proven_and_how_it_ends() {
        let all = proof(Some(true), &[score(198, 198), some(4)]);
        assert_eq!(all.exit(), Exit::Clean);
        assert_eq!(
            all.verdict(),
            "This kernel checks max_size: 202 of 202 lost packets were named by their cause, 202 of them confirmed."
        );
        let some = proof(None, &[score(198, 197)]);
        assert_eq!(some.exit(), Exit::Inconclusive);
        let wrong = Score {
            wrongly: 1,
            confirmed_wrongly: 1,
            ..score(198, 197)
        };
        let wrong = proof(None, &[wrong]);
        assert_eq!(wrong.exit(), Exit::Error);
        assert!(wrong.verdict().contains("1 were named wrongly, 1 of them"));
        let none = proof(Some(false), &[]);
        assert_eq!(none.exit(), Exit::Clean);
        assert!(
            none.verdict()
                .ends_with("tried: nothing is left to be shown.")
        );
    }

    #[test]
    fn a_network_that_does_something_else_proves_nothing() {
        let with = |change: fn(&mut Outcome)| {
            let mut proof = proof(None, &[score(9, 9), some(4)]);
            proof.outcomes.iter_mut().for_each(change);
            (proof.exit(), proof.verdict().contains("had to be: full"))
        };
        assert_eq!(with(|_| ()), (Exit::Clean, false));
        assert_eq!(with(|o| o.score.unexpected = 1), (Exit::Error, true));
        assert_eq!(with(|o| o.counted = Some(8)), (Exit::Error, true));
        assert_eq!(with(|o| o.counted = None), (Exit::Clean, false));
        let mut none = proof(None, &[score(9, 9), score(0, 0)]);
        // Now and then something is lost, and not all, or it was not what it was to be.
        assert_eq!(none.exit(), Exit::Error);
        none.outcomes[1].score = score(9, 9);
        none.outcomes[1].counted = Some(9);
        assert_eq!(none.exit(), Exit::Error);
        none.outcomes[1].score = some(9);
        assert_eq!(none.exit(), Exit::Clean);
        none.outcomes.truncate(1);
        for (lost, exit) in [(0, Exit::Clean), (1, Exit::Error)] {
            none.outcomes[0].remedy = Some(Remedied {
                command: "sysctl".to_owned(),
                packets: 9,
                lost,
            });
            assert_eq!(none.exit(), exit);
        }
        assert!(
            none.verdict()
                .ends_with("With `sysctl`, as advised, 1 of 9 were lost.")
        );
    }
}
