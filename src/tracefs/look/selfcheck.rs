//! Does tracing work here? Proved through `rt6_stats_seq_show`, which runs only when somebody
//! reads `/proc/net/rt6_stats`: filter, tracer, stacks, pipe and parser in one harmless go.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::capture::method::Method;
use crate::kernel::traced::{RT6_STATS_CALLERS, RT6_STATS_SEQ_SHOW};
use crate::os::signals::Signals;
use crate::tracefs::control::is_unused;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{Pipe, TraceFs, drain, read_some, read_text};
use crate::tracefs::look::others::Others;
use crate::tracefs::seen::{ReadLine, Seen};
use crate::tracefs::setup::functions::Traceable;
use crate::tracefs::setup::plan::{Plan, needs_top_level};
use crate::tracefs::setup::probes::Probe;
use crate::tracefs::setup::tracing::Tracing;
use crate::tracefs::undo::journal::StateDir;
use crate::tracefs::undo::session::Session;

/// Frames, the function itself included, that make a stack worth having.
const ENOUGH: usize = 3;
const PATIENCE: Duration = Duration::from_secs(2);
const QUIET: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_millis(20);
const BUFFER_KB: u32 = 64;

/// What tracing happens in.
pub struct Env<'a> {
    /// tracefs.
    pub fs: &'a dyn TraceFs,
    /// Where the undo journal is kept.
    pub state: &'a StateDir,
    /// What may end it early.
    pub signals: &'a Signals,
    /// Reads `/proc/net/rt6_stats`.
    pub trigger: &'a dyn Fn() -> io::Result<()>,
    /// Reads a line of trace text.
    pub read: ReadLine,
}

/// What the self-check saw of one method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The method.
    pub(crate) method: Method,
    /// True where the function's entry was seen.
    pub entry: bool,
    /// The names of the frames of its stack, from the function on.
    pub frames: Vec<String>,
    /// Why it could not be tried.
    pub(crate) error: Option<String>,
}

impl Tried {
    fn failed(method: Method, error: String) -> Tried {
        Tried {
            method,
            entry: false,
            frames: Vec::new(),
            error: Some(error),
        }
    }

    /// True where entry and frames were seen.
    #[must_use]
    pub(crate) fn works(&self) -> bool {
        self.error.is_none() && self.entry && self.frames.len() >= ENOUGH
    }

    /// The finding in words.
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.error, self.frames.len()) {
            (Some(error), _) => error.clone(),
            _ if !self.entry => "the function ran and no entry was seen".to_owned(),
            (None, 0) => "entry seen, its stack is empty".to_owned(),
            (None, n) if n < ENOUGH => format!("entry seen, its stack stops after {n} frames"),
            (None, n) => format!("entry and {n} frames seen"),
        }
    }
}

/// Whether `text` shows an entry of [`RT6_STATS_SEQ_SHOW`], and the frames of its longest stack.
fn examine(text: &[u8], read: ReadLine) -> (bool, Vec<String>) {
    let mut entry = false;
    let mut best: Vec<String> = Vec::new();
    let mut now: Option<Vec<String>> = None;
    let close = |now: &mut Option<Vec<String>>, best: &mut Vec<String>| {
        if let Some(frames) = now.take() {
            // Frames in front of the function are of the tracer's own trampoline.
            if let Some(at) = frames.iter().position(|name| name == RT6_STATS_SEQ_SHOW)
                && frames.len() - at > best.len()
            {
                *best = frames[at..].to_vec();
            }
        }
    };
    for text in text.split(|&b| b == b'\n') {
        match read(text) {
            Seen::Stack => {
                close(&mut now, &mut best);
                now = Some(Vec::new());
            }
            Seen::Frame(name) => {
                if let Some(frames) = &mut now {
                    frames.push(String::from_utf8_lossy(name).into_owned());
                }
            }
            Seen::Event { name, .. } => {
                close(&mut now, &mut best);
                entry |= name == RT6_STATS_SEQ_SHOW.as_bytes();
            }
            Seen::Lost { .. } | Seen::Other => {}
        }
    }
    close(&mut now, &mut best);
    (entry, best)
}

/// Reads until entry and stack are there, or nothing more comes.
fn listen(pipe: &mut dyn Pipe, env: &Env<'_>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    let began = Instant::now();
    let mut last = began;
    loop {
        if let Some(n) = read_some(pipe, &mut buffer)? {
            text.extend_from_slice(&buffer[..n]);
            last = Instant::now();
            continue;
        }
        let patience = if text.is_empty() { PATIENCE } else { QUIET };
        let enough = examine(&text, env.read).1.len() >= ENOUGH;
        if enough || last.elapsed() >= patience || env.signals.came().is_some() {
            return Ok(text);
        }
        env.signals.wait(None, PollFlags::IN, TICK)?;
    }
}

/// The plan of a self-check: the function `show` (its name in this kernel), and a return probe on
/// `caller` where one is given.
pub(crate) fn plan(method: Method, top_level: bool, show: &[String], caller: Option<&str>) -> Plan {
    Plan {
        method,
        functions: vec![Traceable {
            name: RT6_STATS_SEQ_SHOW.to_owned(),
            real: show.to_vec(),
            stack: true,
        }],
        probes: caller
            .map(|function| Probe {
                name: "ret".to_owned(),
                function: function.to_owned(),
                on_return: true,
                fetch: "".into(),
            })
            .into_iter()
            .collect(),
        naming: None,
        probes_optional: false,
        buffer_kb: BUFFER_KB,
        cpus: None,
        top_level,
    }
}

fn set_up(session: &mut Session<'_>, plan: &Plan) -> Result<Tracing, TraceError> {
    let tracing = Tracing::prepare(session, plan)?;
    tracing.discard(session.fs())?;
    tracing.stacks_on(session)?;
    tracing.start(session)?;
    Ok(tracing)
}

/// All steps of a self-check, without anything that would be seen.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn unheard(session: &mut Session<'_>, plan: &Plan) -> Result<(), TraceError> {
    set_up(session, plan)?.stop(session)
}

fn run(env: &Env<'_>, session: &mut Session<'_>, plan: &Plan) -> Result<Vec<u8>, TraceError> {
    let heard = || TraceError::file(env.fs.root().join("trace_pipe"), "read");
    let tracing = set_up(session, plan)?;
    let mut pipe = tracing.pipe(env.fs)?;
    (env.trigger)().map_err(TraceError::file("/proc/net/rt6_stats", "read"))?;
    let text = listen(pipe.as_mut(), env).map_err(heard())?;
    tracing.stop(session)?;
    drain(pipe.as_mut()).map_err(heard())?;
    Ok(text)
}

/// Tries a method by such a plan. Everything is put back before it answers; what is to be said of
/// that goes to `notes`.
///
/// # Errors
/// [`TraceError::Journal`], [`TraceError::Signal`], and [`TraceError::Left`] where something
/// could not be put back. What the kernel refuses is a finding, not an error.
fn try_method(env: &Env<'_>, plan: &Plan, notes: &mut Vec<String>) -> Result<Tried, TraceError> {
    TraceError::check(env.signals)?;
    let method = plan.method;
    let mut session = Session::begin(env.fs, env.state)?;
    let seen = run(env, &mut session, plan);
    let undo = session.end()?;
    undo.check()?;
    notes.extend(undo.notes);
    TraceError::check(env.signals)?;
    match seen {
        Ok(text) => {
            let (entry, frames) = examine(&text, env.read);
            Ok(Tried {
                method,
                entry,
                frames,
                error: None,
            })
        }
        Err(e @ TraceError::Journal { .. }) => Err(e),
        Err(e) => Ok(Tried::failed(method, e.to_string())),
    }
}

/// The outcome of the self-check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The method to use, where one works.
    pub method: Option<Method>,
    /// True where it has to use the top-level buffer.
    pub top_level: bool,
    /// What was tried, in order.
    pub tried: Vec<Tried>,
    /// Whether stacks keep their frames beside a return probe; `None` where it is not known.
    pub return_probes_keep_frames: Option<bool>,
    /// Things the user should know of what was put back.
    pub notes: Vec<String>,
}

/// Whether a method has to use the top-level buffer, or why it is not tried.
fn may_try(
    fs: &dyn TraceFs,
    method: Method,
    show: &[String],
    others: &Others,
    force: bool,
) -> Result<bool, String> {
    // What could not be undone is not done: not even with --force.
    let idle = others.pins("nop");
    let busy = match method {
        Method::Kprobe => None,
        _ => idle.clone().or_else(|| others.pins("function")),
    };
    let top_level = idle.is_some() || needs_top_level(method, fs);
    let held = others.holds_top_level().filter(|_| top_level && !force);
    match (busy, held) {
        (Some(why), _) => Err(why),
        (_, Some(who)) => Err(format!(
            "the top-level buffer is in use ({who}); left alone without --force"
        )),
        _ if show.is_empty() => Err(format!(
            "{RT6_STATS_SEQ_SHOW} cannot be traced on this kernel"
        )),
        _ => Ok(top_level),
    }
}

/// What the self-check would choose if the first method that it may try works, return probes and
/// all.
#[must_use]
pub(crate) fn first(
    fs: &dyn TraceFs,
    asked: Option<Method>,
    show: &[String],
    others: &Others,
    force: bool,
) -> Choice {
    let mut choice = Choice::default();
    for method in Method::ALL {
        if asked.is_some_and(|asked| asked != method) {
            continue;
        }
        match may_try(fs, method, show, others, force) {
            Ok(top_level) => {
                choice.method = Some(method);
                choice.top_level = top_level;
                choice.return_probes_keep_frames = Some(true);
                break;
            }
            Err(why) => choice.tried.push(Tried::failed(method, why)),
        }
    }
    choice
}

/// Tries the methods in order, or only `asked`, until one shows entry and frames.
/// What `others` holds of the top-level buffer is left alone without `force`;
/// `return_probe` asks whether return probes cost frames, too.
///
/// # Errors
/// As for one method: [`TraceError::Journal`], [`TraceError::Signal`], [`TraceError::Left`].
pub fn choose(
    env: &Env<'_>,
    asked: Option<Method>,
    show: &[String],
    others: &Others,
    force: bool,
    return_probe: bool,
) -> Result<Choice, TraceError> {
    let mut choice = Choice::default();
    let size = || read_text(env.fs, "buffer_size_kb").unwrap_or_default();
    let before = size();
    for method in Method::ALL {
        if asked.is_some_and(|asked| asked != method) {
            continue;
        }
        let (tried, top_level) = match may_try(env.fs, method, show, others, force) {
            Ok(top_level) => {
                let plan = plan(method, top_level, show, None);
                (try_method(env, &plan, &mut choice.notes)?, top_level)
            }
            Err(why) => (Tried::failed(method, why), false),
        };
        let works = tried.works();
        choice.tried.push(tried);
        if works {
            choice.method = Some(method);
            choice.top_level = top_level;
            break;
        }
    }
    if let (Some(method), Some(tried)) = (choice.method, choice.tried.last())
        && return_probe
        && env.fs.exists("kprobe_events")
    {
        let caller = RT6_STATS_CALLERS
            .iter()
            .find(|name| tried.frames.iter().any(|frame| frame == *name));
        if let Some(caller) = caller {
            let without = tried.frames.len();
            let plan = plan(method, choice.top_level, show, Some(caller));
            let with = try_method(env, &plan, &mut choice.notes)?;
            if with.error.is_none() {
                let kept = with.works() && with.frames.len() >= without;
                choice.return_probes_keep_frames = Some(kept);
            }
        }
    }
    let after = size();
    if is_unused(&before) && !is_unused(&after) {
        choice.notes.push(format!(
            "this was the first use of the tracer since boot: buffer_size_kb holds {after}, the nearest to {before} that there is without a boot; the next user of the top-level buffer should set it"
        ));
    }
    Ok(choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::seen::seen;

    #[test]
    fn entry_and_frames_are_told_apart() {
        let entry =
            "             cat-771   [000] ....     9.359255: rt6_stats_seq_show <-seq_read\n";
        let mark = "             cat-771   [000] ....     9.359962: <stack trace>\n";
        let frames = " => ftrace_call\n => rt6_stats_seq_show\n => seq_read\n => proc_reg_read\n";
        assert_eq!(
            examine(format!("{entry}{mark}").as_bytes(), seen),
            (true, vec![])
        );
        let (entered, names) = examine(format!("{entry}{mark}{frames}").as_bytes(), seen);
        assert!(entered);
        assert_eq!(names, ["rt6_stats_seq_show", "seq_read", "proc_reg_read"]);
        let other = " => vfs_read\n => ksys_read\n => do_syscall_64\n";
        let (_, names) = examine(format!("{entry}{mark}{other}").as_bytes(), seen);
        assert!(names.is_empty(), "another function's stack proves nothing");
    }
}
