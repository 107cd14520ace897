//! Time stamps of a trace, in whatever unit its clock prints.

use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, digit1};
use nom::combinator::opt;
use nom::sequence::preceded;
use nom::{IResult, Parser};

/// A time stamp: nanoseconds where the clock prints seconds, else a bare count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Time {
    /// Nanoseconds since the clock's own zero.
    Nanoseconds(u64),
    /// A count of the `counter` or `x86-tsc` clock.
    Count(u64),
}

impl Time {
    /// The number as the trace printed it: seconds, or the count itself.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Time::Nanoseconds(ns) => ns as f64 / 1e9,
            Time::Count(n) => n as f64,
        }
    }

    /// How far `self` is behind `earlier`, in nanoseconds; `None` for bare counts.
    #[must_use]
    pub fn nanoseconds_since(self, earlier: Time) -> Option<u64> {
        match (self, earlier) {
            (Time::Nanoseconds(a), Time::Nanoseconds(b)) => Some(a.saturating_sub(b)),
            _ => None,
        }
    }

    /// Seconds from `earlier` to `self`; `None` for bare counts.
    #[must_use]
    pub fn seconds_since(self, earlier: Time) -> Option<f64> {
        self.nanoseconds_since(earlier).map(|ns| ns as f64 / 1e9)
    }
}

/// Decimal digits as a number; `None` when they exceed 64 bits.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |n, &b| {
        n.checked_mul(10)?
            .checked_add(u64::from(b.wrapping_sub(b'0')))
    })
}

pub(crate) fn number(input: &[u8]) -> IResult<&[u8], u64> {
    let (rest, digits) = digit1(input)?;
    match decimal(digits) {
        Some(n) => Ok((rest, n)),
        None => Err(nom::Err::Error(nom::error::Error::new(
            input,
            nom::error::ErrorKind::TooLarge,
        ))),
    }
}

/// `52.560614`, `107.735330123` or a bare count.
pub(crate) fn time(input: &[u8]) -> IResult<&[u8], Time> {
    let (rest, whole) = number(input)?;
    let (rest, fraction) = opt(preceded(char('.'), digit1)).parse(rest)?;
    let Some(fraction) = fraction else {
        return Ok((rest, Time::Count(whole)));
    };
    let mut ns = 0u64;
    for place in 0..9 {
        let digit = fraction.get(place).map_or(0, |b| u64::from(b - b'0'));
        ns = ns * 10 + digit;
    }
    let total = whole.saturating_mul(1_000_000_000).saturating_add(ns);
    Ok((rest, Time::Nanoseconds(total)))
}

/// Time of the latency format: microseconds, `us`, and marks for long gaps.
pub(crate) fn latency_time(input: &[u8]) -> IResult<&[u8], Time> {
    let (rest, us) = number(input)?;
    let (rest, _) = tag(&b"us"[..]).parse(rest)?;
    let (rest, _) =
        take_while1(|b: u8| matches!(b, b' ' | b'!' | b'+' | b'#' | b'*' | b'@' | b'$'))
            .parse(rest)?;
    Ok((rest, Time::Nanoseconds(us.saturating_mul(1000))))
}
