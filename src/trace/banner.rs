//! Lines about the trace itself: banners, lost-event marks, and our own framing.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_until, take_while1};
use nom::character::complete::{char, space0};
use nom::combinator::{map, opt};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use crate::trace::time::number;

/// A line about the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Banner<'a> {
    /// `CPU:3 [LOST 57 EVENTS]`: evidence on that CPU is cut here.
    Lost {
        /// The CPU whose buffer overflowed.
        cpu: u32,
        /// How many events, where the kernel could count them.
        events: Option<u64>,
    },
    /// `##### CPU 2 buffer started ####`: the first event of that CPU follows.
    BufferStarted,
    /// `# tracer: function`.
    Tracer,
    /// `# entries-in-buffer/entries-written: 72/72   #P:4`.
    Entries {
        /// Entries still in the buffer.
        kept: u64,
        /// Entries ever written to it.
        written: u64,
        /// Online CPUs.
        cpus: Option<u64>,
    },
    /// `# function latency trace v1.1.5 on 4.19.108`.
    Latency {
        /// Kernel release.
        kernel: &'a [u8],
    },
    /// `cpus=4`, the first line of `trace-cmd report`.
    Cpus(u64),
    /// `# ip6drop: KEY VALUE`; the header of perf has some of the same.
    Framing {
        /// First word.
        key: &'a [u8],
        /// The rest of the line.
        value: &'a [u8],
    },
    /// Events were lost, and it is not known on which CPU.
    LostSomewhere,
    /// Any other comment.
    Comment,
}

fn cpu(input: &[u8]) -> IResult<&[u8], u32> {
    let (rest, n) = number(input)?;
    match u32::try_from(n) {
        Ok(cpu) => Ok((rest, cpu)),
        Err(_) => Err(nom::Err::Error(nom::error::Error::new(
            input,
            nom::error::ErrorKind::TooLarge,
        ))),
    }
}

/// The kernel writes `CPU:3 [LOST 57 EVENTS]`, trace-cmd `CPU:3 [57 EVENTS DROPPED]`;
/// both leave the number out when it is not known.
fn lost(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, cpu) = preceded((space0, tag(&b"CPU:"[..])), cpu).parse(input)?;
    let (rest, events) = preceded(
        (space0, char('[')),
        alt((
            delimited(
                (tag(&b"LOST"[..]), space0),
                opt(terminated(number, space0)),
                tag(&b"EVENTS]"[..]),
            ),
            terminated(
                opt(terminated(number, space0)),
                tag(&b"EVENTS DROPPED]"[..]),
            ),
        )),
    )
    .parse(rest)?;
    Ok((&rest[rest.len()..], Banner::Lost { cpu, events }))
}

fn entries(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, _) = tag(&b"# entries-in-buffer/entries-written: "[..]).parse(input)?;
    let (rest, kept) = number(rest)?;
    let (rest, written) = preceded(char('/'), number).parse(rest)?;
    let (rest, cpus) = opt(preceded((space0, tag(&b"#P:"[..])), number)).parse(rest)?;
    Ok((
        &rest[rest.len()..],
        Banner::Entries {
            kept,
            written,
            cpus,
        },
    ))
}

fn latency(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, _) = preceded(tag(&b"# "[..]), take_until(&b" latency trace v"[..])).parse(input)?;
    let (rest, kernel) = preceded(
        (take_until(&b" on "[..]), tag(&b" on "[..])),
        take_while1(|b: u8| b > b' '),
    )
    .parse(rest)?;
    Ok((&rest[rest.len()..], Banner::Latency { kernel }))
}

fn framing(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, key) =
        preceded(tag(&b"# ip6drop: "[..]), take_while1(|b: u8| b > b' ')).parse(input)?;
    Ok((
        &rest[rest.len()..],
        Banner::Framing {
            key,
            value: rest.trim_ascii(),
        },
    ))
}

/// `# os release : 6.1.0`, `# nrcpus online : 2` of `perf script --header`.
fn perf_header(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, key) = alt((
        map(tag(&b"# os release : "[..]), |_| &b"kernel"[..]),
        map(tag(&b"# nrcpus online : "[..]), |_| &b"cpus"[..]),
    ))
    .parse(input)?;
    let value = rest.trim_ascii();
    Ok((&rest[rest.len()..], Banner::Framing { key, value }))
}

fn started(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, _) = (tag(&b"##### CPU "[..]), cpu, tag(&b" buffer started"[..])).parse(input)?;
    Ok((&rest[rest.len()..], Banner::BufferStarted))
}

fn cpus(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    let (rest, n) = preceded(tag(&b"cpus="[..]), number).parse(input)?;
    if rest.trim_ascii().is_empty() {
        return Ok((&rest[rest.len()..], Banner::Cpus(n)));
    }
    Err(nom::Err::Error(nom::error::Error::new(
        input,
        nom::error::ErrorKind::Eof,
    )))
}

/// Parses a line about the trace.
///
/// # Errors
/// Fails on lines that are neither comments nor lost-event marks.
pub fn banner(input: &[u8]) -> IResult<&[u8], Banner<'_>> {
    alt((
        lost,
        framing,
        perf_header,
        entries,
        started,
        map(tag(&b"# tracer: "[..]), |_| Banner::Tracer),
        latency,
        cpus,
        map(char('#'), |_| Banner::Comment),
    ))
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind() {
        let parse = |text: &'static str| banner(text.as_bytes()).map(|(_, b)| b).ok();
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
            Some(Banner::Framing {
                key: b"kernel",
                value: b"6.1.0-56-cloud-amd64"
            })
        );
        assert_eq!(parse("# anything"), Some(Banner::Comment));
        assert_eq!(parse("cpus=4 and prose"), None);
        assert_eq!(parse("CPU:4294967296 [LOST 1 EVENTS]"), None);
    }
}
