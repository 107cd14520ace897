//! What other programs may call, and can rely on: see the front page of the crate.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::analysis::stream;
use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::verdict::Verdict;
use crate::host;
use crate::host::facts::FactsError;
use crate::input::InputError;
use crate::render::format::Format;
use crate::render::json::Escaped;
use crate::render::report::headline::sentence;
use crate::render::report::json::JsonReport;
use crate::render::report::text::TextReport;
use crate::render::view::{ReportDocument, ReportLook, ReportView};
use crate::report::build::Request;
use crate::report::summary::Summary;

/// Why there is no report, or none on everything: the text names the input, and what to do next.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Facts(#[from] FactsError),
}

/// What is known of the host beside the trace: counters and limits before and after it, policy
/// rules. A capture that `ip6drop record` wrote holds its own, which go before these.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    request: Request,
}

impl Facts {
    /// Nothing is known beside the trace.
    #[must_use]
    pub fn none() -> Facts {
        Facts::default()
    }

    /// Reads what `cat /proc/net/rt6_stats /proc/net/snmp6; sysctl net.ipv6.route; nproc; ip -6 rule`
    /// printed: once, or before and after the trace.
    ///
    /// # Errors
    /// Fails where nothing of it is known, or there are more than two readings.
    pub fn parse(text: &[u8]) -> Result<Facts, Error> {
        let facts = host::Facts::parse(text).map_err(Cause::from)?;
        let request = Request {
            facts: Some(facts),
            ..Request::default()
        };
        Ok(Facts { request })
    }
}

/// Reads traces, and says what they show: at any time, or at the end.
pub struct Analysis<'f> {
    stream: stream::Analysis<'f>,
    is_fed: bool,
}

impl fmt::Debug for Analysis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analysis").finish_non_exhaustive()
    }
}

impl<'f> Analysis<'f> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(facts: &'f Facts) -> Self {
        Analysis {
            stream: stream::Analysis::new(&facts.request, false),
            is_fed: false,
        }
    }

    /// More text of one trace, as `trace_pipe` gives it. Where it is cut does not matter.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !self.is_fed {
            self.stream.begin(Path::new("-"));
            self.is_fed = true;
        }
        self.stream.feed(bytes);
    }

    /// Reads a whole file, in every form that `ip6drop report` takes: text of ftrace or of
    /// `perf script`, `trace.dat`, compressed or not. Each is a capture by itself.
    ///
    /// # Errors
    /// Fails where the file cannot be read or holds no trace. What there was in front of damage
    /// is in the report, which then is no all-clear.
    pub fn read(&mut self, path: &Path) -> Result<(), Error> {
        self.stream.read(path).map_err(Cause::from)?;
        match self.stream.take_errors().pop() {
            Some(error) => Err(Cause::from(error).into()),
            None => Ok(()),
        }
    }

    /// What has come so far says this. More may come: what is confirmed here stays confirmed, and
    /// facts prove nothing yet.
    #[must_use]
    pub fn so_far(&self) -> Report {
        Report {
            summary: self.stream.so_far(None).summary,
        }
    }

    /// The report on everything.
    ///
    /// # Errors
    /// Fails where what was fed holds no trace.
    pub fn finish(mut self) -> Result<Report, Error> {
        if self.is_fed {
            self.stream.end(None).map_err(Cause::from)?;
        }
        Ok(Report {
            summary: self.stream.finish().summary,
        })
    }
}

/// What the traces show.
#[derive(Debug, Clone)]
pub struct Report {
    summary: Summary,
}

impl Report {
    /// How many packets were dropped.
    #[must_use]
    pub fn drops(&self) -> u64 {
        self.summary.findings.drops()
    }

    /// How many of them are of that class, with that confidence.
    #[must_use]
    pub fn count(&self, class: Class, confidence: Confidence) -> u64 {
        self.summary.findings.count(class, confidence)
    }

    /// The class that matters most, and the highest confidence in it; none where nothing was
    /// dropped. [`Report::exit_status`] says whether that is an all-clear.
    #[must_use]
    pub fn verdict(&self) -> Option<(Class, Confidence)> {
        let verdict = Verdict::of(&self.summary.findings);
        verdict.class.zip(verdict.confidence)
    }

    /// The status that `ip6drop report --exit-code` ends with: 10 where received packets are lost
    /// to a full route cache, and that is confirmed; 11 where it may be so; 12 for other drops
    /// alone; 13 where the trace forbids a verdict; 0 where nothing was dropped.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        Verdict::of(&self.summary.findings).exit.status()
    }

    /// The answer in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        sentence(&self.summary)
    }

    /// Writes the document `ip6drop.report/1`, whose schema `ip6drop generate schema` prints.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write(&Escaped(JsonReport), out)
    }

    /// Writes the report for people, as it stands in a file.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write(&TextReport, out)
    }

    fn write(&self, format: &dyn Format<ReportDocument>, out: &mut dyn Write) -> io::Result<()> {
        let view = ReportView {
            summary: &self.summary,
            timelines: &[],
            walk: &|_| Ok(()),
            look: ReportLook::default(),
        };
        format.write(&view, out)
    }
}
