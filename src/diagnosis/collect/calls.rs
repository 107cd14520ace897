//! Calls of `ip6_dst_gc`: what opens one, what it shows, and which attempt it makes.

use crate::diagnosis::collect::collector::Collector;
use crate::diagnosis::collect::context::{At, Call, LastEntry, Via};
use crate::diagnosis::collect::packet_drop::DropSink;
use crate::diagnosis::collect::signal::{Caller, Returned};
use crate::diagnosis::evidence::{Attempt, Observed, is_candidate};
use crate::kernel::functions::{Direction, Function, Origin};
use crate::trace::Context;

impl<D: DropSink> Collector<D> {
    /// The function is in the trace.
    pub(super) fn note_seen(&mut self, function: Function) {
        self.gathered.seen.note(function);
        self.run_gc_seen |= function == Function::RunGc;
    }

    pub(super) fn open_call(&mut self, at: At, via: Via, context: Option<&Context>) {
        let task = self.task_mut(at);
        let same = task.call.is_some_and(|call| {
            call.via.is_same(via, call.after_cut)
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
            via: Via::NOTHING,
            after_cut,
            origin: Origin::Unknown,
            observed: Observed::Nothing,
            stacks: 0,
            returned: false,
            time: context.map(|c| c.time),
        });
        call.via.add(via);
    }

    /// What else happened in an open call is not in the trace.
    pub(super) fn cut_call(&mut self, at: At) {
        if let Some(call) = &mut self.task_mut(at).call
            && call.observed == Observed::Nothing
        {
            call.observed = Observed::Cut;
        }
    }

    pub(super) fn close_call(&mut self, at: At) {
        let level = self.tasks.level(at.task) as usize;
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
        let recent = &mut row.recent[level];
        // Mostly no table was asked.
        if !recent.is_empty() {
            if let Some(wanted) = recent.wanted(call.time, call.origin, observed) {
                self.drops.wanted(&wanted);
            }
            recent.attempted(call.time, observed);
        }
        row.gc[call.origin as usize][observed as usize] += 1;
    }

    /// `fib6_run_gc` was entered. The collector's timer calls it as well, which says nothing of
    /// an allocation; where no caller is named it may be either.
    pub(super) fn run_gc(&mut self, at: At, caller: Option<Caller>) {
        let task = self.task_mut(at);
        task.last = LastEntry::Other;
        if let Some(call) = &mut task.call
            && call.observed == Observed::Nothing
            && !call.returned
        {
            match caller {
                Some(caller) if caller.is_dst_gc => call.observed = Observed::Collected,
                Some(_) => {}
                None => call.observed = Observed::Cut,
            }
        }
    }

    pub(super) fn returned(
        &mut self,
        at: At,
        function: Function,
        value: Returned,
        context: Option<&Context>,
    ) {
        match function {
            Function::DstGc => {
                self.note_seen(function);
                let without_check = self.run_gc_seen
                    && value == Returned::One
                    && self
                        .task_mut(at)
                        .call
                        .is_some_and(|call| call.is_uncollected());
                self.gathered.gc_returns_nothing |= without_check || value == Returned::Other;
                let open = self.task_mut(at).call.filter(|call| !call.returned);
                if open.is_none() {
                    self.settle(at);
                    self.open_call(at, Via::RETURN, context);
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
}
