//! A report on the latest part of a recording that goes on for ever.
//!
//! The window is two halves. One is gathered; when its time is over its numbers are kept as they
//! stand, those of the half before go into the totals, and gathering begins anew. So what is
//! remembered is bounded by the caps of two analyses, however long a recording runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::analysis::stream::{Analysis, Report};
use crate::capture::framing::{Framing, lines};
use crate::capture::one_line::OneLine;
use crate::host::{Facts, Snapshot};
use crate::report::build::Request;
use crate::report::summary::{CpuKey, Summary};
use crate::status::sampler::Status;
use crate::watch::last::{LAST, LastDrop, LastDrops};

/// What the reports say they are on.
const NAME: &str = "live";

/// The half before.
struct Half {
    summary: Summary,
    last: Vec<LastDrop>,
}

/// What the window shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The report on it.
    pub(crate) summary: Summary,
    /// Its last drops, the latest at the end.
    pub(crate) last: Vec<LastDrop>,
    /// Drops of each CPU since the start, those that the window has lost sight of included.
    pub(crate) totals: BTreeMap<CpuKey, u64>,
    /// How far back the window goes.
    pub(crate) span: Duration,
}

/// The window.
pub(crate) struct Window<'r> {
    request: &'r Request,
    half: Duration,
    open: Analysis<'r>,
    /// When the half that is gathered and the one before it began, since the start.
    began: (Duration, Duration),
    before: Option<Half>,
    /// Drops of halves that are over and gone.
    gone: BTreeMap<CpuKey, u64>,
    head: Vec<u8>,
}

/// An analysis that text is fed to.
fn begin(request: &Request) -> Analysis<'_> {
    let mut analysis = Analysis::new(request, false);
    analysis.keep_latest(LAST);
    analysis.begin(Path::new(NAME));
    analysis
}

/// What came before a later half is out of sight on purpose, and not lost.
fn whole(mut summary: Summary, is_later: bool) -> Summary {
    let lost = &mut summary.findings.health.lost_uncounted;
    *lost = lost.saturating_sub(is_later.into());
    summary
}

/// A recording that runs has neither said how it ends nor, perhaps, anything else yet: neither is
/// news of it.
fn live(mut summary: Summary) -> Summary {
    summary.findings.health.unfinished = 0;
    summary.findings.health.eventless = 0;
    summary
}

/// One report on both.
fn joined(before: Option<&Half>, now: Summary) -> Summary {
    let Some(before) = before else { return now };
    let mut all = before.summary.clone();
    if now.inputs.is_empty() {
        // What the counters said then may have been mended since.
        all.findings.counters = None;
        return all;
    }
    all.merge(now);
    all.inputs.truncate(1);
    all
}

fn last_of(report: &Report<'_, '_>) -> Vec<LastDrop> {
    let mut last = LastDrops::default();
    // It is the only input, and what is kept is walked as it is.
    let _ = report.walk(0, &mut last);
    last.into_vec()
}

impl<'r> Window<'r> {
    /// A window that goes back `length` at most.
    #[must_use]
    pub(crate) fn new(request: &'r Request, length: Duration) -> Self {
        Window {
            request,
            half: length / 2,
            open: begin(request),
            began: Default::default(),
            before: None,
            gone: BTreeMap::new(),
            head: Vec::new(),
        }
    }

    /// What a report that begins later has to know.
    pub(crate) fn head(&mut self, text: &[u8]) {
        text.clone_into(&mut self.head);
    }

    /// Text of the recording.
    pub(crate) fn feed(&mut self, text: &[u8]) {
        self.open.feed(text);
    }

    /// Whether the half that is gathered is over.
    #[must_use]
    pub(crate) fn is_due(&self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(self.began.0) >= self.half
    }

    /// How far back it goes.
    #[must_use]
    pub(crate) fn span(&self, elapsed: Duration) -> Duration {
        elapsed.saturating_sub(self.began.1)
    }

    /// Begins the next half; what is fed from here on must not belong to what was fed before.
    pub(crate) fn turn(&mut self, elapsed: Duration) {
        let is_later = self.before.is_some();
        let report = self.open.so_far(None);
        let over = Half {
            last: last_of(&report),
            summary: live(whole(report.summary, is_later)),
        };
        if let Some(gone) = self.before.replace(over) {
            for (cpu, row) in gone.summary.per_cpu {
                *self.gone.entry(cpu).or_default() += row.drops();
            }
        }
        self.began = (elapsed, self.began.0);
        self.open = begin(self.request);
        // As any later part of a recording, it does not know what came before.
        let id = OneLine::new(NAME);
        self.open.feed(&lines([Framing::Part { number: 2, id }]));
        self.open.feed(&self.head);
    }

    /// What it shows now, on a host of which this was read last.
    pub(crate) fn look(&mut self, elapsed: Duration, status: Option<&Status>) -> Seen {
        self.open.set_host(status.and_then(Status::here_and_now));
        let report = self.open.so_far(facts(status).as_ref());
        let mut last = self
            .before
            .as_ref()
            .map_or(Vec::new(), |half| half.last.clone());
        last.extend(last_of(&report));
        last.drain(..last.len().saturating_sub(LAST));
        let now = live(whole(report.summary, self.before.is_some()));
        self.seen(now, last, elapsed)
    }

    fn seen(&self, now: Summary, last: Vec<LastDrop>, elapsed: Duration) -> Seen {
        let summary = joined(self.before.as_ref(), now);
        let mut totals = self.gone.clone();
        for (cpu, row) in &summary.per_cpu {
            *totals.entry(*cpu).or_default() += row.drops();
        }
        Seen {
            summary,
            last,
            totals,
            span: self.span(elapsed),
        }
    }

    /// Hands on the whole report on what it shows.
    pub(crate) fn report<T>(
        &self,
        status: Option<&Status>,
        take: impl FnOnce(&Report<'_, '_>) -> T,
    ) -> T {
        let mut report = self.open.so_far(facts(status).as_ref());
        let now = whole(std::mem::take(&mut report.summary), self.before.is_some());
        report.summary = joined(self.before.as_ref(), live(now));
        take(&report)
    }

    /// The same when the recording is over.
    pub(crate) fn finish<T>(
        &mut self,
        status: Option<&Status>,
        take: impl FnOnce(&Report<'_, '_>) -> T,
    ) -> T {
        self.open.set_host(status.and_then(Status::here_and_now));
        // Where it holds no event at all there is nothing to report on, and that is no error.
        let _ = self.open.end(None);
        let mut report = self.open.finish();
        let now = whole(std::mem::take(&mut report.summary), self.before.is_some());
        report.summary = joined(self.before.as_ref(), now);
        take(&report)
    }
}

/// What was read last, as facts.
fn facts(status: Option<&Status>) -> Option<Facts> {
    let own = status?.rows.iter().find(|row| row.netns.own)?;
    Some(Facts {
        after: Some(own.snapshot.clone()).filter(|read: &Snapshot| !read.is_empty()),
        ..Facts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::verdict::Verdict;
    use crate::exit::Exit;

    const LONG: Duration = Duration::from_secs(600);

    fn drops(n: usize) -> String {
        let drop = |n| {
            format!(
                "  a-1  [00{}] ..s1 {n}.000000: ip6_pkt_drop <-ip6_pkt_discard\n",
                n % 2
            )
        };
        (0..n).map(drop).collect()
    }

    fn totals(seen: &Seen) -> (u64, u64) {
        (seen.summary.findings.drops(), seen.totals.values().sum())
    }

    #[test]
    fn a_half_that_is_gone_is_in_the_totals_alone() {
        let request = Request::default();
        let mut window = Window::new(&request, LONG);
        let at = |minutes: u64| Duration::from_secs(60 * minutes);
        window.head(b"# ip6drop: version 2\n# ip6drop: traced ip6_pkt_drop\n");
        window.feed(drops(10).as_bytes());
        assert_eq!(totals(&window.look(at(1), None)), (10, 10));
        assert!(!window.is_due(at(4)) && window.is_due(at(5)));
        window.turn(at(5));
        assert_eq!(totals(&window.look(at(6), None)), (10, 10));
        window.feed(drops(4).as_bytes());
        let seen = window.look(at(7), None);
        assert_eq!((totals(&seen), seen.span), ((14, 14), at(7)));
        window.turn(at(10));
        window.feed(drops(3).as_bytes());
        let seen = window.look(at(11), None);
        assert_eq!((totals(&seen), seen.span), ((7, 17), at(6)));
        assert_eq!(seen.last.len(), 7);
        // What went out of sight on purpose is not lost.
        assert!(!seen.summary.findings.health.has_losses());
        assert_eq!(seen.totals[&CpuKey::Cpu(0)], 9);
        window.turn(at(15));
        window.turn(at(20));
        let seen = window.look(at(21), None);
        assert_eq!(totals(&seen), (0, 17));
        assert_eq!(Verdict::of(&seen.summary.findings).exit, Exit::Clean);
        // What the kernel lost is.
        window.feed(b"CPU:0 [LOST 5 EVENTS]\n");
        window.feed(drops(1).as_bytes());
        let seen = window.look(at(22), None);
        assert!(seen.summary.findings.health.has_losses());
    }

    #[test]
    fn a_quiet_recording_that_runs_is_no_missing_verdict() {
        let request = Request::default();
        let mut window = Window::new(&request, LONG);
        let verdict = |seen: &Seen| Verdict::of(&seen.summary.findings).exit;
        assert_eq!(verdict(&window.look(LONG, None)), Exit::Clean);
        window.feed(b"# ip6drop: version 2\n# ip6drop: traced ip6_pkt_drop\n");
        assert_eq!(verdict(&window.look(LONG, None)), Exit::Clean);
        window.feed(b"  a-1  [000] ..s1 1.000000: ip6_dst_gc <-dst_alloc\n");
        assert_eq!(verdict(&window.look(LONG, None)), Exit::Clean);
        window.feed(b"CPU:0 [LOST 5 EVENTS]\n  a-1  [000] ..s1 2.000000: ip6_dst_gc <-dst_alloc\n");
        assert_eq!(verdict(&window.look(LONG, None)), Exit::Inconclusive);
    }
}
