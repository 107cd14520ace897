//! What trace text is made into: events, the stacks behind them, and whoever takes both.

use std::sync::Arc;

use crate::trace::lookup::Lookup;
use crate::trace::short::Comm;
use crate::trace::symbol::Symbol;
use crate::trace::time::Time;

/// What a CPU was doing when an event happened, as the flags column tells it. A softirq runs
/// under the pid of the task that it interrupts: the pid does not tell them apart
/// (kernel/trace/trace_output.c: `trace_print_lat_fmt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Level {
    /// The task itself.
    Task,
    /// A softirq, which no task interrupts.
    Softirq,
    /// A hardirq or an NMI.
    Hardirq,
    /// The text has no such column.
    #[default]
    Unknown,
}

impl Level {
    /// All of them.
    pub const COUNT: usize = Level::Unknown as usize + 1;

    /// Reads it off a flags column: `..s1`, `d.h2.`; `d..h1..` of the real-time patches, which put
    /// lazy rescheduling in front.
    #[must_use]
    #[inline]
    pub fn of_flags(flags: &[u8]) -> Level {
        let column = if flags.len() >= 7 { 3 } else { 2 };
        match flags.get(column) {
            Some(b'.') => Level::Task,
            Some(b's') => Level::Softirq,
            Some(b'h' | b'H' | b'z' | b'Z') => Level::Hardirq,
            _ => Level::Unknown,
        }
    }
}

/// Where an event happened: who was running, on which CPU, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The task's name, as it stands in the trace; chosen by whoever runs the task.
    pub comm: Comm,
    /// The task's pid, as the kernel prints it.
    pub pid: u64,
    /// The CPU.
    pub cpu: u32,
    /// Whether the task itself was running, or what interrupted it.
    pub level: Level,
    /// When.
    pub time: Time,
}

impl Context {
    /// Whether the other is the same task on the same CPU, at the same level.
    pub(super) fn is_of_task(&self, other: &Context) -> bool {
        let who = |context: &Context| (context.pid, context.cpu, context.level, context.comm);
        who(self) == who(other)
    }
}

/// What one event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Entry of a function: `ip6_dst_gc <-dst_alloc`.
    Function {
        /// The function entered.
        function: Symbol<'a>,
        /// The function it returns to; not always the one that called it (tail calls).
        caller: Option<Symbol<'a>>,
    },
    /// `<stack trace>`: frames follow.
    Stack,
    /// A kprobe event: `gc_enter: (ip6_dst_gc+0x0/0xd0) fast=288`.
    Probe {
        /// The event's name.
        event: &'a [u8],
        /// The probed function, where the text names it.
        function: Option<Symbol<'a>>,
        /// What was fetched: `family=10 gc_thresh=64`.
        arguments: &'a [u8],
    },
    /// A kretprobe event: `gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret=1`.
    ReturnProbe {
        /// The event's name.
        event: &'a [u8],
        /// The function that returned, where the text names it.
        function: Option<Symbol<'a>>,
        /// What was fetched: `ret=1`.
        arguments: &'a [u8],
    },
    /// Another event with a name: `kfree_skb: skbaddr=00000000104a0069 protocol=34525`.
    Tracepoint {
        /// The event's name.
        event: &'a [u8],
        /// What it says.
        says: &'a [u8],
    },
    /// Any other event.
    Other,
}

/// What a line about the trace says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Banner<'a> {
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
    /// `# os release : 6.1.0` of `perf script --header`.
    PerfKernel(&'a [u8]),
    /// `# nrcpus online : 2` of the same.
    PerfCpus(u64),
    /// `# ip6drop: KEY VALUE`.
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

/// The name of a frame, without what compilers and options add; kept once for all stacks.
pub(crate) type Name = Arc<[u8]>;
/// Names of the frames, innermost first.
pub(crate) type Frames = Arc<[Name]>;

/// A stack's number in its table, by first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);

/// A stack, as handed to whoever collects evidence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StackView<'a> {
    /// Its number, unless it came beyond the caps of the table.
    pub(crate) id: Option<StackId>,
    /// Names of its frames, innermost first; none where the unwinder found nothing.
    pub(crate) frames: &'a [Name],
    /// False for frames without a `<stack trace>` line above them.
    pub(crate) marked: bool,
    /// It was taken where a packet was freed: by its first frame, `ip6_pkt_drop`.
    pub(crate) freed: bool,
}

/// What payloads mean to whoever collects them: worked out once for each distinct payload.
pub trait Meaning {
    /// What an event says. Kept small, for there are many.
    type Signal: Copy;
    /// What few events say besides.
    type Aside: Clone;
    /// Works it out.
    fn of(payload: &Payload<'_>) -> (Self::Signal, Option<Self::Aside>);
    /// The same of an answer of a table that was read already.
    fn of_lookup(lookup: Arc<Lookup>) -> (Self::Signal, Option<Self::Aside>);
}

/// A sink's signals.
pub(super) type SignalOf<S> = <<S as Sink>::Meaning as Meaning>::Signal;
/// What events say to a sink besides.
pub(super) type AsideOf<S> = <<S as Sink>::Meaning as Meaning>::Aside;

/// Takes what the assembler makes of the input, in the order of the text.
pub(crate) trait Sink {
    /// How payloads come to it.
    type Meaning: Meaning;
    /// An event that is no stack.
    fn event(&mut self, context: Option<&Context>, signal: &SignalOf<Self>);
    /// An event with a context, and its own stack right behind it.
    fn traced(
        &mut self,
        event: &Context,
        signal: &SignalOf<Self>,
        marked: Time,
        stack: StackView<'_>,
    );
    /// What the event that comes next says besides.
    fn aside(&mut self, aside: AsideOf<Self>);
    /// A whole stack and the context of its `<stack trace>` line.
    fn stack(&mut self, context: Option<&Context>, stack: StackView<'_>);
    /// A stack that was seen so many times, it is not known where, when and in what order.
    fn counted(&mut self, count: u64, stack: StackView<'_>);
    /// A line about the trace.
    fn banner(&mut self, banner: &Banner<'_>);
    /// Something that may have been an event could not be read.
    fn gap(&mut self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_flag_tells_what_was_interrupted() {
        let level = |flags: &str| Level::of_flags(flags.as_bytes());
        assert_eq!(level("...1"), Level::Task);
        assert_eq!(level("d.s1."), Level::Softirq);
        assert_eq!(level("d.h1"), Level::Hardirq);
        assert_eq!(level("d.H1"), Level::Hardirq);
        assert_eq!(level("d.z."), Level::Hardirq);
        assert_eq!(level(".NZ."), Level::Hardirq);
        assert_eq!(level("..Ls..."), Level::Softirq);
        assert_eq!(level("..s...."), Level::Task);
        assert_eq!(level("..?1"), Level::Unknown);
        assert_eq!(level(".s"), Level::Unknown);
    }
}
