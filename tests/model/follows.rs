//! Which drops can be told from what tables said, by the kernel's code alone.
//!
//! The rules, the filter on lookups and the `dst_ops` of the namespace are known, and the drop's
//! words name packet and `dst_ops`. Nothing is lost since the packet's own lookups began, which
//! is since the last lookup with its addresses of the table that the rules ask first; nobody else
//! asked by these addresses. Then the first answer that decides tells what a cache without limits
//! would have made of the packet. A usable route, and yet a drop, was refused. Nothing is said
//! here of routes through lo, which look like usable ones, and of rules that put back what their
//! table found.

use std::collections::BTreeMap;

use crate::facts;
use crate::identity::{Before, Filter, Named, Says};
use crate::inside::Class;
use crate::setup::{Action, Format, RuleAction, Setup, Suppress, TABLES};
use crate::tracer::{Record, Sort};
use crate::truth::Drop;

/// What the rules ask for a destination, in their order.
#[derive(Default)]
struct Asked {
    /// Tables, and what is put back of what they find.
    tables: Vec<(u32, Option<Suppress>)>,
    /// The rule behind them that asks none.
    ends: Option<RuleAction>,
}

fn asked(setup: &Setup, space: usize, family: usize) -> Asked {
    let mut asked = Asked::default();
    for rule in &setup.spaces[space].rules {
        if rule.only.is_some_and(|only| only != family) {
            continue;
        }
        match rule.action {
            RuleAction::Table { table, suppress } => asked.tables.push((TABLES[table], suppress)),
            // Whether an interface is in a VRF is not known from rules.
            RuleAction::Master => return Asked::default(),
            action => {
                asked.ends = Some(action);
                break;
            }
        }
    }
    asked
}

/// What was said of a packet, from the table that the rules ask first.
fn own<'r>(named: &Named, first: u32, before: &'r [Record]) -> Option<Vec<&'r Says>> {
    let mut all = Vec::new();
    for record in before.iter().rev() {
        if let Some((asks, says)) = &record.lookup
            && *asks == named.asks()
        {
            all.insert(0, says);
            if says.table == first {
                return Some(all);
            }
        }
        if record.lost > 0 {
            return None;
        }
    }
    None
}

/// What an error says of a packet that was dropped; nothing where the next table is asked.
fn of_error(err: i32) -> Option<Class> {
    match err {
        -13 => Some(Class::RcvProhibited),
        // Of a blackhole there is no drop, but where its own copy was refused.
        -22 => Some(Class::RcvDstAlloc),
        _ => None,
    }
}

/// The first answer that decides, where it is sure; each table is asked in the order of the rules.
fn class(says: &[&Says], asked: &Asked) -> Option<Class> {
    let ends = || match asked.ends {
        None | Some(RuleAction::Unreachable) => Some(Class::RcvNoRoute),
        _ => None,
    };
    let first = asked.tables.first()?.0;
    if asked
        .tables
        .iter()
        .filter(|(table, _)| *table == first)
        .count()
        > 1
    {
        return None;
    }
    for (number, (table, suppress)) in asked.tables.iter().enumerate() {
        let Some(says) = says.get(number) else {
            // An unreachable route is the last that is asked, and says what none says.
            return Some(Class::RcvNoRoute);
        };
        if says.table != *table {
            return None;
        }
        let is_lo = says.dev == "lo" && says.gw.is_unspecified() && says.table != 255;
        match says.err {
            0 if is_lo || suppress.is_some() => return None,
            0 => return Some(Class::RcvDstAlloc),
            err => match of_error(err) {
                None => {}
                class => return class,
            },
        }
    }
    if says.len() == asked.tables.len() {
        ends()
    } else {
        None
    }
}

/// By the least streams, on ordinary hosts: a local route found means refused, a single error
/// what it says, if its own packet's local route would have been printed: behind an earlier drop.
fn of_least(named: &Named, before: &[Record], setup: &Setup, space: usize) -> Option<Class> {
    let plain = setup.spaces[space].rules == [crate::setup::asks(0), crate::setup::asks(1)];
    let rev = before.iter().rev();
    let kept = rev.take_while(|record| record.lost == 0);
    let is_own = |record: &Record| record.lookup.filter(|(asks, _)| *asks == named.asks());
    let mut said = Vec::new();
    let mut bounded = false;
    for record in kept {
        said.extend(is_own(record).map(|(_, says)| says));
        bounded |= record.sort == Sort::Words && !said.is_empty();
    }
    let bounded = bounded && !setup.has_lists();
    // Each lookup of the packets of a flow says the same; one alone is one packet's.
    match &said[..] {
        _ if !plain => None,
        [says] if says.table == 255 => Some(Class::RcvDstAlloc),
        [says] if bounded && says.err == -113 => Some(Class::RcvNoRoute),
        [says] if bounded => of_error(says.err),
        _ => None,
    }
}

fn is_quiet(setup: &Setup) -> bool {
    setup.steps.iter().all(|step| match &step.action {
        Action::Receive { packets, .. } => packets.iter().all(|one| one.before == Before::Nothing),
        Action::Output { over, .. } | Action::Ndisc { over, .. } => {
            over.iter().all(|(_, one)| one.before == Before::Nothing)
        }
        Action::Reroute { .. } => false,
        Action::Timer { .. } => true,
    })
}

/// The numbers of these drops, and what they are.
pub fn follows(setup: &Setup, records: &[Vec<Record>], drops: &[Drop]) -> BTreeMap<usize, Class> {
    let mut all = BTreeMap::new();
    let identity = &setup.identity;
    let alone = setup.spaces.len() == 1 || !identity.alike;
    let tells = facts::tell_packets(setup)
        && identity.words.has_ops()
        && !identity.late
        && setup.tracing.printed(setup.cpus) == Format::Normal;
    if !tells || !alone || !is_quiet(setup) || identity.filter == Filter::Errors {
        return all;
    }
    let of = facts::space(setup);
    for records in records {
        for (place, record) in records.iter().enumerate() {
            let Some(number) = record.drop.filter(|_| record.sort == Sort::Words) else {
                continue;
            };
            let drop = &drops[number];
            if drop.out || drop.memory || drop.space != of || record.lost > 0 {
                continue;
            }
            let (named, before) = (&drop.named, &records[..place]);
            let class = if identity.filter.is_whole() {
                let asked = asked(setup, of, drop.family);
                let first = asked.tables.first().map(|(table, _)| *table);
                let said = first.and_then(|first| own(named, first, before));
                said.and_then(|said| class(&said, &asked))
            } else {
                of_least(named, before, setup, of)
            };
            all.extend(class.map(|class| (number, class)));
        }
    }
    all
}
