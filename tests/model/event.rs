//! What happens, before anyone decides whether it is traced.

use crate::identity::{Lookup, Named};
use crate::kernel::Collected;
use crate::setup::{Reply, Under};

/// Below what an event's function runs; frames are made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// A softirq.
    Softirq(Under),
    /// The softirq that runs when a task's lookup lets them.
    OverLookup,
    /// A softirq that interrupts a task.
    OverTask,
    /// A task that sends.
    Task,
    /// A kernel worker.
    Worker,
}

impl Base {
    pub fn is_softirq(self) -> bool {
        !matches!(self, Base::Task | Base::Worker)
    }
}

/// On what way the kernel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A received packet's own lookup and what follows.
    Input,
    /// The answer to a delivered packet.
    Answer(Reply),
    /// The ICMPv6 error about a drop; of the output side, of a prohibition.
    Error {
        out: bool,
        prohibit: bool,
    },
    /// A lookup of the route back to a received packet's sender.
    Back,
    /// A task's own lookup.
    Output,
    /// Neighbour discovery: asked, or by its timer.
    NdiscAnswer,
    NdiscTimer,
    NdiscWorker,
    /// The collector's timer.
    GcTimer,
}

/// Handlers that end in `ip6_pkt_drop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handler {
    pub out: bool,
    pub prohibit: bool,
}

impl Handler {
    pub fn name(self) -> &'static str {
        match (self.out, self.prohibit) {
            (false, false) => "ip6_pkt_discard",
            (false, true) => "ip6_pkt_prohibit",
            (true, false) => "ip6_pkt_discard_out",
            (true, true) => "ip6_pkt_prohibit_out",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub enum What {
    /// With the packet's buffer.
    RouteInput(u64),
    Lookup(Lookup),
    GcEnter(Collected),
    GcEntry,
    RunGc,
    GcExit(Collected),
    /// With the number of the drop.
    Handler(Handler, usize),
    Drop(Handler, usize),
    /// The probe on the same function.
    Words(Handler, usize, Named),
    IcmpSend,
}

/// An event on a CPU.
#[derive(Debug, Clone, Copy)]
pub struct Raw {
    /// Microseconds.
    pub time: i64,
    pub pid: u32,
    pub way: Way,
    pub base: Base,
    /// Its packet was received in a list.
    pub list: bool,
    /// Its namespace has rules of its own.
    pub custom: bool,
    pub what: What,
}
