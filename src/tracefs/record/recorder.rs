//! One recording: set up, listen, put back, and tell how it went.

use std::io;
use std::ops::ControlFlow::Break;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::capture::framing::{Framing, When, lines};
use crate::host::Host;
use crate::os::background::Background;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::Pipe;
use crate::tracefs::look::selfcheck::Env;
use crate::tracefs::record::bracket::{Bracket, bracket};
use crate::tracefs::record::counts::Counts;
use crate::tracefs::record::framing::{Meanwhile, facts, pods, policy, preamble};
use crate::tracefs::record::guard::{Heat, judge, per_second};
use crate::tracefs::record::head::Head;
use crate::tracefs::record::onlooker::{Live, Onlooker};
use crate::tracefs::record::output::Output;
use crate::tracefs::record::recording::{Limit, Limits, Recorded, Stopped};
use crate::tracefs::setup::plan::Plan;
use crate::tracefs::setup::tracing::Tracing;
use crate::tracefs::undo::session::Session;

/// How long the loop sleeps at most: what the live line, the guard and the end can wait.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// The same while nothing happens.
const IDLE_TICK: Duration = GUARD;
/// The same where only reading tells whether there is anything: a buffer must not fill meanwhile.
const POLL: Duration = Duration::from_millis(50);
/// A pause after each reading, so that a busy pipe is emptied in large pieces.
pub(super) const GATHER: Duration = Duration::from_millis(20);
/// The guard's interval while recording.
const GUARD: Duration = Duration::from_secs(1);
/// When more stacks of drops are asked for at the earliest: each time the kernel rewrites code.
const STACKS_AGAIN: Duration = Duration::from_secs(10);
/// Room kept for the facts and losses at the end under a size limit, beside the policy.
const TAIL: u64 = 4096;
pub(super) const BUFFER: usize = 64 * 1024;

/// A recording in progress.
pub(super) struct Recorder<'r, 'e> {
    pub(super) env: &'r Env<'e>,
    pub(super) host: &'r Host,
    pub(super) plan: &'r Plan,
    pub(super) limits: &'r Limits,
    pub(super) output: &'r mut Output,
    pub(super) onlooker: &'r mut dyn Onlooker,
    pub(super) counts: Counts,
    pub(super) notes: Vec<String>,
    lost: Vec<(u32, u64)>,
    /// Facts at a moment that the text ends with.
    after: Option<Vec<u8>>,
    /// Bytes to come after the last event, at most.
    pub(super) tail: u64,
    began: Instant,
    listened: bool,
    /// Since when it has seen as many drops as were asked for.
    enough: Option<Instant>,
    pub(super) head: Head,
    meanwhile: Meanwhile,
}

/// Records into `output` until a limit or a signal, then puts everything back that the session has
/// changed, before and now.
///
/// # Errors
/// Only where the journal cannot be settled; every other failure is in [`Recorded::ended`], beside
/// the account of the undo.
pub fn record(
    (env, mut session): (&Env<'_>, Session<'_>),
    host: &Host,
    plan: &Plan,
    limits: &Limits,
    output: &mut Output,
    onlooker: &mut dyn Onlooker,
) -> Result<Recorded, TraceError> {
    let mut recorder = Recorder {
        env,
        host,
        plan,
        limits,
        output,
        onlooker,
        counts: Counts::new(env.read),
        notes: Vec::new(),
        lost: Vec::new(),
        after: None,
        tail: TAIL,
        began: Instant::now(),
        listened: false,
        enough: None,
        head: Head::default(),
        meanwhile: Meanwhile::begin(host),
    };
    let ended = recorder.run(&mut session);
    // Before anything is written: a reader that has stopped must not hold the host changed.
    let undo = session.end()?;
    let ended = match (ended, recorder.tail()) {
        (Ok(Stopped::Limit(_)), Err(e)) => Stopped::Failed(e),
        (Ok(ended), _) => ended,
        (Err(TraceError::Signal(number)), _) => Stopped::Signal(number),
        (Err(TraceError::Output { source, .. }), _)
            if source.kind() == io::ErrorKind::Interrupted =>
        {
            Stopped::Signal(env.signals.came().unwrap_or_default())
        }
        (Err(e), _) => Stopped::Failed(e),
    };
    let unpacked = recorder.output.settle();
    recorder.notes.extend(unpacked);
    Ok(Recorded {
        ended,
        undo,
        listened: recorder.listened,
        counts: recorder.counts,
        lost: recorder.lost,
        notes: recorder.notes,
    })
}

impl Recorder<'_, '_> {
    fn run(&mut self, session: &mut Session<'_>) -> Result<Stopped, TraceError> {
        TraceError::check(self.env.signals)?;
        let mut tracing = Tracing::prepare(session, self.plan)?;
        self.notes.extend_from_slice(tracing.refused_probes());
        let note = tracing.read_pages(self.env.fs, self.host);
        self.notes.extend(note);
        // The top-level buffer may still hold older events.
        tracing.discard(self.env.fs)?;
        // The head says what is left of the tracing, also where that is none.
        let trial = self.trial(session, &mut tracing);
        self.head.lookups = tracing.lookups().map(str::to_owned);
        let begun = self.begin(&tracing, preamble(self.plan, self.host, &tracing));
        if let Some(too_hot) = trial? {
            return Ok(Stopped::TooHot(too_hot));
        }
        begun?;
        tracing.stacks_on(session)?;
        TraceError::check(self.env.signals)?;
        // Not at the moment of the facts: a listing of many routes takes longer than the gap
        // between two drops.
        let policy = policy(self.plan, self.host, When::Before);
        let before = self.output.written;
        self.put(&policy)?;
        self.tail += self.output.written - before;
        tracing.start(session)?;
        let since = tracing.lookups().and_then(|_| tracing.clock(self.env.fs));
        self.put(&lines(since.map(|now| Framing::LookupsSince(now.trace))))?;
        let mut pipe = tracing.pipe(self.env.fs)?;
        let before = self.bracket(pipe.as_mut(), When::Before)?;
        self.put(&before.facts)?;
        self.output.used()?;
        self.began = Instant::now();
        self.listened = true;
        self.onlooker.began();
        let background = self
            .limits
            .background
            .then(|| Background::enter(&self.host.isolated_cpus()));
        let ended = self.listen(session, &mut tracing, pipe.as_mut());
        drop(background);
        self.onlooker.ending();
        let is_whole = ended.as_ref().is_ok_and(Stopped::is_whole);
        if is_whole {
            let after = self.bracket(pipe.as_mut(), When::After)?;
            self.keep(&after.text)?;
            self.after = Some(after.facts).filter(|_| after.exact);
        }
        tracing.stop(session)?;
        // What is in the buffer is kept, but for what came after the facts.
        if self.after.is_none() && (is_whole || matches!(ended, Ok(Stopped::TooHot(_)))) {
            self.rest(pipe.as_mut())?;
        }
        drop(pipe);
        self.lost = tracing.lost(self.env.fs);
        ended
    }

    pub(super) fn failed(&self) -> impl FnOnce(io::Error) -> TraceError {
        TraceError::file(self.env.fs.root().join("trace_pipe"), "read")
    }

    /// Waits until `fd` can be read, a signal comes, or the time is over; true for `fd`.
    pub(super) fn wait(
        &self,
        fd: Option<BorrowedFd<'_>>,
        time: Duration,
    ) -> Result<bool, TraceError> {
        let waited = self.env.signals.wait(fd, PollFlags::IN, time);
        waited.map_err(self.failed())
    }

    /// The same, and it ends as well for what the onlooker waits for.
    fn wait_for_all(&self, fd: Option<BorrowedFd<'_>>, time: Duration) -> Result<bool, TraceError> {
        let fd = fd.map(|fd| (fd, PollFlags::IN));
        let others = self.onlooker.waits_for();
        let waited = self.env.signals.wait_beside(fd, others, time);
        waited.map_err(self.failed())
    }

    fn listen(
        &mut self,
        session: &mut Session<'_>,
        tracing: &mut Tracing,
        pipe: &mut dyn Pipe,
    ) -> Result<Stopped, TraceError> {
        let mut buffer = vec![0; BUFFER];
        let mut guard = Instant::now();
        let mut empty_wakes = 0;
        let mut is_behind = false;
        let mut last_event = Instant::now();
        let (mut stacks_asked, mut drops_then) = (Instant::now(), 0);
        loop {
            if let Some(number) = self.env.signals.came() {
                return Ok(Stopped::Signal(number));
            }
            let idle = last_event.elapsed() >= GUARD;
            let is_polled = pipe.poll_fd().is_none();
            let mut patience = match (is_polled, idle) {
                (true, _) => POLL,
                (false, true) => IDLE_TICK,
                (false, false) => TICK,
            };
            if is_behind {
                patience = Duration::ZERO;
            }
            match self.time_left() {
                Ok(remaining) => patience = patience.min(remaining),
                Err(limit) => return Ok(Stopped::Limit(limit)),
            }
            // Some kernels call an empty pipe readable; then only time wakes.
            let fd = pipe.poll_fd().filter(|_| empty_wakes < 8);
            let ready = self.wait_for_all(fd, patience)?;
            let gathered = self.gather(pipe, &mut buffer)?;
            is_behind = !gathered.is_all;
            let full = match gathered.full {
                None => self.turn(tracing, pipe)?,
                full => full,
            };
            if let Some(limit) = full {
                return Ok(Stopped::Limit(limit));
            }
            let drops = self.counts.drops();
            self.onlooker.turn();
            if self.onlooker.is_over() {
                return Ok(Stopped::Limit(Limit::Onlooker));
            }
            if gathered.any {
                empty_wakes = 0;
                last_event = Instant::now();
                if !is_polled {
                    self.wait(None, GATHER)?;
                }
            } else if ready {
                empty_wakes += 1;
            }
            if guard.elapsed() >= GUARD {
                let passed = guard.elapsed();
                guard = Instant::now();
                let heat = self.watch(tracing, passed);
                if let Break(too_hot) = self.cool(session, tracing, heat)? {
                    return Ok(Stopped::TooHot(too_hot));
                }
                let due = stacks_asked.elapsed() >= STACKS_AGAIN;
                if due && tracing.more_stacks(session, drops - drops_then)? {
                    (stacks_asked, drops_then) = (Instant::now(), drops);
                }
            }
        }
    }

    /// How long it goes on at most; or the limit that ends it now.
    fn time_left(&mut self) -> Result<Duration, Limit> {
        let mut left = Duration::MAX;
        if let Some(duration) = self.limits.duration {
            let rest = duration.checked_sub(self.began.elapsed());
            left = rest.ok_or(Limit::Duration)?;
        }
        let drops = self.counts.drops();
        if self.limits.drops.is_some_and(|most| drops >= most) {
            let since = self.enough.get_or_insert_with(Instant::now);
            let rest = self.limits.after.checked_sub(since.elapsed());
            left = left.min(rest.ok_or(Limit::Drops)?);
        }
        Ok(left)
    }

    /// The guard's look, and the live line.
    fn watch(&mut self, tracing: &Tracing, passed: Duration) -> Heat {
        let recent = self.counts.cpus.values().map(|cpu| cpu.recent_events).sum();
        self.onlooker.look(&Live {
            elapsed: self.began.elapsed(),
            counts: &self.counts,
            rate: per_second(recent, passed),
        });
        let max_rate = self.limits.max_rate;
        let heat = judge(&self.counts, passed, max_rate, tracing.stacks());
        self.counts.clear_recent();
        heat
    }

    /// Writes text of the recording, and shows it to the onlooker.
    pub(super) fn put(&mut self, text: &[u8]) -> Result<(), TraceError> {
        let text = self.output.rewritten(text);
        self.onlooker.took(&text);
        self.output.write(&text)
    }

    /// Writes comment lines, on lines of their own.
    pub(super) fn comment(&mut self, lines: &[u8]) -> Result<(), TraceError> {
        if self.output.is_line_open() {
            self.put(b"\n")?;
        }
        self.put(lines)
    }

    fn bracket(&self, pipe: &mut dyn Pipe, when: When) -> Result<Bracket, TraceError> {
        bracket(pipe, &mut || facts(self.plan, self.host, when)).map_err(self.failed())
    }

    /// Facts and policy after, and losses.
    fn tail(&mut self) -> Result<(), TraceError> {
        let after = self.after.take();
        let mut text = after.unwrap_or_else(|| facts(self.plan, self.host, When::After));
        text.extend(self.meanwhile.told(self.plan, self.host));
        text.extend(pods(self.host));
        let lost = |&(cpu, events): &(u32, u64)| Framing::Lost { cpu, events };
        text.extend(lines(self.lost.iter().map(lost)));
        self.comment(&text)?;
        self.output.sync()
    }
}
