//! What is traced of what happened, and what of that is lost: the records of each CPU's buffer.

use std::collections::BTreeMap;

use crate::event::{Base, Raw, What};
use crate::identity::{self, Asks, Beside, Identity, Says};
use crate::rng::Rng;
use crate::setup::{Format, Setup, Start, Traced, Tracing, Under};
use crate::stacks::{Unwinder, caller, frames};

/// Kinds of records, as the test of likeness tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    Input,
    Enter,
    Gc,
    Run,
    Exit,
    Handler,
    Drop,
    Icmp,
    Lookup,
    Words,
    StackOfGc,
    StackOfDrop,
}

pub enum Body {
    Text(String),
    Stack(Vec<&'static str>),
}

pub struct Record {
    pub time: i64,
    pub pid: u32,
    pub flags: [u8; 4],
    pub sort: Sort,
    pub body: Body,
    /// The number of the drop that it is of.
    pub drop: Option<usize>,
    /// What a return probe shows.
    pub returned: Option<u64>,
    /// What a table was asked, and said.
    pub lookup: Option<(Asks, Says)>,
    /// So many records were lost right before it.
    pub lost: u64,
}

/// Between which moments is traced: functions, probes, and lookups.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub functions: (i64, i64),
    pub probes: (i64, i64),
    pub lookups: (i64, i64),
}

/// How the tracer came to be set up.
pub struct Tracer<'s> {
    tracing: &'s Tracing,
    identity: &'s Identity,
    printed: Format,
    unwinder: Unwinder,
    window: Window,
    rng: Rng,
    /// A stack that comes behind what it is of.
    owed: Option<Record>,
    /// Times at which a text shows a drop, or the handler in front of it, to its number.
    pub shown: BTreeMap<(usize, i64), usize>,
    /// Return probes that gave nothing.
    pub missed: u64,
    /// A return probe showed what no checking kernel returns.
    pub void_shown: bool,
}

impl Tracing {
    pub fn has_exit(&self) -> bool {
        matches!(
            self.traced,
            Traced::RecipeProbes
                | Traced::Six { exit: true }
                | Traced::Eight { exit: true, .. }
                | Traced::Input { exit: true, .. }
                | Traced::Named {
                    beside: Beside::Eight { exit: true } | Beside::Probes,
                    ..
                }
        )
    }

    /// Entries of `ip6_dst_gc` are traced.
    pub fn has_entries(&self) -> bool {
        match self.traced {
            Traced::Recipe => false,
            Traced::Named { beside, .. } => matches!(beside, Beside::Eight { .. }),
            _ => true,
        }
    }

    fn has_enter(&self) -> bool {
        matches!(
            self.traced,
            Traced::RecipeProbes
                | Traced::Six { exit: true }
                | Traced::Eight { enter: true, .. }
                | Traced::Input { enter: true, .. }
                | Traced::Named {
                    beside: Beside::Probes,
                    ..
                }
        )
    }

    pub fn is_recipe(&self) -> bool {
        matches!(
            self.traced,
            Traced::Recipe | Traced::RecipeGc | Traced::RecipeProbes
        )
    }

    /// The text's format. What perf prints of probes is not modelled; without context a drop
    /// can be told by its place alone, which takes one CPU and nothing else that stands for one.
    pub fn printed(&self, cpus: usize) -> Format {
        match self.format {
            Format::Perf | Format::NoContext if !self.is_recipe() => Format::Normal,
            Format::Perf if self.traced == Traced::RecipeProbes => Format::Normal,
            Format::NoContext if cpus > 1 => Format::Normal,
            format => format,
        }
    }

    /// What is traced of the functions of old beside lookups and words.
    fn takes_beside(&self, what: &What, beside: Beside, rin: bool) -> bool {
        let all = matches!(beside, Beside::Eight { .. } | Beside::Probes);
        match what {
            What::Lookup(_) | What::Words(..) => true,
            What::Drop(handler, _) => {
                let entry = matches!(beside, Beside::Entry | Beside::Eight { .. });
                entry && !(handler.out && self.inlined)
            }
            What::GcEntry => self.has_entries(),
            What::Handler(..) | What::RunGc | What::IcmpSend => all,
            What::GcEnter(_) => self.has_enter(),
            What::GcExit(_) => self.has_exit(),
            What::RouteInput(_) => rin,
        }
    }

    fn takes(&self, what: &What) -> bool {
        if let Traced::Named { beside, rin } = self.traced {
            return self.takes_beside(what, beside, rin);
        }
        let gc = self.has_entries();
        let more = !self.is_recipe() && !matches!(self.traced, Traced::Six { .. });
        match what {
            What::Drop(handler, _) => !(handler.out && self.inlined),
            What::GcEntry => gc,
            What::Handler(..) => !self.is_recipe(),
            What::RunGc | What::IcmpSend => more,
            What::GcEnter(_) => self.has_enter(),
            What::GcExit(_) => self.has_exit(),
            What::RouteInput(_) => matches!(self.traced, Traced::Input { .. }),
            What::Lookup(_) | What::Words(..) => false,
        }
    }

    /// Functions are traced by probes alone.
    fn probes_all(&self) -> bool {
        let beside = Beside::Probes;
        matches!(self.traced, Traced::Named { beside: all, .. } if all == beside)
    }

    fn is_probe(&self, what: &What) -> bool {
        match what {
            What::GcEnter(_) | What::GcExit(_) | What::Words(..) => true,
            What::RouteInput(_) => matches!(
                self.traced,
                Traced::Input { probe: true, .. } | Traced::Named { .. }
            ),
            _ => self.probes_all(),
        }
    }
}

impl<'s> Tracer<'s> {
    pub fn new(setup: &'s Setup, window: Window, rng: Rng) -> Tracer<'s> {
        let tracing = &setup.tracing;
        Tracer {
            tracing,
            identity: &setup.identity,
            printed: tracing.printed(setup.cpus),
            unwinder: Unwinder {
                orc: tracing.orc,
                return_probe: tracing.has_exit(),
            },
            window,
            rng,
            owed: None,
            shown: BTreeMap::new(),
            missed: 0,
            void_shown: false,
        }
    }

    fn is_named(&self) -> bool {
        matches!(self.tracing.traced, Traced::Named { .. })
    }

    fn flags(&mut self, raw: &Raw, more: u8, irqs_off: bool) -> [u8; 4] {
        let own = matches!(
            raw.base,
            Base::Softirq(Under::Ksoftirqd) | Base::Task | Base::Worker
        );
        // Preemption is counted by the kernel of the ORC captures alone.
        let counts = self.tracing.orc && !self.tracing.is_recipe();
        let depth = u8::from(!own) + if counts { more } else { 0 };
        [
            if irqs_off { b'd' } else { b'.' },
            if self.rng.below(30) == 0 { b'N' } else { b'.' },
            if raw.base.is_softirq() { b's' } else { b'.' },
            if depth == 0 { b'.' } else { b'0' + depth },
        ]
    }

    fn entry(&self, function: &str, raw: &Raw) -> String {
        let arrow = if self.printed == Format::Perf {
            "<--"
        } else {
            "<-"
        };
        let space = if arrow == "<--" { " " } else { "" };
        if self.tracing.probes_all() {
            let name = match function {
                "fib6_run_gc" => "run",
                "icmp6_send" => "icmp",
                "ip6_pkt_discard" => "discard",
                "ip6_pkt_prohibit" => "prohibit",
                other => other,
            };
            return format!("{name}: ({function}+0x0/0xe0)");
        }
        format!("{function} {arrow}{space}{}", caller(raw, self.tracing.orc))
    }

    fn text(&self, raw: &Raw) -> (Sort, String) {
        match raw.what {
            What::Lookup(lookup) => (Sort::Lookup, lookup.to_string()),
            What::Words(handler, _, named) => {
                let handler = (handler.out, handler.prohibit);
                let words = identity::words(&named, handler, self.identity.words);
                (Sort::Words, format!("drop: (ip6_pkt_drop+0x0/0xe0){words}"))
            }
            What::RouteInput(skb) if self.tracing.is_probe(&raw.what) => (
                Sort::Input,
                format!("rin: (ip6_route_input+0x0/0x1d0) skb=0x{skb:x}"),
            ),
            What::RouteInput(_) => (Sort::Input, self.entry("ip6_route_input", raw)),
            What::GcEnter(gc) => (
                Sort::Enter,
                format!(
                    "gc_enter: (ip6_dst_gc+0x0/0xd0) ops=0x{:x} family=10 gc_thresh={} fast={}",
                    gc.ops, gc.thresh, gc.fast
                ),
            ),
            What::GcEntry => (Sort::Gc, self.entry("ip6_dst_gc", raw)),
            What::RunGc => (Sort::Run, self.entry("fib6_run_gc", raw)),
            What::GcExit(gc) => (
                Sort::Exit,
                format!(
                    "gc_exit: (dst_alloc+0x100/0x132 <- ip6_dst_gc) ret={}",
                    gc.returned
                ),
            ),
            What::Handler(handler, _) => (Sort::Handler, self.entry(handler.name(), raw)),
            What::Drop(..) => (Sort::Drop, self.entry("ip6_pkt_drop", raw)),
            What::IcmpSend => (Sort::Icmp, self.entry("icmp6_send", raw)),
        }
    }

    fn take(&mut self, raw: &Raw, out: &mut Vec<Record>) {
        self.take_event(raw, out);
        // Where the probe comes second, it comes between an entry and its stack.
        let between = match raw.what {
            What::GcEntry => !self.tracing.probe_first,
            What::Drop(..) => self.is_named() && !self.identity.probe_first,
            _ => false,
        };
        if !between && let Some(stack) = self.owed.take() {
            out.push(Record {
                time: raw.time + 2,
                ..stack
            });
        }
    }

    fn take_event(&mut self, raw: &Raw, out: &mut Vec<Record>) {
        if !self.tracing.takes(&raw.what) {
            return;
        }
        let (from, to) = match raw.what {
            What::Lookup(lookup) if self.identity.filter.lets(&lookup) => self.window.lookups,
            What::Lookup(_) => return,
            _ if self.tracing.is_probe(&raw.what) => self.window.probes,
            _ => self.window.functions,
        };
        if raw.time < from || raw.time >= to {
            return;
        }
        if let What::GcExit(gc) = raw.what {
            if self.rng.below(16) < u64::from(self.tracing.missed) {
                self.missed += 1;
                return;
            }
            self.void_shown |= gc.returned > 1;
        }
        let (sort, text) = self.text(raw);
        let drop = match raw.what {
            What::Drop(_, number) | What::Handler(_, number) | What::Words(_, number, _) => {
                Some(number)
            }
            _ => None,
        };
        let lookup = match raw.what {
            What::Lookup(lookup) => Some((lookup.asks, lookup.says)),
            _ => None,
        };
        let returned = match raw.what {
            What::GcExit(gc) => Some(gc.returned),
            _ => None,
        };
        let stack = matches!(sort, Sort::Gc | Sort::Drop) && !self.tracing.probes_all();
        let more = u8::from(stack || self.tracing.is_probe(&raw.what));
        let irqs_off = sort == Sort::Exit;
        let flags = self.flags(raw, if irqs_off { 2 } else { more }, irqs_off);
        let record = |time, flags, sort, body| Record {
            time,
            pid: raw.pid,
            flags,
            sort,
            body,
            drop,
            returned,
            lookup,
            lost: 0,
        };
        out.push(record(raw.time, flags, sort, Body::Text(text)));
        // The tracer's option gives a stack to each function, an instance to two of them: where
        // the option is used no others are traced.
        if stack && self.rng.below(16) >= u64::from(self.tracing.bare) {
            let mut flags = flags;
            if self.tracing.orc && !self.tracing.is_recipe() {
                flags[3] = if flags[3] == b'.' { b'1' } else { flags[3] + 1 };
            }
            let sort = if sort == Sort::Gc {
                Sort::StackOfGc
            } else {
                Sort::StackOfDrop
            };
            let frames = if self.tracing.empty {
                Vec::new()
            } else {
                frames(raw, self.unwinder)
            };
            self.owed = Some(record(raw.time, flags, sort, Body::Stack(frames)));
        }
    }

    /// The records of each CPU, with what was lost taken out.
    pub fn records(&mut self, events: &[Vec<Raw>]) -> Vec<Vec<Record>> {
        let mut all = Vec::with_capacity(events.len());
        for (cpu, events) in events.iter().enumerate() {
            let mut records = Vec::with_capacity(events.len());
            self.owed = None;
            for raw in events {
                self.take(raw, &mut records);
            }
            self.lose(cpu, &mut records);
            for record in &records {
                if let Some(number) = record.drop {
                    self.shown.insert((cpu, record.time), number);
                }
            }
            all.push(records);
        }
        all
    }

    fn lose(&mut self, cpu: usize, records: &mut Vec<Record>) {
        // perf loses samples whole, and says so in a file that is not printed; without context
        // nothing would tell which drop is left.
        if matches!(self.printed, Format::Perf | Format::NoContext) {
            return;
        }
        if self.tracing.start != Start::On {
            let count = self.rng.below(records.len() as u64 / 3 + 1) as usize;
            cut(records, 0, count);
        }
        if self.tracing.start == Start::File {
            return;
        }
        for (_, at, count) in self.tracing.losses.iter().filter(|loss| loss.0 == cpu) {
            let place = records.len() * usize::from(*at) / 1000;
            let count = usize::from(*count).min(records.len() - place);
            cut(records, place, count);
        }
    }
}

/// Takes records out; the next one tells, and where there is none nothing does.
fn cut(records: &mut Vec<Record>, place: usize, count: usize) {
    let lost: u64 = records
        .drain(place..place + count)
        .map(|r| 1 + r.lost)
        .sum();
    if let Some(next) = records.get_mut(place) {
        next.lost += lost;
    }
}
