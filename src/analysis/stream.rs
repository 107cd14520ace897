//! The stream: bytes in, a report out, at any time or at the end.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use crate::analysis::open_input::Open;
use crate::analysis::reader::read_through;
use crate::analysis::watch::{SoFar, Watch};
use crate::diagnosis::counters::HereAndNow;
use crate::diagnosis::surroundings::Surroundings;
use crate::host::{Facts, Snapshot};
use crate::input::{InputError, Packing, Parts, Source, Spool, open};
use crate::os::signals::Signals;
use crate::report::build::{Input, Judgement, Request};
use crate::report::decided::DecidedSink;
use crate::report::drops::Drops;
use crate::report::summary::Summary;
use crate::report::timeline::{MAX_TIMELINES, Timeline};
use crate::text::Untrusted;
use crate::trace::stacks::Stacks;

/// Why an input gives no report.
fn no_trace(input: &Input<'_>) -> InputError {
    let (name, text) = (Untrusted::joined(input.names()), input.text());
    match &text.first_line {
        None => InputError::Empty(name),
        Some(first) => InputError::no_trace(name, text.lines.total, first),
    }
}

/// An input that has ended.
struct Ended<'r> {
    input: Input<'r>,
    /// The error that ended it early.
    error: Option<InputError>,
    /// How to read it again.
    again: Option<Again>,
}

/// What gives the text of an input once more.
enum Again {
    /// One file.
    File(Spool),
    /// Parts of one recording.
    Parts(Parts),
}

impl Again {
    fn trace(&self) -> Result<Source<Box<dyn Read + Send>>, InputError> {
        match self {
            Again::File(spool) => spool.trace(),
            Again::Parts(parts) => Ok(parts.trace()),
        }
    }
}

/// Everything that is read goes through here: inputs one after the other, fed piece by piece or
/// read from files, and a report on all of them.
pub struct Analysis<'r> {
    request: &'r Request,
    /// Single drops are asked for.
    keeps: bool,
    /// Of the drops that are fed, so many are kept: the latest.
    latest: Option<usize>,
    host: Option<HereAndNow>,
    stacks: Stacks,
    names: Vec<Untrusted>,
    ended: Vec<Ended<'r>>,
    open: Option<Open<'r>>,
    signals: Option<Signals>,
    watch: Option<Watch<'r>>,
}

impl<'r> Analysis<'r> {
    /// Starts with no input. `keeps` says that the drops will be asked for one by one.
    #[must_use]
    pub fn new(request: &'r Request, keeps: bool) -> Self {
        Analysis {
            request,
            keeps,
            latest: None,
            host: None,
            stacks: Stacks::default(),
            names: Vec::new(),
            ended: Vec::new(),
            open: None,
            signals: None,
            watch: None,
        }
    }

    /// Of the drops that are fed from the next beginning on, so many can be walked: the latest.
    pub(crate) fn keep_latest(&mut self, drops: usize) {
        self.latest = Some(drops);
    }

    /// Streams end where one of these signals comes.
    pub(crate) fn set_signals(&mut self, signals: Option<Signals>) {
        self.signals = signals;
    }

    /// Who is told how far a reading has come.
    pub(crate) fn set_watch(&mut self, watch: Watch<'r>) {
        self.watch = Some(watch);
    }

    /// The host that the inputs were recorded on just now.
    pub(crate) fn set_host(&mut self, host: Option<HereAndNow>) {
        self.host = host;
    }

    /// A new input begins, to be fed.
    pub fn begin(&mut self, name: &Path) {
        let filter = &self.request.filter;
        let drops = match self.latest {
            Some(most) => Drops::latest(filter, most),
            None => Drops::new(filter, self.keeps),
        };
        self.open = Some(Open::new(Untrusted::name(name), drops));
    }

    /// More of its text. Where the text is cut does not matter.
    pub fn feed(&mut self, bytes: &[u8]) {
        if let Some(open) = &mut self.open {
            open.feed(bytes, &mut self.stacks);
        }
    }

    /// The end of the input; `again` gives the same text once more.
    ///
    /// # Errors
    /// Fails where it holds no trace.
    pub fn end(&mut self, again: Option<Spool>) -> Result<(), InputError> {
        match self.open.take() {
            Some(open) => {
                let input = open.finish(&mut self.stacks, true);
                self.take(input, None, again.map(Again::File))
            }
            None => Ok(()),
        }
    }

    fn take(
        &mut self,
        input: Input<'r>,
        error: Option<InputError>,
        again: Option<Again>,
    ) -> Result<(), InputError> {
        self.names.extend_from_slice(input.names());
        if !input.has_trace() {
            return Err(error.unwrap_or_else(|| no_trace(&input)));
        }
        self.ended.push(Ended {
            input,
            error,
            again,
        });
        Ok(())
    }

    /// Reads a whole input, `-` for standard input.
    ///
    /// # Errors
    /// Fails where it cannot be opened or holds no trace; one that breaks off is taken as far
    /// as it could be read.
    pub fn read(&mut self, path: &Path) -> Result<(), InputError> {
        let signals = self.signals.as_ref();
        let opened = || {
            let again = self.keeps.then(|| Spool::new(path, signals)).transpose()?;
            let opened = match &again {
                Some(again) => again.open()?,
                None => open(path, signals)?,
            };
            let packing = opened.packing();
            let trace = opened.trace();
            let trace = trace.map_err(|e| InputError::from_io(path, e))?;
            Ok((trace, packing, again))
        };
        match opened() {
            Ok((trace, packing, again)) => self.read_source(path, trace, packing, again),
            Err(error) => {
                self.names.push(Untrusted::name(path));
                Err(error)
            }
        }
    }

    /// Reads a whole input, and passes it over where it is no trace: false.
    ///
    /// # Errors
    /// See [`Analysis::read`].
    pub(crate) fn read_if_trace(&mut self, path: &Path) -> Result<bool, InputError> {
        match self.read(path) {
            Err(InputError::NoTrace { .. } | InputError::Empty(_)) => {
                self.names.pop();
                Ok(false)
            }
            read => read.map(|()| true),
        }
    }

    /// Reads a whole input from where it comes from.
    ///
    /// # Errors
    /// See [`Analysis::read`].
    pub fn read_source(
        &mut self,
        name: &Path,
        source: Source<impl Read + Send>,
        packing: Option<Packing>,
        again: Option<Spool>,
    ) -> Result<(), InputError> {
        let ended = |read, source| InputError::ended(name, packing, read, source);
        let names = vec![Untrusted::name(name)];
        self.read_text(names, source, &ended, again.map(Again::File))
    }

    /// Reads parts of one recording as one input.
    ///
    /// # Errors
    /// See [`Analysis::read`].
    pub(crate) fn read_parts(&mut self, parts: Parts) -> Result<(), InputError> {
        let names: Vec<_> = parts.paths().map(Untrusted::name).collect();
        let ended = |_, source| InputError::from_io(Path::new(""), source);
        let trace = parts.trace();
        self.read_text(
            names,
            trace,
            &ended,
            self.keeps.then_some(Again::Parts(parts)),
        )
    }

    fn read_text(
        &mut self,
        names: Vec<Untrusted>,
        source: Source<impl Read + Send>,
        ended: &dyn Fn(u64, io::Error) -> InputError,
        again: Option<Again>,
    ) -> Result<(), InputError> {
        let drops = Drops::new(&self.request.filter, self.keeps);
        let threads = self.request.threads;
        let length = source.length();
        // Of several parts the first stands for all.
        let name = Path::new(names.first().map_or("", |name| name.raw()));
        let watch = &mut self.watch;
        let mut after = |drops: &mut Drops<'_>, _: &Stacks, bytes| {
            if let Some(watch) = watch {
                watch(
                    name,
                    &SoFar {
                        bytes,
                        length,
                        drops: drops.tally.all,
                    },
                );
            }
        };
        let reading = read_through(source, threads, &mut self.stacks, drops, &mut after);
        let error = reading.error.map(|e| ended(reading.bytes, e));
        let (gathered, drops) = (reading.gathered, reading.drops);
        let input = Input::new(names, gathered, drops, reading.text, error.is_some());
        self.take(input, error, again)
    }

    /// The errors that ended inputs early, in the order of these.
    pub fn take_errors(&mut self) -> Vec<InputError> {
        let ended = self.ended.iter_mut();
        ended.filter_map(|ended| ended.error.take()).collect()
    }

    /// The report on everything, when nothing comes any more.
    #[must_use]
    pub fn finish(&self) -> Report<'_, 'r> {
        let inputs = self.ended.iter().map(|ended| Cow::Borrowed(&ended.input));
        let facts = self.request.facts.as_ref();
        self.report(inputs.collect(), Cow::Borrowed(&self.stacks), facts, true)
    }

    /// The report on what has come so far, while more of the same trace may come: what it
    /// confirms stays confirmed. (Text of perf behind text of ftrace, and totals of lost events
    /// without the recording that they are of, belong into inputs of their own.) `facts` of the
    /// host are shown; they bracket nothing, and prove nothing. It works on a copy of what was
    /// gathered, which is as large as that.
    #[must_use]
    pub fn so_far(&self, facts: Option<&Facts>) -> Report<'_, 'r> {
        let inputs = self.ended.iter().map(|ended| Cow::Borrowed(&ended.input));
        let mut inputs: Vec<_> = inputs.collect();
        let mut stacks = Cow::Borrowed(&self.stacks);
        if let Some(open) = &self.open {
            let input = open.so_far(stacks.to_mut());
            if input.has_trace() {
                inputs.push(Cow::Owned(input));
            }
        }
        self.report(inputs, stacks, facts, false)
    }

    fn report<'a>(
        &'a self,
        inputs: Vec<Cow<'a, Input<'r>>>,
        stacks: Cow<'a, Stacks>,
        facts: Option<&Facts>,
        is_over: bool,
    ) -> Report<'a, 'r> {
        let nothing = Facts::default();
        let proving = facts.filter(|_| is_over).unwrap_or(&nothing);
        // One pair of facts for several captures counts their drops together, and once.
        let shares = |input: &Input<'_>| !input.own_facts().has_reading();
        let sharing = inputs.iter().filter(|input| shares(input));
        let shared_drops: u64 = sharing.clone().map(|input| input.receive_drops()).sum();
        let all_share = sharing.count() == inputs.len();
        let failed = |input: &Cow<'_, Input<'_>>| input.text().log.memory_failures > 0;
        let memory_failed = inputs.iter().any(failed);
        let mut summary = Summary::default();
        let mut judged = Vec::with_capacity(inputs.len());
        for input in inputs {
            let own = input.own_facts();
            let bracketed = own.has_reading();
            let receive_drops = if shares(&input) {
                shared_drops
            } else {
                input.receive_drops()
            };
            let known = own.or(proving);
            let around = Surroundings {
                facts: &known,
                bracketed,
                receive_drops,
                memory_failed,
            };
            let judgement = input.judge(&around, self.request.traced, is_over);
            let given = facts.unwrap_or(&nothing);
            // What is true now is later than anything that a recording that runs says of its host.
            let shown = if is_over {
                own.or(given)
            } else {
                given.or(own)
            };
            let host = self.host.as_ref();
            let one = input.summarise(&judgement, (&known, &shown), host, &stacks);
            let drawn = self.keeps && judged.len() < MAX_TIMELINES;
            judged.push(Judged {
                input,
                judgement,
                summary: drawn.then(|| one.clone()),
            });
            summary.merge(one);
        }
        if all_share && facts.is_some() {
            summary.findings.in_no_routes = proving.rise(Snapshot::in_no_routes);
        }
        // What an input that gives nothing would have shown is missing, and in no total.
        let read = self.ended.iter().map(|ended| ended.input.names().len());
        let unread = self.names.len().saturating_sub(read.sum());
        if unread > 0 && !judged.is_empty() {
            summary.inputs.clone_from(&self.names);
            summary.findings.health.broken_inputs += unread as u64;
            summary.findings.in_no_routes = None;
        }
        Report {
            summary,
            analysis: self,
            stacks,
            judged,
        }
    }
}

/// An input and what was made of it.
struct Judged<'a, 'r> {
    input: Cow<'a, Input<'r>>,
    judgement: Judgement,
    /// The report on it alone, where it will be drawn.
    summary: Option<Summary>,
}

/// A report, and the way back to the drops behind it.
pub struct Report<'a, 'r> {
    /// The numbers.
    pub summary: Summary,
    analysis: &'a Analysis<'r>,
    stacks: Cow<'a, Stacks>,
    judged: Vec<Judged<'a, 'r>>,
}

impl Report<'_, '_> {
    /// When the drops were, for the first inputs: each has its own clock.
    ///
    /// # Errors
    /// See [`Report::walk`].
    pub(crate) fn timelines(&self) -> Result<Vec<Timeline>, InputError> {
        let alone = self
            .judged
            .iter()
            .map_while(|judged| judged.summary.as_ref());
        let draw = |(input, summary)| {
            let mut timeline = Timeline::new(summary);
            self.walk(input, &mut timeline)?;
            Ok(timeline)
        };
        alone.enumerate().map(draw).collect()
    }

    /// How many inputs it is on.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.judged.len()
    }

    /// Hands on the drops of one input that pass the filters, in the order of the trace. Where
    /// more than could be kept were seen, the input is read again.
    ///
    /// # Errors
    /// Those of opening it again.
    pub fn walk(&self, input: usize, sink: &mut dyn DecidedSink) -> Result<(), InputError> {
        let Some(Judged {
            input: read,
            judgement,
            ..
        }) = self.judged.get(input)
        else {
            return Ok(());
        };
        if let Some(kept) = read.kept() {
            let mut hand_on = judgement.hand_on(read, sink);
            kept.iter().for_each(|kept| hand_on(kept, &self.stacks));
            return Ok(());
        }
        let ended = self.analysis.ended.get(input);
        if let Some(again) = ended.and_then(|ended| ended.again.as_ref()) {
            let request = self.analysis.request;
            let mut hand_on = judgement.hand_on(read, sink);
            read_through(
                again.trace()?,
                request.threads,
                &mut Stacks::default(),
                Drops::passing(&request.filter),
                &mut |drops, stacks, _| drops.take(|kept| hand_on(kept, stacks)),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn blocks_of_equal_bytes_are_parsed_once() {
        let capture = include_bytes!("../../fixtures/4.19-fp/exhausted.pipe");
        let mut distinct = HashSet::new();
        let mut block = Vec::new();
        for line in capture.split_inclusive(|&b| b == b'\n') {
            if line.starts_with(b" => ") {
                block.extend_from_slice(line);
            } else if !block.is_empty() {
                distinct.insert(std::mem::take(&mut block));
            }
        }
        distinct.extend((!block.is_empty()).then_some(block));
        let request = Request::default();
        let mut analysis = Analysis::new(&request, false);
        let source = Source::Stream(&capture[..]);
        analysis
            .read_source(Path::new("x"), source, None, None)
            .unwrap();
        assert_eq!(analysis.stacks.known_blocks(), distinct.len());
    }

    /// Text, and then an error.
    struct BrokenOff<'a>(&'a [u8]);

    impl Read for BrokenOff<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.0.read(out)
        }
    }

    /// A known stack behind the last whole piece is not taken for one of the text.
    #[test]
    fn an_input_that_breaks_off_in_front_of_a_known_stack() {
        let event = "  a-1  [000] ..s1 1.000000: ip6_pkt_drop <-ip6_pkt_discard\n";
        let stack = "  a-1  [000] ..s1 1.000001: <stack trace>\n => ip6_pkt_drop\n => ipv6_rcv\n";
        let text = format!("{event}{stack}").repeat(3) + " ";
        let request = Request::default();
        let mut analysis = Analysis::new(&request, false);
        let source = Source::Stream(BrokenOff(text.as_bytes()));
        analysis
            .read_source(Path::new("x"), source, None, None)
            .unwrap();
        assert_eq!(analysis.take_errors().len(), 1);
        assert_eq!(analysis.finish().summary.findings.drops(), 3);
    }
}
