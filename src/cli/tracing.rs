//! What the commands that trace take in common.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::capture::method::Method;
use crate::cli::values;
use crate::host::Host;
use crate::tracefs::undo::journal::DEFAULT_STATE_DIR;

/// Where tracefs and the host's facts are found.
#[derive(Debug, Clone, Args)]
pub(crate) struct Roots {
    /// Use the tracefs mounted at DIR instead of looking it up in the mount table
    #[arg(long, value_name = "DIR")]
    pub(crate) tracefs: Option<PathBuf>,
    /// Read facts of the host below DIR
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/proc",
        hide_default_value = true
    )]
    pub(crate) proc: PathBuf,
    /// Read facts of the host below DIR
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/sys",
        hide_default_value = true
    )]
    pub(crate) sys: PathBuf,
    /// Keep lock and undo journal in DIR
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE_DIR)]
    pub(crate) state_dir: PathBuf,
}

impl Roots {
    /// The host below these roots.
    #[must_use]
    pub(crate) fn host(&self) -> Host {
        Host {
            proc: self.proc.clone(),
            sys: self.sys.clone(),
            state: self.state_dir.clone(),
        }
    }
}

/// How to trace.
#[derive(Debug, Clone, Args)]
pub(crate) struct How {
    /// The way of tracing; auto takes the first that a self-check proves to work
    #[arg(long, value_name = "METHOD", default_value = "auto")]
    pub(crate) method: MethodArg,
    /// Mount tracefs if it is not mounted, and unmount it afterwards
    #[arg(long)]
    pub(crate) mount: bool,
    /// Replace an existing output file; use the top-level buffer even while somebody else does
    #[arg(long)]
    pub(crate) force: bool,
}

/// `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodArg {
    /// The first that a self-check proves to work.
    Auto,
    /// A private instance: disturbs nobody.
    Instance,
    /// The classic recipe, in the top-level buffer.
    FuncStackTrace,
    /// kprobe events.
    Kprobe,
}

impl MethodArg {
    /// The method asked for; `None` for auto.
    #[must_use]
    pub(crate) fn asked(self) -> Option<Method> {
        match self {
            MethodArg::Auto => None,
            MethodArg::Instance => Some(Method::Instance),
            MethodArg::FuncStackTrace => Some(Method::FuncStackTrace),
            MethodArg::Kprobe => Some(Method::Kprobe),
        }
    }
}

/// Which probes a recording adds to the function entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Probes {
    /// `full` where a return probe does not cost the frames of the stacks, else `entry`.
    #[default]
    Auto,
    /// None.
    None,
    /// The entry of `ip6_dst_gc`, with family, gc_thresh and the shared count of dst entries.
    Entry,
    /// The return of `ip6_dst_gc` as well: whether the allocation was refused.
    Full,
}

/// How the packets that are dropped are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Identity {
    /// By a probe on the drop and all lookups, or the least that proves where they are many;
    /// not at all where this kernel does not show what it takes.
    #[default]
    Auto,
    /// Not at all: function entries alone tell what happened.
    Off,
    /// With all lookups, however many they are.
    Full,
    /// With the least lookups that prove.
    Least,
}

/// Arguments of every command that records.
#[derive(Debug, Clone, Args)]
pub(crate) struct CaptureArgs {
    /// Events per second on one CPU that take the stacks off a hot function; ten times as
    /// many leave out what is optional before the recording, and stop it
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_rate: u64,
    /// Trace entries of FUNC as well (repeatable, or separated by commas)
    #[arg(long = "function", value_name = "FUNC", value_delimiter = ',')]
    pub(crate) functions: Vec<String>,
    /// Which probes to add on the route cache's collector
    #[arg(long, value_name = "PROBES", default_value = "auto")]
    pub(crate) probes: Probes,
    /// Which lookups to take beside the words of dropped packets
    #[arg(long, value_name = "IDENTITY", default_value = "auto")]
    pub(crate) identity: Identity,
    /// Buffer for each CPU, in KiB; all together take at most 1 GiB and a quarter of the free memory
    #[arg(long, value_name = "KIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(8..=65536))]
    pub(crate) buffer_kb: u32,
    /// Trace these CPUs alone, such as 0-3,7
    #[arg(long, value_name = "LIST", value_parser = values::cpus)]
    pub(crate) cpu: Option<Arc<BTreeSet<u32>>>,
    /// Change nothing: print each write that it would make, in order, and what undoes it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where things are.
    #[command(flatten)]
    pub(crate) roots: Roots,
    /// How to trace.
    #[command(flatten)]
    pub(crate) how: How,
}
