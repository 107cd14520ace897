//! Makes a failing set-up small: whole steps go first, which halves the text long before the
//! simpler values that a strategy would try next.

use crate::identity::Before;
use crate::setup::{Action, Packet, Reply, Setup};

/// A try for smaller.
type Change = Box<dyn Fn(&mut Setup)>;

pub fn packets(action: &mut Action) -> Vec<&mut Packet> {
    match action {
        Action::Receive { packets, .. } => packets.iter_mut().collect(),
        Action::Output { packet, over, .. } => {
            let over = over.iter_mut().map(|(_, packet)| packet);
            std::iter::once(packet).chain(over).collect()
        }
        Action::Ndisc { over, .. } => over.iter_mut().map(|(_, packet)| packet).collect(),
        Action::Timer { .. } | Action::Reroute { .. } => Vec::new(),
    }
}

fn thin(action: &mut Action, number: usize) {
    match action {
        Action::Receive { packets, times, .. } => {
            if number == 0 {
                *times = 1;
            } else if packets.len() > 1 {
                packets.remove(number % packets.len());
            }
        }
        Action::Output { over, .. } | Action::Ndisc { over, .. } if !over.is_empty() => {
            over.remove(number % over.len());
        }
        _ => {}
    }
}

fn of_steps(setup: &Setup) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    for step in 0..setup.steps.len() {
        for number in 0..4 {
            all.push(Box::new(move |setup| {
                thin(&mut setup.steps[step].action, number)
            }));
        }
        all.push(Box::new(move |setup| setup.steps[step].gap = 0));
        all.push(Box::new(move |setup| {
            for packet in packets(&mut setup.steps[step].action) {
                packet.lookups = 0;
                packet.hop = None;
                packet.before = Before::Nothing;
            }
        }));
        all.push(Box::new(move |setup| {
            for packet in packets(&mut setup.steps[step].action) {
                packet.reply = Reply::None;
            }
        }));
    }
    all
}

fn of_machine(setup: &Setup) -> Vec<Change> {
    let mut all: Vec<Change> = vec![
        Box::new(|setup| setup.around = (0, 0)),
        Box::new(|setup| setup.around.0 = 0),
        Box::new(|setup| setup.around.1 = 0),
        Box::new(|setup| setup.tracing.missed = 0),
        Box::new(|setup| setup.memory = false),
        Box::new(|setup| setup.identity.list = false),
        Box::new(|setup| setup.identity.hints = false),
        Box::new(|setup| setup.identity.alike = false),
        Box::new(|setup| setup.identity.planted = false),
        Box::new(|setup| setup.identity.late = false),
        Box::new(|setup| setup.tracing.losses.clear()),
        Box::new(|setup| setup.tracing.start = crate::setup::Start::On),
    ];
    for loss in 0..setup.tracing.losses.len() {
        all.push(Box::new(move |setup| {
            setup.tracing.losses.remove(loss);
        }));
    }
    for space in 0..setup.spaces.len() {
        for rule in 0..setup.spaces[space].rules.len() {
            all.push(Box::new(move |setup| {
                setup.spaces[space].rules.remove(rule);
            }));
        }
        for family in 0..setup.spaces[space].families.len() {
            for table in 0..4 {
                all.push(Box::new(move |setup| {
                    setup.spaces[space].families[family].routes[table] = None;
                }));
            }
        }
    }
    all
}

/// The smallest found within so many tries.
pub fn reduce(setup: &Setup, mut tries: usize, fails: &dyn Fn(&Setup) -> bool) -> Setup {
    let mut best = setup.clone();
    let mut attempt = |best: &mut Setup, change: &dyn Fn(&mut Setup)| {
        if tries == 0 {
            return false;
        }
        tries -= 1;
        let mut smaller = best.clone();
        change(&mut smaller);
        let better = fails(&smaller);
        if better {
            *best = smaller;
        }
        better
    };
    for _ in 0..2 {
        let mut size = best.steps.len().next_power_of_two();
        while size > 0 {
            let mut at = 0;
            while at < best.steps.len() {
                let end = (at + size).min(best.steps.len());
                let removed = attempt(&mut best, &|setup| {
                    setup.steps.drain(at..end);
                });
                if !removed {
                    at = end;
                }
            }
            size /= 2;
        }
        for change in of_steps(&best) {
            attempt(&mut best, &*change);
        }
        for change in of_machine(&best).into_iter().rev() {
            attempt(&mut best, &*change);
        }
    }
    best
}
