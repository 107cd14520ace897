//! Strategies: from which cases are drawn, and how often what comes.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::identity::Before;
use crate::naming::{self, Named};
use crate::setup::*;

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

/// What ordinary hosts have, by number.
pub fn plain(kind: u8) -> Family {
    let (local, none) = (Some((Kind::Local, 128)), None);
    let (routes, copies) = match kind {
        0 => ([None; 4], 0),
        1 => ([local, None, None, None], 0),
        2 => ([none, Some((Kind::Unicast, 128)), None, None], 0),
        3 => ([local, Some((Kind::Unicast, 128)), None, None], 0),
        // A default route that each CPU holds already.
        _ => ([local, Some((Kind::Unicast, 0)), None, None], 8),
    };
    Family {
        routes,
        copies,
        vrf: false,
    }
}

fn family() -> impl Strategy<Value = Family> {
    let routes = (route(0), route(1), route(2), route(3));
    let copies = prop_oneof![2 => Just(0u8), 1 => Just(4u8), 1 => Just(8u8)];
    let any = (routes, copies.clone()).prop_map(|((a, b, c, d), copies)| Family {
        routes: [a, b, c, d],
        copies,
        vrf: false,
    });
    prop_oneof![
        4 => (0..5u8).prop_map(plain),
        5 => any,
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let table = (
        1..4usize,
        option::weighted(0.35, prop_oneof![Just(0u8), Just(64)]),
    )
        .prop_map(|(table, suppress)| RuleAction::Table {
            table,
            suppress: suppress.map(Suppress::Length),
        });
    let action = prop_oneof![
        8 => table,
        1 => Just(RuleAction::Prohibit),
        1 => Just(RuleAction::Unreachable),
        1 => Just(RuleAction::Blackhole),
    ];
    (action, option::weighted(0.4, 0..6usize)).prop_map(|(action, only)| Rule { action, only })
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
            source: 0,
            before: Before::Nothing,
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
    let receive =
        (under(), vec(packet(), 1..4), times).prop_map(|(under, packets, times)| Action::Receive {
            under,
            packets,
            times,
        });
    let out_drop =
        (0..3u8, option::weighted(0.3, 0..8usize)).prop_map(|(later, on)| OutDrop { later, on });
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
        15 => naming::traced(),
        1 => Just(Traced::Recipe),
        2 => Just(Traced::RecipeGc),
        1 => Just(Traced::RecipeProbes),
        1 => any::<bool>().prop_map(|exit| Traced::Six { exit }),
        5 => any::<(bool, bool)>().prop_map(|(enter, exit)| Traced::Eight { enter, exit }),
        5 => any::<(bool, bool, bool)>()
            .prop_map(|(enter, exit, probe)| Traced::Input { enter, exit, probe }),
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
    let unwinder = (
        any::<bool>(),
        prop::bool::weighted(0.06),
        prop_oneof![5 => Just(0u8), 1 => Just(2u8)],
        prop::bool::weighted(0.25),
    );
    let rest = (
        any::<bool>(),
        start,
        missed,
        prop::bool::weighted(0.7),
        losses,
    );
    (traced(), unwinder, format, rest).prop_map(|(traced, unwinder, format, rest)| {
        let (orc, empty, bare, inlined) = unwinder;
        let (probe_first, start, missed, preamble, losses) = rest;
        Tracing {
            traced,
            orc: orc || empty,
            empty,
            bare,
            inlined,
            format,
            probe_first,
            start,
            missed,
            preamble,
            losses,
        }
    })
}

/// Senders that do the same each time, on whatever CPU.
fn regular(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let packets = vec(packet(), 1..4);
    let turn = (0..5_000u32, 0..8usize, under());
    let quiet = any::<bool>();
    (packets, vec(turn, 1..most), quiet).prop_map(|(mut packets, turns, quiet)| {
        if quiet {
            for packet in &mut packets {
                (packet.reply, packet.lookups, packet.hop) = (Reply::None, 0, None);
            }
        }
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

/// Steps, and whether they are regular.
fn steps(most: usize) -> impl Strategy<Value = (Vec<Step>, bool)> {
    prop_oneof![
        2 => vec(step(), 1..8).prop_map(|steps| (steps, false)),
        4 => vec(step(), most / 2..most).prop_map(|steps| (steps, false)),
        1 => regular(most).prop_map(|steps| (steps, true)),
    ]
}

/// Regular senders meet an ordinary host: what they do is then all that differs.
pub fn ordinary(spaces: &mut [Space]) {
    for space in spaces {
        space.rules = vec![asks(0), asks(1)];
        space.families = [4, 0, 1].map(plain).to_vec();
    }
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
    let machine = (
        1..=8usize,
        checks,
        prop::bool::weighted(0.1),
        vec(space(), 1..4),
    );
    (
        steps(most),
        any::<u64>().no_shrink(),
        machine,
        tracing(),
        facts,
        any::<bool>(),
        (0..6u8, 0..6u8),
        naming::named(),
    )
        .prop_map(
            |(steps, seed, machine, tracing, facts, rules_known, around, named)| {
                let (cpus, checks, memory, mut spaces) = machine;
                let (steps, regular) = steps;
                if regular {
                    ordinary(&mut spaces);
                }
                let Named { identity, odd } = named;
                let mut setup = Setup {
                    seed,
                    cpus,
                    checks,
                    memory,
                    spaces,
                    tracing,
                    facts,
                    identity,
                    rules_known,
                    around,
                    steps,
                };
                odd.apply(&mut setup);
                setup
            },
        )
}
