//! What a recording traces unless told otherwise, and what a self-check sets off.

use crate::kernel::functions::{Function, Handler};

/// A function that is traced by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traced {
    /// The function.
    pub(crate) function: Function,
    /// True where its stack is wanted as well.
    pub stack: bool,
    /// What is lost in certainty where this kernel does not have it.
    pub(crate) cost: &'static str,
}

impl Traced {
    /// The kernel's name of it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.function.name()
    }
}

const fn traced(function: Function, stack: bool, cost: &'static str) -> Traced {
    Traced {
        function,
        stack,
        cost,
    }
}

/// Traced by default; without the first there is nothing to trace.
pub const TRACED: [Traced; 8] = [
    traced(Function::PktDrop, true, "no drop can be seen"),
    traced(
        Function::Handler(Handler::Discard),
        false,
        "where tail calls hide callers, the receive side cannot be told from the output side",
    ),
    traced(
        Function::Handler(Handler::DiscardOut),
        false,
        "where tail calls hide callers, output-side discards stay unknown",
    ),
    traced(
        Function::Handler(Handler::Prohibit),
        false,
        "where tail calls hide callers, prohibited packets look like discarded ones",
    ),
    traced(
        Function::Handler(Handler::ProhibitOut),
        false,
        "where tail calls hide callers, output-side prohibits stay unknown",
    ),
    traced(
        Function::DstGc,
        true,
        "a full route cache cannot be told from a missing route",
    ),
    traced(
        Function::RunGc,
        false,
        "whether the limit was checked is not seen, so refusals are at best probable",
    ),
    traced(
        Function::Icmp6Send,
        false,
        "a refusal for an ICMPv6 error may be taken for one of the next packet: at best probable",
    ),
];

/// Runs only when somebody reads `/proc/net/rt6_stats` (net/ipv6/route.c): harmless to set off.
pub const RT6_STATS_SEQ_SHOW: &str = "rt6_stats_seq_show";

/// Its callers in one kernel or another (fs/seq_file.c, fs/proc/inode.c).
pub(crate) const RT6_STATS_CALLERS: [&str; 3] = ["seq_read", "seq_read_iter", "proc_reg_read"];
