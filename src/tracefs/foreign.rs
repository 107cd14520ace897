//! Who else uses the tracer.

use serde::Serialize;

use super::change::{filter_functions, value_of};
use super::files::{TraceFs, read_text};
use super::host::Host;
use super::method::stat;

/// What somebody else has set up in the top-level buffer, and who holds files of tracefs open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// The tracer, where one is on.
    pub tracer: Option<String>,
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
    pub instances: Vec<String>,
    /// Processes with files of tracefs open: pid, comm, file.
    pub users: Vec<(u32, String, String)>,
}

impl Foreign {
    /// Looks without changing anything. What cannot be read counts as unused.
    #[must_use]
    pub fn look(fs: &dyn TraceFs, host: &Host) -> Foreign {
        let text = |path: &str| read_text(fs, path).unwrap_or_default();
        let tracer = text("current_tracer");
        let mut instances = fs.list("instances").unwrap_or_default();
        instances.retain(|name| !name.starts_with("ip6drop-"));
        let unread = fs
            .list("per_cpu")
            .unwrap_or_default()
            .iter()
            .map(|cpu| stat(&text(&format!("per_cpu/{cpu}/stats")), "entries"))
            .sum();
        Foreign {
            tracer: (!tracer.is_empty() && tracer != "nop").then_some(tracer),
            filter: filter_functions(&text("set_ftrace_filter")).len(),
            events: text("set_event").lines().count(),
            probes: text("kprobe_events")
                .lines()
                .filter(|line| !line.contains(":ip6drop_"))
                .count(),
            unread,
            by_pid: ["set_ftrace_pid", "set_event_pid"]
                .iter()
                .any(|file| !value_of(file, &text(file)).is_empty()),
            stopped: text("tracing_on") == "0",
            instances,
            users: host.users_of(fs.root()),
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

    /// The processes that use tracefs, for people.
    #[must_use]
    pub fn who(&self) -> String {
        let users: Vec<String> = self
            .users
            .iter()
            .map(|(pid, comm, file)| format!("{comm} (pid {pid}, {file})"))
            .collect();
        users.join(", ")
    }
}
