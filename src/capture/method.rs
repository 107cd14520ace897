//! How a capture was made.

use serde::Serialize;

/// A way of tracing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

    /// The name on the command line and in captures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Instance => "instance",
            Method::FuncStackTrace => "func-stack-trace",
            Method::Kprobe => "kprobe",
        }
    }

    /// The method of that name.
    #[must_use]
    pub(crate) fn from_name(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.name() == name)
    }
}
