//! Time stamps of a trace, in whatever unit its clock prints.

use nom::IResult;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::digit1;
use nom::error::Error;

use crate::trace::number::number;

/// Set in counts, which so come behind all nanoseconds.
const IS_COUNT: u64 = 1 << 63;

/// A time stamp: nanoseconds where the clock prints seconds, else a bare count; one word,
/// for it is compared and copied with every event. Larger numbers than 63 bits hold (three
/// hundred years, as nanoseconds) become the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// What a time stamp says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Nanoseconds since the clock's own zero.
    Nanoseconds(u64),
    /// A count of the `counter` or `x86-tsc` clock.
    Count(u64),
}

impl Time {
    /// Nanoseconds since the clock's own zero.
    #[must_use]
    pub(crate) const fn nanoseconds(nanoseconds: u64) -> Time {
        if nanoseconds < IS_COUNT {
            Time(nanoseconds)
        } else {
            Time(IS_COUNT - 1)
        }
    }

    /// A count of the `counter` or `x86-tsc` clock.
    #[must_use]
    pub(crate) const fn count(count: u64) -> Time {
        Time(IS_COUNT | Time::nanoseconds(count).0)
    }

    /// What it says.
    #[must_use]
    pub const fn stamp(self) -> Stamp {
        if self.0 < IS_COUNT {
            Stamp::Nanoseconds(self.0)
        } else {
            Stamp::Count(self.0 & !IS_COUNT)
        }
    }

    /// The number as the trace printed it: seconds, or the count itself.
    #[must_use]
    pub(crate) fn as_f64(self) -> f64 {
        match self.stamp() {
            Stamp::Nanoseconds(ns) => ns as f64 / 1e9,
            Stamp::Count(n) => n as f64,
        }
    }

    /// How far `self` is behind `earlier`, in nanoseconds; `None` for bare counts.
    #[must_use]
    pub(crate) fn nanoseconds_since(self, earlier: Time) -> Option<u64> {
        let both = (self.0 | earlier.0) < IS_COUNT;
        both.then(|| self.0.saturating_sub(earlier.0))
    }

    /// Seconds from `earlier` to `self`; `None` for bare counts.
    #[must_use]
    pub(crate) fn seconds_since(self, earlier: Time) -> Option<f64> {
        self.nanoseconds_since(earlier).map(|ns| ns as f64 / 1e9)
    }
}

/// `52.560614`, `107.735330123` or a bare count.
#[inline]
pub(super) fn time(input: &[u8]) -> IResult<&[u8], Time> {
    let (rest, whole) = number(input)?;
    let behind_point = rest.strip_prefix(b".").map(digit1::<_, Error<_>>);
    let Some(Ok((rest, fraction))) = behind_point else {
        return Ok((rest, Time::count(whole)));
    };
    let digit = |place| fraction.get(place).map_or(0, |b| u64::from(b - b'0'));
    let ns = (0..9).fold(0, |ns, place| ns * 10 + digit(place));
    let total = whole.saturating_mul(1_000_000_000).saturating_add(ns);
    Ok((rest, Time::nanoseconds(total)))
}

/// Time of the latency format: microseconds, `us`, and marks for long gaps.
#[inline]
pub(super) fn latency_time(input: &[u8]) -> IResult<&[u8], Time> {
    let (rest, us) = number(input)?;
    let (rest, _) = tag("us")(rest)?;
    let (rest, _) =
        take_while1(|b: u8| matches!(b, b' ' | b'!' | b'+' | b'#' | b'*' | b'@' | b'$'))(rest)?;
    Ok((rest, Time::nanoseconds(us.saturating_mul(1000))))
}
