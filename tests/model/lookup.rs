//! Lookups: the rules' tables in their order, each of which says what it has, and the copies that
//! are allocated of what is found.

use std::net::Ipv6Addr;

use crate::addresses;
use crate::event::{Base, What};
use crate::identity::{Asks, Lookup, Says};
use crate::kernel::{Answer, AtRule, Collected, RouteId};
use crate::setup::{Kind, Over, TABLES};
use crate::traffic::{Here, World};
use crate::truth::{Refusal, Refusals};

/// What is looked up: in a namespace a family's destination, by this question.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    pub at: (usize, usize, u32),
    pub asks: Asks,
}

/// What a lookup ends in; of a route, or of none.
#[derive(Debug, Clone)]
pub struct Found {
    pub answer: Answer,
    pub route: Option<RouteId>,
    pub refusals: Refusals,
}

impl World<'_> {
    /// What a table says of a route that it has, or has not.
    fn says(&self, table: usize, route: Option<(Kind, u8)>, dst: Ipv6Addr) -> Says {
        let number = TABLES[table];
        let Some((kind, plen)) = route else {
            return Says::no(number, -113);
        };
        let err = match kind {
            Kind::Local | Kind::Unicast | Kind::ThroughLo => 0,
            Kind::Throw => -11,
            Kind::Prohibit => -13,
            Kind::Unreachable => -113,
            Kind::Blackhole => -22,
        };
        let (dev, gw) = addresses::printed(self.setup, table, (kind, plen), dst);
        Says {
            table: number,
            dev,
            gw,
            err,
        }
    }

    /// The tracepoint's event, where a rule asks a table.
    fn ask(&mut self, here: Here, flow: Flow, rule: usize, over: &mut Option<&mut Over>) {
        let (space, family, _) = flow.at;
        let asked = self.kernel.spaces[space].asked(rule, family);
        let Some((table, route)) = asked.filter(|_| self.setup.is_named()) else {
            return;
        };
        let asks = flow.asks;
        let says = self.says(table, route, asks.dst);
        self.emit(here, space, What::Lookup(Lookup { asks, says }));
        if let Some(over) = over
            && self.rng.below(2) == 0
        {
            self.interrupt(here, over, 3, Base::OverTask);
        }
    }

    /// `dst_alloc`; false where it gives nothing, and whether that is memory's fault.
    pub fn dst_alloc(
        &mut self,
        here: Here,
        space: usize,
        counts: bool,
        open: &mut Option<&mut Over>,
    ) -> Result<(), bool> {
        let now = self.clocks[here.cpu];
        if let Some(collected) = self.kernel.collect(space, counts, now) {
            self.collected(here, space, collected, open);
            if collected.refused {
                return Err(false);
            }
        }
        if self.kernel.allocate(space, here.cpu, counts) {
            Ok(())
        } else {
            Err(true)
        }
    }

    fn collected(
        &mut self,
        here: Here,
        space: usize,
        collected: Collected,
        open: &mut Option<&mut Over>,
    ) {
        if self.setup.tracing.probe_first {
            self.emit(here, space, What::GcEnter(collected));
            self.emit(here, space, What::GcEntry);
        } else {
            self.emit(here, space, What::GcEntry);
            self.emit(here, space, What::GcEnter(collected));
        }
        if let Some(over) = open {
            self.interrupt(here, over, 1, Base::OverTask);
        }
        if collected.ran {
            self.emit(here, space, What::RunGc);
            self.clocks[here.cpu] += 20 + self.rng.below(30) as i64;
        }
        if let Some(over) = open {
            self.interrupt(here, over, 2, Base::OverTask);
        }
        self.emit(here, space, What::GcExit(collected));
    }

    /// A lookup by the rules; `over` comes at points between the allocations of a task's own.
    pub fn lookup(
        &mut self,
        here: Here,
        flow: Flow,
        keeps: bool,
        mut over: Option<&mut Over>,
    ) -> Found {
        let (space, family, serial) = flow.at;
        let mut refusals = Refusals::default();
        let rules = self.setup.spaces[space].rules.len();
        let found = |answer, route, refusals| Found {
            answer,
            route,
            refusals,
        };
        for rule in 0..rules {
            self.ask(here, flow, rule, &mut over);
            let at = self.kernel.at_rule(space, rule, (family, serial), here.cpu);
            match at {
                AtRule::Passed => {}
                AtRule::Decided(answer, route) => return found(answer, route, refusals),
                AtRule::Allocate(route, counts, answer) => {
                    // Where copies are kept softirqs are held off until it is made.
                    let mut open = over.as_deref_mut().filter(|_| !keeps);
                    let at = (here.cpu, self.clocks[here.cpu]);
                    match self.dst_alloc(here, space, counts, &mut open) {
                        Ok(()) => {
                            if keeps {
                                self.kernel.keep(space, route, here.cpu);
                            }
                            if let Some(answer) = answer {
                                return found(answer, Some(route), refusals);
                            }
                        }
                        Err(memory) => refusals.all.push(Refusal { rule, memory, at }),
                    }
                    if let Some(over) = &mut over {
                        self.interrupt(here, over, 3, Base::OverLookup);
                    }
                }
            }
        }
        found(Answer::Discard, None, refusals)
    }

    /// Asks the tables, or one, until one has a route; nothing is allocated.
    pub fn bpf_fib_lookup(&mut self, here: Here, at: (usize, usize), asks: Asks, direct: bool) {
        let (space, family) = at;
        let rules = self.setup.spaces[space].rules.len();
        for rule in 0..rules {
            let ns = &self.kernel.spaces[space];
            let (table, route) = match ns.asked(rule, family) {
                _ if direct => (1, ns.space.families[family].routes[1]),
                Some(asked) => asked,
                None if ns.ends(rule, family) => return,
                None => continue,
            };
            let says = self.says(table, route, asks.dst);
            self.emit(here, space, What::Lookup(Lookup { asks, says }));
            if direct || route.is_some() {
                return;
            }
        }
    }
}
