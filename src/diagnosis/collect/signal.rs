//! What the payload of an event says as evidence, worked out once for each distinct payload.

use std::sync::Arc;

use crate::kernel::dst_ops::{FAST_AT, FastAt, FastReadings};
use crate::kernel::frames::{Mark, mark};
use crate::kernel::functions::{self, Function, KFREE_SKB, NETFILTER_DROP, NF_HOOK_SLOW};
use crate::trace::lookup::{FIB6_TABLE_LOOKUP, Lookup, lookup};
use crate::trace::packet::{Packet, Words, words};
use crate::trace::payload::{integer, pairs, value};
use crate::trace::skb::{Freed, KFREE_SKB_EVENT, freed};
use crate::trace::{Meaning, Payload, Symbol};

/// How an event came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryBy {
    /// The function tracer, at the entry.
    Entry,
    /// A probe that stands for the entry.
    Probe,
    /// A probe that fetches arguments, beside one that stands for the entry.
    Arguments,
}

/// The function that an entry returns to, where the text names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// What its name says.
    pub(crate) mark: Option<Mark>,
    /// It is `ip6_dst_gc`.
    pub(crate) is_dst_gc: bool,
}

/// What a function returned, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// 0.
    Zero,
    /// 1.
    One,
    /// Any other number.
    Other,
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The entry of a function that is evidence.
    Entry {
        /// How it was seen.
        source: EntryBy,
        /// The function.
        function: Function,
        /// Where it returns to.
        caller: Option<Caller>,
    },
    /// The return of one.
    Return {
        /// The function.
        function: Function,
        /// What it returned.
        value: Returned,
    },
    /// A packet was freed; which stands beside.
    Freed {
        /// Where netfilter frees what a rule drops; else it may have been anybody.
        in_netfilter: bool,
    },
    /// An IPv6 packet was freed, by whomever; its stack may say more.
    FreedSkb(Freed),
    /// A table was asked for a route; what it answered stands beside.
    Lookup,
    /// Anything else that may have brought a stack.
    Other,
    /// A return that says nothing.
    Nothing,
}

/// The arguments that a probe on the entry of `ip6_dst_gc` read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpsReading {
    /// The `dst_ops`, one for each network namespace.
    pub(crate) ops: Option<u64>,
    /// `fast`, wherever it may be, and `gc_thresh`, of IPv6 alone.
    pub(crate) fast: Option<(FastReadings, i64)>,
}

impl OpsReading {
    /// `family=10 gc_thresh=64 fast=288`; anything but IPv6 is left alone.
    fn new(arguments: &[u8]) -> OpsReading {
        const AF_INET6: i128 = 10;
        let (mut ops, mut family, mut gc_thresh) = (None, None, None);
        let mut readings = FastReadings::default();
        // One pass: this is read with each call.
        for (name, text) in pairs(arguments) {
            match name {
                b"ops" => ops = value(text),
                b"family" => family = value(text),
                b"gc_thresh" => gc_thresh = value(text),
                _ => {
                    let place = |place: &FastAt| place.argument.as_bytes() == name;
                    if let Some(at) = FAST_AT.iter().position(place) {
                        readings[at] = value(text).and_then(|fast| i64::try_from(fast).ok());
                    }
                }
            }
        }
        let is_there = family == Some(AF_INET6) && readings.iter().any(Option::is_some);
        let gc_thresh = gc_thresh.and_then(|thresh| i64::try_from(thresh).ok());
        OpsReading {
            ops: ops.and_then(|ops| u64::try_from(ops).ok()),
            fast: gc_thresh
                .filter(|_| is_there)
                .map(|thresh| (readings, thresh)),
        }
    }
}

/// What an event says beside its signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aside {
    /// Of a call of `ip6_dst_gc`.
    Ops(Arc<OpsReading>),
    /// What the table answered.
    Lookup(Arc<Lookup>),
    /// The packet that the function was called for.
    Packet(Arc<Packet>),
    /// The words of a packet, which fit none.
    Unbelievable,
}

impl Aside {
    /// The packet whose words they are.
    fn of_words(arguments: &[u8]) -> Option<Aside> {
        match words(arguments) {
            Words::None => None,
            Words::Unbelievable => Some(Aside::Unbelievable),
            Words::Packet(packet) => Some(Aside::Packet(Arc::new(packet))),
        }
    }

    /// What the arguments of a probe on a function say.
    fn of_probe(
        (function, symbol): (Function, Option<&Symbol<'_>>),
        arguments: &[u8],
    ) -> Option<Aside> {
        match function {
            Function::DstGc => Some(Aside::Ops(Arc::new(OpsReading::new(arguments)))),
            Function::PktDrop | Function::RouteInput | Function::Handler(_) => {
                let renamed = symbol.is_some_and(|symbol| !symbol.suffix.is_empty());
                Aside::of_words(arguments).map(|aside| match aside {
                    Aside::Packet(packet) if renamed => {
                        Aside::Packet(Arc::new(packet.of_renamed()))
                    }
                    aside => aside,
                })
            }
            _ => None,
        }
    }
}

/// How far into a function a probe may stand for its entry, in bytes: behind `endbr64` and the
/// call of the tracer, where a kernel has them (arch/x86/kernel/kprobes/core.c).
const ENTRY_BYTES: u64 = 16;

/// Whether netfilter frees a packet there: on the call inside `nf_hook_slow`, or where `record`
/// has the kernel show that caller alone; `kfree_skb` itself anybody calls.
fn frees(event: &[u8], function: Option<&Symbol<'_>>) -> Option<bool> {
    let symbol = function?;
    let is_inside = symbol.offset.unwrap_or(0) > ENTRY_BYTES;
    let is_call = symbol.name == NF_HOOK_SLOW.as_bytes() && is_inside;
    let mut names = KFREE_SKB.iter().map(|name| name.as_bytes());
    let by_anybody = names.any(|name| name == symbol.name) && !is_inside;
    let in_netfilter = is_call || event == NETFILTER_DROP.as_bytes();
    (is_call || by_anybody).then_some(in_netfilter)
}

/// The error of a route that could not be had (net/ipv6/route.c: `ip6_null_entry_template`).
const ENETUNREACH: i128 = -101;

/// What a function returned, where the probe fetched that. `ip6_route_lookup` returns a pointer,
/// which is never 0: there it is the `err` of the dst behind it.
fn returned(function: Function, arguments: &[u8]) -> Option<Returned> {
    if function == Function::RouteLookup {
        return match integer(arguments, b"err")? {
            0 => Some(Returned::Zero),
            ENETUNREACH => Some(Returned::Other),
            _ => None,
        };
    }
    let value = [&b"ret"[..], b"retval", b"arg1"]
        .into_iter()
        .find_map(|name| integer(arguments, name))?;
    Some(match value {
        0 => Returned::Zero,
        1 => Returned::One,
        _ => Returned::Other,
    })
}

/// Names that `record` gives its probes, for text that prints addresses instead of symbols.
fn probed(event: &[u8], function: Option<&Symbol<'_>>) -> Option<Function> {
    match (function, event) {
        // A probe inside the function says nothing of its entry.
        (Some(symbol), _) if symbol.offset.unwrap_or(0) > ENTRY_BYTES => None,
        (Some(symbol), _) => functions::function(symbol.name),
        (None, b"gc_enter" | b"gc_exit") => Some(Function::DstGc),
        (None, _) => functions::function(event),
    }
}

impl Meaning for Signal {
    type Signal = Signal;
    type Aside = Aside;

    fn of(payload: &Payload<'_>) -> (Signal, Option<Aside>) {
        match payload {
            Payload::Function { function, caller } => {
                let entry = functions::function(function.name).map(|function| Signal::Entry {
                    source: EntryBy::Entry,
                    function,
                    caller: caller.map(|caller| Caller {
                        mark: mark(caller.name),
                        is_dst_gc: caller.name == b"ip6_dst_gc",
                    }),
                });
                (entry.unwrap_or(Signal::Other), None)
            }
            Payload::Probe {
                event,
                function,
                arguments,
            } => {
                if let Some(in_netfilter) = frees(event, function.as_ref()) {
                    return (Signal::Freed { in_netfilter }, Aside::of_words(arguments));
                }
                let known = probed(event, function.as_ref());
                let source = if arguments.is_empty() {
                    EntryBy::Probe
                } else {
                    EntryBy::Arguments
                };
                let entry = known.map(|function| Signal::Entry {
                    source,
                    function,
                    caller: None,
                });
                let of = |known| Aside::of_probe((known, function.as_ref()), arguments);
                let aside = known.and_then(of);
                (entry.unwrap_or(Signal::Other), aside)
            }
            Payload::ReturnProbe {
                event,
                function,
                arguments,
            } => {
                let function = probed(event, function.as_ref());
                let returned = function.and_then(|function| {
                    let value = returned(function, arguments)?;
                    Some(Signal::Return { function, value })
                });
                (returned.unwrap_or(Signal::Nothing), None)
            }
            Payload::Tracepoint { event, says } if *event == FIB6_TABLE_LOOKUP => lookup(says)
                .map_or((Signal::Other, None), |found| {
                    Signal::of_lookup(Arc::new(found))
                }),
            Payload::Tracepoint { event, says } if *event == KFREE_SKB_EVENT => {
                (freed(says).map_or(Signal::Other, Signal::FreedSkb), None)
            }
            Payload::Tracepoint { .. } | Payload::Other | Payload::Stack => (Signal::Other, None),
        }
    }

    fn of_lookup(lookup: Arc<Lookup>) -> (Signal, Option<Aside>) {
        (Signal::Lookup, Some(Aside::Lookup(lookup)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(name: &str) -> Option<Symbol<'_>> {
        Some(Symbol {
            name: name.as_bytes(),
            suffix: b"",
            offset: None,
            address: None,
            module: None,
        })
    }

    fn probe(event: &str, function: Option<&str>, arguments: &str) -> (Signal, Option<Aside>) {
        Signal::of(&Payload::Probe {
            event: event.as_bytes(),
            function: function.and_then(symbol),
            arguments: arguments.as_bytes(),
        })
    }

    fn entry(source: EntryBy, function: Function) -> Signal {
        Signal::Entry {
            source,
            function,
            caller: None,
        }
    }

    #[test]
    fn probes_stand_for_the_function_they_are_on() {
        let gc = |source| entry(source, Function::DstGc);
        assert_eq!(probe("x", Some("ip6_dst_gc"), "").0, gc(EntryBy::Probe));
        assert_eq!(probe("gc_enter", None, "").0, gc(EntryBy::Probe));
        assert_eq!(probe("gc_exit", None, "").0, gc(EntryBy::Probe));
        assert_eq!(probe("ip6_dst_gc", None, "").0, gc(EntryBy::Probe));
        let arguments = "family=10";
        assert_eq!(
            probe("x", Some("ip6_dst_gc"), arguments).0,
            gc(EntryBy::Arguments)
        );
        let drop = entry(EntryBy::Probe, Function::PktDrop);
        assert_eq!(probe("gc_enter", Some("ip6_pkt_drop"), "").0, drop);
        assert_eq!(probe("x", None, "").0, Signal::Other);
        assert_eq!(probe("x", Some("ip6_pol_route"), "").0, Signal::Other);
    }

    #[test]
    fn arguments_are_read_of_the_collector_alone() {
        let read = |arguments| match probe("x", Some("ip6_dst_gc"), arguments).1 {
            Some(Aside::Ops(reading)) => *reading,
            other => panic!("{other:?}"),
        };
        let whole = "ops=0xffffffff892b8e40 family=10 gc_thresh=64 fast=288";
        let ops = Some(0xffff_ffff_892b_8e40);
        let fast = Some(([Some(288), None], 64));
        assert_eq!(read(whole), OpsReading { ops, fast });
        let nothing = OpsReading {
            ops: None,
            fast: None,
        };
        assert_eq!(read("family=2 gc_thresh=64 fast=288"), nothing);
        assert_eq!(read("gc_thresh=64 fast=288"), nothing);
        assert_eq!(read("family=10 fast=288"), nothing);
        assert_eq!(read("family=10 gc_thresh=64"), nothing);
        assert_eq!(probe("x", Some("fib6_run_gc"), whole).1, None);
    }

    #[test]
    fn returns_are_nothing_one_or_something_else() {
        let returned = |event: &str, function: Option<&str>, arguments: &str| {
            let (signal, aside) = Signal::of(&Payload::ReturnProbe {
                event: event.as_bytes(),
                function: function.and_then(symbol),
                arguments: arguments.as_bytes(),
            });
            assert_eq!(aside, None);
            signal
        };
        let gc = |value| Signal::Return {
            function: Function::DstGc,
            value,
        };
        for (arguments, value) in [
            ("ret=0", Returned::Zero),
            ("ret=0x1", Returned::One),
            ("retval=2", Returned::Other),
            ("arg1=0xffff88800e1f2a00", Returned::Other),
        ] {
            assert_eq!(returned("x", Some("ip6_dst_gc"), arguments), gc(value));
            assert_eq!(returned("gc_exit", None, arguments), gc(value));
        }
        assert_eq!(
            returned("x", Some("ip6_dst_gc"), "value=1"),
            Signal::Nothing
        );
        assert_eq!(
            returned("x", Some("ip6_pol_route"), "ret=1"),
            Signal::Nothing
        );
    }

    #[test]
    fn packets_are_read_where_they_are_dropped_and_where_they_are_looked_up() {
        let words = "w0=0x403a39003aa40f60 iif=4";
        for function in ["ip6_pkt_drop", "ip6_pkt_discard", "ip6_route_input"] {
            let aside = |arguments| probe("x", Some(function), arguments).1;
            let Some(Aside::Packet(packet)) = aside(words) else {
                panic!("{function}");
            };
            assert_eq!(packet.next_header, Some(58));
            assert_eq!(aside("w0=0x45"), Some(Aside::Unbelievable));
            assert_eq!(aside("x=1"), None);
        }
        assert_eq!(probe("x", Some("icmp6_send"), words).1, None);
    }

    #[test]
    fn packets_are_freed_inside_netfilter_and_at_the_entry_of_kfree_skb() {
        let by = |event: &[u8], name, offset| {
            let symbol = symbol(name);
            symbol.and_then(|symbol| frees(event, Some(&Symbol { offset, ..symbol })))
        };
        let at = |name, offset| by(b"x", name, offset);
        assert_eq!(at("nf_hook_slow", Some(ENTRY_BYTES + 1)), Some(true));
        assert_eq!(at("nf_hook_slow", Some(ENTRY_BYTES)), None);
        assert_eq!(at("nf_hook_slow", None), None);
        assert_eq!(at("kfree_skb", Some(ENTRY_BYTES + 1)), None);
        assert_eq!(at("kfree_skb", Some(ENTRY_BYTES)), Some(false));
        assert_eq!(at("kfree_skb", None), Some(false));
        assert_eq!(at("ip6_pkt_drop", Some(ENTRY_BYTES + 1)), None);
        // Where a kernel counts the reasons it has another name.
        for name in ["sk_skb_reason_drop", "kfree_skb_reason", "kfree_skb"] {
            assert_eq!(at(name, None), Some(false));
            assert_eq!(by(b"netfilter_drop", name, None), Some(true));
            let inside = by(b"netfilter_drop", name, Some(ENTRY_BYTES + 1));
            assert_eq!(inside, None);
        }
        assert_eq!(by(b"netfilter_drop", "ip6_pkt_drop", None), None);
    }

    #[test]
    fn packets_are_freed_by_the_event_of_that_name_alone() {
        let of = |event: &[u8]| {
            let says = b"skbaddr=0000000000000001 protocol=34525 location=ip6_pkt_drop+0xf0/0x1c0";
            Signal::of(&Payload::Tracepoint { event, says }).0
        };
        assert!(matches!(of(b"kfree_skb"), Signal::FreedSkb(_)));
        assert_eq!(of(b"consume_skb"), Signal::Other);
    }

    #[test]
    fn lookups_are_read_where_they_say_the_answer() {
        let of = |event: &[u8], says: &[u8]| Signal::of(&Payload::Tracepoint { event, says });
        let says = b"table 254 oif 0 iif 4 proto 17 fd00::1/0 -> fd00::2/0 tos 0 scope 0 \
                     flags 0 ==> dev lo gw :: err -113";
        let (signal, aside) = of(b"fib6_table_lookup", says);
        let answer = lookup(says).map(|found| Aside::Lookup(Arc::new(found)));
        assert!(answer.is_some());
        assert_eq!((signal, aside), (Signal::Lookup, answer));
        assert_eq!(of(b"fib_table_lookup", says), (Signal::Other, None));
        assert_eq!(
            of(b"fib6_table_lookup", b"table 254"),
            (Signal::Other, None)
        );
    }

    #[test]
    fn a_route_lookup_returned_what_its_dst_says() {
        let returned = |arguments: &str| {
            let (signal, _) = Signal::of(&Payload::ReturnProbe {
                event: b"rle",
                function: symbol("ip6_route_lookup"),
                arguments: arguments.as_bytes(),
            });
            signal
        };
        let of = |value| Signal::Return {
            function: Function::RouteLookup,
            value,
        };
        assert_eq!(
            returned("dst=0xffff88800024bb00 err=-101"),
            of(Returned::Other)
        );
        assert_eq!(returned("err=0"), of(Returned::Zero));
        // Another error is that of a reject route, and a pointer says nothing.
        assert_eq!(returned("err=-13"), Signal::Nothing);
        assert_eq!(returned("ret=0xffff88800024bb00"), Signal::Nothing);
        assert_eq!(returned("arg1=0xffff88800024bb00"), Signal::Nothing);
    }

    #[test]
    fn entries_name_their_caller() {
        let function = |name: &str, caller: Option<&str>| {
            let (signal, aside) = Signal::of(&Payload::Function {
                function: symbol(name).unwrap(),
                caller: caller.and_then(symbol),
            });
            assert_eq!(aside, None);
            signal
        };
        let run_gc = |caller| Signal::Entry {
            source: EntryBy::Entry,
            function: Function::RunGc,
            caller,
        };
        let caller = |mark, is_dst_gc| Some(Caller { mark, is_dst_gc });
        assert_eq!(
            function("fib6_run_gc", Some("ip6_dst_gc")),
            run_gc(caller(None, true))
        );
        let receive = caller(Some(Mark::Receive), false);
        assert_eq!(function("fib6_run_gc", Some("ipv6_rcv")), run_gc(receive));
        assert_eq!(function("fib6_run_gc", None), run_gc(None));
        assert_eq!(function("ip6_pol_route", Some("ipv6_rcv")), Signal::Other);
        for payload in [Payload::Other, Payload::Stack] {
            assert_eq!(Signal::of(&payload), (Signal::Other, None));
        }
    }
}
