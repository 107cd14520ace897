//! A line that shows how far a long reading has come.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::analysis::watch::SoFar;
use crate::render::words::drops;
use crate::text::shown;

/// What takes less is over before anybody has read a line.
const SHORT: Duration = Duration::from_secs(1);
/// Between two lines.
const PAUSE: Duration = Duration::from_millis(200);

/// The line, shown where standard error is a terminal.
pub(crate) struct Progress {
    wanted: bool,
    begun: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Shows nothing yet.
    #[must_use]
    pub(crate) fn new(wanted: bool) -> Progress {
        Progress {
            wanted: wanted && stderr().is_terminal(),
            begun: Instant::now(),
            shown: None,
        }
    }

    /// Writes the line anew, now and then.
    pub(crate) fn show(&mut self, name: &Path, so_far: &SoFar) {
        let now = Instant::now();
        let since = self.shown.unwrap_or(self.begun + SHORT - PAUSE);
        if !self.wanted || now < since + PAUSE {
            return;
        }
        self.shown = Some(now);
        let line = line(&shown(name), so_far, now - self.begun);
        let mut err = stderr().lock();
        let _ = write!(err, "\r{line}\x1b[K");
        let _ = err.flush();
    }

    /// Takes it away.
    pub(crate) fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// `trace.txt: 1.2 GB of 4.0 GB (30 %), 17 drops so far, 12 s left`.
fn line(name: &dyn Display, so_far: &SoFar, elapsed: Duration) -> String {
    let SoFar {
        bytes,
        length,
        drops: seen,
    } = *so_far;
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let seen = format!("{} so far", drops(seen));
    match length.filter(|length| (1..*length).contains(&bytes)) {
        None => format!("{name}: {}, {seen}", megabytes(bytes)),
        Some(length) => {
            let share = bytes as f64 / length as f64;
            let left = elapsed.as_secs_f64() * (1.0 - share) / share;
            format!(
                "{name}: {} of {} ({:.0} %), {seen}, {left:.0} s left",
                megabytes(bytes),
                megabytes(length),
                share * 100.0
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_and_how_long_it_takes() {
        let said = |bytes, length, drops| {
            let so_far = SoFar {
                bytes,
                length,
                drops,
            };
            line(&shown(Path::new("a\x1b")), &so_far, Duration::from_secs(3))
        };
        assert_eq!(
            said(25_000_000, Some(100_000_000), 1),
            "a\\u{1b}: 25.0 MB of 100.0 MB (25 %), 1 drop so far, 9 s left"
        );
        assert_eq!(
            said(25_000_000, None, 2),
            "a\\u{1b}: 25.0 MB, 2 drops so far"
        );
        // A file that grows while it is read.
        assert_eq!(
            said(7_000_000, Some(7_000_000), 0),
            "a\\u{1b}: 7.0 MB, 0 drops so far"
        );
    }
}
