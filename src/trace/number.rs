//! Numbers as trace text holds them.

use nom::bytes::complete::tag;
use nom::character::complete::{digit1, hex_digit1};
use nom::combinator::{fail, map, map_res, opt};
use nom::sequence::preceded;
use nom::{IResult, Parser};

/// Decimal digits as a number; `None` when they exceed 64 bits.
#[inline]
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |n, &b| {
        n.checked_mul(10)?
            .checked_add(u64::from(b.wrapping_sub(b'0')))
    })
}

/// A decimal number of up to 64 bits.
#[inline]
pub(super) fn number(input: &[u8]) -> IResult<&[u8], u64> {
    let (rest, digits) = digit1(input)?;
    match decimal(digits) {
        Some(number) => Ok((rest, number)),
        None => fail().parse(input),
    }
}

/// The number of a CPU.
#[inline]
pub(super) fn cpu(input: &[u8]) -> IResult<&[u8], u32> {
    map_res(number, u32::try_from).parse(input)
}

/// Hexadecimal digits as a number; more than 64 bits saturate.
#[inline]
pub(super) fn hex_value(digits: &[u8]) -> u64 {
    digits.iter().fold(0u64, |n, &b| {
        let digit = (b as char).to_digit(16).unwrap_or(0);
        n.checked_mul(16).map_or(u64::MAX, |n| n | u64::from(digit))
    })
}

/// A hexadecimal number, with or without `0x`.
#[inline]
pub(super) fn hex_number(input: &[u8]) -> IResult<&[u8], u64> {
    map(preceded(opt(tag("0x")), hex_digit1), hex_value).parse(input)
}
