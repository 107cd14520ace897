//! Lines and stack blocks put together: events, and stacks with the task they belong to.

mod chains;

use crate::trace::banner::Banner;
use crate::trace::header::Header;
use crate::trace::line::{Line, line, trim_end};
use crate::trace::parse::{Meaning, Record, Span};
use crate::trace::stacks::{Name, Seen, Stack, StackId, Table, frame_name};
use crate::trace::time::Time;

/// Lines not understood that are kept as samples.
pub const MAX_SAMPLES: usize = 5;
/// Bytes kept of a sample.
pub const MAX_SAMPLE_BYTES: usize = 160;
/// Bytes of a task's name that are kept; the kernel's own limit, `TASK_COMM_LEN`.
const COMM_BYTES: usize = 16;

/// A task's name, copied out of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Comm {
    bytes: [u8; COMM_BYTES],
    len: u8,
}

impl Comm {
    /// Copies a name; bytes beyond `TASK_COMM_LEN` are left out.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let name = &name[..name.len().min(COMM_BYTES)];
        let mut bytes = [0; COMM_BYTES];
        bytes[..name.len()].copy_from_slice(name);
        Comm {
            bytes,
            len: name.len() as u8,
        }
    }

    /// The name's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Where an event happened, copied out of its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The task's name.
    pub comm: Comm,
    /// The task's pid.
    pub pid: u64,
    /// The CPU.
    pub cpu: u32,
    /// When.
    pub time: Time,
}

impl Context {
    /// Whether the other is the same task on the same CPU.
    pub(super) fn is_of_task(&self, other: &Context) -> bool {
        (self.pid, self.cpu, self.comm) == (other.pid, other.cpu, other.comm)
    }
}

impl From<&Header<'_>> for Context {
    fn from(header: &Header<'_>) -> Self {
        Context {
            comm: Comm::new(header.comm),
            pid: header.pid,
            cpu: header.cpu,
            time: header.time,
        }
    }
}

/// A stack, as handed to whoever collects evidence.
#[derive(Debug, Clone, Copy)]
pub struct StackView<'a> {
    /// Its number, unless it came beyond the caps of the table.
    pub id: Option<StackId>,
    /// Names of its frames, innermost first; none where the unwinder found nothing.
    pub frames: &'a [Name],
    /// False for frames without a `<stack trace>` line above them.
    pub marked: bool,
}

/// Takes what the assembler makes of the input, in the order of the text.
pub trait Sink {
    /// How payloads come to it.
    type Meaning: Meaning;
    /// An event that is no stack.
    fn event(&mut self, context: Option<&Context>, signal: &Signal<Self>);
    /// An event with a context, and its own stack right behind it.
    fn traced(
        &mut self,
        event: &Context,
        signal: &Signal<Self>,
        marked: Time,
        stack: StackView<'_>,
    ) {
        self.event(Some(event), signal);
        let context = Context {
            time: marked,
            ..*event
        };
        self.stack(Some(&context), stack);
    }
    /// What the event that comes next says besides.
    fn aside(&mut self, aside: &Aside<Self>);
    /// A whole stack and the context of its `<stack trace>` line.
    fn stack(&mut self, context: Option<&Context>, stack: StackView<'_>);
    /// A stack that was seen so many times, it is not known where, when and in what order.
    fn counted(&mut self, count: u64, stack: StackView<'_>);
    /// A line about the trace.
    fn banner(&mut self, banner: &Banner<'_>);
    /// Something that may have been an event could not be read.
    fn gap(&mut self);
}

/// A sink's signals.
pub type Signal<S> = <<S as Sink>::Meaning as Meaning>::Signal;
/// What events say to a sink besides.
pub type Aside<S> = <<S as Sink>::Meaning as Meaning>::Aside;

/// Every line of the input, in exactly one of the counters besides `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// All lines.
    pub total: u64,
    /// Events, `<stack trace>` lines included.
    pub events: u64,
    /// Frames of stacks.
    pub frames: u64,
    /// Banners, comments, lost-event marks.
    pub banners: u64,
    /// Blank lines.
    pub blank: u64,
    /// Anything else.
    pub unparsed: u64,
}

impl LineCounts {
    fn add_stack(&mut self, stack: &Stack) {
        self.frames += stack.lines - stack.unparsed;
        self.unparsed += stack.unparsed;
    }
}

/// What the kernel's log says of refused allocations; see [`crate::trace::kmsg`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelLog {
    /// Messages, each about one.
    pub failed: u64,
    /// Messages that were left out.
    pub suppressed: u64,
    /// What stands in front of the first message: when it was, in the log's own words.
    pub first: Option<Vec<u8>>,
    /// The same of the last one.
    pub last: Option<Vec<u8>>,
}

impl KernelLog {
    /// Allocations that were refused.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.failed.saturating_add(self.suppressed)
    }

    /// Adds what a later text says.
    pub fn merge(&mut self, other: KernelLog) {
        self.failed += other.failed;
        self.suppressed = self.suppressed.saturating_add(other.suppressed);
        self.first = self.first.take().or(other.first);
        self.last = other.last.or(self.last.take());
    }
}

/// What is true of the text as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextFacts {
    /// Line counters.
    pub lines: LineCounts,
    /// The first lines that were not understood, cut to [`MAX_SAMPLE_BYTES`].
    pub samples: Vec<Vec<u8>>,
    /// The first line that is not blank, cut likewise.
    pub first_line: Option<Vec<u8>>,
    /// `<stack trace>` lines.
    pub stack_marks: u64,
    /// Banners that only a trace has.
    pub trace_banners: u64,
    /// Some header was in the latency format.
    pub latency: bool,
    /// Some event had a header.
    pub with_header: bool,
    /// Some event had none.
    pub without_header: bool,
    /// Some stack had no `<stack trace>` line.
    pub bare_stacks: bool,
    /// Some line is an event of `perf script`.
    pub perf: bool,
    /// Some lines are stacks as bpftrace prints them.
    pub bpftrace: bool,
    /// What the kernel's log says.
    pub log: KernelLog,
}

/// Puts records together; one for each input.
#[derive(Default)]
pub struct Assembler {
    /// The `<stack trace>` line whose frames are still to come.
    open: Option<Option<Context>>,
    /// Where the last event happened.
    last: Option<Context>,
    /// Frames that came one by one, behind prefixes, written as a plain block.
    loose: Vec<u8>,
    /// What lines of other programs have begun.
    chains: chains::Chains,
    text: TextFacts,
}

impl Assembler {
    /// What is known of the text so far.
    #[must_use]
    pub fn text(&self) -> &TextFacts {
        &self.text
    }

    /// Takes one record; `bytes` are the chunk it is of.
    #[inline(always)]
    pub fn push<S: Sink>(
        &mut self,
        record: &Record<Signal<S>, Aside<S>>,
        bytes: &[u8],
        stacks: &mut Table<'_>,
        sink: &mut S,
    ) {
        // Mostly it is one of these.
        if let Record::Event {
            at,
            latency: false,
            context: Some(context),
            signal: Some(signal),
            ..
        } = record
        {
            self.end_stack(stacks, sink);
            self.note_first(|| &bytes[*at as usize..]);
            self.text.lines.events += 1;
            self.text.with_header = true;
            self.last = Some(*context);
            sink.event(Some(context), signal);
        } else if let Record::Traced {
            at,
            context,
            signal,
            marked,
            stack,
        } = record
        {
            self.end_stack(stacks, sink);
            self.note_first(|| &bytes[*at as usize..]);
            let id = *stack;
            let stack = stacks.get(id);
            let text = &mut self.text;
            text.lines.events += 2;
            text.stack_marks += 1;
            text.with_header = true;
            text.lines.add_stack(stack);
            self.last = Some(Context {
                time: *marked,
                ..*context
            });
            let view = StackView {
                id: Some(id),
                frames: &stack.frames,
                marked: true,
            };
            sink.traced(context, signal, *marked, view);
        } else {
            self.push_other(record, bytes, stacks, sink);
        }
    }

    #[inline(never)]
    fn push_other<S: Sink>(
        &mut self,
        record: &Record<Signal<S>, Aside<S>>,
        bytes: &[u8],
        stacks: &mut Table<'_>,
        sink: &mut S,
    ) {
        let of = |span: &Span| &bytes[span.start as usize..span.end as usize];
        match record {
            Record::Event {
                at,
                latency,
                context,
                signal,
                stack,
            } => {
                self.end_stack(stacks, sink);
                self.note_first(|| &bytes[*at as usize..]);
                let text = &mut self.text;
                text.lines.events += 1;
                text.with_header |= context.is_some();
                text.without_header |= context.is_none();
                text.latency |= latency;
                self.last = *context;
                match (signal, stack) {
                    (Some(signal), _) => sink.event(context.as_ref(), signal),
                    (None, Some(id)) => {
                        text.stack_marks += 1;
                        self.stack(Some(*id), stacks.get(*id), Some(context.as_ref()), sink);
                    }
                    (None, None) => {
                        text.stack_marks += 1;
                        self.open = Some(*context);
                    }
                }
            }
            Record::Traced { .. } => {}
            Record::Aside(aside) => sink.aside(aside),
            Record::Stack { at, id } => {
                self.end_chain_before(stacks, sink);
                self.note_first(|| &bytes[*at as usize..]);
                if self.loose.is_empty() {
                    let marked = self.open.take();
                    let marked = marked.as_ref().map(Option::as_ref);
                    self.stack(Some(*id), stacks.get(*id), marked, sink);
                } else {
                    self.count_frames(stacks.get(*id).lines);
                }
            }
            Record::NewStack(span) => {
                self.end_chain_before(stacks, sink);
                if self.loose.is_empty() {
                    self.note_first(|| of(span));
                    let marked = self.open.take();
                    self.block(of(span), marked, stacks, sink);
                } else {
                    self.count_lines(of(span));
                }
            }
            // The rest of a stack that is too long to be one.
            Record::Rest(span) => self.count_lines(of(span)),
            Record::Foreign(span) => {
                self.note_first(|| of(span));
                self.foreign(of(span), stacks, sink);
            }
            Record::Frame(whole, name) => {
                self.end_chain_before(stacks, sink);
                self.note_first(|| of(whole));
                self.loose_frame(of(whole), of(name), whole == name);
            }
            Record::Banner(span) => {
                self.end_stack(stacks, sink);
                self.note_first(|| of(span));
                self.text.lines.banners += 1;
                if let Line::Banner(banner) = line(of(span)) {
                    self.text.trace_banners += u64::from(banner != Banner::Comment);
                    sink.banner(&banner);
                }
            }
            Record::Blank => {
                self.end_stack(stacks, sink);
                self.text.lines.blank += 1;
            }
            Record::Unknown(span) => {
                self.end_stack(stacks, sink);
                self.note_first(|| of(span));
                self.text.lines.unparsed += 1;
                if self.text.samples.len() < MAX_SAMPLES {
                    self.text.samples.push(sample(of(span)));
                }
                sink.gap();
            }
        }
    }

    /// Whether frames wait that may be a new stack.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        !self.loose.is_empty()
    }

    /// The end of the input.
    pub fn finish(&mut self, stacks: &mut Table<'_>, sink: &mut impl Sink) {
        self.end_stack(stacks, sink);
        let lines = &mut self.text.lines;
        lines.total = lines.events + lines.frames + lines.banners + lines.blank + lines.unparsed;
    }

    /// Frames of which only the lines count.
    fn count_lines(&mut self, block: &[u8]) {
        let lines = memchr::memchr_iter(b'\n', block).count();
        self.count_frames(lines as u64 + u64::from(!block.ends_with(b"\n")));
    }

    /// Frames of ftrace are no part of another program's chain.
    fn end_chain_before(&mut self, stacks: &mut Table<'_>, sink: &mut impl Sink) {
        if self.chains.is_open() {
            self.end_stack(stacks, sink);
        }
    }

    fn count_frames(&mut self, lines: u64) {
        self.text.lines.frames += lines;
    }

    /// A frame behind a prefix, by its name, or as a whole line where that is not its name.
    fn loose_frame(&mut self, whole: &[u8], name: &[u8], by_line: bool) {
        if self.loose.len() >= crate::input::MAX_BLOCK {
            self.count_frames(1);
            return;
        }
        self.loose.extend_from_slice(b" => ");
        match line(whole) {
            Line::Frame(frame) if by_line => self.loose.extend_from_slice(&frame_name(&frame)),
            _ => self.loose.extend_from_slice(name),
        }
        self.loose.push(b'\n');
    }

    /// Remembers the first line that is not blank; `text` starts with it.
    #[inline(always)]
    fn note_first<'a>(&mut self, text: impl Fn() -> &'a [u8]) {
        if self.text.first_line.is_none() {
            self.set_first(text());
        }
    }

    #[cold]
    fn set_first(&mut self, text: &[u8]) {
        let first = text.split(|&b| b == b'\n').next().unwrap_or_default();
        self.text.first_line = Some(sample(first));
    }

    /// Hands out what is open: loose frames, or a `<stack trace>` without any.
    #[inline(always)]
    fn end_stack(&mut self, stacks: &mut Table<'_>, sink: &mut impl Sink) {
        if self.open.is_some() || !self.loose.is_empty() {
            self.end_open(stacks, sink);
        }
        self.chains.forget();
    }

    fn end_open(&mut self, stacks: &mut Table<'_>, sink: &mut impl Sink) {
        let marked = self.open.take();
        if !self.loose.is_empty() {
            let loose = std::mem::take(&mut self.loose);
            match self.chains.take() {
                Some(chain) => self.end_chain(chain, &loose, stacks, sink),
                None => self.block(&loose, marked, stacks, sink),
            }
        } else if let Some(context) = marked {
            sink.stack(
                context.as_ref(),
                StackView {
                    id: None,
                    frames: &[],
                    marked: true,
                },
            );
        }
    }

    fn block(
        &mut self,
        block: &[u8],
        marked: Option<Option<Context>>,
        stacks: &mut Table<'_>,
        sink: &mut impl Sink,
    ) {
        let marked = marked.as_ref().map(Option::as_ref);
        match stacks.intern(block) {
            Seen::Known(id) => self.stack(Some(id), stacks.get(id), marked, sink),
            Seen::Beyond(stack) => self.stack(None, &stack, marked, sink),
        }
    }

    fn stack(
        &mut self,
        id: Option<StackId>,
        stack: &Stack,
        marked: Option<Option<&Context>>,
        sink: &mut impl Sink,
    ) {
        self.text.lines.add_stack(stack);
        self.text.bare_stacks |= marked.is_none();
        // Among events a stack without its mark is one whose mark was damaged.
        let context = match marked {
            Some(context) => context,
            None => self.last.as_ref(),
        };
        let marked = marked.is_some() || self.last.is_some();
        let view = StackView {
            id,
            frames: &stack.frames,
            marked,
        };
        sink.stack(context, view);
    }
}

fn sample(bytes: &[u8]) -> Vec<u8> {
    let text = trim_end(bytes);
    text[..text.len().min(MAX_SAMPLE_BYTES)].to_vec()
}
