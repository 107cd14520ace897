//! In which state a route cache can be.

use crate::exit::Exit;
use crate::kernel::limits::Regime;

/// The state of a route cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// This kernel does not check `max_size`.
    Unaffected,
    /// The regimes that are possible, in ascending order; one where it is certain.
    Regimes(Vec<Regime>),
    /// The counters or the limit could not be read.
    Unknown,
}

impl State {
    /// The regime, where it is certain; `unaffected` counts as one.
    #[must_use]
    pub(crate) fn certain(&self) -> Option<&'static str> {
        match self {
            State::Unaffected => Some("unaffected"),
            State::Regimes(regimes) => match regimes[..] {
                [regime] => Some(regime.name()),
                _ => None,
            },
            State::Unknown => None,
        }
    }

    /// Names of what is possible.
    #[must_use]
    pub(crate) fn names(&self) -> Vec<&'static str> {
        match self {
            State::Unaffected => vec!["unaffected"],
            State::Regimes(regimes) => regimes.iter().map(|regime| regime.name()).collect(),
            State::Unknown => Vec::new(),
        }
    }

    /// The exit status it stands for under `--exit-code`.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        match self {
            State::Unaffected => Exit::Clean,
            State::Unknown => Exit::Suspected,
            State::Regimes(regimes) => match regimes[..] {
                [Regime::WithinLimits | Regime::Latent] => Exit::Clean,
                [Regime::Exhausted] => Exit::Confirmed,
                _ => Exit::Suspected,
            },
        }
    }

    /// True where the cache certainly holds more than a limit that counts.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        match self {
            State::Unaffected | State::Unknown => false,
            State::Regimes(regimes) => !regimes.contains(&Regime::WithinLimits),
        }
    }

    /// The exit status of several caches: that of the worst. Where none is over its limit, one
    /// that could not be read when it should is an error.
    #[must_use]
    pub(crate) fn exit_of_all(exits: impl Iterator<Item = Exit>, failed: bool) -> Exit {
        let exits: Vec<Exit> = exits.collect();
        let worst = [Exit::Confirmed, Exit::Suspected]
            .into_iter()
            .find(|exit| exits.contains(exit));
        worst.unwrap_or(if failed { Exit::Error } else { Exit::Clean })
    }

    /// What it means, in words that follow its name.
    #[must_use]
    pub(crate) fn meaning(&self) -> &'static str {
        match self {
            State::Unaffected => "this kernel does not check max_size, and refuses nothing",
            State::Unknown => "the counters or limits could not be read",
            State::Regimes(regimes) => match regimes[..] {
                [Regime::WithinLimits] => "nothing is refused",
                [Regime::Latent] => {
                    "over its limit, which is not checked yet; nothing is refused so far"
                }
                [Regime::Intermittent] => {
                    "over its limit; new entries are refused now and then, about once per gc_min_interval"
                }
                [Regime::Exhausted] => "over its limit; every new entry is refused",
                _ => {
                    "over its limit; which of these it is depends on what the CPUs keep to themselves"
                }
            },
        }
    }
}
