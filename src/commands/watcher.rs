//! Who looks on while `watch` records: shows what is seen, and takes the keys.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::time::{ClockId, clock_gettime};

use crate::analysis::stream::Report;
use crate::commands::output::write_report;
use crate::commands::seen::seen;
use crate::os::screen::Screen;
use crate::os::signals::Signals;
use crate::render::report::text::TextReport;
use crate::render::utc::utc;
use crate::render::view::ReportLook;
use crate::render::watch::canvas::Canvas;
use crate::render::watch::plain;
use crate::render::watch::screen::{Look, draw};
use crate::status::sampler::{Sampler, Status};
use crate::tracefs::record::onlooker::{Live, Onlooker};
use crate::tracefs::record::seam::first_event;
use crate::watch::keys::keys;
use crate::watch::model::{Model, Wish};
use crate::watch::observer::{Measured, Observer};

/// Between two frames.
const FRAME: Duration = Duration::from_millis(250);
/// A look may take this share of the time: where it takes longer, looks become rare.
const SHARE: u32 = 20;
/// How much earlier than asked a look may be, so that a little jitter does not double the time.
const EARLY: Duration = Duration::from_millis(50);

/// Where it is shown.
pub(super) enum Shown {
    /// On a whole screen.
    Screen {
        screen: Screen,
        canvas: Canvas,
        look: Look,
        /// What was drawn last is no longer true.
        is_stale: bool,
        drawn: Option<Instant>,
        size: (u16, u16),
    },
    /// In lines on standard output.
    Lines {
        signals: Signals,
        once: bool,
        /// Lines that nobody was there to read.
        skipped: u64,
    },
}

/// Looks on.
pub(super) struct Watcher<'r> {
    pub(super) observer: Observer<'r>,
    sampler: Sampler,
    model: Model,
    shown: Shown,
    interval: Duration,
    began: Instant,
    is_on: bool,
    next: Duration,
    /// Time, and time of this program on a CPU, at the look before.
    spent: (Duration, Duration),
    is_line_open: bool,
    /// Text has come since the look before.
    has_text: bool,
    is_over: bool,
}

/// What this program has taken of the CPUs.
fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into().unwrap_or_default()
}

impl<'r> Watcher<'r> {
    pub(super) fn new(
        observer: Observer<'r>,
        sampler: Sampler,
        shown: Shown,
        interval: Duration,
    ) -> Self {
        Watcher {
            observer,
            sampler,
            model: Model::default(),
            shown,
            interval,
            began: Instant::now(),
            is_on: false,
            next: Duration::ZERO,
            spent: (Duration::ZERO, own_time()),
            is_line_open: false,
            has_text: false,
            is_over: false,
        }
    }

    /// The counters that were read last.
    pub(super) fn status(&self) -> Option<&Status> {
        self.model.live().status.as_ref()
    }

    fn look_now(&mut self, elapsed: Duration, rate: u64, lost: u64) {
        // A half that is over without a word needs no seam.
        if !self.has_text && !self.is_line_open && self.observer.window.is_due(elapsed) {
            self.observer.turn(elapsed);
        }
        self.has_text = false;
        let before = own_time();
        let passed = elapsed.saturating_sub(self.spent.0).as_secs_f64();
        let taken = before.saturating_sub(self.spent.1).as_secs_f64();
        self.spent = (elapsed, before);
        let measured = Measured {
            elapsed,
            rate,
            lost,
            // Of a moment it would say nothing.
            own_cpu: if passed > 0.1 { taken / passed } else { 0.0 },
        };
        let status = self.sampler.sample().ok();
        let picture = self.observer.look(measured, status).clone();
        self.model.set_live(picture);
        let cost = own_time().saturating_sub(before);
        self.next = elapsed + self.interval.max(cost * SHARE) - EARLY;
    }

    fn say(&mut self) {
        let Shown::Lines {
            signals,
            once,
            skipped,
        } = &mut self.shown
        else {
            return;
        };
        let line = plain::line(self.model.live(), *skipped);
        let out = io::stdout();
        // A reader that does not read must not hold up the recording.
        let ready = signals.wait(Some(out.as_fd()), PollFlags::OUT, Duration::ZERO);
        if *once || ready.unwrap_or(true) {
            let mut out = out.lock();
            let said = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            self.is_over |= said.is_err() || *once;
        } else {
            *skipped += 1;
        }
    }

    /// Writes the report on the window to a new file; what became of it, in words.
    fn dump(&self) -> String {
        let now = self.status().and_then(|status| utc(status.time));
        let now = now
            .unwrap_or_default()
            .replace([':', '-'], "")
            .replace(' ', "T");
        let name = format!("ip6drop-watch-{now}.txt");
        let mut text = Vec::new();
        let look = (
            &TextReport as _,
            ReportLook {
                verbose: true,
                ..ReportLook::default()
            },
        );
        let write = |report: &Report<'_, '_>| write_report(report, &[], None, look, &mut text);
        let made = self.observer.window.report(self.status(), write);
        let written = made.and_then(|()| {
            let mut new = File::options();
            let mut file = new.write(true).create_new(true).mode(0o600).open(&name)?;
            file.write_all(&text)
        });
        match written {
            Ok(()) => format!("written: {name}"),
            Err(e) => format!("{name} cannot be written: {e}"),
        }
    }

    fn keys(&mut self) {
        let Shown::Screen {
            screen,
            canvas,
            is_stale,
            ..
        } = &mut self.shown
        else {
            return;
        };
        let typed = screen.typed();
        self.is_over |= screen.is_gone();
        *is_stale |= !typed.is_empty();
        let mut wants_file = false;
        for key in keys(&typed) {
            match self.model.press(key) {
                Some(Wish::Quit) => self.is_over = true,
                Some(Wish::Redraw) => canvas.forget(),
                Some(Wish::Dump) => wants_file = true,
                None => {}
            }
        }
        if wants_file {
            self.model.note = Some(self.dump());
        }
    }

    fn draw(&mut self) {
        let Shown::Screen {
            screen,
            canvas,
            look,
            is_stale,
            drawn,
            size,
        } = &mut self.shown
        else {
            return;
        };
        screen.flush();
        let now = screen.size();
        *is_stale |= now != *size;
        let is_early = drawn.is_some_and(|drawn| drawn.elapsed() < FRAME);
        // A terminal that has not shown the last frame yet gets no other.
        if !*is_stale || is_early || !screen.is_told() {
            return;
        }
        (*size, *is_stale, *drawn) = (now, false, Some(Instant::now()));
        let (model, look) = (&self.model, *look);
        if let Ok(frame) = canvas.frame(now, |buffer| draw(model, look, buffer)) {
            screen.tell(&frame);
        }
    }
}

impl Onlooker for Watcher<'_> {
    fn head(&mut self, text: &[u8]) {
        self.observer.window.head(text);
    }

    fn began(&mut self) {
        self.began = Instant::now();
        // Set-up is no part of what watching costs.
        self.spent = (Duration::ZERO, own_time());
        self.is_on = true;
        if let Shown::Screen { screen, .. } = &mut self.shown {
            self.is_over |= screen.enter().is_err();
            self.look_now(Duration::ZERO, 0, 0);
            self.draw();
        }
        self.next = self.interval - EARLY;
    }

    fn took(&mut self, text: &[u8]) {
        self.has_text = true;
        let elapsed = self.began.elapsed();
        let seam = (self.is_on && self.observer.window.is_due(elapsed))
            .then(|| first_event(text, self.is_line_open, seen));
        match seam.flatten() {
            Some(at) => {
                self.observer.feed(&text[..at]);
                self.observer.turn(elapsed);
                self.observer.feed(&text[at..]);
            }
            None => self.observer.feed(text),
        }
        if let Some(last) = text.last() {
            self.is_line_open = *last != b'\n';
        }
    }

    fn look(&mut self, live: &Live<'_>) {
        if live.elapsed < self.next {
            return;
        }
        self.look_now(live.elapsed, live.rate, live.counts.lost);
        match &mut self.shown {
            Shown::Screen { is_stale, .. } => *is_stale = true,
            Shown::Lines { .. } => self.say(),
        }
    }

    fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        match &self.shown {
            Shown::Screen { screen, .. } => screen.waits_for(),
            Shown::Lines { .. } => None,
        }
    }

    fn turn(&mut self) {
        self.keys();
        self.draw();
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn ending(&mut self) {
        if let Shown::Screen { screen, .. } = &mut self.shown {
            screen.leave();
        }
    }
}
