//! A case: a set-up played through, as text and truth.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{self, Reading, Readings};
use crate::follows;
use crate::identity::Beside;
use crate::inside::Class;
use crate::print::Printer;
use crate::reference;
use crate::rng::Rng;
use crate::setup::{Checks, FactsKind, Format, Setup, Traced};
use crate::tracer::{Record, Sort, Tracer, Window};
use crate::traffic::World;
use crate::truth::Drop;

pub struct Case {
    pub text: String,
    /// The text of `--facts`.
    pub facts: Option<String>,
    pub drops: Vec<Drop>,
    /// Where the text shows which drop.
    pub shown: BTreeMap<(usize, i64), usize>,
    /// The drops in the order of the text.
    pub order: Vec<usize>,
    /// Drops whose class follows from what is printed.
    pub follows: BTreeSet<usize>,
    /// What follows from answers of tables.
    pub told: BTreeMap<usize, Class>,
    /// When tracing began, as functions see it.
    pub began: i64,
    /// Entries of `ip6_dst_gc` that are printed.
    pub attempts: BTreeSet<(usize, i64)>,
    /// Its kernel never refuses, and its return probes look as if it did.
    pub looks_checking: bool,
}

/// Plays a set-up.
pub fn play(setup: &Setup) -> Case {
    let mut world = World::new(setup);
    let mut rng = Rng::new(setup.seed ^ 0x7ace);
    let exact = setup.facts == FactsKind::OwnExact;
    let of = facts::space(setup);
    let steps = setup.steps.len();
    let lead = usize::from(setup.around.0).min(steps);
    let trail = usize::from(setup.around.1).min(steps - lead);
    let mut before = Reading::of(&world.kernel, of);
    for step in &setup.steps[..lead] {
        world.step(step);
    }
    let on = world.barrier();
    if exact {
        before = Reading::of(&world.kernel, of);
    }
    for step in &setup.steps[lead..steps - trail] {
        world.step(step);
    }
    let off = world.barrier();
    let mut after = Reading::of(&world.kernel, of);
    for step in &setup.steps[steps - trail..] {
        world.step(step);
    }
    if !exact {
        after = Reading::of(&world.kernel, of);
    }
    // Tracing is turned on at any moment, functions and probes apart.
    let mut moment = |at: i64, reach: u64| {
        if exact {
            at
        } else {
            at + rng.below(reach) as i64
        }
    };
    let (functions, end) = (moment(on, 400), moment(off, 200));
    let probes = moment(functions, 150);
    let window = Window {
        functions: (functions, end),
        probes: (probes, moment(end, 60)),
        // Lookups come first and go last, but where somebody does it the other way round.
        lookups: if setup.identity.late {
            (probes + (setup.seed % 900) as i64, end)
        } else {
            (functions, i64::MAX)
        },
    };
    finish(setup, world, Readings { before, after }, window, rng)
}

fn finish(
    setup: &Setup,
    world: World<'_>,
    readings: Readings,
    window: Window,
    mut rng: Rng,
) -> Case {
    let mut tracer = Tracer::new(setup, window, Rng::new(rng.next()));
    let records = tracer.records(&world.events);
    let mut printer = Printer::new(setup, Rng::new(rng.next()));
    printer.text = facts::preamble(setup, &readings, &world.kernel, &mut rng);
    printer.all(&records);
    let lost = records
        .iter()
        .map(|records| records.iter().map(|r| r.lost).sum());
    let lost: Vec<u64> = lost.collect();
    let mut text = printer.text;
    text.push_str(&facts::closing(setup, &readings, &lost));
    let told = if setup.is_named() {
        follows::follows(setup, &records, &world.drops)
    } else {
        BTreeMap::new()
    };
    let mut follows = reference::follows(setup, &records, &world.drops);
    follows.extend(told.keys());
    Case {
        text,
        facts: facts::handed(setup, &readings),
        shown: tracer.shown,
        order: printer.order,
        follows,
        told,
        began: window.functions.0,
        attempts: attempts(&records),
        drops: world.drops,
        looks_checking: setup.checks == Checks::Void && !tracer.void_shown,
    }
}

fn attempts(records: &[Vec<Record>]) -> BTreeSet<(usize, i64)> {
    let all = records.iter().enumerate();
    let of_cpu = |(cpu, records): (usize, &Vec<Record>)| {
        let entries = records.iter().filter(|record| record.sort == Sort::Gc);
        let times: Vec<_> = entries.map(|record| (cpu, record.time)).collect();
        times
    };
    all.flat_map(of_cpu).collect()
}

impl Case {
    /// Drops of which something else follows than what is true.
    pub fn told_wrong(&self) -> impl Iterator<Item = (&usize, &Class)> {
        let is_wrong = |(drop, class): &(&usize, &Class)| !self.drops[**drop].right.contains(class);
        self.told.iter().filter(is_wrong)
    }

    /// How the set-up is called in the table.
    pub fn name(setup: &Setup) -> String {
        let tracing = &setup.tracing;
        let probes = |enter: bool, exit: bool| match (enter, exit) {
            (false, false) => "",
            (true, false) => "+enter",
            (false, true) => "+exit",
            (true, true) => "+both",
        };
        let mut name = match tracing.traced {
            Traced::Recipe => "drop".to_owned(),
            Traced::RecipeGc => "drop+gc".to_owned(),
            Traced::RecipeProbes => "drop+gc+both".to_owned(),
            Traced::Six { exit } => format!("six{}", probes(exit, exit)),
            Traced::Eight { enter, exit } => format!("eight{}", probes(enter, exit)),
            Traced::Input { enter, exit, .. } => format!("input{}", probes(enter, exit)),
            Traced::Named { beside, .. } => {
                let beside = match beside {
                    Beside::Nothing => "",
                    Beside::Entry => "+entry",
                    Beside::Eight { exit: false } => "+eight",
                    Beside::Eight { exit: true } => "+eight+exit",
                    Beside::Probes => "+probes",
                };
                let sort = if setup.is_ordinary() { " ordinary" } else { "" };
                return format!("named{beside}{sort}");
            }
        };
        name.push_str(match (tracing.orc, tracing.empty) {
            (_, true) => " odd",
            (true, _) => " orc",
            _ => " fp",
        });
        name
    }

    pub fn facts_name(setup: &Setup) -> String {
        let own = facts::has_own(setup);
        match setup.facts {
            FactsKind::OwnExact if own => "exact".to_owned(),
            FactsKind::OwnWide if own => "wide".to_owned(),
            FactsKind::Handed { other: false } => "handed".to_owned(),
            FactsKind::Handed { other: true } => "other".to_owned(),
            _ => "none".to_owned(),
        }
    }

    /// Whether the text says on which CPU and when an event was.
    pub fn has_context(setup: &Setup) -> bool {
        setup.tracing.printed(setup.cpus) != Format::NoContext
    }
}
