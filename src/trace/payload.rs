//! What an event says, behind its header.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, space0, space1};
use nom::combinator::{all_consuming, opt};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use crate::kernel::printed::RETURN_PROBE;
use crate::trace::event::Payload;
use crate::trace::lookup::FIB6_TABLE_LOOKUP;
use crate::trace::symbol::{Symbol, is_symbol_byte, symbol};
use crate::trace::wide::position;

/// What stands behind `<-`: a symbol, or the bare address of a trampoline.
fn caller(input: &[u8]) -> IResult<&[u8], Option<Symbol<'_>>> {
    let (rest, _) = space1(input)?;
    let (rest, _) = tag("<-")(rest)?;
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let (rest, _) = space0(rest)?;
    if let Ok((rest, symbol)) = symbol(rest) {
        return Ok((rest, Some(symbol)));
    }
    let address = (tag("0x"), take_while1(|b: u8| b.is_ascii_hexdigit()));
    alt((
        nom::combinator::map(address, |_| None),
        // Its return address is a return probe's.
        nom::combinator::map(tag(RETURN_PROBE), |_| None),
    ))
    .parse(rest)
}

/// `(ops=0x…)` behind a function, of the option `func-args` (kernel 6.15).
fn function_arguments(input: &[u8]) -> IResult<&[u8], ()> {
    let (rest, _) = opt((char('('), take_while1(|b: u8| b != b')'), char(')'))).parse(input)?;
    let (rest, _) = opt(tag("()")).parse(rest)?;
    Ok((rest, ()))
}

#[inline]
fn end(input: &[u8]) -> IResult<&[u8], &[u8]> {
    all_consuming(nom::bytes::complete::take_while(|b: u8| {
        b.is_ascii_whitespace()
    }))
    .parse(input)
}

/// `FUNC <-CALLER`, as the function tracer prints it.
fn function(input: &[u8]) -> IResult<&[u8], Payload<'_>> {
    let (rest, function) = symbol(input)?;
    let (rest, ()) = function_arguments(rest)?;
    let (rest, caller) = caller(rest)?;
    let (rest, _) = end(rest)?;
    Ok((rest, Payload::Function { function, caller }))
}

/// `function:  FUNC`, with or without its caller, as `trace-cmd report` prints it.
fn named_function(input: &[u8]) -> IResult<&[u8], Payload<'_>> {
    let (rest, _) = (tag("function:"), space1).parse(input)?;
    let (rest, function) = symbol(rest)?;
    let (rest, caller) = opt(caller).parse(rest)?;
    let caller = caller.flatten();
    let (rest, _) = end(rest)?;
    Ok((rest, Payload::Function { function, caller }))
}

/// `<stack trace>`; trace-cmd writes `kernel_stack:         <stack trace >`.
fn stack(input: &[u8]) -> IResult<&[u8], Payload<'_>> {
    let (rest, _) = (
        opt((tag("kernel_stack:"), space0)),
        tag("<stack trace"),
        space0,
        char('>'),
        end,
    )
        .parse(input)?;
    Ok((rest, Payload::Stack))
}

/// One side of a probe's location: a symbol, or the address that trace-cmd prints instead.
fn location(input: &[u8]) -> IResult<&[u8], Option<Symbol<'_>>> {
    let raw = take_while1(|b: u8| b.is_ascii_hexdigit() || b == b'x');
    let bare = terminated(raw, nom::combinator::peek(alt((char(')'), char(' ')))));
    alt((
        nom::combinator::map(symbol, Some),
        nom::combinator::map(bare, |_| None),
    ))
    .parse(input)
}

/// A symbol made of hexadecimal digits only and longer than any function is an address.
fn named(found: Option<Symbol<'_>>) -> Option<Symbol<'_>> {
    found.filter(|s| s.name.len() < 12 || !s.name.iter().all(u8::is_ascii_hexdigit))
}

fn probe(input: &[u8]) -> IResult<&[u8], Payload<'_>> {
    let (rest, event) =
        terminated(take_while1(|b| is_symbol_byte(b) || b == b'-'), char(':')).parse(input)?;
    let (rest, _) = space1(rest)?;
    let (rest, (first, second)) = delimited(
        char('('),
        (
            location,
            opt(preceded((space0, tag("<-"), space0), location)),
        ),
        char(')'),
    )
    .parse(rest)?;
    let arguments = rest.trim_ascii();
    let payload = match second {
        Some(function) => Payload::ReturnProbe {
            event,
            function: named(function),
            arguments,
        },
        None => Payload::Probe {
            event,
            function: named(first),
            arguments,
        },
    };
    Ok((&rest[rest.len()..], payload))
}

/// A payload that cannot be mistaken for prose, and may therefore stand without a header: an
/// entry with its caller, a stack mark, or a probe event.
pub(super) fn unmistakable(input: &[u8]) -> Option<Payload<'_>> {
    let found = alt((stack, function, probe)).parse(input);
    found.ok().map(|(_, payload)| payload)
}

/// `kfree_skb: skbaddr=…`, as trace points and whatever else has a name are printed.
fn tracepoint(input: &[u8]) -> IResult<&[u8], Payload<'_>> {
    let (rest, event) =
        terminated(take_while1(is_symbol_byte), (char(':'), space1)).parse(input)?;
    let says = rest.trim_ascii();
    Ok((&rest[rest.len()..], Payload::Tracepoint { event, says }))
}

/// The same as [`payload`] of an event with its name, a colon and a space in front, where these
/// are enough to see which it is; not tried on all lines, for most are another.
pub(super) fn by_name(input: &[u8]) -> Option<Payload<'_>> {
    let (event, behind) = if input.starts_with(FIB6_TABLE_LOOKUP) {
        input.split_at(FIB6_TABLE_LOOKUP.len())
    } else {
        input.split_at(input.iter().position(|&b| !is_symbol_byte(b))?)
    };
    let says = behind.strip_prefix(b": ")?.trim_ascii();
    let is_named = !event.is_empty() && !matches!(event, b"function" | b"kernel_stack");
    // A probe's location.
    let is_probe = says.first() == Some(&b'(');
    match is_named {
        true if is_probe => probe(input).ok().map(|(_, payload)| payload),
        true => Some(Payload::Tracepoint { event, says }),
        false => None,
    }
}

/// The payload behind a header; what is not known is [`Payload::Other`].
pub(super) fn payload(input: &[u8]) -> Payload<'_> {
    // Mostly it is a function.
    function(input)
        .or_else(|_| alt((stack, named_function, probe, tracepoint)).parse(input))
        .map_or(Payload::Other, |(_, payload)| payload)
}

/// Names and values of arguments: `fast` and `288` of `family=10 fast=288`.
#[inline(always)]
pub(crate) fn pairs(arguments: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(arguments);
    let pieces = core::iter::from_fn(move || {
        let text = rest?;
        let end = position(text, b' ');
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    });
    pieces.filter_map(|pair| {
        // Names are short.
        let (name, value) = pair.split_at(position(pair, b'=')?);
        Some((name, &value[1..]))
    })
}

/// The value of argument `name` as text.
pub(super) fn argument<'a>(arguments: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let found = pairs(arguments).find(|(known, _)| *known == name);
    found.map(|(_, text)| text)
}

/// Digits alone, so few that their number fits.
#[inline(always)]
fn digits(text: &[u8], radix: u32) -> Option<u64> {
    let digit = |number, &b: &u8| {
        let digit = char::from(b).to_digit(radix)?;
        Some(number * u64::from(radix) + u64::from(digit))
    };
    text.iter().try_fold(0, digit)
}

/// A value as a signed number, decimal or `0x…` hexadecimal.
#[must_use]
pub(crate) fn value(text: &[u8]) -> Option<i128> {
    // Mostly it has no sign and is short: there are many.
    let short = match text {
        [b'0', b'x', hex @ ..] if (1..=16).contains(&hex.len()) => digits(hex, 16),
        _ if (1..=16).contains(&text.len()) => digits(text, 10),
        _ => None,
    };
    if let Some(short) = short {
        return Some(short.into());
    }
    let text = std::str::from_utf8(text).ok()?;
    match text.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The value of argument `name` as a signed number.
#[must_use]
pub(crate) fn integer(arguments: &[u8], name: &[u8]) -> Option<i128> {
    value(argument(arguments, name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> (String, Option<String>) {
        match payload(text.as_bytes()) {
            Payload::Function { function, caller } => (
                String::from_utf8_lossy(function.name).into_owned(),
                caller.map(|c| String::from_utf8_lossy(c.name).into_owned()),
            ),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn entries() {
        let both = ("ip6_dst_gc".to_owned(), Some("dst_alloc".to_owned()));
        for text in [
            "ip6_dst_gc <-dst_alloc",
            "ip6_dst_gc <-dst_alloc\r",
            "ip6_dst_gc+0x0/0xd0 <-dst_alloc+0x108/0x12e",
            "ip6_dst_gc <ffffffffa996d270> <-dst_alloc <ffffffffa9870188>",
            "ip6_dst_gc.isra.0 [ipv6] <-dst_alloc.part.3",
            "ip6_dst_gc(ops=0xffffffff892b8e40) <-dst_alloc",
            "function:             ip6_dst_gc <-- dst_alloc",
        ] {
            assert_eq!(names(text), both, "{text}");
        }
        assert_eq!(names("function:             ip6_dst_gc").1, None);
        assert_eq!(names("ip6_dst_gc <-0xffffffffc02bd083").1, None);
    }

    #[test]
    fn probes() {
        let text = b"gc_enter: (ip6_dst_gc+0x0/0xd0) ops=0xffffffff892b8e40 family=10 fast=-32";
        let Payload::Probe {
            event,
            function: Some(function),
            arguments,
        } = payload(text)
        else {
            panic!("no probe");
        };
        assert_eq!(
            (event, function.name),
            (&b"gc_enter"[..], &b"ip6_dst_gc"[..])
        );
        assert_eq!(integer(arguments, b"ops"), Some(0xffff_ffff_892b_8e40));
        assert_eq!(integer(arguments, b"fast"), Some(-32));
        assert_eq!(integer(arguments, b"slow"), None);
        let Payload::ReturnProbe {
            function: Some(function),
            arguments,
            ..
        } = payload(b"gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=1")
        else {
            panic!("no return probe");
        };
        assert_eq!(
            (function.name, integer(arguments, b"ret")),
            (&b"ip6_dst_gc"[..], Some(1))
        );
        assert!(matches!(
            payload(b"gc_exit: (ffffffff95870188 <- ffffffff9596d270) ret=0x1"),
            Payload::ReturnProbe {
                event: b"gc_exit",
                function: None,
                ..
            }
        ));
    }

    #[test]
    fn values_are_read_whatever_their_length_and_sign() {
        for (text, number) in [
            ("0", Some(0)),
            ("288", Some(288)),
            ("-32", Some(-32)),
            ("9999999999999999", Some(9_999_999_999_999_999)),
            ("18446744073709551616", Some(1 << 64)),
            ("0xffffffff892b8e40", Some(0xffff_ffff_892b_8e40)),
            ("0x1ffffffff892b8e40", Some(0x1_ffff_ffff_892b_8e40)),
            ("0x", None),
            ("", None),
            ("1a", None),
            ("0xg", None),
        ] {
            assert_eq!(value(text.as_bytes()), number, "{text}");
        }
    }

    #[test]
    fn stacks_and_others() {
        assert_eq!(payload(b"<stack trace>"), Payload::Stack);
        assert_eq!(
            payload(b"kernel_stack:         <stack trace >"),
            Payload::Stack
        );
        let mark = Payload::Tracepoint {
            event: b"tracing_mark_write",
            says: b"hello",
        };
        assert_eq!(payload(b"tracing_mark_write: hello "), mark);
        assert_eq!(payload(b"tracing_mark_write hello"), Payload::Other);
        assert_eq!(payload(b""), Payload::Other);
        for text in [
            "error: (see below) x",
            "a sentence",
            "key: value",
            "ip6_dst_gc",
        ] {
            assert_eq!(unmistakable(text.as_bytes()), None, "{text}");
        }
    }
}
