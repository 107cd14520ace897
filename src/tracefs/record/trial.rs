//! What this host can bear: events are counted for a moment before anything is recorded, and what
//! is too hot is lessened or left out; while it is recorded, it is lessened alone.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, Instant};

use crate::capture::framing::{Framing, lines};
use crate::capture::one_line::OneLine;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::read_some;
use crate::tracefs::record::counts::Counts;
use crate::tracefs::record::guard::{Heat, busiest, goes_first, is_melting, judge, most};
use crate::tracefs::record::recorder::{BUFFER, GATHER, Recorder};
use crate::tracefs::record::recording::Busy;
use crate::tracefs::setup::stream::EVENT;
use crate::tracefs::setup::tracing::Tracing;
use crate::tracefs::undo::session::Session;

/// As many events of a CPU tell which is most of them.
const TELLING: u64 = 10_000;

impl Recorder<'_, '_> {
    /// Lets events flow for a moment, as often as that shows something that this host cannot bear
    /// and can be without; answers with the CPU for which nothing is left to be done.
    pub(super) fn trial(
        &mut self,
        session: &mut Session<'_>,
        tracing: &mut Tracing,
    ) -> Result<Option<Busy>, TraceError> {
        if tracing.lookups().is_some() {
            return self.measure(session, tracing);
        }
        loop {
            let (mut counts, passed) = self.sample(session, tracing)?;
            let busy = loop {
                let heat = judge(&counts, passed, self.limits.max_rate, tracing.stacks());
                if let Heat::Melting(busy) = heat {
                    break busy;
                }
                let off = self.stacks_off(session, tracing, heat, false)?;
                if off.is_empty() {
                    return Ok(None);
                }
                // The rest is judged without those that are dealt with.
                counts.forget_recent(&off);
            };
            if !self.leave_out(session, tracing, &busy, &counts)? {
                return Ok(Some(busy));
            }
        }
    }

    /// Counts entries without stacks for a moment.
    fn sample(
        &mut self,
        session: &mut Session<'_>,
        tracing: &Tracing,
    ) -> Result<(Counts, Duration), TraceError> {
        tracing.start(session)?;
        let began = Instant::now();
        let mut counts = Counts::new(self.env.read);
        let mut pipe = tracing.pipe(self.env.fs)?;
        let mut buffer = vec![0; BUFFER];
        while began.elapsed() < self.limits.trial && self.env.signals.came().is_none() {
            self.wait(None, GATHER)?;
            while let Some(n) = read_some(pipe.as_mut(), &mut buffer).map_err(self.failed())? {
                counts.take(&buffer[..n], None);
                if began.elapsed() >= self.limits.trial {
                    break;
                }
            }
        }
        let passed = began.elapsed();
        // What is held back belongs to that time; a pipe that never ends does not.
        pipe.catch_up().map_err(self.failed())?;
        while began.elapsed() < 2 * self.limits.trial
            && let Some(n) = read_some(pipe.as_mut(), &mut buffer).map_err(self.failed())?
        {
            counts.take(&buffer[..n], None);
        }
        drop(pipe);
        tracing.pause(session)?;
        tracing.discard(self.env.fs)?;
        Ok((counts, passed))
    }

    /// Lets events flow for a moment, counted and read only where they are far too many, and takes
    /// no more lookups than this host can bear.
    fn measure(
        &mut self,
        session: &mut Session<'_>,
        tracing: &mut Tracing,
    ) -> Result<Option<Busy>, TraceError> {
        loop {
            let before = tracing.written(self.env.fs);
            tracing.start(session)?;
            let began = Instant::now();
            let slept = self.env.signals.sleep(self.limits.trial);
            slept.map_err(self.failed())?;
            let busiest = busiest(&before, &tracing.written(self.env.fs), began.elapsed());
            tracing.pause(session)?;
            let hot = busiest.filter(|&(_, rate)| rate > self.limits.max_rate);
            let melting = hot.filter(|&(_, rate)| is_melting(rate, self.limits.max_rate));
            let counts = match melting {
                Some((cpu, _)) => self.waiting(tracing, cpu)?,
                None => Counts::new(self.env.read),
            };
            tracing.discard(self.env.fs)?;
            TraceError::check(self.env.signals)?;
            let Some((cpu, rate)) = hot else {
                return Ok(None);
            };
            if melting.is_none() {
                if self.narrow(session, tracing, (cpu, rate))? {
                    continue;
                }
                return Ok(None);
            }
            let most = most(&counts, cpu);
            let busy = Busy { cpu, rate, most };
            // Fewer lookups are no help where something else is hot.
            let by_lookups = EVENT.rsplit('/').next() == busy.most.as_deref();
            let is_less = by_lookups && self.narrow(session, tracing, (cpu, rate))?
                || self.leave_out(session, tracing, &busy, &counts)?
                || self.narrow(session, tracing, (cpu, rate))?;
            if !is_less {
                return Ok(Some(busy));
            }
        }
    }

    /// Counts what waits in the buffer, as far as it takes to tell what `cpu` saw most of.
    fn waiting(&self, tracing: &Tracing, cpu: u32) -> Result<Counts, TraceError> {
        let mut counts = Counts::new(self.env.read);
        let mut pipe = tracing.pipe(self.env.fs)?;
        pipe.catch_up().map_err(self.failed())?;
        let mut buffer = vec![0; BUFFER];
        while counts
            .cpus
            .get(&cpu)
            .is_none_or(|seen| seen.events < TELLING)
            && let Some(n) = read_some(pipe.as_mut(), &mut buffer).map_err(self.failed())?
        {
            counts.take(&buffer[..n], None);
        }
        Ok(counts)
    }

    /// Leaves out what is hot and can be done without, and notes what that costs; false where
    /// there is no such thing. Only before the head is written, which says what is traced.
    fn leave_out(
        &mut self,
        session: &mut Session<'_>,
        tracing: &mut Tracing,
        busy: &Busy,
        counts: &Counts,
    ) -> Result<bool, TraceError> {
        let Some(part) = goes_first(counts, busy.cpu, tracing.optional()) else {
            return Ok(false);
        };
        let name = part.name.to_owned();
        self.notes.push(format!(
            "traced without {name}: CPU {} saw {} events/s, more than ten times --max-rate {}; {}",
            busy.cpu, busy.rate, self.limits.max_rate, part.cost
        ));
        tracing.leave_out(session, &name)?;
        Ok(true)
    }

    /// Takes fewer lookups, where that is possible, and notes why.
    fn narrow(
        &mut self,
        session: &mut Session<'_>,
        tracing: &mut Tracing,
        (cpu, rate): (u32, u64),
    ) -> Result<bool, TraceError> {
        let narrowed = tracing.narrow(session)?;
        if narrowed {
            self.notes.push(format!(
                "fewer lookups are taken ({}): CPU {cpu} saw {rate} events/s, over --max-rate {}",
                tracing.lookups().unwrap_or_default(),
                self.limits.max_rate
            ));
        }
        Ok(narrowed)
    }

    /// Writes which lookups the kernel leaves out from here on.
    fn say_lookups(&mut self, tracing: &Tracing) -> Result<(), TraceError> {
        let said = tracing.lookups().map(|f| Framing::Lookups(OneLine::new(f)));
        self.head.lookups = tracing.lookups().map(str::to_owned);
        self.comment(&lines(said))?;
        self.tell_head();
        Ok(())
    }

    /// Lessens what is hot while it is recorded, and says so; or stops.
    pub(super) fn cool(
        &mut self,
        session: &mut Session<'_>,
        tracing: &mut Tracing,
        heat: Heat,
    ) -> Result<ControlFlow<Busy>, TraceError> {
        let (cpu, rate) = match &heat {
            Heat::Calm => return Ok(Continue(())),
            Heat::Hot { .. } => {
                let off = self.stacks_off(session, tracing, heat, true)?;
                for function in &off {
                    let said = Framing::StacksOff(OneLine::new(function));
                    self.comment(&lines([said]))?;
                }
                self.tell_head();
                return Ok(Continue(()));
            }
            Heat::Warm { cpu, rate } | Heat::Melting(Busy { cpu, rate, .. }) => (*cpu, *rate),
        };
        if self.narrow(session, tracing, (cpu, rate))? {
            self.say_lookups(tracing)?;
            return Ok(Continue(()));
        }
        match heat {
            Heat::Melting(busy) => Ok(Break(busy)),
            _ => Ok(Continue(())),
        }
    }

    /// Takes the stacks off what is hot, and answers with the functions that lost theirs.
    fn stacks_off(
        &mut self,
        session: &mut Session<'_>,
        tracing: &mut Tracing,
        heat: Heat,
        running: bool,
    ) -> Result<Vec<String>, TraceError> {
        let Heat::Hot {
            function,
            cpu,
            rate,
        } = heat
        else {
            return Ok(Vec::new());
        };
        let off = tracing.stacks_off(session, &function, running)?;
        self.head.stacks_off.extend_from_slice(&off);
        for function in &off {
            self.notes.push(format!(
                "stacks of {function} were taken off: CPU {cpu} saw {rate} events/s, over --max-rate {}",
                self.limits.max_rate
            ));
        }
        Ok(off)
    }
}
