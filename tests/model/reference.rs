//! Which drops can be told from what is printed, by the kernel's code alone: what a program
//! that overlooks nothing would confirm.
//!
//! The text says what was traced, the entry of `ip6_route_input` among it, the rules and the
//! number of throw routes are known of the only namespace, nothing is lost between the packet's own entry and its drop, and of
//! each allocation in between the outcome is printed, or follows: without `fib6_run_gc` it
//! succeeded. Then no refusal means that the handler tells the class; and a refusal means the
//! full cache, unless the rules pass over routes that they find, whose refusal decides nothing.

use std::collections::BTreeSet;

use crate::facts;
use crate::kernel::NetNs;
use crate::setup::{Checks, Format, Setup, Traced};
use crate::tracer::{Record, Sort};
use crate::truth::Drop;

/// What is known of a packet since its entry.
#[derive(Default)]
struct Packet {
    refused: bool,
    unknown: bool,
    /// An allocation is under way, and whether the collector ran.
    open: Option<bool>,
}

impl Packet {
    fn close(&mut self) {
        self.unknown |= self.open.take() == Some(true);
    }

    fn take(&mut self, record: &Record) {
        match record.sort {
            Sort::Gc => {
                self.close();
                self.open = Some(false);
            }
            Sort::Run => self.open = self.open.map(|_| true),
            Sort::Exit => {
                self.open = None;
                self.refused |= record.returned == Some(1);
            }
            _ => {}
        }
    }
}

fn passes_over(setup: &Setup) -> bool {
    let space = &setup.spaces[0];
    NetNs::throws(space) > 0 || space.rules.iter().any(|rule| rule.suppresses())
}

/// The numbers of these drops.
pub fn follows(setup: &Setup, records: &[Vec<Record>], drops: &[Drop]) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    let tells = matches!(setup.tracing.traced, Traced::Input { .. })
        && setup.checks == Checks::Refuses
        && setup.tracing.printed(setup.cpus) != Format::NoContext
        && facts::tell_all(setup);
    if !tells {
        return all;
    }
    let decides = !passes_over(setup);
    for record in records {
        let mut packet: Option<Packet> = None;
        for record in record {
            if record.lost > 0 {
                packet = None;
            }
            match (record.sort, &mut packet) {
                (Sort::Input, _) => packet = Some(Packet::default()),
                (Sort::Drop, Some(known)) => {
                    known.close();
                    if !known.unknown && (decides || !known.refused) {
                        // A task's own drop may come behind a packet that was delivered.
                        let drop = record.drop.filter(|drop| !drops[*drop].out);
                        all.extend(drop.filter(|drop| !drops[*drop].memory));
                    }
                    packet = None;
                }
                (_, Some(known)) => known.take(record),
                (_, None) => {}
            }
        }
    }
    all
}
