//! Lines about the trace itself: banners, lost-event marks, and our own framing.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_until, take_while, take_while1};
use nom::character::complete::{char, space0};
use nom::combinator::{all_consuming, map, opt, rest};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use crate::text::FRAMING;
use crate::trace::event::Banner;
use crate::trace::number::{cpu, number};

/// The kernel writes `CPU:3 [LOST 57 EVENTS]`, trace-cmd `CPU:3 [57 EVENTS DROPPED]`;
/// both leave the number out when it is not known.
fn lost(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, cpu) = preceded((space0, tag("CPU:")), cpu).parse(input)?;
    let (rest, events) = preceded(
        (space0, char('[')),
        alt((
            delimited(
                (tag("LOST"), space0),
                opt(terminated(number, space0)),
                tag("EVENTS]"),
            ),
            terminated(opt(terminated(number, space0)), tag("EVENTS DROPPED]")),
        )),
    )
    .parse(rest)?;
    Ok((rest, Banner::Lost { cpu, events }))
}

fn entries(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, _) = tag("# entries-in-buffer/entries-written: ").parse(input)?;
    let (rest, kept) = number(rest)?;
    let (rest, written) = preceded(char('/'), number).parse(rest)?;
    let (rest, cpus) = opt(preceded((space0, tag("#P:")), number)).parse(rest)?;
    let entries = Banner::Entries {
        kept,
        written,
        cpus,
    };
    Ok((rest, entries))
}

fn latency(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, _) = preceded(tag("# "), take_until(" latency trace v")).parse(input)?;
    let (rest, kernel) = preceded(
        (take_until(" on "), tag(" on ")),
        take_while1(|b: u8| b > b' '),
    )
    .parse(rest)?;
    Ok((rest, Banner::Latency { kernel }))
}

fn framing(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, key) = preceded(tag(FRAMING), take_while1(|b: u8| b > b' ')).parse(input)?;
    let value = rest.trim_ascii();
    Ok((rest, Banner::Framing { key, value }))
}

/// `# os release : 6.1.0`, `# nrcpus online : 2` of `perf script --header`.
fn perf_header(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    alt((
        map(preceded(tag("# os release : "), rest), |kernel: &[u8]| {
            Banner::PerfKernel(kernel.trim_ascii())
        }),
        map(
            preceded(tag("# nrcpus online : "), number),
            Banner::PerfCpus,
        ),
    ))
    .parse(input)
}

fn started(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, _) = (tag("##### CPU "), cpu, tag(" buffer started")).parse(input)?;
    Ok((rest, Banner::BufferStarted))
}

fn cpus(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, n) = preceded(tag("cpus="), number).parse(input)?;
    let (rest, _) = all_consuming(take_while(|b: u8| b.is_ascii_whitespace())).parse(rest)?;
    Ok((rest, Banner::Cpus(n)))
}

/// The line about the trace that `input` starts with; `None` for lines that are neither
/// comments nor lost-event marks.
pub(super) fn banner(input: &[u8]) -> Option<Banner<'_>> {
    let found = alt((
        lost,
        framing,
        perf_header,
        entries,
        started,
        map(tag("# tracer: "), |_| Banner::Tracer),
        latency,
        cpus,
        map(char('#'), |_| Banner::Comment),
    ))
    .parse(input);
    found.ok().map(|(_, banner)| banner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind() {
        let parse = |text: &'static str| banner(text.as_bytes());
        assert_eq!(
            parse("CPU:3 [LOST 57 EVENTS]"),
            Some(Banner::Lost {
                cpu: 3,
                events: Some(57)
            })
        );
        assert_eq!(
            parse("CPU:3 [LOST EVENTS]"),
            Some(Banner::Lost {
                cpu: 3,
                events: None
            })
        );
        assert_eq!(
            parse("CPU:0 [9 EVENTS DROPPED]"),
            Some(Banner::Lost {
                cpu: 0,
                events: Some(9)
            })
        );
        assert_eq!(
            parse("CPU:0 [EVENTS DROPPED]"),
            Some(Banner::Lost {
                cpu: 0,
                events: None
            })
        );
        assert_eq!(
            parse("##### CPU 2 buffer started ####"),
            Some(Banner::BufferStarted)
        );
        assert_eq!(
            parse("# entries-in-buffer/entries-written: 72/80   #P:4"),
            Some(Banner::Entries {
                kept: 72,
                written: 80,
                cpus: Some(4)
            })
        );
        assert_eq!(
            parse("# function latency trace v1.1.5 on 4.19.108"),
            Some(Banner::Latency {
                kernel: b"4.19.108"
            })
        );
        assert_eq!(
            parse("# ip6drop: kernel 4.19.108"),
            Some(Banner::Framing {
                key: b"kernel",
                value: b"4.19.108"
            })
        );
        assert_eq!(parse("cpus=4"), Some(Banner::Cpus(4)));
        assert_eq!(
            parse("# os release : 6.1.0-56-cloud-amd64"),
            Some(Banner::PerfKernel(b"6.1.0-56-cloud-amd64"))
        );
        assert_eq!(parse("# nrcpus online : 2"), Some(Banner::PerfCpus(2)));
        assert_eq!(parse("# anything"), Some(Banner::Comment));
        assert_eq!(parse("cpus=4 and prose"), None);
        assert_eq!(parse("CPU:4294967296 [LOST 1 EVENTS]"), None);
    }
}
