//! One host, and which of two is worse.

use std::cmp::Ordering;

use crate::diagnosis::class::Confidence;
use crate::exit::Exit;
use crate::fleet::classes::{ClassCounts, ClassName};
use crate::fleet::problem::Place;
use crate::kernel::limits::Regime;
use crate::text::Untrusted;

/// Documents of one host that are remembered to recognise a copy.
const MAX_REMEMBERED: usize = 16;

/// What was found on a host, worst first. An inconclusive host may have the fault, and comes
/// before those that certainly have another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) enum Finding {
    /// The route cache is full, confirmed.
    Confirmed,
    /// The same, probable or possible; or the counters alone say that entries are refused.
    Suspected,
    /// Nothing can be said.
    Inconclusive,
    /// Other IPv6 drops only.
    OtherDrops,
    /// No IPv6 drop.
    #[default]
    Clean,
}

impl Finding {
    /// All of them, worst first.
    pub(crate) const ALL: [Finding; 5] = [
        Finding::Confirmed,
        Finding::Suspected,
        Finding::Inconclusive,
        Finding::OtherDrops,
        Finding::Clean,
    ];

    /// The exit status that stands for it.
    #[must_use]
    pub(crate) fn exit(self) -> Exit {
        match self {
            Finding::Confirmed => Exit::Confirmed,
            Finding::Suspected => Exit::Suspected,
            Finding::Inconclusive => Exit::Inconclusive,
            Finding::OtherDrops => Exit::OtherDrops,
            Finding::Clean => Exit::Clean,
        }
    }

    /// The finding of a verdict's exit status; `None` for a status that is no verdict.
    #[must_use]
    pub(crate) fn of_exit(status: u8) -> Option<Finding> {
        Finding::ALL
            .into_iter()
            .find(|finding| finding.exit().status() == status)
    }

    /// True where the route cache is full or may be.
    #[must_use]
    pub(crate) fn is_fault(self) -> bool {
        self <= Finding::Suspected
    }
}

/// What a row rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Basis {
    /// A trace.
    Report,
    /// Counters and limits alone.
    #[default]
    Status,
}

/// The names of all regimes, worst first.
const REGIMES: [&str; 5] = [
    Regime::Exhausted.name(),
    Regime::Intermittent.name(),
    Regime::Latent.name(),
    Regime::WithinLimits.name(),
    "unaffected",
];

/// A set of regimes that the numbers leave; empty where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Regimes(u8);

impl Regimes {
    /// Adds one by its name. A name that is not known adds nothing.
    pub(crate) fn add(&mut self, name: &str) {
        if let Some(at) = REGIMES.iter().position(|regime| *regime == name) {
            self.0 |= 1 << at;
        }
    }

    /// Their names, worst first.
    #[must_use]
    pub(crate) fn names(self) -> Vec<&'static str> {
        let at = |at: &usize| self.0 & (1 << at) != 0;
        (0..REGIMES.len())
            .filter(at)
            .map(|at| REGIMES[at])
            .collect()
    }

    /// Place of the worst in the order; the last of all where nothing is known.
    #[must_use]
    pub(crate) fn rank(self) -> u32 {
        self.0.trailing_zeros()
    }
}

/// Count and limits of a route cache, in entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CacheLimits {
    /// The exact count.
    pub(crate) slow: Option<i64>,
    /// The shared part of the count, at its last reading.
    pub(crate) fast: Option<i64>,
    /// `net.ipv6.route.max_size`.
    pub(crate) max_size: Option<i64>,
    /// `net.ipv6.route.gc_thresh`.
    pub(crate) gc_thresh: Option<i64>,
    /// Regimes that these leave.
    pub(crate) regimes: Regimes,
    /// The `max_size` that the report advises.
    pub(crate) advised: Option<i64>,
}

impl CacheLimits {
    /// Entries left below the limit; negative above it.
    #[must_use]
    pub(crate) fn headroom(&self) -> Option<i64> {
        self.max_size?.checked_sub(self.slow?)
    }

    /// Smaller is worse: by regime, then by the room that is left.
    #[must_use]
    pub(crate) fn rank(&self) -> (u32, i64) {
        (self.regimes.rank(), self.headroom().unwrap_or(i64::MAX))
    }
}

/// The CPU with most drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busiest {
    /// Its number; `None` where the trace does not say.
    pub(crate) cpu: Option<u64>,
    /// Its drops.
    pub(crate) drops: u64,
}

/// One host: its worst document, and what is known from all of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostRow {
    /// Its name.
    pub host: Untrusted,
    /// What was found.
    pub(crate) finding: Finding,
    /// What that rests on.
    pub(crate) basis: Basis,
    /// The verdict's class.
    pub(crate) class: Option<ClassName>,
    /// The verdict's confidence.
    pub(crate) confidence: Option<Confidence>,
    /// Drops in the trace.
    pub(crate) drops: u64,
    /// The same by class.
    pub(crate) by_class: ClassCounts,
    /// The first drop, in the trace's own clock.
    pub(crate) first: Option<f64>,
    /// The last drop, in the trace's own clock.
    pub(crate) last: Option<f64>,
    /// The CPU with most drops.
    pub(crate) busiest: Option<Busiest>,
    /// How many CPUs dropped.
    pub(crate) dropping_cpus: u64,
    /// When the recording began or the counters were read, in seconds since 1970 (UTC).
    pub(crate) time: Option<f64>,
    /// The earliest such time of all its documents that show the fault.
    pub(crate) since: Option<f64>,
    /// Kernel release.
    pub(crate) kernel: Option<Untrusted>,
    /// CPUs online.
    pub(crate) cpus: Option<u64>,
    /// Count and limits.
    pub(crate) limits: CacheLimits,
    /// Events missing from the trace; `None` where the kernel did not count them.
    pub(crate) lost_events: Option<u64>,
    /// Lines of the trace that were not understood.
    pub(crate) unparsed_lines: u64,
    /// Where the document is that all this is from.
    pub(crate) place: Option<Place>,
    /// Documents of this host, copies not among them.
    pub(crate) documents: u64,
    /// The latest document with a time: that, and what was found.
    pub(crate) latest: Option<(f64, Finding)>,
    /// Fingerprints of its documents, to recognise copies.
    pub(super) seen: Vec<u64>,
}

/// The smaller of two where both are known, else the known one.
#[must_use]
pub(crate) fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::min)
}

fn later(a: Option<(f64, Finding)>, b: Option<(f64, Finding)>) -> Option<(f64, Finding)> {
    // Of two at the same moment the worse counts.
    let newer =
        |x: &(f64, Finding), y: &(f64, Finding)| x.0.total_cmp(&y.0).then_with(|| y.1.cmp(&x.1));
    [a, b].into_iter().flatten().max_by(newer)
}

impl HostRow {
    /// The row of one document, which begins at `place`.
    #[must_use]
    pub(crate) fn placed(mut self, place: Place, fingerprint: u64) -> HostRow {
        self.place = Some(place);
        self.documents = 1;
        self.since = self.time.filter(|_| self.finding.is_fault());
        self.latest = self.time.map(|time| (time, self.finding));
        self.seen = vec![fingerprint];
        self
    }

    /// True where `other`, of the same host, is a copy of a document that is in here.
    #[must_use]
    pub(crate) fn has_seen(&self, other: &HostRow) -> bool {
        other
            .seen
            .iter()
            .any(|fingerprint| self.seen.contains(fingerprint))
    }

    /// Worst first: finding, confidence, regime, drops for a full cache, all drops, room left.
    #[must_use]
    pub(crate) fn badness(&self, other: &HostRow) -> Ordering {
        let full = |row: &HostRow| row.by_class.of_fault();
        let (regime, room) = self.limits.rank();
        let (other_regime, other_room) = other.limits.rank();
        self.finding
            .cmp(&other.finding)
            .then_with(|| other.confidence.cmp(&self.confidence))
            .then_with(|| regime.cmp(&other_regime))
            .then_with(|| full(other).cmp(&full(self)))
            .then_with(|| other.drops.cmp(&self.drops))
            .then_with(|| room.cmp(&other_room))
    }

    /// Takes in another document of the same host. The worse of the two is shown; what it does
    /// not know is taken from the other.
    pub(crate) fn add(&mut self, other: HostRow) {
        let documents = self.documents + other.documents;
        let since = least(self.since, other.since);
        let latest = later(self.latest, other.latest);
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend_from_slice(&other.seen);
        seen.truncate(MAX_REMEMBERED);
        let is_worse = match other.badness(self) {
            Ordering::Equal => other.time > self.time,
            order => order == Ordering::Less,
        };
        let spare = if is_worse {
            std::mem::replace(self, other)
        } else {
            other
        };
        if self.kernel.is_none() {
            self.kernel = spare.kernel;
        }
        self.cpus = self.cpus.or(spare.cpus);
        if self.limits == CacheLimits::default() {
            self.limits = spare.limits;
        }
        self.documents = documents;
        self.since = since;
        self.latest = latest;
        self.seen = seen;
    }
}
