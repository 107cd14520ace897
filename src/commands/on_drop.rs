//! `record --on-drop`: a command that is run when drops come, beside the recording.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::analysis::stream::Analysis;
use crate::capture::framing::{Framing, lines};
use crate::capture::one_line::OneLine;
use crate::commands::bursts::Bursts;
use crate::commands::output::write_report;
use crate::commands::seen::seen;
use crate::diagnosis::class::Class;
use crate::diagnosis::verdict::Verdict;
use crate::os::background::Background;
use crate::os::hook::{Ended, Hook, Told};
use crate::os::signals::Signals;
use crate::render::json::Escaped;
use crate::render::report::headline::sentence;
use crate::render::report::json::JsonReport;
use crate::render::view::ReportLook;
use crate::report::build::Request;
use crate::text::harmless;
use crate::tracefs::record::counts::Counts;

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How often the time is looked at.
const TICK: Duration = Duration::from_millis(100);
/// Pieces of text that may wait, each of at most 64 KiB: beyond, text is left out.
const WAITING: usize = 256;
/// Text that is gathered for one report, in bytes; then only what follows counts.
const MEMORY: u64 = 64 << 20;

/// The side of the recording.
pub(super) struct Alarm {
    pieces: SyncSender<Vec<u8>>,
    /// Text was left out since the last piece that went through.
    has_gap: bool,
    head: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Alarm {
    /// Starts waiting for drops of a recording into this file.
    ///
    /// # Errors
    /// Those of making a thread.
    pub(super) fn start(
        command: Vec<OsString>,
        output: PathBuf,
        signals: Signals,
    ) -> io::Result<Alarm> {
        let (pieces, waiting) = sync_channel(WAITING);
        let head = Arc::default();
        let teller = Teller {
            command,
            output,
            signals,
            head: Arc::clone(&head),
            bursts: Bursts::default(),
            counts: Counts::new(seen),
            gathered: 0,
            hook: None,
            has_failed: false,
        };
        let thread = thread::Builder::new().name("on-drop".to_owned());
        Ok(Alarm {
            pieces,
            has_gap: false,
            head,
            thread: thread.spawn(move || teller.run(&waiting))?,
        })
    }

    /// What a report that begins later has to know.
    pub(super) fn head(&self, head: &[u8]) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head.to_owned();
    }

    /// Text of the recording. It never waits.
    pub(super) fn took(&mut self, text: &[u8]) {
        let mut piece = Vec::new();
        if self.has_gap {
            // A line may have been cut off.
            piece.push(b'\n');
            piece.extend(lines([Framing::Gap]));
        }
        piece.extend_from_slice(text);
        self.has_gap = matches!(self.pieces.try_send(piece), Err(TrySendError::Full(_)));
    }

    /// The recording is over. Waits for a command that runs, or a second signal.
    pub(super) fn finish(self) {
        drop(self.pieces);
        let _ = self.thread.join();
    }
}

/// The side of the command.
struct Teller {
    command: Vec<OsString>,
    output: PathBuf,
    signals: Signals,
    head: Arc<Mutex<Vec<u8>>>,
    bursts: Bursts,
    counts: Counts,
    /// Bytes that the report is on.
    gathered: u64,
    hook: Option<Hook>,
    has_failed: bool,
}

impl Teller {
    fn run(mut self, waiting: &Receiver<Vec<u8>>) {
        let _background = Background::enter(&Default::default());
        let request = Request::default();
        let mut analysis = self.fresh(&request, false);
        loop {
            let came = waiting.recv_timeout(TICK);
            let is_end = matches!(came, Err(RecvTimeoutError::Disconnected));
            let now = Instant::now();
            if let Ok(piece) = came {
                let before = self.counts.drops();
                self.counts.take(&piece, None);
                if self.counts.drops() > before {
                    self.bursts.came(now);
                }
                if !self.bursts.is_told() {
                    self.gathered += piece.len() as u64;
                    analysis.feed(&piece);
                }
            }
            if self.hook.is_none() && self.bursts.is_due(now, is_end) {
                self.tell(&analysis);
                self.bursts.tell(now);
            }
            let is_too_much = self.gathered > MEMORY && !self.bursts.is_open();
            if self.bursts.is_over(now) || is_too_much {
                analysis = self.fresh(&request, true);
            }
            let ended = self.hook.as_mut().and_then(Hook::look);
            if let Some(ended) = ended {
                self.hook = None;
                self.say_failure(ended);
            }
            if is_end {
                if self.hook.is_none() || self.signals.times() > 1 {
                    return;
                }
                thread::sleep(TICK);
            }
        }
    }

    /// Begins a report. A later one knows nothing of what came before it, as that on a later part
    /// of a recording.
    fn fresh<'r>(&mut self, request: &'r Request, is_later: bool) -> Analysis<'r> {
        let mut analysis = Analysis::new(request, false);
        analysis.begin(&self.output);
        self.gathered = 0;
        if is_later {
            let id = OneLine::new("on-drop");
            analysis.feed(&lines([Framing::Part { number: 2, id }]));
            analysis.feed(&self.head.lock().unwrap_or_else(PoisonError::into_inner));
        }
        analysis
    }

    fn tell(&mut self, analysis: &Analysis<'_>) {
        let report = analysis.so_far(None);
        let summary = &report.summary;
        let verdict = Verdict::of(&summary.findings);
        let confidence = verdict
            .confidence
            .map_or("", |confidence| confidence.name());
        let values = [
            ("IP6DROP_VERDICT", sentence(summary)),
            (
                "IP6DROP_CLASS",
                verdict.class.map_or("", Class::name).to_owned(),
            ),
            ("IP6DROP_CONFIDENCE", confidence.to_owned()),
            ("IP6DROP_STATUS", verdict.exit.status().to_string()),
            ("IP6DROP_DROPS", summary.findings.drops().to_string()),
        ];
        let mut environment = values
            .map(|(name, value)| (name, OsString::from(value)))
            .to_vec();
        environment.push(("IP6DROP_OUTPUT", self.output.clone().into()));
        let mut input = Vec::new();
        let look = (&Escaped(JsonReport) as _, ReportLook::default());
        let told = write_report(&report, &[], None, look, &mut input);
        let told = told.map(|()| Told { environment, input });
        match told.and_then(|told| Hook::start(&self.command, told, LIMIT)) {
            Ok(hook) => self.hook = Some(hook),
            Err(error) => self.say(&error.to_string()),
        }
    }

    fn say_failure(&mut self, ended: Ended) {
        match ended {
            Ended::Itself(status) if status.success() => {}
            Ended::Itself(status) => self.say(&status.to_string()),
            Ended::TooLate => self.say("ended after 30 s"),
        }
    }

    /// Says once that a command did not do what it should.
    fn say(&mut self, why: &str) {
        if std::mem::replace(&mut self.has_failed, true) {
            return;
        }
        let command = self.command.first().map(Path::new).unwrap_or(Path::new(""));
        let command = harmless(command.as_os_str().as_encoded_bytes());
        let _ = writeln!(
            io::stderr(),
            "ip6drop: --on-drop: {command}: {why}; recording goes on, and this is said once"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "# ip6drop: version 2\n# ip6drop: cpus 1\n# ip6drop: traced ip6_pkt_drop,ip6_dst_gc\n";
    const DROP: &str = "  <idle>-0     [000] ..s1    10.000000: ip6_pkt_drop <-ip6_pkt_discard\n";

    #[test]
    fn a_later_report_is_of_a_recording_whose_start_is_missing() {
        let mut teller = Teller {
            command: Vec::new(),
            output: "x".into(),
            signals: Signals::take(&[]).unwrap(),
            head: Arc::new(Mutex::new(HEAD.into())),
            bursts: Bursts::default(),
            counts: Counts::new(seen),
            gathered: 7,
            hook: None,
            has_failed: false,
        };
        let request = Request::default();
        for is_later in [false, true] {
            let mut analysis = teller.fresh(&request, is_later);
            assert_eq!(teller.gathered, 0);
            analysis.feed(DROP.as_bytes());
            let report = analysis.so_far(None);
            let findings = &report.summary.findings;
            assert_eq!(findings.drops(), 1);
            assert_eq!(findings.health.has_losses(), is_later);
        }
    }

    #[test]
    fn text_that_nobody_takes_is_left_out_and_said() {
        let (pieces, waiting) = sync_channel(1);
        let mut alarm = Alarm {
            pieces,
            has_gap: false,
            head: Arc::default(),
            thread: thread::spawn(|| ()),
        };
        for text in ["one", "two", "three"] {
            alarm.took(text.as_bytes());
        }
        assert_eq!(waiting.recv().unwrap(), b"one");
        alarm.took(b"four\n");
        assert_eq!(waiting.recv().unwrap(), b"\n# ip6drop: gap\nfour\n");
        alarm.took(b"five\n");
        assert_eq!(waiting.recv().unwrap(), b"five\n");
        alarm.finish();
    }
}
