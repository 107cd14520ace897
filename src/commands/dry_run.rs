//! `--dry-run`: each write that a recording would make, in order, and what undoes it.

use std::io::{self, Write};
use std::path::Path;

use crate::cli::tracing::{CaptureArgs, Probes};
use crate::commands::capture::choose_plan;
use crate::commands::finds::Finds;
use crate::commands::live;
use crate::commands::seen::seen;
use crate::exit::Exit;
use crate::kernel::traced::RT6_STATS_SEQ_SHOW;
use crate::report::packet_filter::PacketFilter;
use crate::text::shown;
use crate::tracefs::calibrate::calibration::{Calibrated, GC_THRESH, arguments, rehearse};
use crate::tracefs::control::{GROUP, INSTANCE};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{RealFs, TraceFs};
use crate::tracefs::look::preflight::{Preflight, check_root};
use crate::tracefs::look::selfcheck::{Choice, Env, first};
use crate::tracefs::rehearse::listing;
use crate::tracefs::rehearse::rehearsal::Stage;
use crate::tracefs::setup::plan::Plan;
use crate::tracefs::undo::journal::is_stale;
use crate::tracefs::undo::session::Session;

/// What tracing would find out, taken for granted.
struct Assumed<'a> {
    args: &'a CaptureArgs,
    fs: &'a dyn TraceFs,
    preflight: &'a Preflight,
    /// What was taken for granted.
    named: Option<[&'static str; 3]>,
    choice: Option<Choice>,
}

impl Finds for Assumed<'_> {
    fn identity(&mut self) -> Result<Result<Calibrated, String>, TraceError> {
        let found = live::nameable(self.preflight).and_then(|(function, _)| {
            let arguments = arguments(self.fs)?;
            self.named = Some(arguments);
            Ok(Calibrated::named(function, arguments))
        });
        Ok(found)
    }

    fn choice(&mut self, _return_probe: bool, _err: &mut dyn Write) -> Result<Choice, TraceError> {
        let choice = first(
            self.fs,
            self.args.how.method.asked(),
            self.preflight.available.real(RT6_STATS_SEQ_SHOW),
            &self.preflight.others,
            self.args.how.force,
        );
        self.choice = Some(choice.clone());
        Ok(choice)
    }
}

/// The text in the making.
struct Page<'a> {
    root: &'a Path,
    fs: &'a dyn TraceFs,
    lines: Vec<String>,
}

/// Columns of a paragraph.
const WIDTH: usize = 100;

impl Page<'_> {
    /// Words as comment lines.
    fn say(&mut self, text: &str) {
        let mut line = "#".to_owned();
        for word in text.split_whitespace() {
            if line.len() + word.len() >= WIDTH {
                self.lines.push(line);
                line = "#".to_owned();
            }
            line.push(' ');
            line.push_str(word);
        }
        self.lines.push(line);
    }

    /// A heading with an empty line in front.
    fn head(&mut self, text: &str) {
        self.lines.push(String::new());
        self.say(text);
    }

    /// A line each write, and under it what undoes it.
    fn list<'w>(&mut self, writes: impl IntoIterator<Item = &'w listing::Write>) {
        for write in writes {
            let mut line = write.shell(self.root);
            if !write.is_undo && write.changes.is_empty() && write.path.starts_with("instances/") {
                line.push_str("  # goes away with the instance");
            }
            self.lines.push(line);
            for change in &write.changes {
                self.lines
                    .push(format!("    # undo: {}", change.mend(self.fs)));
            }
        }
    }

    /// Writes, and what of them comes at the end to put everything back.
    fn list_all(&mut self, writes: &[listing::Write], end: &str) {
        self.list(writes.iter().filter(|write| !write.is_undo));
        self.head(end);
        self.list(writes.iter().filter(|write| write.is_undo));
    }

    /// The text, with PID in place of the number of this process.
    fn text(&self) -> String {
        let pid = std::process::id();
        let mut text = self.lines.join("\n");
        text.push('\n');
        for name in [INSTANCE, GROUP] {
            text = text.replace(&format!("{name}{pid}"), &format!("{name}PID"));
        }
        text
    }
}

fn say_first(page: &mut Page<'_>, args: &CaptureArgs, (command, place): (&str, &str)) {
    let state = shown(&args.roots.state_dir);
    page.say(&format!(
        "ip6drop {command} --dry-run: nothing was written. These are the writes that ip6drop {command} would make on this host as it is now, in this order."
    ));
    page.say("");
    page.say(&format!(
        "PID stands for the number of its process. Before each change its undo is on disk in {state}/journal, beside {state}/lock; the end of the run, whatever it is, takes all of it back in reverse order and removes the journal. After a kill -9 ip6drop restore does that, or the next run. What somebody else changes meanwhile is left alone. The capture goes to {place}."
    ));
    if is_stale(&args.roots.state_dir) {
        page.say("");
        page.say("A run that was killed left tracing state behind: ip6drop would put that back first, as ip6drop restore does, and what is listed here may then be less.");
    }
}

fn say_calibration(page: &mut Page<'_>, writes: &[listing::Write]) {
    page.head(&format!(
        "Where this kernel keeps the words of a packet cannot be known without tracing. So at first a thread makes a network namespace of its own (unshare; it ends with the thread, and nobody else is in it), sets its net.ipv6.route.gc_thresh to {GC_THRESH}, raises its lo, and sends six UDP packets of its own over that, two in each of three rounds. They are seen by the probes below, for the threads TID that send alone. What one round finds, the probes of the next fetch: ... stands for words that are not known before. Offsets that are found stand here and in the recording by the names DATA, DEV, NAME, SKB_IIF, SKB_REFDST and DST_OPS; words that are not found are left out. After each round its probes are off, and stay so until the end. If the packets are not seen all of this is undone, packets are not named, and function entries are traced (see --identity off)."
    ));
    page.list(writes.iter().filter(|write| !write.is_undo));
    if writes.iter().any(|write| write.is_undo) {
        page.head("That is put back before anything else is done:");
        page.list(writes.iter().filter(|write| write.is_undo));
    }
}

fn say_self_check(
    page: &mut Page<'_>,
    stage: &Stage<'_>,
    choice: &Choice,
    args: &CaptureArgs,
    preflight: &Preflight,
) -> Result<(), TraceError> {
    let Some(method) = choice.method else {
        return Ok(());
    };
    let returns = if args.probes == Probes::Auto {
        " The same is done once more with a return probe on its caller (event ret of the same group as below); where that costs frames, gc_exit below is left out."
    } else {
        ""
    };
    let what = method.name();
    page.head(&format!(
        "Which method of tracing works cannot be known without tracing. A self-check traces {RT6_STATS_SEQ_SHOW} while it reads /proc/net/rt6_stats, for a moment with each method in turn until one shows an entry and its stack. The first is {what}, and if it does not work others are tried and used.{returns} It writes:"
    ));
    let show = preflight.available.real(RT6_STATS_SEQ_SHOW);
    let writes = stage.self_check(method, choice.top_level, show)?;
    page.list_all(&writes, "The self-check puts back:");
    Ok(())
}

fn say_running(page: &mut Page<'_>, args: &CaptureArgs, plan: &Plan, writes: &[listing::Write]) {
    let rate = args.max_rate;
    let decides = if plan.decides() {
        " Stacks are taken of a number of drops: at most every ten seconds they are taken off and put on again, by the same two lines in set_ftrace_filter. Where a CPU sees more events than --max-rate, the filter of fib6_table_lookup becomes a narrower one."
    } else {
        " Where a CPU sees more events than --max-rate, stacks are taken off the function that was entered most, by its line in set_ftrace_filter with ! in front, or by the same option with 0."
    };
    let is_private = writes
        .iter()
        .any(|write| write.path.starts_with("instances/"));
    let top_level = if is_private {
        ""
    } else {
        " The top-level buffer is read by its trace_pipe: what waits in it unread is gone afterwards."
    };
    page.head(&format!(
        "The recording: what it sets up, then events on and off for a moment to count them (--max-rate {rate}), then the recording itself until tracing_on is 0.{decides}{top_level}"
    ));
}

/// Everything that would be written.
fn text(
    (args, packets): (&CaptureArgs, &PacketFilter),
    names: (&str, &str),
    (fs, preflight): (&RealFs, &Preflight),
    err: &mut dyn Write,
) -> Result<String, TraceError> {
    preflight.check()?;
    let (signals, host) = (live::signals()?, args.roots.host());
    let mut assumed = Assumed {
        args,
        fs,
        preflight,
        named: None,
        choice: None,
    };
    let plan = choose_plan((args, packets), (fs, &host), preflight, &mut assumed, err)?;
    let stage = Stage {
        fs,
        host: &host,
        signals: &signals,
        read: seen,
    };
    let mut page = Page {
        root: fs.root(),
        fs,
        lines: Vec::new(),
    };
    say_first(&mut page, args, names);
    let names = assumed.named.zip(live::nameable(preflight).ok());
    let calibration = |env: &Env<'_>, session: &mut Session<'_>| match names {
        Some((arguments, functions)) => {
            let kib = preflight.buffer_kb(args.buffer_kb);
            rehearse(env, session, functions, arguments, kib)
        }
        None => Ok(()),
    };
    let (found, writes) = match &assumed.choice {
        None => stage.recording_after(&plan, calibration)?,
        // Whatever needs a self-check is recorded in a session of its own.
        Some(_) => (stage.apart(calibration)?, stage.recording(&plan)?),
    };
    if !found.is_empty() {
        say_calibration(&mut page, &found);
    }
    if let Some(choice) = &assumed.choice {
        say_self_check(&mut page, &stage, choice, args, preflight)?;
    }
    say_running(&mut page, args, &plan, &writes);
    let end = "At the end, whatever it is, these put everything back:";
    page.list_all(&writes, end);
    Ok(page.text())
}

/// Prints it.
///
/// # Errors
/// What would be in the way of tracing, and what the output answers.
pub(crate) fn run(
    wanted: (&CaptureArgs, &PacketFilter),
    names: (&str, &str),
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    check_root()?;
    let (args, _) = wanted;
    let (fs, preflight) = live::look(&args.roots, &args.functions).map_err(|error| {
        if !args.how.mount {
            return error;
        }
        TraceError::untraceable(
            "tracefs is not mounted, and --dry-run does not mount it",
            "mount it: mount -t tracefs tracefs /sys/kernel/tracing",
        )
    })?;
    let text = text(wanted, names, (&fs, &preflight), err)?;
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(TraceError::Output {
            path: "standard output".into(),
            source,
            advice: "",
        }),
        _ => Ok(Exit::Clean),
    }
}
