//! What `record` and `diagnose` share: choosing how to trace, recording, and telling how it went.

use std::io::{IsTerminal, Write};

use crate::capture::method::Method;
use crate::cli::tracing::{CaptureArgs, Probes, Roots};
use crate::commands::finds::{ByTracing, Finds};
use crate::commands::live::{self, Ready};
use crate::commands::naming::naming;
use crate::commands::seen::seen;
use crate::exit::Exit;
use crate::host::Host;
use crate::kernel::functions::Function;
use crate::kernel::traced::{TRACED, Traced};
use crate::os::signals::Signals;
use crate::report::packet_filter::PacketFilter;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::TraceFs;
use crate::tracefs::look::preflight::Preflight;
use crate::tracefs::look::selfcheck::{Choice, Env};
use crate::tracefs::record::onlooker::{Live, Onlooker};
use crate::tracefs::record::output::Output;
use crate::tracefs::record::recorder::record;
use crate::tracefs::record::recording::{Busy, Limit, Limits, Recorded, Stopped};
use crate::tracefs::setup::functions::{Available, Traceable};
use crate::tracefs::setup::plan::{Naming, Plan};
use crate::tracefs::setup::probes::Probe;
use crate::tracefs::undo::session::Session;

/// The functions to trace, with stacks where they are wanted.
fn functions(available: &Available, wanted: &[Traced], extra: &[String]) -> Vec<Traceable> {
    let wanted = wanted.iter().map(|traced| (traced.name(), traced.stack));
    let extra = extra.iter().map(|name| (name.as_str(), false));
    let mut functions: Vec<Traceable> = Vec::new();
    for (name, stack) in wanted.chain(extra) {
        if let Some(function) = available.function(name, stack)
            && !functions.iter().any(|f| f.name == function.name)
        {
            functions.push(function);
        }
    }
    functions
}

/// Probes on entry and return of the collector of the route cache.
fn gc_probes(preflight: &Preflight, entry: bool, exit: bool) -> Vec<Probe> {
    let Some(gc) = preflight.available.real(Function::DstGc.name()).first() else {
        return Vec::new();
    };
    let entry = entry.then(|| Probe::gc_enter(gc)).flatten();
    // What cannot refuse returns nothing, and a probe that is refused leaves its trace in error_log.
    let exit = (exit && preflight.may_refuse).then(|| Probe::gc_exit(gc));
    entry.into_iter().chain(exit).collect()
}

/// The plan where lookups say what became of each packet: neither the entries of other functions
/// nor a self-check of stacks is needed.
fn plan_of_names(args: &CaptureArgs, preflight: &Preflight, naming: Naming) -> Plan {
    let is_auto = args.probes == Probes::Auto;
    let full = args.probes == Probes::Full;
    // Of a packet that netfilter drops its lookup alone tells neither whether it was refused nor
    // in which namespace.
    let exit = full || (is_auto && naming.netfilter.is_some() && preflight.may_refuse);
    let entry = exit || args.probes == Probes::Entry;
    let mut functions = functions(&preflight.available, &TRACED[..1], &args.functions);
    if naming.narrowing.is_some() {
        // Stacks would be of any packet.
        functions.iter_mut().for_each(|f| f.stack = false);
    }
    Plan {
        method: Method::Instance,
        functions,
        probes: gc_probes(preflight, entry, exit),
        naming: Some(naming),
        probes_optional: is_auto,
        buffer_kb: preflight.buffer_kb(args.buffer_kb),
        cpus: args.cpu.clone(),
        top_level: false,
    }
}

/// The plan for what the self-check chose.
fn plan(
    args: &CaptureArgs,
    preflight: &Preflight,
    choice: &Choice,
    naming: Option<Naming>,
) -> Result<Plan, TraceError> {
    let method = choice.method.ok_or_else(|| live::no_method(choice))?;
    let full = match args.probes {
        Probes::None | Probes::Entry => false,
        Probes::Full => true,
        Probes::Auto => choice.return_probes_keep_frames == Some(true),
    };
    let is_wanted =
        args.probes != Probes::None && (preflight.kprobe_events || args.probes != Probes::Auto);
    Ok(Plan {
        method,
        functions: functions(&preflight.available, &TRACED, &args.functions),
        probes: gc_probes(preflight, is_wanted, is_wanted && full),
        // The other methods may put stacks on every event.
        naming: naming.filter(|_| method == Method::Instance && !choice.top_level),
        probes_optional: args.probes == Probes::Auto,
        buffer_kb: preflight.buffer_kb(args.buffer_kb),
        cpus: args.cpu.clone(),
        top_level: choice.top_level,
    })
}

/// How to trace, by what tracing has found out.
///
/// # Errors
/// What is in the way of it.
pub(crate) fn choose_plan(
    (args, packets): (&CaptureArgs, &PacketFilter),
    (fs, host): (&dyn TraceFs, &Host),
    preflight: &Preflight,
    finds: &mut dyn Finds,
    err: &mut dyn Write,
) -> Result<Plan, TraceError> {
    if let (Some(cpus), Some(present)) = (&args.cpu, host.present_cpus())
        && let Some(cpu) = cpus.difference(&present).next()
    {
        return Err(TraceError::untraceable(
            format!("there is no CPU {cpu}"),
            "/sys/devices/system/cpu/present has those that there are",
        ));
    }
    let kib = preflight.buffer_kb(args.buffer_kb);
    if kib < args.buffer_kb {
        let _ = writeln!(
            err,
            "ip6drop: buffers have {kib} KiB for each CPU, not {}: all take together no more than 1 GiB and a quarter of the free memory",
            args.buffer_kb
        );
    }
    match naming((args, packets), (fs, host, preflight), finds, err)? {
        Some(naming) if naming.decides() => Ok(plan_of_names(args, preflight, naming)),
        naming => {
            let choice = finds.choice(args.probes == Probes::Auto, err)?;
            plan(args, preflight, &choice, naming)
        }
    }
}

/// Chooses a method by the self-check, opens the output, records into it, and puts everything
/// back.
///
/// # Errors
/// What is in the way of tracing or of the output; later failures are in the recording.
pub(crate) fn capture(
    args: &CaptureArgs,
    roots: &Roots,
    (limits, packets): (&Limits, &PacketFilter),
    signals: &Signals,
    open: impl FnOnce() -> Result<Output, TraceError>,
    onlooker: &mut dyn Onlooker,
    err: &mut dyn Write,
) -> Result<Recorded, TraceError> {
    let ready = live::ready(roots, &args.functions, err)?;
    ready.preflight.check()?;
    let host = roots.host();
    for missing in host.missing_privileges() {
        let _ = writeln!(err, "ip6drop: {missing}");
    }
    let trigger = || host.touch_rt6_stats();
    let Ready {
        fs,
        state,
        preflight,
    } = &ready;
    let env = Env {
        fs,
        state,
        signals,
        trigger: &trigger,
        read: seen,
    };
    let mut finds = ByTracing {
        env: &env,
        host: &host,
        how: &args.how,
        preflight,
        buffer_kb: preflight.buffer_kb(args.buffer_kb),
        session: None,
    };
    let plan = choose_plan((args, packets), (fs, &host), preflight, &mut finds, err);
    let ready = plan.and_then(|plan| Ok((plan, open()?)));
    let (plan, mut output, session) = match (ready, finds.session) {
        (Ok((plan, output)), Some(session)) => (plan, output, session),
        (Ok((plan, output)), None) => (plan, output, Session::begin(fs, state)?),
        (Err(error), session) => {
            // What cannot be put back outweighs why nothing is recorded.
            session.map_or(Ok(()), |session| session.end()?.check())?;
            return Err(error);
        }
    };
    record((&env, session), &host, &plan, limits, &mut output, onlooker)
}

/// The line on a terminal while a recording runs.
pub(crate) struct LiveLine {
    shown: bool,
}

impl LiveLine {
    /// A line that is shown only where standard error is a terminal and `wanted`.
    #[must_use]
    pub(crate) fn new(wanted: bool) -> Self {
        LiveLine {
            shown: wanted && std::io::stderr().is_terminal(),
        }
    }

    /// Writes it anew. A terminal that is gone is no reason to stop.
    pub(crate) fn show(&self, live: &Live<'_>) {
        if self.shown {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r{live}\x1b[K");
            let _ = err.flush();
        }
    }

    /// Takes it away.
    pub(crate) fn clear(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Says how a recording went, and how the command ends for it: [`Exit::Clean`] where a limit
/// ended it. State left behind outweighs every other end.
pub(crate) fn tell(max_rate: u64, recorded: &Recorded, err: &mut dyn Write) -> Exit {
    let mut say = |text: &str| {
        let _ = writeln!(err, "ip6drop: {text}");
    };
    for note in &recorded.notes {
        say(note);
    }
    for line in recorded.undo.lines() {
        say(&line);
    }
    let lost: u64 = recorded.lost.iter().map(|(_, lost)| lost).sum();
    if lost > 0 {
        say(&format!(
            "{lost} events were lost; a larger --buffer-kb loses fewer"
        ));
    }
    let exit = match &recorded.ended {
        Stopped::Limit(limit) => {
            if *limit == Limit::Size {
                say("stopped before the capture grew beyond --max-size");
            }
            Exit::Clean
        }
        Stopped::Signal(number) => Exit::Signal(*number),
        Stopped::TooHot(Busy { cpu, rate, most }) => {
            let most = most.as_ref();
            let most = most.map_or(String::new(), |name| format!(", most of them {name}"));
            say(&format!(
                "stopped: CPU {cpu} saw {rate} events/s{most}: more than ten times --max-rate {max_rate}; everything was put back; trace fewer functions or raise --max-rate"
            ));
            Exit::CannotTrace
        }
        Stopped::Failed(e) => {
            say(&e.to_string());
            e.exit()
        }
    };
    if recorded.undo.complete() {
        exit
    } else {
        Exit::NotRestored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracefs::record::counts::Counts;
    use crate::tracefs::undo::change::Change;
    use crate::tracefs::undo::replay::{LeftBehind, Undo};

    fn recorded(ended: Stopped) -> Recorded {
        Recorded {
            ended,
            undo: Undo::default(),
            listened: true,
            counts: Counts::new(seen),
            lost: vec![(0, 3)],
            notes: Vec::new(),
        }
    }

    #[test]
    fn state_left_behind_outweighs_every_other_end() {
        let mut said = Vec::new();
        let mut run = recorded(Stopped::Signal(2));
        assert_eq!(tell(2000, &run, &mut said), Exit::Signal(2));
        assert_eq!(
            tell(2000, &recorded(Stopped::Limit(Limit::Size)), &mut said),
            Exit::Clean
        );
        run.undo.left.push(LeftBehind {
            change: Change::Instance {
                dir: "instances/x".to_owned(),
            },
            why: "busy".to_owned(),
            mend: "rmdir /t/instances/x".to_owned(),
        });
        said.clear();
        assert_eq!(tell(2000, &run, &mut said), Exit::NotRestored);
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("instances/x removed (busy); mend it with: rmdir /t/instances/x"));
        assert!(said.contains("3 events were lost"));
    }
}
