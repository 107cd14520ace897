//! The text of `perf script`: an event, and the frames of its call chain, one a line.
//!
//! Columns and call chains are those of `perf_sample__fprintf_start` and
//! `sample__fprintf_callchain` (tools/perf/builtin-script.c, util/evsel_fprintf.c).

use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, digit1, space0, space1};
use nom::combinator::{fail, map_opt, opt, verify};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use crate::trace::event::{Context, Level, Payload};
use crate::trace::number::{cpu, hex_number, number};
use crate::trace::payload::payload;
use crate::trace::short::Comm;
use crate::trace::symbol::is_symbol_byte;
use crate::trace::time::{self, Stamp, Time};

/// Kernel addresses start here on every 64-bit machine.
const KERNEL: u64 = 1 << 63;

/// The first line of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample<'a> {
    comm: &'a [u8],
    pid: u64,
    /// The CPU, where it was printed.
    pub(crate) cpu: Option<u32>,
    time: Option<Time>,
    /// What the event says.
    pub(crate) says: Says<'a>,
}

/// What stands behind the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says<'a> {
    /// A probe, the function tracer, or a trace point.
    Traced(Payload<'a>),
    /// `PERF_RECORD_LOST lost 57`, of `--show-lost-events`.
    Lost(u64),
    /// No name of an event: the output was asked for without it.
    Unnamed,
}

/// A frame of a call chain, or of a stack that bpftrace prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChainFrame<'a> {
    /// Its address, where it is printed.
    pub(crate) address: Option<u64>,
    /// Its function, without offset; `None` where the kernel's symbols have none.
    pub(crate) name: Option<&'a [u8]>,
    /// It is known to be outside of the kernel.
    pub(crate) user: bool,
}

impl Sample<'_> {
    /// Where it happened; `None` where CPU or time were not printed.
    #[must_use]
    pub(crate) fn context(&self) -> Option<Context> {
        Some(Context {
            comm: Comm::new(self.comm),
            pid: self.pid,
            cpu: self.cpu?,
            level: Level::Unknown,
            time: self.time?,
        })
    }
}

/// Pid, CPU and time.
type PidCpuTime = (u64, Option<u32>, Option<Time>);

/// `119 [000]    11.100098: `, `119/119`, with or without CPU and time.
fn columns(input: &[u8]) -> IResult<&[u8], PidCpuTime> {
    let (rest, pid) = terminated(number, (opt((char('/'), digit1)), space1)).parse(input)?;
    let cpu = delimited(char('['), cpu, char(']'));
    let (rest, cpu) = opt(terminated(cpu, space1)).parse(rest)?;
    let (rest, time) = opt(terminated(time::time, (char(':'), space0))).parse(rest)?;
    // Two numbers and no more are found in any prose.
    match (cpu, time.map(Time::stamp)) {
        (None, None | Some(Stamp::Count(_))) => fail().parse(input),
        _ => Ok((rest, (pid, cpu, time))),
    }
}

/// The name of the event, a word with its colon; all of it but the last colon. In front of it
/// may stand the period of the sample: `     250000 `.
fn name(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let word = take_while1(|b: u8| b > b' ');
    let named = map_opt(word, |word: &[u8]| word.strip_suffix(b":"));
    let named = verify(named, |name: &[u8]| !name.is_empty());
    preceded(opt((digit1, space1)), named).parse(input)
}

fn lost(input: &[u8]) -> IResult<&[u8], u64> {
    preceded(tag("PERF_RECORD_LOST lost "), number).parse(input)
}

/// The name of a return probe, without what `perf probe` puts behind that of the function.
fn traced<'a>(text: &'a [u8]) -> Payload<'a> {
    match payload(text) {
        Payload::ReturnProbe {
            event,
            function,
            arguments,
        } => Payload::ReturnProbe {
            event: event.strip_suffix(b"__return").unwrap_or(event),
            function,
            arguments,
        },
        found => found,
    }
}

fn says(input: &[u8]) -> Option<Says<'_>> {
    if input.is_empty() {
        return Some(Says::Unnamed);
    }
    if let Ok((_, events)) = lost(input) {
        return Some(Says::Lost(events));
    }
    let (details, name) = name(input).ok()?;
    let Some(colon) = memchr::memchr(b':', name) else {
        return Some(Says::Traced(Payload::Other));
    };
    let (group, event) = (&name[..colon], &name[colon + 1..]);
    let probe = &input[input.len() - details.len() - 1 - event.len()..];
    let details = details.trim_ascii();
    let found = match (group, event) {
        (b"ftrace", b"function") => traced(details),
        _ if details.starts_with(b"(") => traced(probe),
        _ => Payload::Tracepoint {
            event,
            says: details,
        },
    };
    Some(Says::Traced(found))
}

/// The first line of a sample. A task's name may hold anything, so the columns behind it are
/// looked for from the left.
pub(super) fn sample(line: &[u8]) -> Option<Sample<'_>> {
    let starts = memchr::memchr_iter(b' ', line).map(|space| space + 1);
    let starts = starts.filter(|&at| line.get(at).is_some_and(u8::is_ascii_digit));
    starts
        .filter_map(|at| {
            let comm = line[..at].trim_ascii();
            let (rest, (pid, cpu, time)) = columns(&line[at..]).ok()?;
            let says = says(rest)?;
            let both = cpu.is_some() && time.is_some();
            (!comm.is_empty() && (both || says != Says::Unnamed)).then_some(Sample {
                comm,
                pid,
                cpu,
                time,
                says,
            })
        })
        .next()
}

/// `ffffffff90f00de1 ip6_pkt_drop+0x1 ([kernel.kallsyms])`, and the same without address or
/// without the part in brackets.
pub(super) fn frame(line: &[u8]) -> Option<ChainFrame<'_>> {
    let text = line.trim_ascii_start();
    if text.len() == line.len() {
        return None;
    }
    let (rest, address) = opt(address).parse(text).ok()?;
    let rest = rest.trim_ascii_start();
    if rest.is_empty() && address.is_some_and(|a| a >= KERNEL) {
        return Some(ChainFrame {
            address,
            name: None,
            user: false,
        });
    }
    let symbol = symbol(rest)?;
    let is_kernel = [&b"([kernel"[..], b"([guest.kernel"]
        .iter()
        .any(|file| memchr::memmem::find(symbol.behind, file).is_some());
    match address {
        // Without an address an offset must show that this is no prose.
        None if !symbol.has_offset || !symbol.behind.is_empty() => None,
        // So must the file of a function outside of the kernel.
        Some(a) if a < KERNEL && !symbol.behind.ends_with(b")") => None,
        _ => Some(ChainFrame {
            address,
            name: symbol.name,
            user: !is_kernel && address.is_some_and(|a| a < KERNEL),
        }),
    }
}

fn address(input: &[u8]) -> IResult<&[u8], u64> {
    let (rest, address) = hex_number(input)?;
    match rest.first() {
        Some(b) if !b.is_ascii_whitespace() => fail().parse(input),
        _ => Ok((rest, address)),
    }
}

/// A symbol as perf and bpftrace print it, and what is left of the line.
struct Named<'a> {
    name: Option<&'a [u8]>,
    has_offset: bool,
    behind: &'a [u8],
}

fn symbol(input: &[u8]) -> Option<Named<'_>> {
    let word_end = memchr::memchr2(b' ', b'\t', input).unwrap_or(input.len());
    let (word, rest) = input.split_at(word_end);
    let behind = rest.trim_ascii();
    let (name, has_offset) = match memchr::memrchr(b'+', word) {
        Some(plus) => (&word[..plus], is_offset(&word[plus + 1..])),
        None => (word, false),
    };
    let starts = name.first().is_some_and(|b| !b.is_ascii_digit());
    let plain = starts && name.iter().all(|&b| is_symbol_byte(b));
    // Programs have functions of any name; the file they are in shows that it is one.
    if word != b"[unknown]" && !plain && !behind.ends_with(b")") {
        return None;
    }
    Some(Named {
        name: plain.then_some(name),
        has_offset,
        behind,
    })
}

fn is_offset(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Sample<'_> {
        sample(text.as_bytes()).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn columns_of_every_kind() {
        let full = Some((119, 3, Time::nanoseconds(11_100_098_000)));
        for (text, comm, expected) in [
            (
                "ping   119 [003]    11.100098: probe:x: (ffffffff90f00de0)",
                "ping",
                full,
            ),
            (
                "ping   119/119   [003]    11.100098: probe:x: (ffffffff90f00de0)",
                "ping",
                full,
            ),
            (
                "    my 1 [000] task   119 [003]    11.100098000:  1 cpu-clock: ",
                "my 1 [000] task",
                full,
            ),
            (
                "a-1 119 [003] 11.100098: PERF_RECORD_LOST lost 57",
                "a-1",
                full,
            ),
            ("ping 119 [003] 11.100098: ", "ping", full),
            (
                "ping 119 11.100098: probe:x: (ffffffff90f00de0)",
                "ping",
                None,
            ),
            ("ping 119 [003] probe:x: (ffffffff90f00de0)", "ping", None),
        ] {
            let found = one(text);
            assert_eq!(found.comm, comm.as_bytes(), "{text}");
            let context = found.context().map(|c| (c.pid, c.cpu, c.time));
            assert_eq!(context, expected, "{text}");
        }
        for text in [
            "",
            "119 [003] 11.1: x:y: z",
            "ping 119",
            "ping 119 120 x:y: z",
            "he saw 12 11: no",
            "ping 119 [4294967296] 11.100098: x:y: z",
            "ping 119 [003] 11.100098: ip6_dst_gc <-dst_alloc",
        ] {
            assert_eq!(sample(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_events_say() {
        let says = |text: &'static str| {
            let line = format!("ping 119 [000] 1.5: {text}").leak();
            one(line).says
        };
        assert!(matches!(
            says("probe:ip6_pkt_drop: (ffffffff90f00de0)"),
            Says::Traced(Payload::Probe {
                event: b"ip6_pkt_drop",
                function: None,
                arguments: b""
            })
        ));
        assert!(matches!(
            says("   1   probe:ip6_dst_gc__return: (ffffffff90f00de0 <- ffffffff90dafd62) ret=0x1"),
            Says::Traced(Payload::ReturnProbe {
                event: b"ip6_dst_gc",
                arguments: b"ret=0x1",
                ..
            })
        ));
        assert!(matches!(
            says("ftrace:function:  ip6_pkt_drop <-- ip6_pkt_discard"),
            Says::Traced(Payload::Function {
                caller: Some(_),
                ..
            })
        ));
        assert_eq!(
            says("skb:kfree_skb: skbaddr=0xff16 protocol=2048 location=0x1"),
            Says::Traced(Payload::Tracepoint {
                event: b"kfree_skb",
                says: b"skbaddr=0xff16 protocol=2048 location=0x1",
            })
        );
        assert!(matches!(
            says("250000 cycles:ppp: "),
            Says::Traced(Payload::Tracepoint { says: b"", .. })
        ));
        assert_eq!(says("PERF_RECORD_LOST lost 57"), Says::Lost(57));
    }

    #[test]
    fn frames() {
        let one = |text: &'static str| frame(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        let name = |text| {
            one(text)
                .name
                .map(|n| String::from_utf8_lossy(n).into_owned())
        };
        for text in [
            "\tffffffff90f00de1 ip6_pkt_drop+0x1 ([kernel.kallsyms])",
            "\tffffffff90f00de1 ip6_pkt_drop+0x1",
            "    ffffffff90f00de1 ip6_pkt_drop ([kernel.kallsyms])",
            "\tffffffff90f00de1 ip6_pkt_drop+1",
            "    ip6_pkt_drop+1",
        ] {
            assert_eq!(name(text).as_deref(), Some("ip6_pkt_drop"), "{text}");
            assert!(!one(text).user, "{text}");
        }
        assert!(one("\t          10acb3 sendto+0x13 (/lib/libc.so.6)").user);
        assert!(one("\t        6b060835 [unknown] ([unknown])").user);
        assert!(one("\t  55d0 std::f(int, char)+0x1 (/bin/x)").user);
        assert_eq!(
            name("\tffffffffc02bd083 [unknown] ([kernel.kallsyms])"),
            None
        );
        assert_eq!(name("\tffffffff90f00de1"), None);
        for text in [
            "ip6_pkt_drop+1",
            "  a word",
            "  1",
            "  one+two",
            "   ",
            "  dead",
            "  1+1",
            "  ip6_pkt_drop+1 and prose",
        ] {
            assert_eq!(frame(text.as_bytes()), None, "{text}");
        }
    }
}
