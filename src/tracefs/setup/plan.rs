//! What to trace, and how: decided before anything is changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::capture::method::Method;
use crate::host::cpulist;
use crate::host::others::OtherNs;
use crate::kernel::functions::Function;
use crate::tracefs::files::TraceFs;
use crate::tracefs::setup::functions::Traceable;
use crate::tracefs::setup::layout::Layout;
use crate::tracefs::setup::netfilter::NetfilterDrops;
use crate::tracefs::setup::probes::Probe;

/// True where this method has only the top-level buffer.
#[must_use]
pub(crate) fn needs_top_level(method: Method, fs: &dyn TraceFs) -> bool {
    method == Method::FuncStackTrace || !fs.exists("instances")
}

/// Which packets alone are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowing {
    /// What the probe has to fetch as well, with a space in front.
    pub fetch: String,
    /// The kernel's filter on the probe; empty where it takes all.
    pub filter: String,
    /// The same as it was asked for.
    pub asked: String,
}

/// How the packets that are dropped are named.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The probe on `ip6_pkt_drop` that fetches their words.
    pub(crate) probe: Probe,
    /// Where the words are.
    pub(crate) layout: Layout,
    /// The `dst_ops` of the namespace of this process.
    pub(crate) ops: Option<u64>,
    /// The node's other namespaces, as far as theirs are known.
    pub(crate) others: Vec<OtherNs>,
    /// Which of them alone are recorded.
    pub(crate) narrowing: Option<Narrowing>,
    /// What shows packets that netfilter drops, where its rules ask for the way back to a source.
    pub(crate) netfilter: Option<NetfilterDrops>,
    /// Filters on the lookups that may be taken, the one that shows most first; none where this
    /// kernel does not tell of its lookups.
    pub(crate) streams: Vec<String>,
}

impl Naming {
    /// By a probe on `ip6_pkt_drop`, and lookups under the first of these filters, or a later one.
    #[must_use]
    pub fn new(probe: Probe, layout: Layout, ops: Option<u64>, streams: &[String]) -> Naming {
        Naming {
            probe,
            layout,
            ops,
            others: Vec::new(),
            narrowing: None,
            netfilter: None,
            streams: streams.to_vec(),
        }
    }

    /// The probes on packets, each with the kernel's filter on it; empty where it takes all.
    pub(crate) fn probes(&self) -> impl Iterator<Item = (&Probe, String)> {
        let asked = self.narrowing.as_ref().map_or("", |n| n.filter.as_str());
        let netfilter = self.netfilter.iter().map(move |drops| {
            let filter = match asked {
                "" => drops.filter.clone(),
                asked => format!("({}) && ({asked})", drops.filter),
            };
            (&drops.probe, filter)
        });
        [(&self.probe, asked.to_owned())]
            .into_iter()
            .chain(netfilter)
    }

    /// The lookups say what became of each packet: function entries are not needed.
    #[must_use]
    pub(crate) fn decides(&self) -> bool {
        !self.streams.is_empty()
    }
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
    /// What names the packets that are dropped, where that is to be had.
    pub naming: Option<Naming>,
    /// True where a kernel that refuses these probes is traced without them.
    pub probes_optional: bool,
    /// Buffer per CPU, in KiB.
    pub buffer_kb: u32,
    /// The CPUs that are traced alone.
    pub cpus: Option<Arc<BTreeSet<u32>>>,
    /// True where an instance must not be made, because it could not be removed.
    pub top_level: bool,
}

impl Plan {
    /// Which packets alone are recorded.
    #[must_use]
    pub(crate) fn narrowing(&self) -> Option<&Narrowing> {
        self.naming.as_ref()?.narrowing.as_ref()
    }

    /// Which drops alone are recorded, as it was asked for.
    #[must_use]
    pub(crate) fn asked(&self) -> Option<String> {
        let packets = self.narrowing().map(|narrowing| narrowing.asked.clone());
        let cpus = self.cpus.as_ref();
        let cpus = cpus.map(|cpus| format!("--cpu {}", cpulist::list(cpus)));
        let asked: Vec<String> = packets.into_iter().chain(cpus).collect();
        (!asked.is_empty()).then(|| asked.join(" "))
    }

    /// Where functions are traced by probes, one for each.
    #[must_use]
    pub(crate) fn entry_probes(&self) -> Vec<Probe> {
        let functions = self.functions.iter();
        let functions = functions.filter(|_| self.method == Method::Kprobe);
        let probes = functions.flat_map(|function| {
            let reals = function.real.iter().enumerate();
            reals.map(|(number, real)| match number {
                0 => Probe::entry(&function.name, real),
                // A clone gets an event of its own; events need distinct names.
                n => Probe::entry(&format!("{}_{n}", function.name), real),
            })
        });
        probes.collect()
    }

    /// The lookups say what became of each packet.
    #[must_use]
    pub(crate) fn decides(&self) -> bool {
        self.naming.as_ref().is_some_and(Naming::decides)
    }
}

/// The functions whose entries the tracer shows, by the names that this kernel has for them:
/// where the lookups decide, the probe on `ip6_pkt_drop` takes the place of its entry.
#[must_use]
pub(crate) fn entries(functions: &[Traceable], decides: bool) -> Vec<String> {
    functions
        .iter()
        .filter(|f| !(decides && f.name == Function::PktDrop.name()))
        .flat_map(|f| f.real.clone())
        .collect()
}
