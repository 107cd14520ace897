//! Kernel symbols as trace text prints them, and the frames made of them.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, hex_digit1, space0, space1};
use nom::combinator::{all_consuming, fail, map, opt, verify};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use crate::kernel::printed::{RETURN_PROBE, TRAMPOLINE};
use crate::trace::number::{hex_number, hex_value};

/// A kernel symbol, its decorations kept apart from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Symbol<'a> {
    /// The function's name in the source: `ip6_rcv_finish_core`.
    pub(crate) name: &'a [u8],
    /// What the compiler added, with its dot: `.constprop.0.isra.0`, or empty.
    pub(crate) suffix: &'a [u8],
    /// Offset into the function, in bytes (`sym-offset`).
    pub(crate) offset: Option<u64>,
    /// Address, where `sym-addr` or trace-cmd prints one.
    pub(crate) address: Option<u64>,
    /// Module, from ` [module]`.
    pub(crate) module: Option<&'a [u8]>,
}

/// One `=> …` line of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A symbol the kernel could name.
    Symbol(Symbol<'a>),
    /// A bare address: mostly a trampoline of the tracer.
    Address(u64),
    /// `[unknown/kretprobe'd]`: a return probe replaced the return address here.
    ReturnProbe,
}

/// True for the bytes a kernel symbol is made of, compiler suffixes included.
#[inline]
pub(super) fn is_symbol_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | b'@')
}

/// Splits `name.isra.0` into the source name and the compiler's suffix.
#[inline]
fn split_suffix(raw: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'.', raw.get(1..).unwrap_or_default()) {
        Some(at) => raw.split_at(at + 1),
        None => (raw, &[]),
    }
}

#[inline]
fn offset(input: &[u8]) -> IResult<&[u8], u64> {
    let (rest, _) = tag("+0x")(input)?;
    let (rest, value) = hex_digit1(rest)?;
    let (rest, _) = opt(preceded(tag("/0x"), hex_digit1)).parse(rest)?;
    Ok((rest, hex_value(value)))
}

#[inline]
fn address(input: &[u8]) -> IResult<&[u8], u64> {
    let (rest, _) = space1(input)?;
    alt((
        delimited(char('<'), hex_number, char('>')),
        delimited(char('('), hex_number, char(')')),
    ))
    .parse(rest)
}

#[inline]
fn module(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (rest, _) = space1(input)?;
    let name = take_while1(|b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    delimited(char('['), name, char(']')).parse(rest)
}

/// What a parser finds, and the rest behind it. The same as `opt`, which costs calls.
#[inline(always)]
fn optional<'a, T>(
    parser: impl Fn(&'a [u8]) -> IResult<&'a [u8], T>,
    input: &'a [u8],
) -> (&'a [u8], Option<T>) {
    match parser(input) {
        Ok((rest, found)) => (rest, Some(found)),
        Err(_) => (input, None),
    }
}

/// A symbol with any of `+0x5/0xd0`, ` [module]`, ` <address>` and ` (address)` behind it.
///
/// # Errors
/// Fails where the input does not start with a letter, `_`, `.` or `$`.
pub(super) fn symbol(input: &[u8]) -> IResult<&[u8], Symbol<'_>> {
    let (rest, raw) = take_while1(is_symbol_byte)(input)?;
    if raw.first().is_some_and(u8::is_ascii_digit) {
        return fail().parse(input);
    }
    let (name, suffix) = split_suffix(raw);
    let (rest, offset) = optional(offset, rest);
    let (rest, module) = optional(module, rest);
    let (rest, address) = optional(address, rest);
    Ok((
        rest,
        Symbol {
            name,
            suffix,
            offset,
            address,
            module,
        },
    ))
}

/// Sixteen digits and nothing else of a word: how trace-cmd prints an address without name.
fn whole_address(input: &[u8]) -> IResult<&[u8], &[u8]> {
    verify(hex_digit1, |digits: &[u8]| {
        let behind = input.get(digits.len());
        digits.len() == 16 && !behind.is_some_and(|&b| is_symbol_byte(b) || b == b'+')
    })
    .parse(input)
}

fn bare_address(input: &[u8]) -> IResult<&[u8], Frame<'_>> {
    let digits = alt((preceded(tag("0x"), hex_digit1), whole_address));
    let (rest, value) = terminated(digits, opt(address)).parse(input)?;
    Ok((rest, Frame::Address(hex_value(value))))
}

fn return_probe(input: &[u8]) -> IResult<&[u8], Frame<'_>> {
    let (rest, _) = tag(RETURN_PROBE).parse(input)?;
    let (rest, _) = opt(address).parse(rest)?;
    Ok((rest, Frame::ReturnProbe))
}

fn trampoline(input: &[u8]) -> IResult<&[u8], Frame<'_>> {
    let (name, address) = TRAMPOLINE;
    map(tag(name), |_| Frame::Address(address)).parse(input)
}

/// What stands behind the `=>` of a frame line, to the end of the line; `None` where anything
/// but one frame is left on it.
pub(super) fn frame_body(input: &[u8]) -> Option<Frame<'_>> {
    let found = all_consuming(terminated(
        alt((
            bare_address,
            return_probe,
            trampoline,
            map(symbol, Frame::Symbol),
        )),
        take_while(|b: u8| b == b' ' || b == b'\t' || b == b'\r'),
    ))
    .parse(input);
    found.ok().map(|(_, frame)| frame)
}

/// The frame of a line ` => name`, with or without the leading space.
pub(super) fn frame(input: &[u8]) -> Option<Frame<'_>> {
    let start: IResult<&[u8], _> = (space0, tag("=>"), space1).parse(input);
    frame_body(start.ok()?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Frame<'_> {
        frame(text.as_bytes()).unwrap()
    }

    fn name(text: &str) -> Symbol<'_> {
        match one(text) {
            Frame::Symbol(s) => s,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn decorations_are_kept_apart_from_the_name() {
        let s = name(" => ip6_rcv_finish_core.constprop.0.isra.0+0x2e/0x80");
        assert_eq!(s.name, b"ip6_rcv_finish_core");
        assert_eq!(s.suffix, b".constprop.0.isra.0");
        assert_eq!(s.offset, Some(0x2e));
        let s = name(" => ip6_dst_gc <ffffffffa996d275>");
        assert_eq!(
            (s.name, s.address),
            (&b"ip6_dst_gc"[..], Some(0xffff_ffff_a996_d275))
        );
        let s = name("=> nft_do_chain [nf_tables] (ffffffff9596d275)");
        assert_eq!(
            (s.module, s.address),
            (Some(&b"nf_tables"[..]), Some(0xffff_ffff_9596_d275))
        );
        assert_eq!(name(" => ip6_pkt_drop.cold\r").suffix, b".cold");
        assert_eq!(name(" => __run_timers.part.0").name, b"__run_timers");
    }

    #[test]
    fn frames_without_a_name() {
        assert_eq!(one(" => [FTRACE TRAMPOLINE]"), Frame::Address(TRAMPOLINE.1));
        assert_eq!(
            one(" => 0xffffffffc02bd083"),
            Frame::Address(0xffff_ffff_c02b_d083)
        );
        assert_eq!(
            one("=> ffffffffc03bc083"),
            Frame::Address(0xffff_ffff_c03b_c083)
        );
        assert_eq!(name("=> ffffffffc03bc083_x").name, b"ffffffffc03bc083_x");
        assert_eq!(name("=> deadbeef").name, b"deadbeef");
        assert_eq!(one(" => [unknown/kretprobe'd]"), Frame::ReturnProbe);
        assert_eq!(one(" => 0xfffffffffffffffff"), Frame::Address(u64::MAX));
    }

    #[test]
    fn other_lines_are_no_frames() {
        for text in ["", " =>", " => ", " => two words", "a => b", " => 12ab"] {
            assert_eq!(frame(text.as_bytes()), None, "{text:?}");
        }
    }
}
