//! What bpftrace prints: maps whose keys are kernel stacks, with their counts.
//!
//! An entry is `@name[`, the keys, and `]: 42`; a stack among the keys stands on lines of its
//! own, one frame a line, indented (src/output.cpp of bpftrace).

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::char;
use nom::combinator::{all_consuming, value};
use nom::{IResult, Parser};

use crate::trace::number::{decimal, number};
use crate::trace::symbol::is_symbol_byte;

/// A line of bpftrace, frames aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Printed {
    /// `@drops[`: an entry of a map whose first key stands on the lines that follow.
    Open,
    /// `, ` or `, ping, `: between two keys that are stacks.
    Between,
    /// `]: 42` or `, ping, 3]: 42`; `None` for a value that is no count.
    Close(Option<u64>),
    /// `Attaching 1 probe...`, or a map entry on one line.
    Other,
    /// `Lost 57 events`: what was printed is not complete.
    Lost,
}

fn open(line: &[u8]) -> IResult<&[u8], Printed> {
    let (rest, _) = (char('@'), take_while(is_symbol_byte), char('[')).parse(line)?;
    let is_whole = memchr::memmem::find(rest, b"]:").is_some();
    let found = if is_whole {
        Printed::Other
    } else {
        Printed::Open
    };
    Ok((&[], found))
}

fn lost(line: &[u8]) -> IResult<&[u8], Printed> {
    value(Printed::Lost, (tag("Lost "), number, tag(" events"))).parse(line)
}

fn attaching(line: &[u8]) -> IResult<&[u8], Printed> {
    let dots = take_while(|b| b == b's' || b == b'.');
    let attaching = (tag("Attaching "), number, tag(" probe"), dots);
    value(Printed::Other, attaching).parse(line)
}

fn close(line: &[u8]) -> Option<Printed> {
    if !line.starts_with(b"]") && !line.starts_with(b",") {
        return None;
    }
    let Some(at) = memchr::memmem::rfind(line, b"]: ") else {
        return line.starts_with(b",").then_some(Printed::Between);
    };
    let value = &line[at + 3..];
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let count = is_number.then(|| decimal(value).unwrap_or(u64::MAX));
    Some(Printed::Close(count))
}

/// Recognises a line that bpftrace prints, spaces at its end removed.
pub(super) fn printed(line: &[u8]) -> Option<Printed> {
    let whole = all_consuming(alt((open, lost, attaching))).parse(line);
    whole.map_or_else(|_| close(line), |(_, found)| Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (text, expected) in [
            ("@[", Some(Printed::Open)),
            ("@drops[", Some(Printed::Open)),
            ("@drops[ping, 3,", Some(Printed::Open)),
            ("@drops[ping]: 3", Some(Printed::Other)),
            ("Attaching 1 probe...", Some(Printed::Other)),
            ("Attaching 12 probes...", Some(Printed::Other)),
            ("Lost 57 events", Some(Printed::Lost)),
            (",", Some(Printed::Between)),
            (", ping,", Some(Printed::Between)),
            ("]: 42", Some(Printed::Close(Some(42)))),
            (", ping, 3]: 42", Some(Printed::Close(Some(42)))),
            (", a]: 1]: 2", Some(Printed::Close(Some(2)))),
            (
                "]: 99999999999999999999",
                Some(Printed::Close(Some(u64::MAX))),
            ),
            ("]: count 4, average 2, total 8", Some(Printed::Close(None))),
            ("]: -3", Some(Printed::Close(None))),
            ("]", None),
            ("@", None),
            ("@user said", None),
            ("Lost", None),
            ("Attaching", None),
        ] {
            assert_eq!(printed(text.as_bytes()), expected, "{text}");
        }
    }
}
