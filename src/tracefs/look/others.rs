//! Who else uses the tracer.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::host::Host;
use crate::kernel::release::version;
use crate::text::Untrusted;
use crate::tracefs::control::{GROUP, INSTANCE, buffer_stats, filter_functions, stat, value_of};
use crate::tracefs::files::{TraceFs, read_text};

/// What somebody else has set up in the top-level buffer, and who holds files of tracefs open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Others {
    /// The tracer, where one is on.
    pub tracer: Option<Untrusted>,
    /// Functions in the filter.
    pub filter: usize,
    /// Events switched on.
    pub events: usize,
    /// kprobe events defined by others.
    pub probes: usize,
    /// Events that wait in the buffer, unread.
    pub unread: u64,
    /// True where only some processes are traced.
    pub by_pid: bool,
    /// True where `tracing_on` is 0.
    pub stopped: bool,
    /// Other instances.
    pub instances: Vec<Untrusted>,
    /// Tracers that a pipe held open by somebody else keeps busy in every buffer: a buffer
    /// with one of them can neither change its tracer nor be removed.
    pub pinned: BTreeSet<String>,
    /// Processes with files of tracefs open: pid, comm, file.
    pub users: Vec<(u32, Untrusted, Untrusted)>,
}

impl Others {
    /// Looks without changing anything. What cannot be read counts as unused.
    #[must_use]
    pub(crate) fn look(fs: &dyn TraceFs, host: &Host) -> Others {
        let text = |path: &str| read_text(fs, path).unwrap_or_default();
        let tracer = text("current_tracer");
        let mut instances = fs.list("instances").unwrap_or_default();
        instances.retain(|name| !name.starts_with(INSTANCE));
        let users = host.users_of(fs.root());
        let pinned = if readers_pin_tracers(host) {
            users
                .iter()
                .filter_map(|(_, _, file)| tracer_of_pipe(fs, file.raw()))
                .collect()
        } else {
            BTreeSet::new()
        };
        Others {
            tracer: (!tracer.is_empty() && tracer != "nop").then(|| tracer.into()),
            filter: filter_functions(&text("set_ftrace_filter")).len(),
            events: text("set_event").lines().count(),
            probes: text("kprobe_events")
                .lines()
                .filter(|line| !line.contains(&format!(":{GROUP}")))
                .count(),
            unread: buffer_stats(fs, "")
                .map(|(_, stats)| stat(&stats, "entries"))
                .sum(),
            by_pid: ["set_ftrace_pid", "set_event_pid"]
                .iter()
                .any(|file| !value_of(file, &text(file)).is_empty()),
            stopped: text("tracing_on") == "0",
            instances: instances.into_iter().map(Untrusted::from).collect(),
            pinned,
            users,
        }
    }

    /// Why the top-level buffer is somebody else's; `None` where it is free.
    #[must_use]
    pub fn holds_top_level(&self) -> Option<String> {
        let mut why = Vec::new();
        if let Some(tracer) = &self.tracer {
            why.push(format!("tracer {tracer} is on"));
        }
        if self.filter > 0 {
            why.push(format!("{} functions are in the filter", self.filter));
        }
        if self.events > 0 {
            why.push(format!("{} events are on", self.events));
        }
        if self.by_pid {
            why.push("a process filter is set".to_owned());
        }
        if self.unread > 0 {
            why.push(format!("{} unread events are in the buffer", self.unread));
        }
        if why.is_empty() {
            return None;
        }
        if !self.users.is_empty() {
            why.push(format!("open in {}", self.who()));
        }
        Some(why.join(", "))
    }

    /// Why a buffer with tracer `tracer` could not be put back; `None` where it could.
    #[must_use]
    pub(crate) fn pins(&self, tracer: &str) -> Option<String> {
        self.pinned.contains(tracer).then(|| {
            format!(
                "somebody reads events with the tracer {tracer} ({}): before kernel 5.9 that keeps every buffer with this tracer busy, so tracing could not be put back",
                self.who()
            )
        })
    }

    /// The processes that use tracefs, for people.
    #[must_use]
    pub(crate) fn who(&self) -> String {
        let mut named = BTreeSet::new();
        let users: Vec<String> = self
            .users
            .iter()
            .filter(|(pid, _, _)| named.insert(*pid))
            .map(|(pid, comm, file)| format!("{comm} (pid {pid}, {file})"))
            .collect();
        users.join(", ")
    }
}

/// True where an open `trace_pipe` keeps every buffer with the same tracer busy, not only its
/// own: so it was before 5.9, which counts readers for each buffer. An unknown kernel counts as
/// one of these.
fn readers_pin_tracers(host: &Host) -> bool {
    let version = host.release().ok().and_then(|r| version(r.release.raw()));
    version.is_none_or(|(major, minor, _)| (major, minor) < (5, 9))
}

/// The tracer of the buffer whose pipe `file` is; `None` where it is no pipe.
fn tracer_of_pipe(fs: &dyn TraceFs, file: &str) -> Option<String> {
    let (dir, name) = file.rsplit_once('/').unwrap_or(("", file));
    if !matches!(name, "trace_pipe" | "trace_pipe_raw") {
        return None;
    }
    // `instances/NAME/per_cpu/cpu0` belongs to `instances/NAME`.
    let dir = match dir.find("per_cpu") {
        Some(at) => &dir[..at],
        None if dir.is_empty() => "",
        None => &format!("{dir}/"),
    };
    read_text(fs, &format!("{dir}current_tracer")).ok()
}
