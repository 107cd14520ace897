//! What a case is: a machine, its routes, what is traced of it and what happens on it. All of it
//! are plain values, so that a case that fails can be made smaller.

use crate::identity::{Before, Beside, Identity};

/// Kinds of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Local,
    Unicast,
    /// A unicast route through lo, of which the kernel makes a reject route.
    ThroughLo,
    Throw,
    Prohibit,
    Unreachable,
    Blackhole,
}

/// The tables that rules may name; a family has at most one route in each.
pub const TABLES: [u32; 4] = [255, 254, 100, 200];

/// Destinations that are routed alike: for each table the route that covers them, if any, and
/// the length of its prefix.
#[derive(Debug, Clone)]
pub struct Family {
    pub routes: [Option<(Kind, u8)>; 4],
    /// How many in eight of its routes have a copy on a CPU at the start.
    pub copies: u8,
    /// Its packets come in by an interface of a VRF.
    pub vrf: bool,
}

/// What a rule puts back of what its table found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppress {
    /// With a prefix up to so long.
    Length(u8),
    /// Through a device of the group that all devices but lo are in.
    Group,
}

/// What a policy rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// Asks a table; some of what is found may be put back.
    Table {
        table: usize,
        suppress: Option<Suppress>,
    },
    /// Asks the VRF's table, the last one.
    Master,
    Prohibit,
    Unreachable,
    Blackhole,
}

/// A policy rule; `only` one family is subject to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub action: RuleAction,
    pub only: Option<usize>,
}

impl Rule {
    pub fn suppresses(&self) -> bool {
        let action = self.action;
        matches!(action, RuleAction::Table { suppress, .. } if suppress.is_some())
    }
}

/// Where the counters stand against the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    Within,
    Latent,
    Intermittent,
    Exhausted,
    /// The shared part is over the limit while the sum is not.
    FastOver,
    /// A few entries below the limit.
    Filling,
}

/// A network namespace.
#[derive(Debug, Clone)]
pub struct Space {
    pub regime: Regime,
    pub interval_ms: u32,
    pub rules: Vec<Rule>,
    pub families: Vec<Family>,
}

/// What the kernel does at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// 4.19 until 304.
    Refuses,
    /// `ip6_dst_gc` returns nothing, and a return probe reads what is left in the register.
    Void,
    /// It ends in `return 0`.
    Zero,
}

/// What a received packet, delivered, makes the host send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    None,
    Tcp,
    Echo,
    ClosedPort,
}

/// A packet that is received; indices are taken modulo what there is.
#[derive(Debug, Clone)]
pub struct Packet {
    pub space: usize,
    pub family: usize,
    /// Which of the family's routes; from [`FRESH`] on one that was never used.
    pub serial: u8,
    pub reply: Reply,
    /// How often an ICMPv6 error or a reply asks for a route, and which.
    pub lookups: u8,
    pub back: usize,
    /// Forwarded, it is received in another namespace.
    pub hop: Option<(usize, usize)>,
    /// Which of several senders behind an interface it is from.
    pub source: u8,
    pub before: Before,
}

/// Serials from here on mean a route without a copy anywhere.
pub const FRESH: u8 = 3;

/// Below what a softirq runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// A task's own sending.
    Send(usize),
    /// An interrupt of a task.
    Irq(usize),
    Ksoftirqd,
    Idle,
}

/// How an output lookup's error ends in a traced drop.
#[derive(Debug, Clone)]
pub struct OutDrop {
    /// How many steps later, and on which CPU.
    pub later: u8,
    pub on: Option<usize>,
}

/// Packets that softirqs handle at points of a task's way.
pub type Over = Vec<(u8, Packet)>;

/// Who starts neighbour discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ndisc {
    Answer(Under),
    Timer(Under),
    Worker,
}

#[derive(Debug, Clone)]
pub enum Action {
    /// A softirq receives packets, all of them so many times.
    Receive {
        under: Under,
        packets: Vec<Packet>,
        times: u8,
    },
    /// A task looks up a route to send by. Uncached is the way without a copy per CPU, on which
    /// softirqs are not held off.
    Output {
        task: usize,
        packet: Packet,
        uncached: bool,
        over: Over,
        drop: Option<OutDrop>,
    },
    Ndisc {
        how: Ndisc,
        space: usize,
        over: Over,
    },
    /// The garbage collector's timer.
    Timer { under: Under, space: usize },
    /// A family's route goes from a table, or comes back.
    Reroute {
        space: usize,
        family: usize,
        table: usize,
    },
}

impl Action {
    /// The task whose own sending it is.
    pub fn sends(&self) -> Option<usize> {
        match self {
            Action::Output { task, .. }
            | Action::Receive {
                under: Under::Send(task),
                ..
            } => Some(*task),
            _ => None,
        }
    }
}

/// An action on a CPU, so many microseconds after the one before.
#[derive(Debug, Clone)]
pub struct Step {
    pub gap: u32,
    pub cpu: usize,
    pub action: Action,
}

/// What is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traced {
    /// `ip6_pkt_drop` and its stack.
    Recipe,
    /// `ip6_dst_gc` too.
    RecipeGc,
    /// And probes on its entry and return.
    RecipeProbes,
    /// The handlers too, in an instance.
    Six { exit: bool },
    /// The functions of a recording.
    Eight { enter: bool, exit: bool },
    /// And `ip6_route_input`, by its entry or by a probe.
    Input {
        enter: bool,
        exit: bool,
        probe: bool,
    },
    /// Lookups of tables and the words of dropped packets; `ip6_route_input` by a probe.
    Named { beside: Beside, rin: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Normal,
    NoFlags,
    Tgid,
    NoContext,
    /// As `perf script` prints it.
    Perf,
}

/// What a trace's start is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As tracing was turned on, functions and probes at moments of their own.
    On,
    /// The oldest events were overwritten.
    Lost,
    /// The same, read from `trace`: only the banner tells.
    File,
}

/// How the tracer is set up.
#[derive(Debug, Clone)]
pub struct Tracing {
    pub traced: Traced,
    pub orc: bool,
    /// The unwinder gives no frames.
    pub empty: bool,
    /// Stacks that are missing, in sixteen.
    pub bare: u8,
    /// The compiler put `ip6_pkt_drop` into the handlers of the output side.
    pub inlined: bool,
    pub format: Format,
    /// The entry's event comes behind the probe's.
    pub probe_first: bool,
    pub start: Start,
    /// Return probes that were missed, in sixteen.
    pub missed: u8,
    pub preamble: bool,
    /// Losses: CPU, where in a thousand of its records, and how many.
    pub losses: Vec<(usize, u16, u8)>,
}

/// The facts that come with a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactsKind {
    None,
    /// In the preamble, read when the first and after the last traced event came.
    OwnExact,
    /// In the preamble, read some packets before and after.
    OwnWide,
    /// Handed, of the first or of the last namespace.
    Handed {
        other: bool,
    },
}

#[derive(Debug, Clone)]
pub struct Setup {
    pub seed: u64,
    pub cpus: usize,
    pub checks: Checks,
    /// Memory may fail.
    pub memory: bool,
    pub spaces: Vec<Space>,
    pub tracing: Tracing,
    pub facts: FactsKind,
    pub identity: Identity,
    /// Rules and throw routes are among the facts.
    pub rules_known: bool,
    /// Steps outside of the trace, before and after.
    pub around: (u8, u8),
    pub steps: Vec<Step>,
}

/// A rule that asks a table of everyone.
pub fn asks(table: usize) -> Rule {
    Rule {
        action: RuleAction::Table {
            table,
            suppress: None,
        },
        only: None,
    }
}

impl Setup {
    /// The trace names packets.
    pub fn is_named(&self) -> bool {
        matches!(self.tracing.traced, Traced::Named { .. })
    }

    /// Bursts are received as lists.
    pub fn has_lists(&self) -> bool {
        self.is_named() && self.identity.list
    }

    /// What ordinary hosts do, with all told that a recording tells.
    pub fn is_ordinary(&self) -> bool {
        let plain = |space: &Space| space.rules == [asks(0), asks(1)];
        let quiet = |action: &Action| match action {
            Action::Receive { packets, .. } => {
                packets.iter().all(|one| one.before == Before::Nothing)
            }
            Action::Reroute { .. } => false,
            _ => true,
        };
        let identity = &self.identity;
        let told = identity.told && identity.ops && identity.words.has_ops();
        let steps = self.steps.iter().all(|step| quiet(&step.action));
        told && identity.filter.is_whole() && self.spaces.iter().all(plain) && steps
    }
}
