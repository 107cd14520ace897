//! What happens: packets, tasks, timers, on the machine's CPUs, in one order of states.

use crate::addresses;
use crate::event::{Base, Handler, Raw, Way, What};
use crate::kernel::{Answer, Kernel};
use crate::lookup::Flow;
use crate::rng::Rng;
use crate::setup::{Action, FRESH, Ndisc, Over, Packet, Setup, Step, Under};
use crate::truth::Drop;

/// Who runs, and why.
#[derive(Debug, Clone, Copy)]
pub struct Here {
    pub cpu: usize,
    pub pid: u32,
    pub base: Base,
    pub way: Way,
    /// Packets are received in a list.
    pub list: bool,
}

/// An output lookup's error that will be dropped later.
struct Pending {
    steps: u8,
    here: Here,
    drop: Drop,
    handler: Handler,
    lookups: (usize, Packet),
}

/// The machine and what happened on it.
pub struct World<'s> {
    pub setup: &'s Setup,
    pub kernel: Kernel,
    pub rng: Rng,
    /// Each CPU's and each task's clock.
    pub clocks: Vec<i64>,
    tasks: [i64; 4],
    now: i64,
    /// Events of each CPU.
    pub events: Vec<Vec<Raw>>,
    pub drops: Vec<Drop>,
    pending: Vec<Pending>,
    fresh: u32,
    buffers: u64,
}

pub const FIRST_TASK: u32 = 1000;
const WORKER: u32 = 77;

pub fn ksoftirqd(cpu: usize) -> u32 {
    if cpu == 0 { 9 } else { 9 + 7 * cpu as u32 }
}

impl<'s> World<'s> {
    pub fn new(setup: &'s Setup) -> World<'s> {
        let mut rng = Rng::new(setup.seed);
        let kernel = Kernel::new(setup, &mut rng);
        let start = 20_000_000 + rng.below(300_000_000) as i64;
        let mut world = World {
            setup,
            kernel,
            rng,
            clocks: vec![start; setup.cpus],
            tasks: [start; 4],
            now: start,
            events: vec![Vec::new(); setup.cpus],
            drops: Vec::new(),
            pending: Vec::new(),
            fresh: u32::from(FRESH),
            buffers: 0,
        };
        for ns in 0..setup.spaces.len() {
            // The last collection was some time ago.
            let ago = world.rng.below(900_000) as i64;
            world.kernel.timer(ns, start - ago);
        }
        world
    }

    /// All that began has ended.
    pub fn barrier(&mut self) -> i64 {
        let latest = self.clocks.iter().copied().max().unwrap_or(0);
        self.now = self.now.max(latest) + 1;
        self.clocks.fill(self.now);
        self.now
    }

    /// Its rules are not those that every namespace starts with.
    pub fn is_custom(&self, space: usize) -> bool {
        let rules = &self.setup.spaces[space].rules;
        *rules != [crate::setup::asks(0), crate::setup::asks(1)]
    }

    pub fn emit(&mut self, here: Here, space: usize, what: What) {
        let custom = self.is_custom(space);
        let clock = &mut self.clocks[here.cpu];
        *clock += 1 + self.rng.below(30) as i64;
        self.events[here.cpu].push(Raw {
            time: *clock,
            pid: here.pid,
            way: here.way,
            base: here.base,
            list: here.list,
            custom,
            what,
        });
        // Room for its stack.
        *clock += 2 + self.rng.below(4) as i64;
    }

    pub fn family(&self, space: usize, family: usize) -> usize {
        family % self.setup.spaces[space].families.len()
    }

    pub fn serial(&mut self, serial: u8) -> u32 {
        if serial < FRESH {
            return u32::from(serial);
        }
        self.fresh += 1;
        self.fresh
    }

    /// A packet's buffer; the same are used again and again.
    pub fn buffer(&mut self, cpu: usize) -> u64 {
        let many = if self.setup.has_lists() { 64 } else { 3 };
        self.buffers += 1;
        0xffff_8880_5d00_0000 + 0x10_0000 * cpu as u64 + 0x100 * (self.buffers % many)
    }

    /// Softirqs that come at this point of a task.
    pub fn interrupt(&mut self, here: Here, over: &mut Over, point: u8, base: Base) {
        while let Some(at) = over.iter().position(|(when, _)| *when == point) {
            let (_, packet) = over.remove(at);
            let softirq = Here { base, ..here };
            self.receive(softirq, &packet);
        }
    }

    /// The task or thread that a softirq runs under; tasks wait for their own clocks.
    fn under(&mut self, cpu: usize, under: Under) -> Here {
        let pid = match under {
            Under::Send(task) | Under::Irq(task) => {
                self.wait_for(cpu, task);
                FIRST_TASK + task as u32
            }
            Under::Ksoftirqd => ksoftirqd(cpu),
            Under::Idle => 0,
        };
        Here {
            cpu,
            pid,
            base: Base::Softirq(under),
            way: Way::Input,
            list: false,
        }
    }

    /// A task is on one CPU at a time.
    fn wait_for(&mut self, cpu: usize, task: usize) {
        let free = self.tasks[task] + 1;
        self.clocks[cpu] = self.clocks[cpu].max(free);
    }

    fn leave(&mut self, here: Here) {
        if let Some(task) = here.pid.checked_sub(FIRST_TASK) {
            self.tasks[task as usize] = self.clocks[here.cpu];
        }
    }

    pub fn step(&mut self, step: &Step) {
        let cpu = step.cpu % self.setup.cpus;
        self.now += i64::from(step.gap);
        self.clocks[cpu] = self.clocks[cpu].max(self.now);
        self.settle();
        if let Some(task) = step.action.sends() {
            self.finish_sending(task);
        }
        match &step.action {
            Action::Receive {
                under,
                packets,
                times,
            } => {
                let here = self.under(cpu, *under);
                self.begin(cpu);
                let packets = std::iter::repeat_n(packets, usize::from(*times));
                self.receive_all(here, packets.flatten());
                self.leave(here);
            }
            Action::Output {
                task,
                packet,
                uncached,
                over,
                drop,
            } => {
                self.wait_for(cpu, *task);
                self.begin(cpu);
                let here = Here {
                    cpu,
                    pid: FIRST_TASK + *task as u32,
                    base: Base::Task,
                    way: Way::Output,
                    list: false,
                };
                let later = drop.as_ref().map(|drop| (drop.later, drop.on));
                self.output(here, packet, *uncached, over.clone(), later);
                self.leave(here);
            }
            Action::Ndisc { how, space, over } => self.ndisc(cpu, *how, *space, over.clone()),
            Action::Timer { under, space } => {
                let here = self.under(cpu, *under);
                self.begin(cpu);
                let space = space % self.setup.spaces.len();
                let way = Way::GcTimer;
                self.emit(Here { way, ..here }, space, What::RunGc);
                let now = self.clocks[cpu];
                self.kernel.timer(space, now);
                self.leave(here);
            }
            Action::Reroute {
                space,
                family,
                table,
            } => {
                let space = space % self.setup.spaces.len();
                if self.setup.is_named() {
                    self.kernel.spaces[space].reroute(*family, *table);
                }
            }
        }
    }

    /// States follow each other in the order of the steps, so none starts before one that came
    /// before.
    fn begin(&mut self, cpu: usize) {
        self.now = self.now.max(self.clocks[cpu]);
        self.clocks[cpu] = self.now;
    }

    fn output(
        &mut self,
        here: Here,
        packet: &Packet,
        uncached: bool,
        mut over: Over,
        later: Option<(u8, Option<usize>)>,
    ) {
        self.interrupt(here, &mut over, 0, Base::OverTask);
        let space = packet.space % self.setup.spaces.len();
        let family = self.family(space, packet.family);
        let serial = self.serial(packet.serial);
        let unlimited = self.kernel.spaces[space].unlimited(family);
        let dst = addresses::of_family(self.setup, space, family, serial);
        let mut named = addresses::sent(self.setup, packet, space, dst);
        (named.skb, named.ops) = (self.buffer(here.cpu), self.kernel.spaces[space].ops);
        let flow = Flow {
            at: (space, family, serial),
            asks: named.asks_out(),
        };
        let found = self.lookup(here, flow, !uncached, Some(&mut over));
        let (answer, refusals) = (found.answer, found.refusals);
        self.interrupt(here, &mut over, 4, Base::OverTask);
        let Some((steps, on)) = later else { return };
        if !matches!(answer, Answer::Discard | Answer::Prohibit) {
            return;
        }
        let drop = Drop::new((true, named, (space, family)), unlimited, answer, &refusals);
        let handler = Handler {
            out: true,
            prohibit: answer == Answer::Prohibit,
        };
        let cpu = on.map_or(here.cpu, |cpu| cpu % self.setup.cpus);
        let pending = Pending {
            steps,
            here: Here { cpu, ..here },
            drop,
            handler,
            lookups: (space, packet.clone()),
        };
        if steps == 0 && cpu == here.cpu {
            let (space, packet) = pending.lookups;
            self.drop(here, pending.drop, handler, (space, &packet));
        } else {
            self.pending.push(pending);
        }
    }

    /// Output drops whose time has come.
    fn settle(&mut self) {
        for pending in &mut self.pending {
            pending.steps = pending.steps.saturating_sub(1);
        }
        let all = std::mem::take(&mut self.pending);
        let (due, waiting) = all.into_iter().partition(|pending| pending.steps == 0);
        self.pending = waiting;
        for pending in due {
            self.drop_late(pending);
        }
    }

    /// A task that sends is done with what it sent before.
    fn finish_sending(&mut self, task: usize) {
        let pid = FIRST_TASK + task as u32;
        while let Some(at) = self.pending.iter().position(|one| one.here.pid == pid) {
            let pending = self.pending.remove(at);
            self.drop_late(pending);
        }
    }

    fn drop_late(&mut self, pending: Pending) {
        let here = pending.here;
        self.clocks[here.cpu] = self.clocks[here.cpu].max(self.now);
        self.wait_for(here.cpu, (here.pid - FIRST_TASK) as usize);
        self.begin(here.cpu);
        let (space, packet) = pending.lookups;
        self.drop(here, pending.drop, pending.handler, (space, &packet));
        self.leave(here);
    }

    fn ndisc(&mut self, cpu: usize, how: Ndisc, space: usize, mut over: Over) {
        let space = space % self.setup.spaces.len();
        let here = match how {
            Ndisc::Answer(under) | Ndisc::Timer(under) => {
                let way = if matches!(how, Ndisc::Timer(_)) {
                    Way::NdiscTimer
                } else {
                    Way::NdiscAnswer
                };
                Here {
                    way,
                    ..self.under(cpu, under)
                }
            }
            Ndisc::Worker => Here {
                cpu,
                pid: WORKER + cpu as u32,
                base: Base::Worker,
                way: Way::NdiscWorker,
                list: false,
            },
        };
        self.begin(cpu);
        let mut open = (how == Ndisc::Worker).then_some(&mut over);
        // It is freed as soon as it was sent: the sum stays what it is.
        if self.dst_alloc(here, space, true, &mut open).is_ok() {
            self.kernel.spaces[space].entries.add(cpu, -1);
        }
        self.leave(here);
    }
}
