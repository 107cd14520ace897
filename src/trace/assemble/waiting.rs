//! Stacks that wait for the lines they go on with.

use crate::trace::assemble::chains::Chains;
use crate::trace::assemble::out::Out;
use crate::trace::assemble::text_facts::TextFacts;
use crate::trace::cut::MAX_BLOCK;
use crate::trace::event::{Context, Sink, StackId, StackView};
use crate::trace::line::{Line, line};
use crate::trace::stacks::{Stack, frame_name};

/// What the lines so far have begun.
#[derive(Clone, Default)]
pub(super) struct Waiting {
    /// The `<stack trace>` line whose frames are still to come.
    pub(crate) mark: Option<Option<Context>>,
    /// Where the last event happened.
    pub(crate) last: Option<Context>,
    /// Frames that came one by one, behind prefixes, written as a plain block.
    frames: Vec<u8>,
    /// What lines of other programs have begun; nothing else is open then.
    pub(crate) chains: Chains,
}

impl Waiting {
    /// Whether anything waits.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.mark.is_some() || !self.frames.is_empty() || self.chains.is_open()
    }

    /// Whether frames wait that may be a new stack.
    pub(super) fn has_frames(&self) -> bool {
        !self.frames.is_empty() || self.chains.has_frames()
    }

    /// Hands out what is open: frames, or a `<stack trace>` without any.
    #[inline(always)]
    pub(super) fn end<S: Sink>(&mut self, out: &mut Out<'_, '_, S>) {
        if self.is_open() {
            self.hand_out(out);
        }
    }

    fn hand_out<S: Sink>(&mut self, out: &mut Out<'_, '_, S>) {
        self.chains.end(out);
        let mark = self.mark.take();
        if !self.frames.is_empty() {
            let frames = std::mem::take(&mut self.frames);
            self.block(&frames, mark, out);
        } else if let Some(context) = mark {
            let stack = StackView {
                id: None,
                frames: &[],
                marked: true,
                freed: false,
            };
            out.sink.stack(context.as_ref(), stack);
        }
    }

    /// A run of frames that was seen before.
    pub(super) fn known_run<S: Sink>(&mut self, id: StackId, out: &mut Out<'_, '_, S>) {
        self.chains.end(out);
        let stack = out.stacks.get(id);
        if self.frames.is_empty() {
            let mark = self.mark.take();
            let mark = mark.as_ref().map(Option::as_ref);
            self.stack(Some(id), stack, mark, out.text, out.sink);
        } else {
            out.text.lines.frames += stack.lines;
        }
    }

    /// A run of frames that was not.
    pub(super) fn new_run<S: Sink>(&mut self, block: &[u8], out: &mut Out<'_, '_, S>) {
        self.chains.end(out);
        if self.frames.is_empty() {
            let mark = self.mark.take();
            self.block(block, mark, out);
        } else {
            count_lines(block, out.text);
        }
    }

    /// A frame behind a prefix, by its name, or as a whole line where that is not its name.
    pub(super) fn frame<S: Sink>(&mut self, whole: &[u8], name: &[u8], out: &mut Out<'_, '_, S>) {
        self.chains.end(out);
        if self.frames.len() >= MAX_BLOCK {
            out.text.lines.frames += 1;
            return;
        }
        self.frames.extend_from_slice(b" => ");
        match line(whole) {
            Line::Frame(frame) if whole == name => {
                self.frames.extend_from_slice(&frame_name(&frame));
            }
            _ => self.frames.extend_from_slice(name),
        }
        self.frames.push(b'\n');
    }

    fn block<S: Sink>(
        &self,
        block: &[u8],
        mark: Option<Option<Context>>,
        out: &mut Out<'_, '_, S>,
    ) {
        let mark = mark.as_ref().map(Option::as_ref);
        out.block(block, |id, stack, text, sink| {
            self.stack(id, stack, mark, text, sink);
        });
    }

    /// Hands out a stack, with the context of its `<stack trace>` line where it has one.
    #[inline(always)]
    pub(super) fn stack(
        &self,
        id: Option<StackId>,
        stack: &Stack,
        mark: Option<Option<&Context>>,
        text: &mut TextFacts,
        sink: &mut impl Sink,
    ) {
        text.lines.add_stack(stack);
        text.bare_stacks |= mark.is_none();
        let view = StackView {
            id,
            frames: &stack.frames,
            marked: mark.is_some() || self.last.is_some(),
            freed: stack.freed,
        };
        // Among events a stack without its mark is one whose mark was damaged.
        sink.stack(mark.unwrap_or(self.last.as_ref()), view);
    }
}

/// Frames of which only the lines count.
pub(super) fn count_lines(block: &[u8], text: &mut TextFacts) {
    let lines = memchr::memchr_iter(b'\n', block).count();
    text.lines.frames += lines as u64 + u64::from(!block.ends_with(b"\n"));
}
