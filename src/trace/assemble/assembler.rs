//! Takes records in the order of the text.

use crate::trace::assemble::out::Out;
use crate::trace::assemble::text_facts::TextFacts;
use crate::trace::assemble::waiting::{Waiting, count_lines};
use crate::trace::event::{AsideOf, Banner, Context, SignalOf, Sink, StackView};
use crate::trace::line::{Line, line};
use crate::trace::record::{Record, Span};
use crate::trace::stacks::Table;

/// Puts records together; one for each input.
#[derive(Clone, Default)]
pub(crate) struct Assembler {
    waiting: Waiting,
    text: TextFacts,
}

impl Assembler {
    /// What is known of the text.
    #[must_use]
    pub(crate) fn into_text(self) -> TextFacts {
        self.text
    }

    /// Takes one record; `bytes` are the chunk it is of.
    #[inline(always)]
    pub(crate) fn push<S: Sink>(
        &mut self,
        record: &Record<SignalOf<S>, AsideOf<S>>,
        bytes: &[u8],
        stacks: &mut Table<'_>,
        sink: &mut S,
    ) {
        if self.text.first_line.is_none() && !matches!(record, Record::Blank) {
            self.text.set_first(bytes);
        }
        // Mostly it is one of these.
        if let Record::Event {
            latency: false,
            context: Some(context),
            signal: Some(signal),
            ..
        } = record
        {
            self.end_open(stacks, sink);
            self.text.lines.events += 1;
            self.text.with_header = true;
            self.waiting.last = Some(*context);
            sink.event(Some(context), signal);
        } else if let Record::Traced {
            context,
            signal,
            marked,
            stack: id,
        } = record
        {
            self.end_open(stacks, sink);
            let stack = stacks.get(*id);
            let text = &mut self.text;
            text.lines.events += 2;
            text.stack_marks += 1;
            text.with_header = true;
            text.lines.add_stack(stack);
            self.waiting.last = Some(Context {
                time: *marked,
                ..*context
            });
            let view = StackView {
                id: Some(*id),
                frames: &stack.frames,
                marked: true,
                freed: stack.freed,
            };
            sink.traced(context, signal, *marked, view);
        } else {
            self.push_other(record, bytes, stacks, sink);
        }
    }

    #[inline(never)]
    fn push_other<S: Sink>(
        &mut self,
        record: &Record<SignalOf<S>, AsideOf<S>>,
        bytes: &[u8],
        stacks: &mut Table<'_>,
        sink: &mut S,
    ) {
        let of = |span: &Span| &bytes[span.start as usize..span.end as usize];
        let (waiting, text) = (&mut self.waiting, &mut self.text);
        let mut out = Out { text, stacks, sink };
        match record {
            Record::Event {
                latency,
                context,
                signal,
                stack,
            } => {
                waiting.end(&mut out);
                let Out { text, stacks, sink } = out;
                text.lines.events += 1;
                text.with_header |= context.is_some();
                text.without_header |= context.is_none();
                text.latency |= latency;
                waiting.last = *context;
                text.stack_marks += u64::from(signal.is_none());
                match (signal, stack) {
                    (Some(signal), _) => sink.event(context.as_ref(), signal),
                    (None, Some(id)) => {
                        let mark = Some(context.as_ref());
                        waiting.stack(Some(*id), stacks.get(*id), mark, text, sink);
                    }
                    (None, None) => waiting.mark = Some(*context),
                }
            }
            Record::Traced { .. } => {}
            Record::Aside(aside) => out.sink.aside(aside.clone()),
            Record::Stack(id) => waiting.known_run(*id, &mut out),
            Record::NewStack(span) => waiting.new_run(of(span), &mut out),
            // The rest of a stack that is too long to be one.
            Record::Rest(span) => count_lines(of(span), out.text),
            Record::Frame(whole, name) => waiting.frame(of(whole), of(name), &mut out),
            Record::Foreign(span) => {
                // Frames go on with the chain that is open.
                if !waiting.chains.is_open() {
                    waiting.end(&mut out);
                }
                if let Line::Foreign(found) = line(of(span)) {
                    waiting.chains.take(&found, of(span), &mut out);
                }
            }
            Record::Banner(span) => {
                waiting.end(&mut out);
                out.text.lines.banners += 1;
                if let Line::Banner(banner) = line(of(span)) {
                    out.text.trace_banners += u64::from(banner != Banner::Comment);
                    out.sink.banner(&banner);
                }
            }
            Record::Blank => {
                waiting.end(&mut out);
                out.text.lines.blank += 1;
            }
            Record::Unknown(span) => {
                waiting.end(&mut out);
                out.text.unparsed(of(span));
                out.sink.gap();
            }
        }
    }

    /// Whether frames wait that may be a new stack.
    #[must_use]
    pub(crate) fn has_frames(&self) -> bool {
        self.waiting.has_frames()
    }

    /// The end of the input.
    pub(crate) fn finish(&mut self, stacks: &mut Table<'_>, sink: &mut impl Sink) {
        self.end_open(stacks, sink);
        let lines = &mut self.text.lines;
        lines.total = lines.events + lines.frames + lines.banners + lines.blank + lines.unparsed;
    }

    /// Hands out what is open.
    #[inline(always)]
    fn end_open(&mut self, stacks: &mut Table<'_>, sink: &mut impl Sink) {
        // Mostly nothing is, and then nothing is put together for it.
        if self.waiting.is_open() {
            let text = &mut self.text;
            self.waiting.end(&mut Out { text, stacks, sink });
        }
    }
}
