//! Strategies for traces that name packets, and for what attacks their reading.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::identity::{Before, Beside, Filter, Identity, Words};
use crate::setup::*;
use crate::strategies::ordinary;

/// What is drawn for such traces alone.
#[derive(Debug, Clone)]
pub struct Named {
    pub identity: Identity,
    pub odd: Odd,
}

/// What is put into a case that has none of it. Each is a number that says what and where.
#[derive(Debug, Clone)]
pub struct Odd {
    /// A host as most are, and all of it told.
    ordinary: bool,
    /// Sources of packets, and who asks before their routing, packet by packet.
    packets: Vec<(u8, Before)>,
    /// Routes through lo: families' tables.
    through_lo: Vec<(usize, usize)>,
    vrf: Vec<usize>,
    /// Where a suppressed rule looks at groups.
    group: bool,
    /// Rules that ask a table once more.
    again: Vec<(usize, usize)>,
    /// Steps in front of which a route goes or comes.
    reroutes: Vec<(usize, Action)>,
}

pub fn traced() -> impl Strategy<Value = Traced> {
    let beside = prop_oneof![
        5 => Just(Beside::Nothing),
        2 => Just(Beside::Entry),
        2 => any::<bool>().prop_map(|exit| Beside::Eight { exit }),
        2 => Just(Beside::Probes),
    ];
    (beside, prop::bool::weighted(0.3)).prop_map(|(beside, rin)| Traced::Named { beside, rin })
}

fn identity() -> impl Strategy<Value = Identity> {
    let words = prop_oneof![
        4 => Just(Words::Full),
        4 => Just(Words::NoArguments),
        1 => Just(Words::NoOps),
        1 => Just(Words::Few),
    ];
    let filter = prop_oneof![
        5 => Just(Filter::All),
        2 => Just(Filter::Received),
        1 => Just(Filter::Input),
        2 => Just(Filter::Least),
        2 => Just(Filter::LeastLo),
        1 => Just(Filter::Errors),
    ];
    let told = (prop::bool::weighted(0.8), prop::bool::weighted(0.8));
    let tracer = (
        prop::bool::weighted(0.12),
        any::<bool>(),
        prop::bool::weighted(0.1),
    );
    let kernel = (
        prop::bool::weighted(0.35),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.35),
        any::<bool>(),
        prop::bool::weighted(0.2),
    );
    (words, filter, told, tracer, kernel).prop_map(|(words, filter, told, tracer, kernel)| {
        let (late, probe_first, planted) = tracer;
        let (alike, newer, list, hints, dissects) = kernel;
        Identity {
            words,
            filter,
            told: told.0,
            ops: told.1,
            late,
            probe_first,
            planted,
            alike,
            newer,
            dissects,
            list,
            hints,
        }
    })
}

fn before() -> impl Strategy<Value = Before> {
    let bpf = any::<(bool, bool, bool)>().prop_map(|(direct, takes, ports)| Before::Bpf {
        direct,
        takes,
        ports,
    });
    let back = any::<(bool, bool)>().prop_map(|(nft, kills)| Before::Back { nft, kills });
    prop_oneof![6 => Just(Before::Nothing), 1 => bpf, 1 => back]
}

pub fn named() -> impl Strategy<Value = Named> {
    let asked = any::<bool>().prop_flat_map(|any| {
        let before = if any {
            before().boxed()
        } else {
            Just(Before::Nothing).boxed()
        };
        vec((0..3u8, before), 1..8)
    });
    let reroute =
        (0..3usize, 0..6usize, 0..4usize).prop_map(|(space, family, table)| Action::Reroute {
            space,
            family,
            table,
        });
    let routes = (
        vec((0..6usize, 1..4usize), 0..3),
        vec(0..6usize, 0..3),
        any::<bool>(),
        vec((0..5usize, 0..4usize), 0..2),
        prop_oneof![3 => Just(Vec::new()), 1 => vec((0..80usize, reroute), 1..6)],
    );
    let odd =
        (prop::bool::weighted(0.35), asked, routes).prop_map(|(ordinary, packets, routes)| {
            let (through_lo, vrf, group, again, reroutes) = routes;
            Odd {
                ordinary,
                packets,
                through_lo,
                vrf,
                group,
                again,
                reroutes,
            }
        });
    (identity(), odd).prop_map(|(identity, odd)| Named { identity, odd })
}

impl Odd {
    pub fn apply(&self, setup: &mut Setup) {
        if !setup.is_named() {
            return;
        }
        if self.ordinary {
            ordinary(&mut setup.spaces);
            let identity = &mut setup.identity;
            (identity.told, identity.ops, identity.late) = (true, true, false);
            setup.rules_known = true;
        } else {
            self.spaces(&mut setup.spaces);
            for (at, reroute) in &self.reroutes {
                let place = at % (setup.steps.len() + 1);
                let step = Step {
                    gap: 0,
                    cpu: 0,
                    action: reroute.clone(),
                };
                setup.steps.insert(place, step);
            }
        }
        let mut next = self.packets.iter().cycle();
        for step in &mut setup.steps {
            for packet in crate::reduce::packets(&mut step.action) {
                let (source, before) = next.next().copied().unwrap_or((0, Before::Nothing));
                packet.source = source;
                packet.before = if self.ordinary {
                    Before::Nothing
                } else {
                    before
                };
            }
        }
    }

    fn spaces(&self, spaces: &mut [Space]) {
        for (number, space) in spaces.iter_mut().enumerate() {
            let families = space.families.len();
            for (family, table) in &self.through_lo {
                let route = &mut space.families[(family + number) % families].routes[*table];
                if let Some((kind, _)) = route {
                    *kind = Kind::ThroughLo;
                }
            }
            for rule in &mut space.rules {
                if let RuleAction::Table { suppress, .. } = &mut rule.action
                    && suppress.is_some()
                    && self.group
                {
                    *suppress = Some(Suppress::Group);
                }
            }
            let custom = space.rules != [asks(0), asks(1)];
            for (place, table) in &self.again {
                if custom {
                    space.rules.insert(place % space.rules.len(), asks(*table));
                }
            }
            if !self.vrf.is_empty() && custom {
                let master = Rule {
                    action: RuleAction::Master,
                    only: None,
                };
                space.rules.insert(1.min(space.rules.len()), master);
                for family in &self.vrf {
                    space.families[family % families].vrf = true;
                }
            }
        }
    }
}
