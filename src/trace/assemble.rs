//! Lines and stack blocks put together: events, and stacks with the task they belong to.

use super::banner::Banner;
use super::header::Header;
use super::line::{Line, line, trim_end};
use super::payload::Payload;
use super::stacks::{Seen, StackId, Stacks, frame_name};
use super::time::Time;
use crate::input::Piece;

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
    pub frames: &'a [Box<[u8]>],
    /// False for frames without a `<stack trace>` line above them.
    pub marked: bool,
}

/// Takes what the assembler makes of the input, in the order of the text.
pub trait Sink {
    /// An event that is no stack.
    fn event(&mut self, context: Option<&Context>, payload: &Payload<'_>);
    /// A whole stack and the context of its `<stack trace>` line.
    fn stack(&mut self, context: Option<&Context>, stack: StackView<'_>);
    /// A line about the trace.
    fn banner(&mut self, banner: &Banner<'_>);
    /// Something that may have been an event could not be read.
    fn gap(&mut self);
}

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
}

/// Puts pieces together; one for each input.
#[derive(Default)]
pub struct Assembler {
    /// The `<stack trace>` line whose frames are still to come.
    open: Option<Option<Context>>,
    /// Where the last event happened.
    last: Option<Context>,
    /// Frames that came one by one, behind prefixes, written as a plain block.
    loose: Vec<u8>,
    text: TextFacts,
}

impl Assembler {
    /// What is known of the text so far.
    #[must_use]
    pub fn text(&self) -> &TextFacts {
        &self.text
    }

    /// Takes one piece.
    pub fn push(&mut self, piece: Piece<'_>, stacks: &mut Stacks, sink: &mut impl Sink) {
        match piece {
            Piece::Frames {
                bytes,
                continued: false,
            } if self.loose.is_empty() => {
                let marked = self.open.take();
                self.block(bytes, marked, stacks, sink);
            }
            Piece::Frames { bytes, .. } => {
                // The rest of a stack that is too long to be one: only its lines count.
                let lines = memchr::memchr_iter(b'\n', bytes).count() as u64
                    + u64::from(!bytes.ends_with(b"\n"));
                self.text.lines.total += lines;
                self.text.lines.frames += lines;
            }
            Piece::Line(bytes) => self.line(bytes, stacks, sink),
            Piece::LongLine(bytes) => {
                self.end_stack(stacks, sink);
                self.text.lines.total += 1;
                self.unparsed(bytes);
                sink.gap();
            }
        }
    }

    /// The end of the input.
    pub fn finish(&mut self, stacks: &mut Stacks, sink: &mut impl Sink) {
        self.end_stack(stacks, sink);
    }

    fn line(&mut self, bytes: &[u8], stacks: &mut Stacks, sink: &mut impl Sink) {
        let parsed = line(bytes);
        if let Line::Frame(frame) = parsed {
            if self.loose.len() < crate::input::MAX_BLOCK {
                self.loose.extend_from_slice(b" => ");
                self.loose.extend_from_slice(&frame_name(&frame));
                self.loose.push(b'\n');
            } else {
                self.text.lines.total += 1;
                self.text.lines.frames += 1;
            }
            self.note_first(bytes);
            return;
        }
        self.end_stack(stacks, sink);
        let counts = &mut self.text.lines;
        counts.total += 1;
        match parsed {
            Line::Blank => counts.blank += 1,
            Line::Banner(banner) => {
                counts.banners += 1;
                self.text.trace_banners += u64::from(banner != Banner::Comment);
                sink.banner(&banner);
            }
            Line::Event(header, payload) => {
                counts.events += 1;
                let context = header.as_ref().map(Context::from);
                self.last = context;
                self.text.with_header |= header.is_some();
                self.text.without_header |= header.is_none();
                self.text.latency |= header.is_some_and(|h| h.latency);
                if payload == Payload::Stack {
                    self.text.stack_marks += 1;
                    self.open = Some(context);
                } else {
                    sink.event(context.as_ref(), &payload);
                }
            }
            Line::Unknown | Line::Frame(_) => {
                self.unparsed(bytes);
                sink.gap();
            }
        }
        if parsed != Line::Blank {
            self.note_first(bytes);
        }
    }

    fn note_first(&mut self, bytes: &[u8]) {
        if self.text.first_line.is_none() {
            self.text.first_line = Some(sample(bytes));
        }
    }

    fn unparsed(&mut self, bytes: &[u8]) {
        self.text.lines.unparsed += 1;
        self.note_first(bytes);
        if self.text.samples.len() < MAX_SAMPLES {
            self.text.samples.push(sample(bytes));
        }
    }

    /// Hands out what is open: loose frames, or a `<stack trace>` without any.
    fn end_stack(&mut self, stacks: &mut Stacks, sink: &mut impl Sink) {
        let marked = self.open.take();
        if !self.loose.is_empty() {
            let loose = std::mem::take(&mut self.loose);
            self.block(&loose, marked, stacks, sink);
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
        stacks: &mut Stacks,
        sink: &mut impl Sink,
    ) {
        if self.text.first_line.is_none() {
            self.note_first(block.split(|&b| b == b'\n').next().unwrap_or_default());
        }
        let seen = stacks.intern(block);
        let (id, stack) = match &seen {
            Seen::Known(id) => (Some(*id), stacks.get(*id)),
            Seen::Beyond(stack) => (None, stack),
        };
        let counts = &mut self.text.lines;
        counts.total += stack.lines;
        counts.frames += stack.lines - stack.unparsed;
        counts.unparsed += stack.unparsed;
        self.text.bare_stacks |= marked.is_none();
        // Among events a stack without its mark is one whose mark was damaged.
        let context = match marked {
            Some(context) => context,
            None => self.last,
        };
        let marked = marked.is_some() || self.last.is_some();
        let view = StackView {
            id,
            frames: &stack.frames,
            marked,
        };
        sink.stack(context.as_ref(), view);
    }
}

fn sample(bytes: &[u8]) -> Vec<u8> {
    let text = trim_end(bytes);
    text[..text.len().min(MAX_SAMPLE_BYTES)].to_vec()
}
