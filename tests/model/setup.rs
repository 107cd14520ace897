//! What a case is: a machine, its routes, what is traced of it and what happens on it. All of it
//! are plain values of strategies, so that a case that fails shrinks.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Kinds of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Local,
    Unicast,
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
}

/// What a policy rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// Asks a table; what is found with a prefix up to so long is put back.
    Table {
        table: usize,
        suppress: Option<u8>,
    },
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
    Timer {
        under: Under,
        space: usize,
    },
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
    /// The functions of a recording.
    Eight { enter: bool, exit: bool },
    /// And `ip6_route_input`, by its entry or by a probe.
    Input { exit: bool, probe: bool },
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
    Handed { other: bool },
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
    /// Rules and throw routes are among the facts.
    pub rules_known: bool,
    /// Steps outside of the trace, before and after.
    pub around: (u8, u8),
    pub steps: Vec<Step>,
}

fn route(table: usize) -> BoxedStrategy<Option<(Kind, u8)>> {
    let kind = if table == 0 {
        Just(Kind::Local).boxed()
    } else {
        prop_oneof![
            8 => Just(Kind::Unicast),
            2 => Just(Kind::Throw),
            2 => Just(Kind::Prohibit),
            2 => Just(Kind::Unreachable),
            1 => Just(Kind::Blackhole),
        ]
        .boxed()
    };
    let plen = prop_oneof![1 => Just(0), 1 => Just(48), 1 => Just(64), 3 => Just(128)];
    option::weighted(0.45, (kind, plen)).boxed()
}

fn family() -> impl Strategy<Value = Family> {
    let routes = (route(0), route(1), route(2), route(3));
    let copies = prop_oneof![2 => Just(0u8), 1 => Just(4u8), 1 => Just(8u8)];
    let any = (routes, copies.clone()).prop_map(|((a, b, c, d), copies)| Family {
        routes: [a, b, c, d],
        copies,
    });
    let plain = |kind| {
        let (local, none) = (Some((Kind::Local, 128)), None);
        let (routes, copies) = match kind {
            0 => ([None; 4], 0),
            1 => ([local, None, None, None], 0),
            2 => ([none, Some((Kind::Unicast, 128)), None, None], 0),
            3 => ([local, Some((Kind::Unicast, 128)), None, None], 0),
            // A default route that each CPU holds already.
            _ => ([local, Some((Kind::Unicast, 0)), None, None], 8),
        };
        Family { routes, copies }
    };
    prop_oneof![
        4 => (0..5u8).prop_map(plain),
        5 => any,
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let table = (1..4usize, option::weighted(0.35, prop_oneof![Just(0u8), Just(64)]))
        .prop_map(|(table, suppress)| RuleAction::Table { table, suppress });
    let action = prop_oneof![
        8 => table,
        1 => Just(RuleAction::Prohibit),
        1 => Just(RuleAction::Unreachable),
        1 => Just(RuleAction::Blackhole),
    ];
    (action, option::weighted(0.4, 0..6usize)).prop_map(|(action, only)| Rule { action, only })
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

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let custom = (vec(rule(), 0..4), any::<bool>(), vec(rule(), 0..2), 0..10u8).prop_map(
        |(mut all, main, behind, local)| {
            // Mostly the local table comes first.
            let place = if local == 0 { all.len() } else { 0 };
            all.insert(place, asks(0));
            if main || all.len() == 1 {
                all.push(asks(1));
            }
            all.extend(behind);
            all
        },
    );
    prop_oneof![3 => Just(vec![asks(0), asks(1)]), 4 => custom]
}

fn space() -> impl Strategy<Value = Space> {
    let regime = prop_oneof![
        2 => Just(Regime::Within),
        1 => Just(Regime::Latent),
        3 => Just(Regime::Intermittent),
        3 => Just(Regime::Exhausted),
        1 => Just(Regime::FastOver),
        1 => Just(Regime::Filling),
    ];
    let interval = prop_oneof![3 => Just(500u32), 1 => Just(4u32), 1 => Just(30u32)];
    (regime, interval, rules(), vec(family(), 1..6)).prop_map(
        |(regime, interval_ms, rules, families)| Space {
            regime,
            interval_ms,
            rules,
            families,
        },
    )
}

fn packet() -> impl Strategy<Value = Packet> {
    let reply = prop_oneof![
        2 => Just(Reply::None),
        1 => Just(Reply::Tcp),
        1 => Just(Reply::Echo),
        1 => Just(Reply::ClosedPort),
    ];
    let hop = option::weighted(0.3, (0..3usize, 0..6usize));
    (0..3usize, 0..6usize, 0..8u8, reply, 0..3u8, 0..6usize, hop).prop_map(
        |(space, family, serial, reply, lookups, back, hop)| Packet {
            space,
            family,
            serial,
            reply,
            lookups,
            back,
            hop,
        },
    )
}

fn under() -> impl Strategy<Value = Under> {
    prop_oneof![
        4 => (0..4usize).prop_map(Under::Send),
        2 => (0..4usize).prop_map(Under::Irq),
        1 => Just(Under::Ksoftirqd),
        1 => Just(Under::Idle),
    ]
}

fn over() -> impl Strategy<Value = Over> {
    vec((0..5u8, packet()), 0..3)
}

fn action() -> impl Strategy<Value = Action> {
    let times = prop_oneof![6 => Just(1u8), 2 => 2..8u8];
    let receive = (under(), vec(packet(), 1..4), times).prop_map(|(under, packets, times)| {
        Action::Receive {
            under,
            packets,
            times,
        }
    });
    let out_drop = (0..3u8, option::weighted(0.3, 0..8usize))
        .prop_map(|(later, on)| OutDrop { later, on });
    let output = (
        0..4usize,
        packet(),
        prop::bool::weighted(0.2),
        over(),
        option::weighted(0.35, out_drop),
    )
        .prop_map(|(task, packet, uncached, over, drop)| Action::Output {
            task,
            packet,
            uncached,
            over,
            drop,
        });
    let how = prop_oneof![
        under().prop_map(Ndisc::Answer),
        under().prop_map(Ndisc::Timer),
        Just(Ndisc::Worker),
    ];
    let ndisc =
        (how, 0..3usize, over()).prop_map(|(how, space, over)| Action::Ndisc { how, space, over });
    let timer = (under(), 0..3usize).prop_map(|(under, space)| Action::Timer { under, space });
    prop_oneof![12 => receive, 3 => output, 1 => ndisc, 1 => timer]
}

fn step() -> impl Strategy<Value = Step> {
    let gap = prop_oneof![
        20 => 0..60u32,
        4 => 200..5_000u32,
        1 => 20_000..600_000u32,
    ];
    (gap, 0..8usize, action()).prop_map(|(gap, cpu, action)| Step { gap, cpu, action })
}

fn traced() -> impl Strategy<Value = Traced> {
    prop_oneof![
        1 => Just(Traced::Recipe),
        2 => Just(Traced::RecipeGc),
        4 => any::<(bool, bool)>().prop_map(|(enter, exit)| Traced::Eight { enter, exit }),
        4 => any::<(bool, bool)>().prop_map(|(exit, probe)| Traced::Input { exit, probe }),
    ]
}

fn tracing() -> impl Strategy<Value = Tracing> {
    let format = prop_oneof![
        12 => Just(Format::Normal),
        2 => Just(Format::NoFlags),
        1 => Just(Format::Tgid),
        1 => Just(Format::NoContext),
        1 => Just(Format::Perf),
    ];
    let start = prop_oneof![4 => Just(Start::On), 1 => Just(Start::Lost), 1 => Just(Start::File)];
    let missed = prop_oneof![6 => Just(0u8), 1 => Just(3u8)];
    let losses = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec((0..8usize, 0..1000u16, 1..6u8), 1..6),
    ];
    let orc = any::<bool>();
    (traced(), orc, format, orc, start, missed, prop::bool::weighted(0.7), losses).prop_map(
        |(traced, orc, format, probe_first, start, missed, preamble, losses)| Tracing {
            traced,
            orc,
            format,
            probe_first,
            start,
            missed,
            preamble,
            losses,
        },
    )
}

/// Senders that do the same each time, on whatever CPU.
fn regular(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let packets = vec(packet(), 1..4);
    let turn = (0..5_000u32, 0..8usize, under());
    (packets, vec(turn, 1..most)).prop_map(|(packets, turns)| {
        let turn = |(gap, cpu, under)| Step {
            gap,
            cpu,
            action: Action::Receive {
                under,
                packets: packets.clone(),
                times: 1,
            },
        };
        turns.into_iter().map(turn).collect()
    })
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        1 => vec(step(), 1..8),
        4 => vec(step(), most / 2..most),
        1 => regular(most),
    ]
}

/// Cases of up to so many steps.
pub fn setup(most: usize) -> impl Strategy<Value = Setup> {
    let checks = prop_oneof![
        8 => Just(Checks::Refuses),
        1 => Just(Checks::Void),
        1 => Just(Checks::Zero),
    ];
    let facts = prop_oneof![
        2 => Just(FactsKind::None),
        2 => Just(FactsKind::OwnExact),
        2 => Just(FactsKind::OwnWide),
        1 => Just(FactsKind::Handed { other: false }),
        1 => Just(FactsKind::Handed { other: true }),
    ];
    let machine = (1..=8usize, checks, prop::bool::weighted(0.1), vec(space(), 1..4));
    (
        steps(most),
        any::<u64>().no_shrink(),
        machine,
        tracing(),
        facts,
        any::<bool>(),
        (0..6u8, 0..6u8),
    )
        .prop_map(|(steps, seed, machine, tracing, facts, rules_known, around)| {
            let (cpus, checks, memory, spaces) = machine;
            Setup {
                seed,
                cpus,
                checks,
                memory,
                spaces,
                tracing,
                facts,
                rules_known,
                around,
                steps,
            }
        })
}
