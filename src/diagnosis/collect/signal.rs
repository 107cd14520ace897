//! What the payload of an event says as evidence, worked out once for each distinct payload.

use crate::kernel::frames::{Mark, mark};
use crate::kernel::functions::{self, Function};
use crate::trace::payload::integer;
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
    pub mark: Option<Mark>,
    /// It is `ip6_dst_gc`.
    pub is_dst_gc: bool,
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
    /// Anything else that may have brought a stack.
    Other,
    /// A return that says nothing.
    Nothing,
}

/// The arguments that a probe on the entry of `ip6_dst_gc` read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpsReading {
    /// The `dst_ops`, one for each network namespace.
    pub ops: Option<u64>,
    /// `fast` and `gc_thresh`, of IPv6 alone.
    pub fast: Option<(i64, i64)>,
}

impl OpsReading {
    /// `family=10 gc_thresh=64 fast=288`; anything but IPv6 is left alone.
    fn new(arguments: &[u8]) -> OpsReading {
        const AF_INET6: i128 = 10;
        let number = |name: &[u8]| integer(arguments, name);
        let fast = match (number(b"family"), number(b"fast"), number(b"gc_thresh")) {
            (Some(AF_INET6), Some(fast), Some(gc_thresh)) => {
                i64::try_from(fast).ok().zip(i64::try_from(gc_thresh).ok())
            }
            _ => None,
        };
        OpsReading {
            ops: number(b"ops").and_then(|ops| u64::try_from(ops).ok()),
            fast,
        }
    }
}

/// Names that `record` gives its probes, for text that prints addresses instead of symbols.
fn probed(event: &[u8], function: Option<&Symbol<'_>>) -> Option<Function> {
    match (function, event) {
        (Some(symbol), _) => functions::function(symbol.name),
        (None, b"gc_enter" | b"gc_exit") => Some(Function::DstGc),
        (None, _) => functions::function(event),
    }
}

impl Meaning for Signal {
    type Signal = Signal;
    type Aside = OpsReading;

    fn of(payload: &Payload<'_>) -> (Signal, Option<OpsReading>) {
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
                let reading = (known == Some(Function::DstGc)).then(|| OpsReading::new(arguments));
                (entry.unwrap_or(Signal::Other), reading)
            }
            Payload::ReturnProbe {
                event,
                function,
                arguments,
            } => {
                let value = [&b"ret"[..], b"retval", b"arg1"]
                    .into_iter()
                    .find_map(|name| integer(arguments, name))
                    .map(|value| match value {
                        0 => Returned::Zero,
                        1 => Returned::One,
                        _ => Returned::Other,
                    });
                let returned = probed(event, function.as_ref())
                    .zip(value)
                    .map(|(function, value)| Signal::Return { function, value });
                (returned.unwrap_or(Signal::Nothing), None)
            }
            Payload::Other | Payload::Stack => (Signal::Other, None),
        }
    }
}
