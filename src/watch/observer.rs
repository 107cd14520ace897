//! Looks at a recording that goes on, one after the other.

use std::time::Duration;

use crate::report::build::Request;
use crate::status::sampler::Status;
use crate::watch::history::History;
use crate::watch::picture::Picture;
use crate::watch::window::Window;

/// What was measured since the look before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Since the start.
    pub(crate) elapsed: Duration,
    /// Events a second.
    pub(crate) rate: u64,
    /// Events that the kernel lost since the start.
    pub(crate) lost: u64,
    /// Share of one CPU that this program took.
    pub(crate) own_cpu: f64,
}

/// Looks, and remembers what it saw.
pub(crate) struct Observer<'r> {
    /// What it looks at.
    pub(crate) window: Window<'r>,
    history: History,
    interval: Duration,
    /// Text has come since the look before.
    has_news: bool,
    last: Picture,
}

impl<'r> Observer<'r> {
    /// Looks once an interval at a window of this length.
    #[must_use]
    pub(crate) fn new(request: &'r Request, length: Duration, interval: Duration) -> Self {
        Observer {
            window: Window::new(request, length),
            history: History::default(),
            interval,
            has_news: true,
            last: Picture::default(),
        }
    }

    /// Text of the recording.
    pub(crate) fn feed(&mut self, text: &[u8]) {
        self.has_news = true;
        self.window.feed(text);
    }

    /// Begins the next half of the window.
    pub(crate) fn turn(&mut self, elapsed: Duration) {
        self.has_news = true;
        self.window.turn(elapsed);
    }

    /// What is seen now.
    pub(crate) fn look(&mut self, measured: Measured, status: Option<Status>) -> &Picture {
        let read = |status: Option<&Status>| {
            let rows = status.map_or(&[][..], |status| &status.rows);
            rows.iter()
                .map(|row| row.snapshot.clone())
                .collect::<Vec<_>>()
        };
        // A copy of all that was gathered is dear, and where nothing came it would be the same.
        if self.has_news || read(status.as_ref()) != read(self.last.status.as_ref()) {
            self.last.seen = self.window.look(measured.elapsed, status.as_ref());
            self.has_news = false;
        }
        self.last.seen.span = self.window.span(measured.elapsed);
        self.last.status = status;
        let slow = self.last.cache().and_then(|cache| cache.slow);
        self.history
            .push(measured.elapsed, &self.last.seen.totals, slow);
        self.last.history.clone_from(&self.history);
        self.last.interval = self.interval;
        self.last.elapsed = measured.elapsed;
        self.last.rate = measured.rate;
        self.last.lost = measured.lost;
        self.last.own_cpu = measured.own_cpu;
        &self.last
    }
}
