//! Follows each CPU and task through the trace and gathers the evidence before each drop.

pub mod signal;
mod slots;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::diagnosis::collect::signal::{Caller, Reading, Returned, Signal, Source};
use crate::diagnosis::collect::slots::{CpuSlot, Cpus, Key, TaskSlot, Tasks};
use crate::diagnosis::evidence::{
    Attempt, Attempts, Evidence, HandlerSource, Observed, StackState, Traced, Window, is_candidate,
};
use crate::host::Facts;
use crate::kernel::frames::{Head, Mark, StackFacts, read_stack};
use crate::kernel::functions::{Direction, Function, Origin};
use crate::trace::{Banner, Comm, Context, Name, Sink, StackId, StackView, Time};

/// CPUs that get a row and evidence of their own; events of further ones go without.
pub const MAX_CPUS: usize = 8192;
/// Live (CPU, task) pairs that are followed at once; beyond it all evidence is cut.
pub const MAX_LIVE_TASKS: usize = 16_384;
/// Drops that may wait for their stack at once.
pub const MAX_WAITING: usize = 16_384;
/// Distinct `dst_ops` (network namespaces) that are told apart.
pub const MAX_NAMESPACES: usize = 256;
/// A lookup and its drop are microseconds apart, in one softirq. This is far beyond what a
/// hypervisor that takes the CPU away in between was seen to add.
pub const MAX_LINK_NANOSECONDS: u64 = 100_000_000;

const VIA_ENTRY: u8 = 1;
const VIA_PROBE: u8 = 2;
const VIA_STACK: u8 = 4;
const VIA_RETURN: u8 = 8;
const VIA_HANDLER: u8 = 16;
const VIA_HANDLER_PROBE: u8 = 32;
const VIA_ARGUMENTS: u8 = 64;

/// A drop, its evidence complete.
#[derive(Debug, Clone, Copy)]
pub struct Drop {
    /// Where and when; `None` where the trace does not say.
    pub context: Option<Context>,
    /// What came before it.
    pub evidence: Evidence,
    /// Its stack, where it has one within the table's caps.
    pub stack: Option<StackId>,
    /// Whether the filter on stacks lets it through.
    pub stack_matches: bool,
    /// How many drops it stands for; more than one where they were counted elsewhere.
    pub count: u64,
}

/// Takes drops, in the order of the trace.
pub trait DropSink {
    /// Whether a stack is one that the user asked for.
    fn matches_stack(&mut self, id: Option<StackId>, frames: &[Name]) -> bool;
    /// One drop.
    fn drop(&mut self, drop: &Drop);
    /// `fast`, as a probe read it.
    fn fast(&mut self, _time: Time, _fast: i64) {}
}

/// For those that are not in a hurry: one collector serves them all.
impl DropSink for &mut dyn DropSink {
    fn matches_stack(&mut self, id: Option<StackId>, frames: &[Name]) -> bool {
        (**self).matches_stack(id, frames)
    }

    fn drop(&mut self, drop: &Drop) {
        (**self).drop(drop);
    }

    fn fast(&mut self, time: Time, fast: i64) {
        (**self).fast(time, fast);
    }
}

/// Counts of `ip6_dst_gc` calls, by CPU, origin and what was observed.
pub type GcCalls = BTreeMap<(Option<u32>, Origin, Observed), u64>;

/// `fast`, as the entry probe on `ip6_dst_gc` read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FastSeries {
    /// Smallest value.
    pub min: i64,
    /// Largest value.
    pub max: i64,
    /// Last value.
    pub last: i64,
    /// The `gc_thresh` read beside it; `None` where it changed.
    pub gc_thresh: Option<i64>,
    /// Calls that were read.
    pub samples: u64,
}

/// Everything that was gathered besides the drops.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// `ip6_dst_gc` calls.
    pub gc: GcCalls,
    /// CPUs the trace names.
    pub cpus: BTreeSet<u32>,
    /// First and last time stamp.
    pub window: Option<(Time, Time)>,
    /// Events lost, by CPU, where the kernel counted them.
    pub lost: BTreeMap<u32, u64>,
    /// Marks of lost events without a count.
    pub lost_uncounted: u64,
    /// Stacks with or without frames.
    pub stacks: u64,
    /// Stacks without frames.
    pub empty_stacks: u64,
    /// Functions that the capture says were traced.
    pub traced: Traced,
    /// Functions seen somewhere in it, perhaps only from there on.
    pub seen: Traced,
    /// `fast`, where it was read for IPv6.
    pub fast: Option<FastSeries>,
    /// Losses that no mark in the text places: evidence anywhere on these CPUs may be cut.
    pub unplaced_losses: bool,
    /// Entries that the ring buffer overwrote before the text starts.
    pub overwritten: u64,
    /// `ip6_dst_gc` returned something else than 0 or 1: on this kernel it returns nothing,
    /// and return probes read what the register happens to hold.
    pub gc_returns_nothing: bool,
    /// A call went on after another task had run on its CPU, so what looks complete may not be.
    pub split_calls: bool,
    /// A stack held a function that is known here.
    pub known_stacks: bool,
    /// Distinct `dst_ops` pointers.
    pub namespaces: BTreeSet<u64>,
    /// Facts in the capture's own framing.
    pub facts: Facts,
    /// Kernel release, where the text names it.
    pub kernel: Option<String>,
    /// Online CPUs, where the text says.
    pub online_cpus: Option<u64>,
    /// Method and other framing values.
    pub framing: BTreeMap<String, String>,
    /// Some banner is that of a `trace` file.
    pub trace_file: bool,
    /// Some banner is that of `trace-cmd report`.
    pub trace_cmd: bool,
    /// Drops by how many receive attempts were made since the previous drop; windows that
    /// may not be whole, and those bounded otherwise, are left out.
    pub attempts_per_drop: [u64; 1 + Attempts::MANY as usize],
    /// How often all evidence was cut because of [`MAX_LIVE_TASKS`].
    pub evictions: u64,
}

/// One call of `ip6_dst_gc`, from its entry to whatever comes next.
#[derive(Debug, Clone, Copy)]
struct Call {
    via: u8,
    after_cut: bool,
    origin: Origin,
    observed: Observed,
    stacks: u8,
    returned: bool,
    time: Option<Time>,
}

/// The attempts of one direction and where the CPU stood after the last.
#[derive(Debug, Clone, Copy, Default)]
struct Trail {
    attempts: Attempts,
    bounded: bool,
    disturbances: u64,
    time: Option<Time>,
}

/// A drop of this task that may still get its stack or its second event.
#[derive(Debug, Clone, Copy)]
struct OpenDrop {
    ticket: u64,
    via: u8,
    after_cut: bool,
    stacks: u8,
    time: Option<Time>,
}

/// What a stack belongs to that does not name its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum LastEntry {
    #[default]
    Other,
    Call,
    Drop,
}

#[derive(Debug, Clone, Copy, Default)]
struct Task {
    epoch: u64,
    call: Option<Call>,
    drop: Option<OpenDrop>,
    last: LastEntry,
    receive: Trail,
    output: Trail,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cpu {
    /// The cut of all CPUs that this one has taken part in.
    generation: u64,
    /// The latest time stamp.
    latest: Option<Time>,
    /// Counts cuts of the evidence; tasks of an older epoch start anew.
    epoch: u64,
    /// The last cut was a loss, not the start.
    lost: bool,
    /// Drops, task switches and attempts since the cut, enough to be past the first packet.
    settled: u32,
    /// Counts what must not lie between an attempt and its drop.
    disturbances: u64,
    /// A drop was seen since the cut.
    dropped: bool,
    last_pid: Option<u64>,
    /// The state of that task, where an event of it was taken since.
    current: Option<TaskSlot>,
}

/// Calls by origin and what was observed, at the place of each in its enumeration.
type CallTable = [[u64; Observed::ALL.len()]; Origin::ALL.len()];

/// One CPU's row: cuts of the evidence start its state anew, not its counts.
#[derive(Default)]
struct CpuRow {
    state: Cpu,
    gc: CallTable,
}

/// A drop that waits for its stack, or for earlier drops.
struct Waiting {
    drop: Drop,
    done: bool,
}

/// The states that one event is about.
#[derive(Debug, Clone, Copy)]
struct At {
    cpu: CpuSlot,
    task: TaskSlot,
}

/// Gathers evidence from one input; evidence never crosses into the next one.
pub struct Collector<D> {
    drops: D,
    cpus: Cpus<CpuRow>,
    tasks: Tasks<Task>,
    stack_facts: Vec<Option<StackFacts>>,
    /// Counts cuts of all CPUs.
    generation: u64,
    gc_seen: bool,
    run_gc_seen: bool,
    waiting: VecDeque<Waiting>,
    first_ticket: u64,
    /// `fast` as the event that comes next read it.
    fast: Option<i64>,
    gathered: Gathered,
}

impl<D: DropSink> Collector<D> {
    /// Starts with no evidence.
    pub fn new(drops: D) -> Self {
        Collector {
            drops,
            cpus: Cpus::default(),
            tasks: Tasks::new(),
            stack_facts: Vec::new(),
            generation: 0,
            gc_seen: false,
            run_gc_seen: false,
            waiting: VecDeque::new(),
            first_ticket: 0,
            fast: None,
            gathered: Gathered::default(),
        }
    }

    /// The end of the input: hands out the drops that still wait.
    pub fn finish(mut self) -> (Gathered, D) {
        for (cpu, task) in self.tasks.slots() {
            self.cut_call(At { cpu, task });
            self.close_call(At { cpu, task });
        }
        for waiting in &mut self.waiting {
            waiting.done = true;
        }
        self.flush();
        for slot in self.cpus.slots() {
            if let Some(latest) = self.cpu(slot).latest {
                self.note_time(latest);
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
        }
    }

    fn cpu(&mut self, slot: CpuSlot) -> &mut Cpu {
        &mut self.cpus.get_mut(slot).state
    }

    /// The task's state, started anew where its CPU's evidence was cut.
    #[inline(always)]
    fn task(&mut self, key: Key) -> At {
        match self.cpu(key.cpu).current {
            Some(task) => At { cpu: key.cpu, task },
            None => self.other_task(key),
        }
    }

    fn other_task(&mut self, key: Key) -> At {
        let slot = self.tasks.find(key).unwrap_or_else(|| {
            if self.tasks.len() >= MAX_LIVE_TASKS {
                self.cut_everything();
            }
            self.tasks.add(key)
        });
        self.tasks.set_recent(key, slot);
        let cpu = self.cpu(key.cpu);
        cpu.current = Some(slot);
        let epoch = cpu.epoch;
        let task = self.tasks.get_mut(slot);
        if task.epoch != epoch {
            *task = Task {
                epoch,
                ..Task::default()
            };
        }
        At {
            cpu: key.cpu,
            task: slot,
        }
    }

    fn task_mut(&mut self, at: At) -> &mut Task {
        self.tasks.get_mut(at.task)
    }

    fn cut_everything(&mut self) {
        self.gathered.evictions += 1;
        for cpu in self.cpus.slots() {
            self.cut(cpu, true);
        }
        self.tasks.clear();
    }

    /// Evidence on that CPU ends here: events were lost, or may be missing.
    fn cut(&mut self, cpu: CpuSlot, lost: bool) {
        let generation = self.generation;
        if let Some(pid) = self.cpu(cpu).last_pid
            && let Some(task) = self.tasks.find(Key { cpu, pid })
        {
            self.cut_call(At { cpu, task });
            self.settle(At { cpu, task });
        }
        if let Some(latest) = self.cpu(cpu).latest {
            self.note_time(latest);
        }
        let state = self.cpu(cpu);
        *state = Cpu {
            epoch: state.epoch + 1,
            lost,
            generation,
            ..Cpu::default()
        };
    }

    /// Whatever is open for that task is complete.
    #[inline(always)]
    fn settle(&mut self, at: At) {
        let task = self.tasks.get_mut(at.task);
        let (call, drop) = (task.call.is_some(), task.drop.is_some());
        if call {
            self.close_call(at);
        }
        if drop {
            self.close_drop(at);
        }
    }

    /// What else happened in an open call is not in the trace.
    fn cut_call(&mut self, at: At) {
        if let Some(call) = &mut self.task_mut(at).call
            && call.observed == Observed::Nothing
        {
            call.observed = Observed::Cut;
        }
    }

    fn close_call(&mut self, at: At) {
        let task = self.tasks.get_mut(at.task);
        let Some(call) = task.call.take() else { return };
        let row = self.cpus.get_mut(at.cpu);
        let cpu = &mut row.state;
        cpu.disturbances += 1;
        let observed = match call.observed {
            Observed::Nothing if self.run_gc_seen => Observed::Uncollected,
            observed => observed,
        };
        let attempt = Attempt {
            certain: call.origin != Origin::Unknown,
            observed,
        };
        for (direction, trail) in [
            (Direction::Receive, &mut task.receive),
            (Direction::Output, &mut task.output),
        ] {
            if is_candidate(call.origin, direction) {
                trail.attempts.push(attempt);
                trail.disturbances = cpu.disturbances;
                trail.time = call.time;
            }
        }
        row.gc[call.origin as usize][observed as usize] += 1;
    }

    fn close_drop(&mut self, at: At) {
        let Some(open) = self.task_mut(at).drop.take() else {
            return;
        };
        if let Some(waiting) = self.waiting_mut(open.ticket) {
            waiting.done = true;
        }
        self.flush();
    }

    fn waiting_mut(&mut self, ticket: u64) -> Option<&mut Waiting> {
        let at = usize::try_from(ticket.checked_sub(self.first_ticket)?).ok()?;
        self.waiting.get_mut(at)
    }

    /// Hands out complete drops, oldest first.
    fn flush(&mut self) {
        while let Some(waiting) = self.waiting.front().filter(|waiting| waiting.done) {
            self.drops.drop(&waiting.drop);
            self.waiting.pop_front();
            self.first_ticket += 1;
        }
    }

    fn note_time(&mut self, time: Time) {
        let window = self.gathered.window.get_or_insert((time, time));
        window.0 = window.0.min(time);
        window.1 = window.1.max(time);
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
            if cpu.generation == generation
                && cpu.last_pid == Some(context.pid)
                && cpu.latest.is_some_and(|latest| latest <= context.time)
            {
                cpu.latest = Some(context.time);
                return Key {
                    cpu: slot,
                    pid: context.pid,
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
        cpu.current = None;
        if let Some(last) = cpu.last_pid.replace(key.pid)
            && last != key.pid
        {
            cpu.disturbances += 1;
            cpu.settled += 2;
            let last = Key {
                cpu: key.cpu,
                pid: last,
            };
            if let Some(task) = self.tasks.find(last) {
                self.settle(At { cpu: key.cpu, task });
            }
        }
        // In between a CPU's time only grows: the last one is noted when that ends.
        if let Some(time) = time.filter(|_| is_first) {
            self.note_time(time);
        }
        key
    }

    fn open_call(&mut self, at: At, via: u8, context: Option<&Context>) {
        let task = self.task_mut(at);
        let same = task.call.is_some_and(|call| {
            is_same(call.via, via, call.after_cut)
                && !call.returned
                && call.observed == Observed::Nothing
        });
        if !same {
            self.settle(at);
        }
        let after_cut = self.cpu(at.cpu).just_lost();
        let task = self.task_mut(at);
        task.last = LastEntry::Call;
        let call = task.call.get_or_insert(Call {
            via: 0,
            after_cut,
            origin: Origin::Unknown,
            observed: Observed::Nothing,
            stacks: 0,
            returned: false,
            time: context.map(|c| c.time),
        });
        call.via |= via;
    }

    /// A drop, or a second event about the one that is open; the drop's ticket.
    fn open_drop(&mut self, at: At, via: u8, context: Option<&Context>) -> u64 {
        let has_cpu = self.cpus.number(at.cpu).is_some();
        let context = context.filter(|_| has_cpu);
        let task = self.task_mut(at);
        task.last = LastEntry::Drop;
        let now = context.map(|c| c.time);
        if let Some(open) = &mut task.drop
            && is_same(open.via, via, open.after_cut)
            && is_near(now, open.time)
        {
            open.via |= via;
            open.time = now;
            let ticket = open.ticket;
            if let Some(waiting) = self.waiting_mut(ticket) {
                waiting.drop.context = context.copied();
            }
            return ticket;
        }
        self.settle(at);
        let cpu = *self.cpu(at.cpu);
        let gc_seen = self.gc_seen;
        let task = self.task_mut(at);
        let linked =
            |trail: &Trail| is_near(now, trail.time) && trail.disturbances == cpu.disturbances;
        let evidence = Evidence {
            handler: None,
            direction: Direction::Unknown,
            list: false,
            single: false,
            gc_seen,
            without_context: !has_cpu,
            receive: task.receive.attempts,
            output: task.output.attempts,
            bounded: task.receive.bounded,
            receive_linked: linked(&task.receive),
            output_linked: linked(&task.output),
            window: match (cpu.settled, cpu.lost) {
                (2.., _) => Window::Whole,
                (_, true) => Window::Lost,
                (_, false) => Window::Start,
            },
            stack: StackState::Missing,
        };
        if cpu.dropped && !evidence.bounded && evidence.receive.count > 0 {
            self.gathered.attempts_per_drop[usize::from(evidence.receive.count)] += 1;
        }
        let ticket = self.first_ticket + self.waiting.len() as u64;
        let open = OpenDrop {
            ticket,
            via,
            after_cut: cpu.just_lost(),
            stacks: 0,
            time: now,
        };
        let task = self.task_mut(at);
        *task = Task {
            epoch: task.epoch,
            drop: Some(open),
            last: LastEntry::Drop,
            ..Task::default()
        };
        let cpu = self.cpu(at.cpu);
        cpu.settled += 2;
        cpu.disturbances += 1;
        cpu.dropped = true;
        let stack_matches = self.drops.matches_stack(None, &[]);
        let drop = Drop {
            context: context.copied(),
            evidence,
            stack: None,
            stack_matches,
            count: 1,
        };
        self.waiting.push_back(Waiting { drop, done: false });
        if self.waiting.len() > MAX_WAITING {
            if let Some(oldest) = self.waiting.front_mut() {
                oldest.done = true;
            }
            self.flush();
        }
        ticket
    }

    fn entry(
        &mut self,
        at: At,
        via: u8,
        function: Function,
        context: Option<&Context>,
        caller: Option<Caller>,
    ) {
        self.note_seen(function);
        match function {
            Function::PktDrop => {
                let ticket = self.open_drop(at, via, context);
                let mark = caller.and_then(|c| c.mark);
                if let Some(waiting) = self.waiting_mut(ticket) {
                    apply_caller(&mut waiting.drop.evidence, mark);
                }
            }
            Function::DstGc => {
                self.open_call(at, via, context);
            }
            Function::RunGc => {
                // The collector's timer calls it as well, which says nothing of an allocation.
                let by_gc = caller.is_none_or(|c| c.is_dst_gc);
                let task = self.task_mut(at);
                task.last = LastEntry::Other;
                if by_gc
                    && let Some(call) = &mut task.call
                    && call.observed == Observed::Nothing
                    && !call.returned
                {
                    call.observed = Observed::Collected;
                } else if task.call.is_none() && caller.is_some_and(|c| c.is_dst_gc) {
                    self.gathered.split_calls = true;
                }
            }
            Function::Handler(handler) => {
                let via = if via == VIA_ENTRY {
                    VIA_HANDLER
                } else {
                    VIA_HANDLER_PROBE
                };
                let ticket = self.open_drop(at, via, context);
                self.task_mut(at).last = LastEntry::Other;
                if let Some(waiting) = self.waiting_mut(ticket) {
                    let evidence = &mut waiting.drop.evidence;
                    evidence.handler = Some((handler, HandlerSource::Entry));
                    evidence.direction = handler.direction();
                    let mark = caller.and_then(|c| c.mark);
                    evidence.list |= mark == Some(Mark::List);
                    evidence.single |= mark == Some(Mark::Receive);
                }
            }
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
            Function::DstAlloc => self.task_mut(at).last = LastEntry::Other,
        }
    }

    fn returned(&mut self, at: At, function: Function, value: Returned, context: Option<&Context>) {
        match function {
            Function::DstGc => {
                self.note_seen(function);
                self.gathered.gc_returns_nothing |= value == Returned::Other;
                let open = self.task_mut(at).call.filter(|call| !call.returned);
                if open.is_none() {
                    self.settle(at);
                    self.open_call(at, VIA_RETURN, context);
                }
                if let Some(call) = &mut self.task_mut(at).call {
                    call.returned = true;
                    call.observed = if value == Returned::Zero {
                        Observed::Succeeded
                    } else {
                        Observed::Failed
                    };
                }
            }
            // dst_alloc serves IPv4 as well: only inside a call of ip6_dst_gc is it of use.
            Function::DstAlloc => {
                if let Some(call) = &mut self.task_mut(at).call
                    && matches!(call.observed, Observed::Nothing | Observed::Collected)
                {
                    call.returned = true;
                    call.observed = if value == Returned::Zero {
                        Observed::Failed
                    } else {
                        Observed::Succeeded
                    };
                }
            }
            _ => {}
        }
    }

    /// From here on the function is known to be traced.
    fn note_seen(&mut self, function: Function) {
        self.gathered.seen.note(function);
        self.gc_seen |= function == Function::DstGc;
        self.run_gc_seen |= function == Function::RunGc;
    }

    /// What the entry probe on `ip6_dst_gc` read.
    fn note_fast(&mut self, reading: &Reading) {
        if let Some(ops) = reading.ops
            && self.gathered.namespaces.len() < MAX_NAMESPACES
        {
            self.gathered.namespaces.insert(ops);
        }
        let Some((fast, gc_thresh)) = reading.fast else {
            return;
        };
        self.fast = Some(fast);
        let series = self.gathered.fast.get_or_insert(FastSeries {
            min: fast,
            max: fast,
            last: fast,
            gc_thresh: Some(gc_thresh),
            samples: 0,
        });
        series.min = series.min.min(fast);
        series.max = series.max.max(fast);
        series.last = fast;
        series.gc_thresh = series.gc_thresh.filter(|&known| known == gc_thresh);
        series.samples += 1;
    }

    /// Works out what a stack says, once for each number of the table.
    #[inline(always)]
    fn read(&mut self, stack: &StackView<'_>) -> StackFacts {
        let Some(id) = stack.id else {
            return read_stack(stack.frames);
        };
        let at = id.0 as usize;
        if let Some(Some(known)) = self.stack_facts.get(at) {
            return *known;
        }
        self.read_new(at, stack)
    }

    fn read_new(&mut self, at: usize, stack: &StackView<'_>) -> StackFacts {
        if at >= self.stack_facts.len() {
            self.stack_facts.resize(at + 1, None);
        }
        *self.stack_facts[at].get_or_insert_with(|| read_stack(stack.frames))
    }

    fn attach_to_drop(&mut self, ticket: u64, facts: &StackFacts, stack: &StackView<'_>) {
        let matches = self.drops.matches_stack(stack.id, stack.frames);
        let Some(waiting) = self.waiting_mut(ticket) else {
            return;
        };
        let drop = &mut waiting.drop;
        drop.stack_matches = matches;
        drop.stack = stack.id;
        let evidence = &mut drop.evidence;
        evidence.list |= facts.list;
        evidence.single |= facts.direction == Direction::Receive && !facts.list;
        evidence.stack = if stack.frames.is_empty() {
            StackState::Empty
        } else {
            StackState::Present
        };
        if evidence.handler.is_none() {
            evidence.handler = facts.handler.map(|h| (h, HandlerSource::Frames));
        }
        if evidence.direction == Direction::Unknown || facts.handler.is_some() {
            evidence.direction = evidence
                .handler
                .map_or(facts.direction, |(handler, _)| handler.direction());
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
                let via = match source {
                    Source::Entry => VIA_ENTRY,
                    Source::Probe => VIA_PROBE,
                    Source::Arguments => VIA_ARGUMENTS,
                };
                if source != Source::Entry
                    && let Some((fast, context)) = self.fast.take().zip(context)
                {
                    self.drops.fast(context.time, fast);
                }
                let at = self.task(key);
                self.entry(at, via, function, context, caller);
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
            Signal::Other => {
                let at = self.task(key);
                self.task_mut(at).last = LastEntry::Other;
                Some(at)
            }
            Signal::Return { .. } | Signal::Nothing => None,
        }
    }

    /// A stack of that task.
    #[inline(always)]
    fn take_stack(&mut self, at: At, context: Option<&Context>, stack: &StackView<'_>) {
        self.gathered.stacks += 1;
        self.gathered.empty_stacks += u64::from(stack.frames.is_empty());
        let facts = self.read(stack);
        self.gathered.known_stacks |= matches!(facts.head, Head::Known(_));
        if !stack.marked {
            // Frames pasted without any header: each block is a drop or nothing at all.
            self.settle(at);
        }
        let task = self.task_mut(at);
        let target = match facts.head {
            Head::Known(Function::DstGc) => LastEntry::Call,
            Head::Known(Function::PktDrop) => LastEntry::Drop,
            Head::Known(_) | Head::Other => return,
            Head::None => task.last,
        };
        match target {
            LastEntry::Other => {}
            LastEntry::Call => {
                let open = task
                    .call
                    .is_some_and(|call| takes_stack(call.via, call.stacks) && !call.returned);
                if !open {
                    if facts.head == Head::None {
                        return;
                    }
                    self.settle(at);
                    self.note_seen(Function::DstGc);
                    self.open_call(at, VIA_STACK, context);
                }
                if let Some(call) = &mut self.task_mut(at).call {
                    call.stacks += 1;
                    if facts.origin != Origin::Unknown {
                        call.origin = facts.origin;
                    }
                }
            }
            LastEntry::Drop => {
                let ticket = match task
                    .drop
                    .as_mut()
                    .filter(|open| takes_stack(open.via, open.stacks))
                {
                    Some(open) => Some(open.ticket),
                    None if facts.head == Head::None => None,
                    None => Some(self.open_drop(at, VIA_STACK, context)),
                };
                if let Some(ticket) = ticket {
                    if let Some(open) = &mut self.task_mut(at).drop {
                        open.stacks += 1;
                    }
                    self.attach_to_drop(ticket, &facts, stack);
                }
            }
        }
    }

    fn framing(&mut self, key: &[u8], value: &[u8]) {
        let text = || String::from_utf8_lossy(value).into_owned();
        match key {
            b"before" => drop(self.gathered.facts.take_framing(false, value)),
            b"after" => drop(self.gathered.facts.take_framing(true, value)),
            b"kernel" => self.gathered.kernel = Some(text()),
            b"cpus" => self.gathered.online_cpus = text().parse().ok(),
            b"traced" => {
                let traced = Traced::from_names(value.split(|&b| b == b','));
                self.gathered.traced = self.gathered.traced.or(traced);
            }
            b"lost" => {
                let mut numbers = value
                    .split(|&b| b == b' ')
                    .filter_map(|n| std::str::from_utf8(n).ok()?.parse::<u64>().ok());
                if let (Some(cpu), Some(events)) = (numbers.next(), numbers.next())
                    && let Ok(cpu) = u32::try_from(cpu)
                {
                    // The kernel's own total for the CPU, marks in the text included.
                    let known = self.gathered.lost.get(&cpu).copied().unwrap_or(0);
                    self.gathered.unplaced_losses |= events > known;
                    if self.gathered.lost.len() < MAX_CPUS {
                        self.gathered.lost.insert(cpu, known.max(events));
                    }
                }
            }
            _ => {
                if self.gathered.framing.len() < 64
                    && let Ok(key) = std::str::from_utf8(key)
                {
                    self.gathered.framing.insert(key.to_owned(), text());
                }
            }
        }
    }
}

/// Whether an event that came `via` one way is about what other events have opened.
///
/// A handler's entry comes before everything else about its drop, and a stack is attached
/// elsewhere. A stack right behind a cut lost its own entry: the next entry is another one.
fn is_same(opened_via: u8, via: u8, after_cut: bool) -> bool {
    let later = VIA_ENTRY | VIA_PROBE | VIA_ARGUMENTS | VIA_STACK;
    let second = match via {
        VIA_ENTRY | VIA_PROBE | VIA_ARGUMENTS => true,
        VIA_HANDLER | VIA_HANDLER_PROBE => opened_via & later == 0,
        _ => false,
    };
    second && opened_via & via == 0 && !(opened_via == VIA_STACK && after_cut)
}

/// Whether another stack can be about it: each entry and each probe may bring one.
fn takes_stack(via: u8, stacks: u8) -> bool {
    u32::from(stacks)
        < (via & (VIA_ENTRY | VIA_PROBE | VIA_ARGUMENTS))
            .count_ones()
            .max(1)
}

/// Whether two events can be about one packet; without times that is not excluded.
fn is_near(now: Option<Time>, then: Option<Time>) -> bool {
    let gap = now
        .zip(then)
        .and_then(|(now, then)| now.nanoseconds_since(then));
    gap.is_none_or(|gap| gap <= MAX_LINK_NANOSECONDS)
}

impl Cpu {
    /// Events were lost here, and nothing but the first packet came since.
    fn just_lost(&self) -> bool {
        self.lost && self.settled == 0
    }
}

/// What the caller column of a drop says of it.
fn apply_caller(evidence: &mut Evidence, mark: Option<Mark>) {
    match mark {
        Some(Mark::Handler(handler)) => {
            evidence.handler = Some((handler, HandlerSource::Caller));
            evidence.direction = handler.direction();
        }
        Some(Mark::List) => {
            evidence.list = true;
            evidence.direction = Direction::Receive;
        }
        Some(Mark::Receive) => {
            evidence.single = true;
            if evidence.handler.is_none() {
                evidence.direction = Direction::Receive;
            }
        }
        Some(Mark::Output) if evidence.handler.is_none() => {
            evidence.direction = Direction::Output;
        }
        _ => {}
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

    fn aside(&mut self, reading: &Reading) {
        self.note_fast(reading);
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
                self.drops.drop(&Drop {
                    context: None,
                    evidence: Evidence::unordered(&facts),
                    stack: stack.id,
                    stack_matches,
                    count,
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
        self.generation += 1;
    }

    fn banner(&mut self, banner: &Banner<'_>) {
        match *banner {
            Banner::Lost { cpu, events } => {
                if self.cpus.find(Some(cpu)).is_none() && self.cpus.len() >= MAX_CPUS {
                    self.gathered.lost_uncounted += 1;
                    return;
                }
                match events {
                    Some(events) => {
                        let known = self.gathered.lost.entry(cpu).or_default();
                        *known = known.saturating_add(events);
                    }
                    None => self.gathered.lost_uncounted += 1,
                }
                let slot = self.cpus.slot(Some(cpu));
                self.cut(slot, true);
            }
            Banner::Entries {
                kept,
                written,
                cpus,
            } => {
                self.gathered.trace_file = true;
                self.gathered.online_cpus = self.gathered.online_cpus.or(cpus);
                self.gap();
                let overwritten = written.saturating_sub(kept);
                self.gathered.overwritten = self.gathered.overwritten.saturating_add(overwritten);
            }
            Banner::Latency { kernel } => {
                self.gap();
                self.gathered.trace_file = true;
                self.gathered.kernel = Some(String::from_utf8_lossy(kernel).into_owned());
            }
            Banner::Tracer => {
                self.gap();
                self.gathered.trace_file = true;
            }
            Banner::Cpus(cpus) => {
                self.gathered.trace_cmd = true;
                self.gathered.online_cpus = self.gathered.online_cpus.or(Some(cpus));
            }
            Banner::Framing { key, value } => self.framing(key, value),
            Banner::BufferStarted => self.gap(),
            Banner::LostSomewhere => {
                self.gathered.lost_uncounted += 1;
                self.gap();
            }
            Banner::Comment => {}
        }
    }
}

/// A task's name that the kernel did not know.
#[must_use]
pub fn is_unnamed(comm: &Comm) -> bool {
    comm.as_bytes() == b"<...>"
}
