//! The ways of tracing: a private instance, the classic recipe in the top-level buffer, and
//! kprobe events.

use serde::Serialize;

use crate::tracefs::files::TraceFs;
use crate::tracefs::setup::functions::Function;
use crate::tracefs::setup::probes::Probe;

/// A way of tracing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// `instances/ip6drop-PID` with the function tracer and `FUNC:stacktrace` commands.
    ///
    /// Not the instance's `options/func_stack_trace`: kernels up to 6.18 share that flag with
    /// the top-level buffer, where it would put stacks on somebody else's trace.
    Instance,
    /// The function tracer and `options/func_stack_trace` of the top-level buffer.
    FuncStackTrace,
    /// kprobe events with `options/stacktrace`.
    Kprobe,
}

impl Method {
    /// In the order in which they are tried.
    pub const ALL: [Method; 3] = [Method::Instance, Method::FuncStackTrace, Method::Kprobe];

    /// True where this method has only the top-level buffer.
    #[must_use]
    pub fn needs_top_level(self, fs: &dyn TraceFs) -> bool {
        self == Method::FuncStackTrace || !fs.exists("instances")
    }

    /// The name on the command line and in captures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Instance => "instance",
            Method::FuncStackTrace => "func-stack-trace",
            Method::Kprobe => "kprobe",
        }
    }
}

/// What to trace, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The way.
    pub method: Method,
    /// The functions whose entries are recorded; not empty.
    pub functions: Vec<Function>,
    /// Further kprobe events.
    pub probes: Vec<Probe>,
    /// True where a kernel that refuses these probes is traced without them.
    pub probes_optional: bool,
    /// Buffer per CPU, in KiB.
    pub buffer_kb: u32,
    /// True where an instance must not be made, because it could not be removed.
    pub top_level: bool,
}
