//! The state that decides: per namespace the counter of dst entries, its limits, the rules and
//! routes, and which CPU holds a copy of which route. After `dst_alloc`, `ip6_dst_gc`,
//! `fib6_run_gc` and `__fib6_rule_action` of 4.19.

use std::collections::HashSet;

use crate::rng::Rng;
use crate::setup::{Checks, FRESH, Kind, Regime, Rule, RuleAction, Setup, Space, Suppress, TABLES};

/// A route: table and family, and which of the family's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteId {
    pub table: usize,
    pub family: usize,
    pub serial: u32,
}

/// A call of `ip6_dst_gc`.
#[derive(Debug, Clone, Copy)]
pub struct Collected {
    pub fast: i64,
    pub thresh: i64,
    pub ops: u64,
    /// It called `fib6_run_gc`.
    pub ran: bool,
    /// What a return probe reads.
    pub returned: u64,
    /// What the caller takes it for.
    pub refused: bool,
}

/// What a lookup ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Usable(Kind),
    /// `ip6_null_entry`, or an unreachable route.
    Discard,
    Prohibit,
    /// Freed without `ip6_pkt_drop`.
    Silent,
}

/// What an unlimited cache would have answered, and at which rule; whether the answer is of a
/// route, for whose copy an allocation may be needed.
#[derive(Debug, Clone, Copy)]
pub struct Unlimited {
    pub rule: usize,
    pub answer: Answer,
    pub is_route: bool,
}

/// A counter as `percpu_counter` keeps it.
pub struct Counter {
    batch: i64,
    pub fast: i64,
    pub deltas: Vec<i64>,
}

impl Counter {
    pub fn slow(&self) -> i64 {
        self.fast + self.deltas.iter().sum::<i64>()
    }

    pub fn add(&mut self, cpu: usize, amount: i64) {
        let sum = self.deltas[cpu] + amount;
        if sum.abs() >= self.batch {
            self.fast += sum;
            self.deltas[cpu] = 0;
        } else {
            self.deltas[cpu] = sum;
        }
    }
}

/// A namespace.
pub struct NetNs {
    pub ops: u64,
    pub entries: Counter,
    pub thresh: i64,
    pub max: i64,
    pub interval_us: i64,
    last_gc: i64,
    /// Allocations ever made.
    pub allocated: u64,
    pub in_no_routes: u64,
    pub out_no_routes: u64,
    pub space: Space,
    copies: HashSet<(RouteId, usize)>,
    /// Routes that went, by family and table.
    gone: Vec<Option<(Kind, u8)>>,
    salt: u64,
}

impl NetNs {
    fn new(space: &Space, index: usize, cpus: usize, rng: &mut Rng) -> NetNs {
        let batch = (2 * cpus as i64).max(32);
        let fast = batch * (4 + rng.below(14) as i64);
        let mut deltas: Vec<i64> = (0..cpus)
            .map(|_| rng.below(2 * batch as u64 - 1) as i64 - (batch - 1))
            .collect();
        let sum: i64 = deltas.iter().sum();
        let wants = match space.regime {
            Regime::FastOver => sum < -2,
            _ => sum > 2,
        };
        if !wants {
            deltas.iter_mut().for_each(|delta| *delta = -*delta);
        }
        let mut entries = Counter {
            batch,
            fast,
            deltas,
        };
        if entries.slow() == fast {
            // A sum that tells the two apart is needed: the first CPU keeps some.
            entries.deltas[0] += if space.regime == Regime::FastOver {
                -9
            } else {
                9
            };
        }
        let slow = entries.slow();
        let under = batch * (1 + rng.below(3) as i64);
        let between = |low: i64, high: i64, rng: &mut Rng| {
            let (low, high) = (low.min(high), low.max(high));
            low + rng.below((high - low).max(1) as u64) as i64
        };
        let (thresh, max) = match space.regime {
            Regime::Within => (under, slow.max(fast) + 600 + rng.below(4000) as i64),
            Regime::Latent => (
                fast + rng.below(60) as i64,
                between(fast.min(slow), slow, rng),
            ),
            Regime::Intermittent => (under, between(fast, slow, rng)),
            Regime::Exhausted => (under, under + between(0, fast - under, rng) / 2),
            Regime::FastOver => (under, between(slow, fast, rng)),
            Regime::Filling => (under, slow.max(fast) + rng.below(12) as i64),
        };
        let ops = if index == 0 {
            0xffff_ffff_81a5_e340
        } else {
            0xffff_8880_5d94_0000 + 0x2340 * index as u64
        };
        NetNs {
            ops,
            entries,
            thresh,
            max,
            interval_us: i64::from(space.interval_ms) * 1000,
            last_gc: -(rng.below(900_000) as i64),
            allocated: 300 + rng.below(500),
            in_no_routes: rng.below(500),
            out_no_routes: rng.below(20),
            space: space.clone(),
            copies: HashSet::new(),
            gone: vec![None; space.families.len() * TABLES.len()],
            salt: rng.next(),
        }
    }

    fn has_copy(&self, route: RouteId, cpu: usize) -> bool {
        let copies = u64::from(self.space.families[route.family].copies);
        let at_start = route.serial < u32::from(FRESH) && {
            let key = (route.table as u64) << 32 | (route.family as u64) << 16;
            let key = key | u64::from(route.serial) << 8 | cpu as u64;
            Rng::new(self.salt ^ key).below(8) < copies
        };
        at_start || self.copies.contains(&(route, cpu))
    }

    fn matches(&self, rule: &Rule, family: usize) -> bool {
        let asked = rule.action != RuleAction::Master || self.space.families[family].vrf;
        asked && rule.only.is_none_or(|only| only == family)
    }

    /// The table that a rule asks, and what it puts back.
    fn table(action: RuleAction) -> Option<(usize, Option<Suppress>)> {
        match action {
            RuleAction::Table { table, suppress } => Some((table, suppress)),
            RuleAction::Master => Some((TABLES.len() - 1, None)),
            _ => None,
        }
    }

    /// The table that a rule asks for a family, and what it finds there.
    pub fn asked(&self, number: usize, family: usize) -> Option<(usize, Option<(Kind, u8)>)> {
        let rule = self.space.rules.get(number)?;
        let (table, _) = Self::table(rule.action).filter(|_| self.matches(rule, family))?;
        Some((table, self.space.families[family].routes[table]))
    }

    /// A rule that answers without a table.
    pub fn ends(&self, number: usize, family: usize) -> bool {
        let rule = &self.space.rules[number];
        Self::table(rule.action).is_none() && self.matches(rule, family)
    }

    /// A route goes, and its copies with it, or comes back.
    pub fn reroute(&mut self, family: usize, table: usize) {
        let family = family % self.space.families.len();
        let gone = &mut self.gone[family * TABLES.len() + table];
        let route = &mut self.space.families[family].routes[table];
        std::mem::swap(gone, route);
        self.space.families[family].copies = 0;
        let stays = |(id, _): &(RouteId, usize)| (id.family, id.table) != (family, table);
        self.copies.retain(stays);
    }

    /// What a usable or rejecting route's kind answers; nothing where the next rule is asked.
    fn answer(kind: Kind) -> Option<Answer> {
        match kind {
            Kind::Local | Kind::Unicast => Some(Answer::Usable(kind)),
            Kind::Throw => None,
            Kind::Prohibit => Some(Answer::Prohibit),
            Kind::Unreachable | Kind::ThroughLo => Some(Answer::Discard),
            Kind::Blackhole => Some(Answer::Silent),
        }
    }

    /// What a rule without a table answers.
    fn without_table(action: RuleAction) -> Option<Answer> {
        match action {
            RuleAction::Table { .. } | RuleAction::Master => None,
            RuleAction::Prohibit => Some(Answer::Prohibit),
            RuleAction::Unreachable => Some(Answer::Discard),
            RuleAction::Blackhole => Some(Answer::Silent),
        }
    }

    /// Whether what was found decides: `suppress` puts back what is not an error and short, or
    /// of a group.
    fn decides(kind: Kind, plen: u8, suppress: Option<Suppress>) -> Option<Answer> {
        let answer = Self::answer(kind)?;
        let usable = matches!(answer, Answer::Usable(_));
        let put_back = match suppress {
            None => false,
            Some(Suppress::Length(limit)) => (usable || kind == Kind::ThroughLo) && plen <= limit,
            Some(Suppress::Group) => usable,
        };
        (!put_back).then_some(answer)
    }

    /// The answer if every allocation succeeded.
    pub fn unlimited(&self, family: usize) -> Unlimited {
        for (number, rule) in self.space.rules.iter().enumerate() {
            if !self.matches(rule, family) {
                continue;
            }
            let decided = |answer, is_route| Unlimited {
                rule: number,
                answer,
                is_route,
            };
            if let Some(answer) = Self::without_table(rule.action) {
                return decided(answer, false);
            }
            let Some((table, suppress)) = Self::table(rule.action) else {
                continue;
            };
            let route = self.space.families[family].routes[table];
            let answer = route.and_then(|(kind, plen)| Self::decides(kind, plen, suppress));
            if let Some(answer) = answer {
                return decided(answer, true);
            }
        }
        Unlimited {
            rule: self.space.rules.len(),
            answer: Answer::Discard,
            is_route: false,
        }
    }

    /// Throw routes in all tables.
    pub fn throws(space: &Space) -> usize {
        let routes = space.families.iter().flat_map(|family| &family.routes);
        let kinds = routes.flatten().map(|(kind, _)| *kind);
        kinds.filter(|kind| *kind == Kind::Throw).count()
    }

    pub fn throw_routes(&self) -> usize {
        Self::throws(&self.space)
    }
}

/// What one rule came to.
pub enum AtRule {
    /// The rule is not for this packet, or its table has nothing for it.
    Passed,
    /// No allocation was needed, or the rule itself answers.
    Decided(Answer, Option<RouteId>),
    /// A copy is to be made, and what follows if that succeeds.
    Allocate(RouteId, bool, Option<Answer>),
}

/// The machine.
pub struct Kernel {
    pub cpus: usize,
    pub checks: Checks,
    memory: bool,
    pub spaces: Vec<NetNs>,
    rng: Rng,
    garbage: u64,
}

impl Kernel {
    pub fn new(setup: &Setup, rng: &mut Rng) -> Kernel {
        let spaces = setup.spaces.iter().enumerate();
        Kernel {
            cpus: setup.cpus,
            checks: setup.checks,
            memory: setup.memory,
            spaces: spaces
                .map(|(index, space)| NetNs::new(space, index, setup.cpus, rng))
                .collect(),
            garbage: 3000 + rng.below(5000),
            rng: Rng::new(rng.next()),
        }
    }

    /// What a rule does with a packet of a family, before any allocation.
    pub fn at_rule(&self, space: usize, number: usize, id: (usize, u32), cpu: usize) -> AtRule {
        let ns = &self.spaces[space];
        let rule = ns.space.rules[number];
        let (family, serial) = id;
        if !ns.matches(&rule, family) {
            return AtRule::Passed;
        }
        if let Some(answer) = NetNs::without_table(rule.action) {
            return AtRule::Decided(answer, None);
        }
        let Some((table, suppress)) = NetNs::table(rule.action) else {
            return AtRule::Passed;
        };
        let Some((kind, plen)) = ns.space.families[family].routes[table] else {
            return AtRule::Passed;
        };
        let answer = NetNs::decides(kind, plen, suppress);
        // One route covers all addresses of a shorter prefix.
        let route = RouteId {
            table,
            family,
            serial: if plen == 128 { serial } else { 0 },
        };
        match answer {
            Some(answer) if ns.has_copy(route, cpu) => AtRule::Decided(answer, Some(route)),
            None if ns.has_copy(route, cpu) => AtRule::Passed,
            answer => AtRule::Allocate(route, kind != Kind::Local, answer),
        }
    }

    /// `dst_alloc` as far as `ops->gc`.
    pub fn collect(&mut self, space: usize, counts: bool, now: i64) -> Option<Collected> {
        let ns = &mut self.spaces[space];
        let fast = ns.entries.fast;
        // The change that made the function void asks nothing for what is not counted.
        if fast <= ns.thresh || (self.checks == Checks::Void && !counts) {
            return None;
        }
        let recent = ns.last_gc + ns.interval_us > now;
        let checks = self.checks == Checks::Refuses;
        let ran = !(recent && (!checks || fast <= ns.max));
        if ran {
            ns.last_gc = now;
        }
        let refused = checks && ran && ns.entries.slow() > ns.max;
        let returned = match self.checks {
            Checks::Refuses => u64::from(refused),
            Checks::Zero => 0,
            Checks::Void => match self.rng.below(40) {
                0 => 1,
                1 => 0,
                _ => self.garbage - self.rng.below(12),
            },
        };
        Some(Collected {
            fast,
            thresh: ns.thresh,
            ops: ns.ops,
            ran,
            returned,
            refused,
        })
    }

    /// The rest of `dst_alloc`; false where memory fails.
    pub fn allocate(&mut self, space: usize, cpu: usize, counts: bool) -> bool {
        if self.memory && self.rng.below(12) == 0 {
            return false;
        }
        let ns = &mut self.spaces[space];
        ns.allocated += 1;
        if counts {
            ns.entries.add(cpu, 1);
        }
        true
    }

    /// The copy is there from now on.
    pub fn keep(&mut self, space: usize, route: RouteId, cpu: usize) {
        self.spaces[space].copies.insert((route, cpu));
    }

    /// The collector's timer.
    pub fn timer(&mut self, space: usize, now: i64) {
        self.spaces[space].last_gc = now;
    }
}
