//! The trace's clock and the host's, read at the same moment.

use std::fmt;
use std::time::Duration;

/// Nanoseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// What both clocks said at one moment, in nanoseconds. On the line of a capture both are in
/// seconds with a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockPair {
    /// The trace's clock, since its own zero.
    pub(crate) trace: u64,
    /// The host's clock, since 1970 (UTC).
    pub(crate) wall: u64,
}

/// `1120.760823`, in nanoseconds; what is smaller is left out.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let mut digits = fraction.bytes().map(|b| u64::from(b - b'0'));
    let nanoseconds = (0..9).fold(0, |sum, _| sum * 10 + digits.next().unwrap_or(0));
    let whole = whole.parse::<u64>().ok()?.checked_mul(SECOND)?;
    whole.checked_add(nanoseconds)
}

impl ClockPair {
    /// Reads `TRACE_SECONDS WALL_SECONDS`.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<ClockPair> {
        let mut words = text.split_ascii_whitespace();
        let trace = seconds(words.next()?)?;
        let wall = seconds(words.next()?)?;
        words.next().is_none().then_some(ClockPair { trace, wall })
    }

    /// Of the trace's clock in seconds, as text, and the time since 1970. `None` where that clock
    /// counts something else.
    #[must_use]
    pub(crate) fn of(trace: &str, wall: Duration) -> Option<ClockPair> {
        Some(ClockPair {
            trace: seconds(trace)?,
            wall: u64::try_from(wall.as_nanos()).ok()?,
        })
    }

    /// What the host's clock said when the trace's clock said that, in nanoseconds since 1970;
    /// `None` before that year.
    #[must_use]
    pub(crate) fn wall_at(&self, trace: u64) -> Option<u64> {
        let since = i128::from(trace) - i128::from(self.trace);
        u64::try_from(i128::from(self.wall) + since).ok()
    }
}

impl fmt::Display for ClockPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClockPair { trace, wall } = self;
        let (whole, rest) = (trace / SECOND, trace % SECOND);
        write!(
            f,
            "{whole}.{rest:09} {}.{:09}",
            wall / SECOND,
            wall % SECOND
        )
    }
}

/// What a capture says of its clock. Recordings that were put together may each have their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Clock {
    /// Nothing.
    #[default]
    Unknown,
    /// This.
    Paired(ClockPair),
    /// Things that do not go together.
    Several,
}

impl Clock {
    /// Takes a pair. One that says about the same as the first adds nothing: the host's clock is
    /// set a little while a recording lasts.
    pub(crate) fn take(&mut self, pair: ClockPair) {
        *self = match *self {
            Clock::Unknown => Clock::Paired(pair),
            Clock::Paired(first) => match first.wall_at(pair.trace) {
                Some(wall) if wall.abs_diff(pair.wall) <= SECOND => Clock::Paired(first),
                _ => Clock::Several,
            },
            Clock::Several => Clock::Several,
        };
    }

    /// The pair that holds for all of the capture.
    #[must_use]
    pub(crate) fn pair(self) -> Option<ClockPair> {
        match self {
            Clock::Paired(pair) => Some(pair),
            Clock::Unknown | Clock::Several => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(text: &str) -> ClockPair {
        ClockPair::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn pairs_are_read_and_written() {
        let read = pair("1120.760823 1764021697.25");
        assert_eq!(read.trace, 1_120_760_823_000);
        assert_eq!(read.wall, 1_764_021_697_250_000_000);
        assert_eq!(read.to_string(), "1120.760823000 1764021697.250000000");
        assert_eq!(pair("0.1234567899 1.0").trace, 123_456_789);
        let wall = Duration::new(1_764_021_697, 250_000_000);
        assert_eq!(ClockPair::of("1120.760823", wall), Some(read));
        // What a clock that counts events says.
        assert_eq!(ClockPair::of("1120", wall), None);
        for wrong in [
            "",
            "1.0",
            "1 2",
            "1.0 2.",
            "1.0 .5",
            "-1.0 2.0",
            "1.0 2.0 3.0",
            "1e3.0 2.0",
            "18446744074.0 1.0",
        ] {
            assert_eq!(ClockPair::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_hosts_clock_goes_as_the_traces_does() {
        let pair = pair("100.5 1000.0");
        assert_eq!(pair.wall_at(101_000_000_000), Some(1_000_500_000_000));
        assert_eq!(pair.wall_at(0), Some(899_500_000_000));
        let early = ClockPair { trace: 9, wall: 3 };
        assert_eq!((early.wall_at(6), early.wall_at(5)), (Some(0), None));
        assert_eq!(early.wall_at(u64::MAX), Some(u64::MAX - 6));
    }

    #[test]
    fn clocks_that_do_not_go_together_are_not_believed() {
        let mut clock = Clock::default();
        assert_eq!(clock.pair(), None);
        clock.take(pair("100.0 1000.0"));
        clock.take(pair("200.0 1100.9"));
        assert_eq!(clock.pair(), Some(pair("100.0 1000.0")));
        clock.take(pair("300.0 1201.1"));
        assert_eq!(clock.pair(), None);
        clock.take(pair("100.0 1000.0"));
        assert_eq!(clock, Clock::Several);
    }
}
