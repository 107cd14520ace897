//! When somebody is told of drops: once a burst, and not too often.

use std::time::{Duration, Instant};

/// How long drops are gathered before they are told, so that what decides them is there.
const GATHER: Duration = Duration::from_secs(1);
/// A burst is over when no drop came for so long.
const QUIET: Duration = Duration::from_secs(10);
/// Between two tellings.
const PAUSE: Duration = Duration::from_secs(60);

/// The burst that is going on, and when somebody was told last.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    began: Option<Instant>,
    last: Option<Instant>,
    is_told: bool,
    told: Option<Instant>,
}

impl Bursts {
    /// Drops came.
    pub(super) fn came(&mut self, now: Instant) {
        self.began.get_or_insert(now);
        self.last = Some(now);
    }

    /// Whether nobody was told of the drops that came.
    #[must_use]
    pub(super) fn is_open(&self) -> bool {
        self.began.is_some() && !self.is_told
    }

    /// Whether somebody was told of the burst that is going on.
    #[must_use]
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether this is the time to tell: in the end it need not be gathered any more.
    #[must_use]
    pub(super) fn is_due(&self, now: Instant, is_end: bool) -> bool {
        let since = |then: Option<Instant>| then.map(|then| now.saturating_duration_since(then));
        let is_gathered = is_end || since(self.began).is_some_and(|passed| passed >= GATHER);
        self.is_open() && is_gathered && since(self.told).is_none_or(|passed| passed >= PAUSE)
    }

    /// Somebody was told.
    pub(super) fn tell(&mut self, now: Instant) {
        self.is_told = true;
        self.told = Some(now);
    }

    /// Ends a burst that is told and over; true where it did.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        let is_quiet = |last| now.saturating_duration_since(last) >= QUIET;
        let is_over = self.is_told && self.last.is_some_and(is_quiet);
        if is_over {
            *self = Bursts {
                told: self.told,
                ..Bursts::default()
            };
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_burst_and_once_a_minute() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut bursts = Bursts::default();
        assert!(!bursts.is_due(at(0), true));
        bursts.came(at(0));
        assert!(!bursts.is_due(at(0), false) && bursts.is_due(at(0), true));
        assert!(bursts.is_due(at(1), false));
        bursts.tell(at(1));
        bursts.came(at(9));
        // The same burst.
        assert!(!bursts.is_due(at(70), true) && !bursts.is_over(at(18)));
        assert!(bursts.is_over(at(19)) && !bursts.is_over(at(19)));
        // The next one waits for its minute, and is not forgotten meanwhile.
        bursts.came(at(20));
        assert!(bursts.is_open() && !bursts.is_due(at(60), true));
        assert!(!bursts.is_over(at(60)));
        assert!(bursts.is_due(at(61), false));
    }
}
