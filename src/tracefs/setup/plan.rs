//! What to trace, and how: decided before anything is changed.

use crate::capture::method::Method;
use crate::tracefs::files::TraceFs;
use crate::tracefs::setup::functions::Traceable;
use crate::tracefs::setup::probes::Probe;

/// True where this method has only the top-level buffer.
#[must_use]
pub(crate) fn needs_top_level(method: Method, fs: &dyn TraceFs) -> bool {
    method == Method::FuncStackTrace || !fs.exists("instances")
}

/// What to trace, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The way.
    pub method: Method,
    /// The functions whose entries are recorded; not empty.
    pub functions: Vec<Traceable>,
    /// Further kprobe events.
    pub probes: Vec<Probe>,
    /// True where a kernel that refuses these probes is traced without them.
    pub probes_optional: bool,
    /// Buffer per CPU, in KiB.
    pub buffer_kb: u32,
    /// True where an instance must not be made, because it could not be removed.
    pub top_level: bool,
}
