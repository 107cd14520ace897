//! The columns in front of an event: task, CPU, flags and time.

use nom::bytes::complete::take_while1;
use nom::character::complete::{char, space0, space1};
use nom::combinator::fail;
use nom::sequence::delimited;
use nom::{IResult, Parser};

use crate::trace::event::{Context, Level};
use crate::trace::number::{cpu, number};
use crate::trace::short::Comm;
use crate::trace::time::{Time, latency_time, time};

/// Width of the comm column (`%16s` in `trace_print_context`, kernel/trace/trace_output.c).
pub(super) const COMM_COLUMNS: usize = 16;
/// Width of the comm column in the latency format (`%8.8s` in `lat_print_generic`).
const LATENCY_COMM_COLUMNS: usize = 8;

/// What stands in front of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Where the event happened.
    pub(crate) context: Context,
    /// True for the latency format.
    pub(crate) latency: bool,
}

/// The columns behind a dash: pid, CPU, level and time.
type Columns = (u64, u32, Level, Time);

/// `(-----)` or `(  123)` of the option `record-tgid`.
fn tgid(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let inner = take_while1(|b: u8| b.is_ascii_digit() || b == b' ' || b == b'-');
    delimited(char('('), inner, char(')')).parse(input)
}

/// Flag columns: four or five characters, more in some versions, absent with `noirq-info`.
#[inline]
fn flags(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let flag = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'#' | b'!');
    let (rest, flags) = take_while1(flag)(input)?;
    let (rest, _) = space1(rest)?;
    Ok((rest, flags))
}

#[inline]
fn end_of_header(input: &[u8]) -> IResult<&[u8], ()> {
    match input {
        [b':', b' ', rest @ ..] | [b':', rest @ ..] => Ok((rest, ())),
        _ => fail().parse(input),
    }
}

/// A time, and the end of the header behind it.
#[inline]
fn time_and_end(input: &[u8]) -> IResult<&[u8], Time> {
    let (rest, time) = time(input)?;
    let (rest, ()) = end_of_header(rest)?;
    Ok((rest, time))
}

/// `1042  (  123) [001] ..s1    52.560614: `
#[inline]
pub(super) fn columns(input: &[u8]) -> IResult<&[u8], Columns> {
    let (rest, pid) = number(input)?;
    let (rest, _) = space1(rest)?;
    let (rest, _) = match tgid(rest) {
        Ok((rest, _)) => space0(rest)?,
        Err(_) => (rest, rest),
    };
    let (rest, _) = char('[')(rest)?;
    let (rest, cpu) = cpu(rest)?;
    let (rest, _) = char(']')(rest)?;
    let (rest, _) = space1(rest)?;
    // A time is digits only, and flags may be digits too: try the time first.
    let (rest, flags, time) = if let Ok((rest, time)) = time_and_end(rest) {
        (rest, &b""[..], time)
    } else {
        let (rest, flags) = flags(rest)?;
        let (rest, time) = time_and_end(rest)?;
        (rest, flags, time)
    };
    Ok((rest, (pid, cpu, Level::of_flags(flags), time)))
}

/// `1032    3..s1 25027396us!: `
#[inline]
fn latency_columns(input: &[u8]) -> IResult<&[u8], Columns> {
    let (rest, pid) = number(input)?;
    let (rest, _) = space1(rest)?;
    let (rest, cpu) = cpu(rest)?;
    let (rest, flags) = flags(rest)?;
    // trace-cmd prints seconds in these columns.
    let (rest, time) = latency_time(rest).or_else(|_| time(rest))?;
    let (rest, ()) = end_of_header(rest)?;
    Ok((rest, (pid, cpu, Level::of_flags(flags), time)))
}

/// The comm in what stands before the dash, with any prefix of a log or a pager left out.
fn comm_of(before: &[u8], width: usize) -> &[u8] {
    let column = &before[before.len().saturating_sub(width)..];
    // TASK_COMM_LEN is 16 with its NUL, so a whole column starts with a space.
    if before.len() <= width || column.first() == Some(&b' ') {
        column.trim_ascii()
    } else {
        let from = memchr::memrchr2(b' ', b'\t', before).map_or(0, |at| at + 1);
        &before[from..]
    }
}

/// The header of a task of that name, whose columns stand behind its dash.
#[inline]
fn behind_dash<'a>(comm: &[u8], input: &'a [u8], latency: bool) -> Option<(&'a [u8], Header)> {
    let columns = if latency {
        latency_columns(input)
    } else {
        columns(input)
    };
    let (rest, (pid, cpu, level, time)) = columns.ok()?;
    let context = Context {
        comm: Comm::new(comm),
        pid,
        cpu,
        level,
        time,
    };
    Some((rest, Header { context, latency }))
}

/// Parses a header; the rest is the payload. `None` where no dash is followed by the columns
/// of a header.
///
/// A comm may hold spaces, dashes and brackets, so the dash in the column where the kernel
/// puts it is tried first, then every other dash from the left.
pub(super) fn header(input: &[u8]) -> Option<(&[u8], Header)> {
    let at_column = |column: usize, latency| {
        if input.get(column) != Some(&b'-') {
            return None;
        }
        behind_dash(input[..column].trim_ascii(), &input[column + 1..], latency)
    };
    let usual = at_column(COMM_COLUMNS, false)
        .or_else(|| at_column(COMM_COLUMNS, true))
        .or_else(|| at_column(LATENCY_COMM_COLUMNS, true));
    if usual.is_some() {
        return usual;
    }
    let mut dashes = memchr::memchr_iter(b'-', input);
    dashes.find_map(|dash| {
        let (before, after) = (&input[..dash], &input[dash + 1..]);
        if !after.first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        behind_dash(comm_of(before, COMM_COLUMNS), after, false)
            .or_else(|| behind_dash(comm_of(before, LATENCY_COMM_COLUMNS), after, true))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (String, Header) {
        let (rest, header) = header(text.as_bytes()).unwrap();
        (String::from_utf8_lossy(rest).into_owned(), header)
    }

    #[test]
    fn columns_of_every_kind() {
        for (text, pid, cpu, time) in [
            (
                "         python3-1042  [001] ..s1    52.560614: x",
                1042,
                1,
                52_560_614_000,
            ),
            (
                "         python3-1042  [001] ..s1.   52.560614: x",
                1042,
                1,
                52_560_614_000,
            ),
            (
                "         python3-1142  [000]    271.816369: x",
                1142,
                0,
                271_816_369_000,
            ),
            (
                "         python3-1091  (-----) [003] ..s1   204.042385: x",
                1091,
                3,
                204_042_385_000,
            ),
            (
                "         python3-1091  (  123) [003] ..s1   204.042385: x",
                1091,
                3,
                204_042_385_000,
            ),
            (
                "          <idle>-0     [4294967295] .Ns.    84.436698: x",
                0,
                u32::MAX,
                84_436_698_000,
            ),
            (
                "           <...>-4294967296 [000] ....     1.000000001: x",
                1 << 32,
                0,
                1_000_000_001,
            ),
            (
                " python3-1108    2..s1 12012936us : x",
                1108,
                2,
                12_012_936_000,
            ),
            (
                "            ping-331     1..s2.    12.345678: x",
                331,
                1,
                12_345_678_000,
            ),
            (
                " python3-1032    3..s1 25027396us!: x",
                1032,
                3,
                25_027_396_000,
            ),
        ] {
            let (rest, header) = parse(text);
            assert_eq!(rest, "x", "{text}");
            let found = header.context;
            assert_eq!((found.pid, found.cpu), (pid, cpu), "{text}");
            assert_eq!(found.time, Time::nanoseconds(time), "{text}");
        }
        let (_, counted) = parse("         python3-1214  [000] ..s1            4: x");
        assert_eq!(counted.context.time, Time::count(4));
    }

    #[test]
    fn comm_may_hold_anything() {
        for (text, comm) in [
            (
                "    a-1 [0] 1: b-1234  [001] ..s1    52.560614: x",
                "a-1 [0] 1: b",
            ),
            (
                " kworker/0:1-rcu-77    [001] ..s1    52.560614: x",
                "kworker/0:1-rcu",
            ),
            (
                "   two  words --9     [001] ..s1    52.560614: x",
                "two  words -",
            ),
            (
                "2026-11-23T10:00:00Z          python3-1042  [001] ..s1    52.560614: x",
                "python3",
            ),
            (
                "node1.example.org: python3-1042 [001] ..s1 52.560614: x",
                "python3",
            ),
            ("python3-1042 [001] ..s1 52.560614: x", "python3"),
        ] {
            let (rest, header) = parse(text);
            assert_eq!(rest, "x", "{text}");
            assert_eq!(header.context.comm.as_bytes(), comm.as_bytes(), "{text}");
        }
    }

    #[test]
    fn no_header() {
        for text in [
            "",
            "root@node:~# cat trace_pipe",
            "a-1 [000] no time: x",
            "         python3-1042  [4294967296] ..s1    52.560614: x",
            "a-99999999999999999999 [000] .... 1.0: x",
        ] {
            assert_eq!(header(text.as_bytes()), None, "{text:?}");
        }
    }
}
