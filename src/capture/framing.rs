//! One framing line.

use std::fmt;

use crate::capture::clock::{ClockPair, SECOND, seconds};
use crate::capture::method::Method;
use crate::capture::one_line::OneLine;
use crate::host::Fact;
use crate::host::facts::pointer;
use crate::host::policy::Around;
use crate::text::FRAMING;

/// The version of the format that this program writes.
pub(crate) const VERSION: u32 = 2;

/// The side of the trace that a fact was read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before the first event.
    Before,
    /// After the last one.
    After,
}

/// What one framing line says. Display writes the line, without its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Framing<'a> {
    /// The version of the format.
    Version(u32),
    /// The host's name.
    Host(OneLine<'a>),
    /// When the recording began, in seconds since 1970; finite.
    Began(f64),
    /// The trace's clock and the host's at one moment.
    Clock(ClockPair),
    /// The kernel's release.
    Kernel(OneLine<'a>),
    /// CPUs online.
    Cpus(u64),
    /// How it was traced.
    Method(Method),
    /// The functions whose entries were recorded.
    Traced(OneLine<'a>),
    /// Further kprobe events.
    Probes(OneLine<'a>),
    /// A function that was recorded without stacks from here on.
    StacksOff(OneLine<'a>),
    /// A counter or limit of the host.
    Fact(When, Fact<'a>),
    /// A policy rule, as `ip -6 rule` prints it.
    Rule(When, OneLine<'a>),
    /// How many throw routes all tables have.
    ThrowRoutes(When, u64),
    /// Which routes the table local has, as a sum; behind the events only where none went away
    /// meanwhile, as far as the kernel told.
    LocalRoutes(When, u64),
    /// Of the policies of other namespaces, the one of this number.
    Policy(When, u32, PolicyPart<'a>),
    /// The kernel's filter on `fib6_table_lookup`; `all` without one.
    Lookups(OneLine<'a>),
    /// From when on all lookups that the filter shows are there, on every CPU, by the trace's
    /// clock, in nanoseconds.
    LookupsSince(u64),
    /// `net.ipv6.route.max_size` that a new network namespace starts with.
    NewMaxSize(i64),
    /// The `dst_ops` of the namespace that was traced.
    Ops(u64),
    /// Where the kernel keeps the words of a packet, found out before the recording.
    Offsets(OneLine<'a>),
    /// The packets whose drops alone were recorded.
    Packets(OneLine<'a>),
    /// An interface of the host's is of this pod.
    Pod {
        /// The interface.
        dev: OneLine<'a>,
        /// The pod, as `namespace/name`.
        pod: OneLine<'a>,
    },
    /// Netfilter has these matches, which ask for the way back to a source.
    WayBack {
        /// What it drops for that is recorded; else it is not.
        is_shown: bool,
        /// The matches.
        matches: OneLine<'a>,
    },
    /// Events that the kernel says it lost on a CPU.
    Lost {
        /// The CPU.
        cpu: u32,
        /// How many in all.
        events: u64,
    },
    /// The text was made from a `trace.dat`.
    TraceDat,
    /// Events of another buffer follow.
    SeveralBuffers,
    /// The file is one of several, in which one recording is. It stands in front of all other
    /// lines. Totals of lost events count from the start of the recording.
    Part {
        /// Which one, from 1.
        number: u64,
        /// The recording.
        id: OneLine<'a>,
    },
    /// Events that were recorded here could not be read.
    Gap,
    /// A key or value that this version does not know.
    Unknown(Unknown<'a>),
}

/// What is said of a numbered policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PolicyPart<'a> {
    /// One of its rules, as `ip -6 rule` prints it.
    Rule(OneLine<'a>),
    /// How many throw routes all its tables have.
    ThrowRoutes(u64),
    /// The `dst_ops` of a namespace that has it.
    Ops(u64),
}

/// A line of another version. Only [`Framing::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unknown<'a> {
    key: OneLine<'a>,
    value: OneLine<'a>,
}

impl<'a> Framing<'a> {
    /// Reads a line from its first word and the rest.
    #[must_use]
    pub(crate) fn parse(key: &'a [u8], value: &'a [u8]) -> Self {
        Self::known(key, value).unwrap_or_else(|| {
            Framing::Unknown(Unknown {
                key: OneLine::new(key),
                value: OneLine::new(value),
            })
        })
    }

    fn known(key: &[u8], bytes: &'a [u8]) -> Option<Self> {
        let value = OneLine::new(bytes);
        let text = value.as_str();
        Some(match key {
            b"version" => Framing::Version(text.parse().ok()?),
            b"host" => Framing::Host(value),
            b"began" => Framing::Began(text.parse().ok().filter(|at: &f64| at.is_finite())?),
            b"clock" => Framing::Clock(ClockPair::parse(text)?),
            b"kernel" => Framing::Kernel(value),
            b"cpus" => Framing::Cpus(text.parse().ok()?),
            b"method" => Framing::Method(Method::from_name(text)?),
            b"traced" => Framing::Traced(value),
            b"probes" => Framing::Probes(value),
            b"stacks-off" => Framing::StacksOff(value),
            b"before" => Self::on_a_side(When::Before, bytes)?,
            b"after" => Self::on_a_side(When::After, bytes)?,
            b"lookups" => Framing::Lookups(value),
            b"lookups-since" => Framing::LookupsSince(seconds(text)?),
            b"ops" => Framing::Ops(pointer(text)?),
            b"new-max-size" => Framing::NewMaxSize(text.parse().ok()?),
            b"offsets" => Framing::Offsets(value),
            b"packets" => Framing::Packets(value),
            b"way-back" => Self::way_back(bytes)?,
            b"pod" => {
                let space = bytes.iter().position(|&b| b == b' ')?;
                let (dev, pod) = (&bytes[..space], &bytes[space + 1..]);
                let has_space = pod.iter().any(u8::is_ascii_whitespace);
                let is_pair = !dev.is_empty() && !pod.is_empty() && !has_space;
                is_pair.then(|| Framing::Pod {
                    dev: OneLine::new(dev),
                    pod: OneLine::new(pod),
                })?
            }
            b"lost" => {
                let mut words = text.split_ascii_whitespace();
                Framing::Lost {
                    cpu: words.next()?.parse().ok()?,
                    events: words.next()?.parse().ok()?,
                }
            }
            b"input" if text == "trace.dat" => Framing::TraceDat,
            b"buffers" => Framing::SeveralBuffers,
            b"part" => Self::part(bytes)?,
            b"gap" if text.is_empty() => Framing::Gap,
            _ => return None,
        })
    }

    fn part(bytes: &'a [u8]) -> Option<Self> {
        let space = bytes.iter().position(u8::is_ascii_whitespace)?;
        let number = str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
        let id = value_of(b"of", bytes[space..].trim_ascii_start())?.trim_ascii();
        let is_named = !id.is_empty() && number > 0;
        is_named.then(|| Framing::Part {
            number,
            id: OneLine::new(id),
        })
    }

    fn way_back(bytes: &'a [u8]) -> Option<Self> {
        let of = |word, is_shown| {
            let matches = OneLine::new(value_of(word, bytes)?);
            Some(Framing::WayBack { is_shown, matches })
        };
        of(b"shown", true).or_else(|| of(b"hidden", false))
    }

    fn on_a_side(when: When, bytes: &'a [u8]) -> Option<Self> {
        if let Some(rule) = value_of(b"rule", bytes) {
            return Some(Framing::Rule(when, OneLine::new(rule)));
        }
        if let Some(routes) = value_of(b"throw_routes", bytes) {
            let routes = str::from_utf8(routes).ok()?.trim().parse().ok()?;
            return Some(Framing::ThrowRoutes(when, routes));
        }
        if let Some(routes) = value_of(b"local_routes", bytes) {
            let routes = pointer(str::from_utf8(routes).ok()?.trim())?;
            return Some(Framing::LocalRoutes(when, routes));
        }
        if let Some(policy) = value_of(b"policy", bytes) {
            return Self::policy(when, policy.trim_ascii_start());
        }
        Some(Framing::Fact(when, Fact::of_capture(bytes)?))
    }

    fn policy(when: When, bytes: &'a [u8]) -> Option<Self> {
        let space = bytes.iter().position(u8::is_ascii_whitespace)?;
        let number = str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
        let bytes = bytes[space..].trim_ascii_start();
        let text = |bytes| Some(str::from_utf8(bytes).ok()?.trim());
        let part = if let Some(rule) = value_of(b"rule", bytes) {
            PolicyPart::Rule(OneLine::new(rule))
        } else if let Some(routes) = value_of(b"throw_routes", bytes) {
            PolicyPart::ThrowRoutes(text(routes)?.parse().ok()?)
        } else {
            PolicyPart::Ops(pointer(text(value_of(b"ops", bytes)?)?)?)
        };
        Some(Framing::Policy(when, number, part))
    }
}

/// What stands behind a word and white space.
fn value_of<'a>(word: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    let rest = bytes.strip_prefix(word)?;
    let is_apart = rest.first().is_none_or(u8::is_ascii_whitespace);
    is_apart.then_some(rest)
}

impl When {
    /// That side.
    pub(super) fn of<T>(self, around: &mut Around<T>) -> &mut T {
        match self {
            When::Before => &mut around.before,
            When::After => &mut around.after,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            When::Before => "before",
            When::After => "after",
        })
    }
}

impl fmt::Display for PolicyPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyPart::Rule(rule) => write!(f, "rule {rule}"),
            PolicyPart::ThrowRoutes(routes) => write!(f, "throw_routes {routes}"),
            PolicyPart::Ops(ops) => write!(f, "ops {ops:#x}"),
        }
    }
}

impl fmt::Display for Framing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FRAMING)?;
        match self {
            Framing::Version(version) => write!(f, "version {version}"),
            Framing::Host(name) => write!(f, "host {name}"),
            // To the millisecond, unless more was said.
            Framing::Began(at) if format!("{at:.3}").parse() == Ok(*at) => {
                write!(f, "began {at:.3}")
            }
            Framing::Began(at) => write!(f, "began {at}"),
            Framing::Clock(pair) => write!(f, "clock {pair}"),
            Framing::Kernel(release) => write!(f, "kernel {release}"),
            Framing::Cpus(cpus) => write!(f, "cpus {cpus}"),
            Framing::Method(method) => write!(f, "method {}", method.name()),
            Framing::Traced(names) => write!(f, "traced {names}"),
            Framing::Probes(names) => write!(f, "probes {names}"),
            Framing::StacksOff(name) => write!(f, "stacks-off {name}"),
            Framing::Fact(when, fact) => write!(f, "{when} {fact}"),
            Framing::Rule(when, rule) => write!(f, "{when} rule {rule}"),
            Framing::ThrowRoutes(when, routes) => write!(f, "{when} throw_routes {routes}"),
            Framing::LocalRoutes(when, routes) => write!(f, "{when} local_routes {routes:#x}"),
            Framing::Policy(when, number, part) => write!(f, "{when} policy {number} {part}"),
            Framing::Lookups(filter) => write!(f, "lookups {filter}"),
            Framing::LookupsSince(at) => {
                write!(f, "lookups-since {}.{:09}", at / SECOND, at % SECOND)
            }
            Framing::Ops(ops) => write!(f, "ops {ops:#x}"),
            Framing::NewMaxSize(size) => write!(f, "new-max-size {size}"),
            Framing::Packets(asked) => write!(f, "packets {asked}"),
            Framing::Pod { dev, pod } => write!(f, "pod {dev} {pod}"),
            Framing::WayBack { is_shown, matches } => {
                let shown = if *is_shown { "shown" } else { "hidden" };
                write!(f, "way-back {shown} {matches}")
            }
            Framing::Offsets(places) => write!(f, "offsets {places}"),
            Framing::Lost { cpu, events } => write!(f, "lost {cpu} {events}"),
            Framing::TraceDat => f.write_str("input trace.dat"),
            Framing::SeveralBuffers => f.write_str("buffers several"),
            Framing::Part { number, id } => write!(f, "part {number} of {id}"),
            Framing::Gap => f.write_str("gap"),
            Framing::Unknown(Unknown { key, value }) => write!(f, "{key} {value}"),
        }
    }
}

/// The lines of a capture that say this.
#[must_use]
pub(crate) fn lines<'a>(said: impl IntoIterator<Item = Framing<'a>>) -> Vec<u8> {
    let mut text = String::new();
    for framing in said {
        text += &format!("{framing}\n");
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::rt6_stats::Rt6Stats;
    use crate::trace::{Banner, Line, line};

    /// The line as the reader of traces hands it on.
    fn read(text: &str) -> Framing<'_> {
        match line(text.as_bytes()) {
            Line::Banner(Banner::Framing { key, value }) => Framing::parse(key, value),
            other => panic!("{text:?} is {other:?}"),
        }
    }

    fn number() -> impl Strategy<Value = u64> {
        any::<u32>().prop_map(u64::from)
    }

    fn stats() -> impl Strategy<Value = Rt6Stats> {
        proptest::array::uniform7(number()).prop_map(|n| Rt6Stats {
            fib_nodes: n[0],
            fib_route_nodes: n[1],
            fib_rt_alloc: n[2],
            fib_rt_entries: n[3],
            fib_rt_cache: n[4],
            dst_entries: n[5],
            fib_discarded_routes: n[6],
        })
    }

    /// Checks every kind of line with these values in it.
    fn check(text: &[u8], numbers: (u32, u64, i64), began: f64, stats: Rt6Stats, name: &str) {
        let (small, large, signed) = numbers;
        let text = || OneLine::new(text);
        let mut all = vec![
            Framing::Version(small),
            Framing::Host(text()),
            Framing::Began(began),
            Framing::Kernel(text()),
            Framing::Cpus(large),
            Framing::Traced(text()),
            Framing::Probes(text()),
            Framing::StacksOff(text()),
            Framing::Lost {
                cpu: small,
                events: large,
            },
            Framing::TraceDat,
            Framing::SeveralBuffers,
            Framing::Gap,
            Framing::Part {
                number: large + 1,
                id: OneLine::new("node7-1764021697"),
            },
            Framing::Lookups(text()),
            Framing::Ops(large),
            Framing::LookupsSince(large),
            Framing::Offsets(text()),
            Framing::Packets(text()),
            Framing::Pod {
                dev: OneLine::new("cali1"),
                pod: OneLine::new("shop/web-0"),
            },
            Framing::WayBack {
                is_shown: true,
                matches: text(),
            },
            Framing::WayBack {
                is_shown: false,
                matches: text(),
            },
            Framing::Clock(ClockPair {
                trace: large,
                wall: signed.unsigned_abs(),
            }),
        ];
        all.extend(Method::ALL.map(Framing::Method));
        let counter = format!("Ip6{name}");
        for when in [When::Before, When::After] {
            for fact in [
                Fact::Stats(stats),
                Fact::Counter(&counter, large),
                Fact::Route(name, signed),
                Fact::Cpus(small % 8192 + 1),
            ] {
                all.push(Framing::Fact(when, fact));
            }
            all.push(Framing::Rule(when, text()));
            all.push(Framing::ThrowRoutes(when, large));
            all.push(Framing::LocalRoutes(when, large));
            for part in [
                PolicyPart::Rule(text()),
                PolicyPart::ThrowRoutes(large),
                PolicyPart::Ops(large),
            ] {
                all.push(Framing::Policy(when, small, part));
            }
        }
        for said in all {
            let written = said.to_string();
            assert_eq!(read(&written), said, "{written:?}");
            assert!(!written.contains('\n'), "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            text: Vec<u8>,
            numbers: (u32, u64, i64),
            began in proptest::num::f64::NORMAL | proptest::num::f64::ZERO,
            milliseconds in 0u64..1 << 50,
            stats in stats(),
            name in "[A-Za-z_0-9]{0,20}",
        ) {
            check(&text, numbers, began, stats, &name);
            check(&text, numbers, milliseconds as f64 / 1000.0, stats, &name);
            let began = Framing::Began(milliseconds as f64 / 1000.0).to_string();
            let (_, decimals) = began.rsplit_once('.').unwrap();
            prop_assert_eq!(decimals.len(), 3);
        }

        #[test]
        fn anything_else_is_carried(
            key in "[a-z-]{1,12}|version|began|clock|cpus|method|before|after|lost|input|lookups|ops|pod|way-back|[!-\u{ff}]{1,9}",
            value in "[^\n]{0,40}|[0-9]{1,4}[.][0-9]{0,12} [0-9]{1,12}[.][0-9]{1,12}|[0-9 ]{1,9}|(rule|throw_routes|local_routes|shown|hidden|policy [0-9]{1,12} (rule|throw_routes|ops))s?[ \t]{0,2}[0-9a-z:\t ]{0,9}|0x[0-9a-f]{0,18}|Ip6[a-zA-Z]{1,9} [0-9]{1,30}",
        ) {
            let written = format!("{FRAMING}{key} {value}");
            let said = read(&written);
            let again = said.to_string();
            prop_assert_eq!(read(&again), said.clone());
            if let Framing::Unknown(unknown) = said {
                prop_assert_eq!(unknown.key.as_str(), key);
                prop_assert_eq!(unknown.value.as_str(), value.trim_ascii());
            }
        }
    }

    #[test]
    fn lines_of_a_capture() {
        let mut now = crate::host::Snapshot::default();
        for line in [
            "034d 01a8 02f1 01d2 0000 0268 0000",
            "Ip6OutNoRoutes 3",
            "Ip6InNoRoutes 48",
            "Ip6InReceives 9",
            "net.ipv6.route.max_size = 200",
            "4",
        ] {
            assert!(now.take_line(line.as_bytes()), "{line}");
        }
        let facts = now.facts().map(|fact| Framing::Fact(When::Before, fact));
        let rule = OneLine::new("0:\tfrom all lookup local");
        let policy = [
            Framing::Rule(When::Before, rule.clone()),
            Framing::ThrowRoutes(When::After, 3),
            Framing::Lookups(OneLine::new("iif != 1")),
            Framing::Ops(0xffff_ffff_8203_a1c0),
            Framing::Policy(When::Before, 1, PolicyPart::Rule(rule)),
            Framing::Policy(When::After, 1, PolicyPart::ThrowRoutes(3)),
            Framing::Policy(When::After, 1, PolicyPart::Ops(0xffff_8880_0203_a1c0)),
            Framing::Clock(ClockPair {
                trace: 1_120_760_823_000,
                wall: 1_764_021_697_250_000_000,
            }),
        ];
        let names = Framing::Traced(OneLine::of_names(["ip6_pkt_drop", "ip6_dst_gc"]));
        let said = [Framing::Began(1_764_021_697.25), names]
            .into_iter()
            .chain(facts)
            .chain(policy);
        assert_eq!(
            String::from_utf8(lines(said)).unwrap(),
            "# ip6drop: began 1764021697.250\n\
             # ip6drop: traced ip6_pkt_drop,ip6_dst_gc\n\
             # ip6drop: before rt6_stats 034d 01a8 02f1 01d2 0000 0268 0000\n\
             # ip6drop: before Ip6InNoRoutes 48\n\
             # ip6drop: before Ip6OutNoRoutes 3\n\
             # ip6drop: before net.ipv6.route.max_size = 200\n\
             # ip6drop: before nproc 4\n\
             # ip6drop: before rule 0:\tfrom all lookup local\n\
             # ip6drop: after throw_routes 3\n\
             # ip6drop: lookups iif != 1\n\
             # ip6drop: ops 0xffffffff8203a1c0\n\
             # ip6drop: before policy 1 rule 0:\tfrom all lookup local\n\
             # ip6drop: after policy 1 throw_routes 3\n\
             # ip6drop: after policy 1 ops 0xffff88800203a1c0\n\
             # ip6drop: clock 1120.760823000 1764021697.250000000\n"
        );
    }
}
