//! Follows each CPU and task through the trace and gathers the evidence before each drop.

use crate::diagnosis::collect::context::{At, Cpu, LastEntry, Task, Trail, Via, level};
use crate::diagnosis::collect::gathered::{Gathered, MAX_CPUS};
use crate::diagnosis::collect::packet_drop::{DropSink, PacketDrop, Queue};
use crate::diagnosis::collect::recent::Recent;
use crate::diagnosis::collect::signal::{Aside, Caller, Returned, Signal};
use crate::diagnosis::collect::slots::{CpuSlot, CpuSlots, Key, TaskSlots};
use crate::diagnosis::evidence::{Evidence, Observed};
use crate::kernel::frames::{Head, StackFacts};
use crate::kernel::functions::{Function, Origin};
use crate::trace::{Banner, Context, Level, Sink, StackView, Time};

/// Live (CPU, task) pairs that are followed at once; beyond it all evidence is cut.
pub(crate) const MAX_LIVE_TASKS: usize = 16_384;

/// Calls by origin and what was observed, at the place of each in its enumeration.
pub(super) type CallTable = [[u64; Observed::ALL.len()]; Origin::ALL.len()];

/// One CPU's row: cuts of the evidence start its state anew, not its counts.
#[derive(Clone, Default)]
pub(super) struct CpuState {
    pub(super) state: Cpu,
    pub(super) gc: CallTable,
    /// Lookups of each level that was not left since.
    pub(super) recent: [Recent; Level::COUNT],
}

/// Gathers evidence from one input; evidence never crosses into the next one.
#[derive(Clone)]
pub(crate) struct Collector<D> {
    pub(super) drops: D,
    pub(super) cpus: CpuSlots<CpuState>,
    pub(super) tasks: TaskSlots<Task>,
    pub(super) stack_facts: Vec<Option<StackFacts>>,
    /// Counts cuts of all CPUs.
    generation: u64,
    /// Entries of `ip6_dst_gc` are recorded from here on.
    pub(super) gc_seen: bool,
    pub(super) run_gc_seen: bool,
    pub(super) queue: Queue,
    /// What the event that comes next says besides.
    beside: Option<Aside>,
    /// Whether the function tracer's entry of a call stands in front of the probe's event.
    pub(super) entry_first: Option<bool>,
    /// When a lookup was seen first.
    pub(super) first_lookup: Option<Time>,
    /// From when on the recorder has all of them.
    pub(super) lookups_since: Option<Time>,
    /// Parts of the recording are missing, so that lookups of all of it say nothing.
    pub(super) starts_late: bool,
    pub(super) gathered: Gathered,
}

impl<D: DropSink> Collector<D> {
    /// Starts with no evidence.
    pub(crate) fn new(drops: D) -> Self {
        Collector {
            drops,
            cpus: CpuSlots::default(),
            tasks: TaskSlots::new(),
            stack_facts: Vec::new(),
            generation: 0,
            gc_seen: false,
            run_gc_seen: false,
            queue: Queue::default(),
            beside: None,
            entry_first: None,
            first_lookup: None,
            lookups_since: None,
            starts_late: false,
            gathered: Gathered::default(),
        }
    }

    /// Whoever takes the drops.
    pub(crate) fn sink_mut(&mut self) -> &mut D {
        &mut self.drops
    }

    /// The end of what was read: hands out the drops that still wait. Where the input is not
    /// over, something behind may yet add to these.
    pub(crate) fn finish(mut self, is_over: bool) -> (Gathered, D) {
        for (cpu, task) in self.tasks.slots() {
            self.cut_call(At { cpu, task });
            self.close_call(At { cpu, task });
        }
        self.queue.finish(&mut self.drops, is_over);
        for slot in self.cpus.slots() {
            if let Some(latest) = self.cpu(slot).latest {
                self.gathered.note_time(latest);
            }
            let number = self.cpus.number(slot);
            self.gathered.cpus.extend(number);
            for (origin, by_outcome) in Origin::ALL.into_iter().zip(self.cpus.get(slot).gc) {
                for (observed, calls) in Observed::ALL.into_iter().zip(by_outcome) {
                    if calls > 0 {
                        self.gathered.gc.insert((number, origin, observed), calls);
                    }
                }
            }
        }
        (self.gathered, self.drops)
    }

    fn key(&mut self, context: Option<&Context>) -> Key {
        let number = context.map(|c| c.cpu);
        let slot = match self.cpus.find(number) {
            Some(known) => known,
            None if self.cpus.len() < MAX_CPUS => self.cpus.slot(number),
            None => self.cpus.slot(None),
        };
        Key {
            cpu: slot,
            pid: context.map_or(0, |c| c.pid),
            level: context.map_or(Level::Unknown, level),
        }
    }

    pub(super) fn cpu(&mut self, slot: CpuSlot) -> &mut Cpu {
        &mut self.cpus.get_mut(slot).state
    }

    /// The task's state, started anew where its CPU's evidence was cut.
    #[inline(always)]
    fn task(&mut self, key: Key) -> At {
        match self.cpu(key.cpu).current[key.level as usize] {
            Some(task) => At { cpu: key.cpu, task },
            None => self.other_task(key),
        }
    }

    fn other_task(&mut self, key: Key) -> At {
        let known = self.tasks.find(key);
        let slot = known.unwrap_or_else(|| {
            if self.tasks.len() >= MAX_LIVE_TASKS {
                self.cut_everything();
            }
            self.tasks.add(key)
        });
        let cpu = self.cpu(key.cpu);
        let lookups_on = cpu.asked;
        cpu.current[key.level as usize] = Some(slot);
        let epoch = cpu.epoch;
        let settled = match key.level {
            // It may have been at it when the evidence starts, and have slept since.
            Level::Task | Level::Unknown => false,
            Level::Softirq | Level::Hardirq => cpu.outside_softirq,
        };
        let task = self.tasks.get_mut(slot);
        if known.is_none() || task.epoch != epoch {
            *task = Task {
                epoch,
                settled,
                lookups_on: settled && lookups_on,
                ..Task::default()
            };
        }
        At {
            cpu: key.cpu,
            task: slot,
        }
    }

    pub(super) fn task_mut(&mut self, at: At) -> &mut Task {
        self.tasks.get_mut(at.task)
    }

    fn cut_everything(&mut self) {
        self.gathered.evictions += 1;
        for cpu in self.cpus.slots() {
            self.cut(cpu, true);
        }
        self.tasks.clear();
    }

    /// Evidence on every CPU ends here.
    pub(super) fn cut_all(&mut self) {
        self.generation += 1;
        self.lookups_since = None;
    }

    /// Evidence on that CPU ends here: events were lost, or may be missing.
    pub(super) fn cut(&mut self, cpu: CpuSlot, lost: bool) {
        let generation = self.generation;
        for task in self.cpu(cpu).current.into_iter().flatten() {
            self.cut_call(At { cpu, task });
            self.settle(At { cpu, task });
        }
        if let Some(latest) = self.cpu(cpu).latest {
            self.gathered.note_time(latest);
        }
        self.cpus
            .get_mut(cpu)
            .recent
            .iter_mut()
            .for_each(Recent::clear);
        let state = self.cpu(cpu);
        *state = Cpu {
            epoch: state.epoch + 1,
            lost,
            generation,
            unfreed: state.unfreed,
            ..Cpu::default()
        };
    }

    /// Whatever is open for that task is complete.
    #[inline(always)]
    pub(super) fn settle(&mut self, at: At) {
        let task = self.tasks.get_mut(at.task);
        let (call, drop) = (task.call.is_some(), task.drop.is_some());
        if call {
            self.close_call(at);
        }
        if drop {
            self.close_drop(at);
        }
    }

    /// Notes where the event happened; a task that was open on that CPU is complete.
    #[inline(always)]
    fn enter(&mut self, context: Option<&Context>) -> Key {
        // Mostly the CPU goes on with its task.
        if let Some(context) = context
            && let Some(slot) = self.cpus.find_plain(context.cpu)
        {
            let generation = self.generation;
            let cpu = self.cpu(slot);
            let level = level(context);
            if cpu.generation == generation
                && cpu.last == Some((context.pid, level))
                && cpu.latest.is_some_and(|latest| latest <= context.time)
            {
                cpu.latest = Some(context.time);
                return Key {
                    cpu: slot,
                    pid: context.pid,
                    level,
                };
            }
        }
        self.enter_other(context)
    }

    fn enter_other(&mut self, context: Option<&Context>) -> Key {
        let key = self.key(context);
        let generation = self.generation;
        let cpu = self.cpu(key.cpu);
        let time = context.map(|c| c.time);
        // Each CPU's events are in order; where time runs backwards another trace begins.
        let backwards = time
            .zip(cpu.latest)
            .is_some_and(|(now, latest)| now < latest);
        if cpu.generation != generation || backwards {
            self.cut(key.cpu, false);
        }
        let cpu = self.cpu(key.cpu);
        let is_first = cpu.latest.is_none();
        cpu.latest = time.or(cpu.latest);
        if let Some((pid, _)) = cpu.last.replace((key.pid, key.level)) {
            self.leave(key, pid != key.pid);
        }
        let cpu = self.cpu(key.cpu);
        cpu.outside_softirq |= key.level == Level::Task;
        // In between a CPU's time only grows: the last one is noted when that ends.
        if let Some(time) = time.filter(|_| is_first) {
            self.cpu(key.cpu).first = Some(time);
            self.gathered.note_time(time);
        }
        key
    }

    /// The CPU is with `key` now, and has left what ran above it, or another task altogether. What
    /// is interrupted goes on later, a softirq that was left does not: its packets are done.
    fn leave(&mut self, key: Key, other_task: bool) {
        let current = self.cpu(key.cpu).current;
        let above = if other_task {
            0
        } else {
            key.level as usize + 1
        };
        let recent = &mut self.cpus.get_mut(key.cpu).recent;
        recent[above..].iter_mut().for_each(Recent::clear);
        for (level, task) in current.into_iter().enumerate().skip(above) {
            let Some(task) = task else { continue };
            let at = At { cpu: key.cpu, task };
            let goes_on = [Level::Task as usize, Level::Unknown as usize].contains(&level);
            if goes_on {
                // It was preempted, and what else happens in its call may show elsewhere.
                self.cut_call(at);
            }
            self.settle(at);
            if !goes_on {
                let lookups_on = self.cpu(key.cpu).asked;
                let task = self.task_mut(at);
                *task = Task {
                    epoch: task.epoch,
                    settled: true,
                    lookups_on,
                    ..Task::default()
                };
            }
        }
        if other_task {
            let cpu = self.cpu(key.cpu);
            cpu.current = [None; Level::COUNT];
            cpu.disturbances += 1;
            cpu.settled = true;
            cpu.outside_softirq = true;
        }
    }

    pub(super) fn entry(
        &mut self,
        at: At,
        via: Via,
        function: Function,
        context: Option<&Context>,
        caller: Option<Caller>,
    ) {
        match function {
            Function::PktDrop => self.pkt_drop(at, via, context, caller),
            Function::DstGc => {
                self.note_seen(function);
                self.gc_seen = true;
                self.open_call(at, via, context);
            }
            Function::RunGc => {
                self.note_seen(function);
                self.run_gc(at, caller);
            }
            Function::Handler(handler) => self.handler(at, via, handler, context, caller),
            Function::Icmp6Send => {
                self.settle(at);
                self.task_mut(at).last = LastEntry::Other;
                self.cpu(at.cpu).disturbances += 1;
            }
            Function::RouteInput => {
                self.settle(at);
                let task = self.task_mut(at);
                task.last = LastEntry::Other;
                task.receive = Trail {
                    bounded: true,
                    ..Trail::default()
                };
            }
            Function::PacketGoesOn => {
                self.settle(at);
                let task = self.task_mut(at);
                task.last = LastEntry::Other;
                task.receive = Trail::default();
                self.cpu(at.cpu).disturbances += 1;
            }
            Function::DstAlloc | Function::RouteLookup => {
                self.task_mut(at).last = LastEntry::Other;
            }
        }
    }

    /// What the event says; the states it is about.
    #[inline(always)]
    fn take_event(&mut self, key: Key, context: Option<&Context>, signal: &Signal) -> Option<At> {
        match *signal {
            Signal::Entry {
                source,
                function,
                caller,
            } => {
                let via = Via::of(source);
                let at = self.task(key);
                match self.beside.take() {
                    None => self.entry(at, via, function, context, caller),
                    Some(beside) => {
                        self.entry_of(at, (via, function, caller), context, &beside);
                    }
                }
                Some(at)
            }
            Signal::Return {
                function: function @ (Function::DstGc | Function::DstAlloc),
                value,
            } => {
                let at = self.task(key);
                self.returned(at, function, value, context);
                Some(at)
            }
            Signal::Return {
                function: Function::RouteLookup,
                value,
            } => {
                let at = self.task(key);
                self.settle(at);
                let recent = &mut self.cpus.get_mut(at.cpu).recent[key.level as usize];
                recent.returned(context.map(|c| c.time), value != Returned::Zero);
                Some(at)
            }
            Signal::Freed { in_netfilter } => {
                let at = self.task(key);
                self.task_mut(at).last = LastEntry::Other;
                let beside = self.beside.take();
                self.freed(at, context, (beside.as_ref(), in_netfilter));
                Some(at)
            }
            Signal::FreedSkb(freed) => {
                let at = self.task(key);
                self.freed_skb(at, context, freed);
                Some(at)
            }
            Signal::Lookup => {
                let at = self.task(key);
                self.task_mut(at).last = LastEntry::Other;
                if let Some(Aside::Lookup(lookup)) = self.beside.take() {
                    self.asked(at, context, &lookup);
                }
                Some(at)
            }
            Signal::Other => {
                let at = self.task(key);
                self.task_mut(at).last = LastEntry::Other;
                Some(at)
            }
            Signal::Return { .. } | Signal::Nothing => None,
        }
    }
}

impl<D: DropSink> Sink for Collector<D> {
    type Meaning = Signal;

    fn event(&mut self, context: Option<&Context>, signal: &Signal) {
        let key = self.enter(context);
        self.take_event(key, context, signal);
    }

    fn traced(&mut self, event: &Context, signal: &Signal, marked: Time, stack: StackView<'_>) {
        let key = self.enter(Some(event));
        let at = self.take_event(key, Some(event), signal);
        let context = Context {
            time: marked,
            ..*event
        };
        match at {
            // The CPU is still with this task, and goes on from there.
            Some(at) if event.time <= marked => {
                self.cpu(key.cpu).latest = Some(marked);
                self.take_stack(at, Some(&context), &stack);
            }
            _ => self.stack(Some(&context), stack),
        }
    }

    #[inline]
    fn aside(&mut self, aside: Aside) {
        self.beside = Some(aside);
    }

    fn stack(&mut self, context: Option<&Context>, stack: StackView<'_>) {
        let key = self.enter(context);
        let at = self.task(key);
        self.take_stack(at, context, &stack);
    }

    fn counted(&mut self, count: u64, stack: StackView<'_>) {
        self.gathered.stacks += 1;
        let facts = self.read(&stack);
        self.gathered.known_stacks |= matches!(facts.head, Head::Known(_));
        match facts.head {
            Head::Known(Function::PktDrop) => {
                let stack_matches = self.drops.matches_stack(stack.id, stack.frames);
                // Without a place in the order of events it need not wait for others.
                self.drops.drop(&PacketDrop {
                    context: None,
                    evidence: Evidence::unordered(&facts),
                    stack: stack.id,
                    stack_matches,
                    count,
                    packet: None,
                });
            }
            Head::Known(Function::DstGc) => {
                let key = self.key(None);
                let calls = &mut self.cpus.get_mut(key.cpu).gc;
                calls[facts.origin as usize][Observed::Cut as usize] += count;
            }
            _ => {}
        }
    }

    fn gap(&mut self) {
        self.cut_all();
    }

    fn banner(&mut self, banner: &Banner<'_>) {
        self.take_banner(banner);
    }
}
