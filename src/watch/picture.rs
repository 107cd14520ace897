//! What is seen at one moment.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::diagnosis::assessment::Assessment;
use crate::diagnosis::state::State;
use crate::report::summary::{CpuKey, Summary};
use crate::status::sampler::{NetNsStatus, Status};
use crate::watch::history::History;
use crate::watch::last::LastDrop;
use crate::watch::window::Seen;

/// For how long a drop counts as one of now.
const NOW: Duration = Duration::from_secs(5);

/// What is seen at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// What the window shows.
    pub(crate) seen: Seen,
    /// Counters and limits of the namespace that is traced.
    pub(crate) status: Option<Status>,
    /// The looks until now.
    pub(crate) history: History,
    /// Time between two looks.
    pub(crate) interval: Duration,
    /// Since the start.
    pub(crate) elapsed: Duration,
    /// Events a second.
    pub(crate) rate: u64,
    /// Events that the kernel lost since the start: what they would have shown is in no number.
    pub(crate) lost: u64,
    /// Share of one CPU that this program took since the look before.
    pub(crate) own_cpu: f64,
}

/// The route cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cache<'a> {
    /// Entries.
    pub(crate) slow: Option<i64>,
    /// Entries as one CPU sees them, where a probe read that.
    pub(crate) fast: Option<i64>,
    /// The limit.
    pub(crate) max_size: Option<i64>,
    /// Where it begins to be checked.
    pub(crate) gc_thresh: Option<i64>,
    /// What follows.
    pub(crate) state: &'a State,
    /// Over its limit on a kernel that minds.
    pub(crate) is_over: bool,
}

/// Whether packets are being lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// In the last seconds.
    Now,
    /// In the window, and not in the last seconds.
    Before,
    /// Not at all.
    Quiet,
}

impl Picture {
    /// The report on the window.
    #[must_use]
    pub(crate) fn summary(&self) -> &Summary {
        &self.seen.summary
    }

    /// The last drops, the latest at the end.
    #[must_use]
    pub(crate) fn last(&self) -> &[LastDrop] {
        &self.seen.last
    }

    fn row(&self) -> Option<&NetNsStatus> {
        self.status.as_ref()?.rows.iter().find(|row| row.netns.own)
    }

    /// What the counters say; with `fast`, where the trace shows it, they say more.
    #[must_use]
    pub(crate) fn assessment(&self) -> Option<&Assessment> {
        let counters = self.summary().findings.counters.as_ref();
        let better = counters.filter(|counters| counters.fast.is_some());
        let better = better.map(|counters| &counters.assessment);
        better.or(self.row().map(|row| &row.assessment))
    }

    /// The route cache; `None` where nothing of it could be read.
    #[must_use]
    pub(crate) fn cache(&self) -> Option<Cache<'_>> {
        let row = self.row().filter(|row| !row.is_unread())?;
        let assessment = self.assessment()?;
        let counters = self.summary().findings.counters.as_ref();
        Some(Cache {
            slow: row.snapshot.slow(),
            fast: counters.and_then(|counters| Some(counters.fast?.series.last)),
            max_size: row.snapshot.max_size(),
            gc_thresh: row.snapshot.gc_thresh(),
            state: &assessment.state,
            is_over: assessment.is_over(),
        })
    }

    /// Whether packets are being lost.
    #[must_use]
    pub(crate) fn mood(&self) -> Mood {
        if self.history.is_recent(NOW.max(self.interval)) {
            Mood::Now
        } else if self.summary().findings.drops() > 0 {
            Mood::Before
        } else {
            Mood::Quiet
        }
    }

    /// Drops since the start.
    #[must_use]
    pub(crate) fn total(&self) -> u64 {
        self.seen.totals.values().sum()
    }

    /// The CPUs: those that are online, and whatever else the trace names.
    #[must_use]
    pub(crate) fn cpus(&self) -> Vec<CpuKey> {
        let online = self.status.as_ref().and_then(|status| status.cpus);
        // Numbers go on behind those that are offline.
        let first = (0..online.map_or(0, |cpus| cpus.online)).map(CpuKey::Cpu);
        let named = self.seen.totals.keys().copied();
        let mut all = BTreeSet::new();
        all.extend(first.chain(named));
        all.into_iter().collect()
    }
}
