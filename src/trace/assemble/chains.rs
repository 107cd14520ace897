//! Lines of other programs put together: call chains of perf, and what bpftrace counted.
//!
//! Frames are gathered as a plain block, as those behind prefixes are, so that the table of
//! stacks recognises the same stack whoever printed it.

use crate::trace::assemble::out::Out;
use crate::trace::assemble::text_facts::MAX_COUNT;
use crate::trace::bpftrace::Printed;
use crate::trace::cut::MAX_BLOCK;
use crate::trace::event::{Banner, Context, Meaning, Payload, Sink, StackView};
use crate::trace::foreign::Foreign;
use crate::trace::kmsg::Message;
use crate::trace::perf::{ChainFrame, Sample, Says};
use crate::trace::skb::{KFREE_SKB_EVENT, freed};

/// What the frames that come are of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Chain {
    /// An event that may bring a stack.
    Event(Option<Context>),
    /// Nothing that counts.
    Ignored,
    /// The keys of a map entry, and whether its stack is complete.
    Map { complete: bool },
    /// Frames without anything above them.
    Bare,
}

/// What lines of other programs leave for those that follow.
#[derive(Clone, Default)]
pub(super) struct Chains {
    open: Option<Chain>,
    /// Its frames so far, written as a plain block.
    frames: Vec<u8>,
}

impl Chains {
    /// Whether the frames that come belong to something.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether frames wait that may be a new stack.
    pub(super) fn has_frames(&self) -> bool {
        !self.frames.is_empty()
    }

    /// Takes a line of another program.
    pub(super) fn take<S: Sink>(
        &mut self,
        found: &Foreign<'_>,
        line: &[u8],
        out: &mut Out<'_, '_, S>,
    ) {
        match found {
            Foreign::Frame(frame) => {
                self.open.get_or_insert(Chain::Bare);
                out.text.lines.frames += 1;
                self.frame(frame);
            }
            Foreign::Sample(sample) => {
                self.end(out);
                self.open = Some(self.sample(sample, out));
            }
            Foreign::Printed(printed) => self.printed(*printed, line, out),
            Foreign::Log(message) => {
                self.end(out);
                out.text.log(*message);
                if *message == Message::Other {
                    // It may have been damaged beyond recognition.
                    out.sink.gap();
                }
            }
        }
    }

    /// What the frames behind a sample are of.
    fn sample<S: Sink>(&mut self, sample: &Sample<'_>, out: &mut Out<'_, '_, S>) -> Chain {
        out.text.perf = true;
        out.text.lines.events += 1;
        let context = sample.context();
        match sample.says {
            Says::Lost(events) => {
                let events = Some(events);
                let lost = |cpu| Banner::Lost { cpu, events };
                let lost = sample.cpu.map_or(Banner::LostSomewhere, lost);
                out.sink.banner(&lost);
                Chain::Ignored
            }
            Says::Unnamed => Chain::Ignored,
            Says::Traced(payload) => {
                let (signal, aside) = S::Meaning::of(&payload);
                if let Some(aside) = aside {
                    out.sink.aside(aside);
                }
                out.sink.event(context.as_ref(), &signal);
                match payload {
                    Payload::Function { .. } | Payload::Probe { .. } => Chain::Event(context),
                    Payload::Tracepoint { event, says }
                        if event == KFREE_SKB_EVENT && freed(says).is_some() =>
                    {
                        Chain::Event(context)
                    }
                    // A sample of something else may have been taken in a function that is
                    // evidence at its entry, and the chain of a return starts in the caller.
                    _ => Chain::Ignored,
                }
            }
        }
    }

    fn frame(&mut self, frame: &ChainFrame<'_>) {
        if let Some(Chain::Ignored | Chain::Map { complete: true }) = self.open {
            return;
        }
        // Frames of the program are no part of what the kernel did.
        if frame.user || self.frames.len() >= MAX_BLOCK {
            return;
        }
        match frame.name {
            Some(name) => self.push(name),
            None => self.push(format!("{:#x}", frame.address.unwrap_or_default()).as_bytes()),
        }
    }

    fn push(&mut self, name: &[u8]) {
        self.frames.extend_from_slice(b" => ");
        self.frames.extend_from_slice(name);
        self.frames.push(b'\n');
    }

    fn printed<S: Sink>(&mut self, printed: Printed, line: &[u8], out: &mut Out<'_, '_, S>) {
        let in_map = matches!(self.open, Some(Chain::Map { .. }));
        match printed {
            Printed::Between if in_map => {
                out.text.lines.banners += 1;
                let complete = !self.frames.is_empty();
                self.open = Some(Chain::Map { complete });
            }
            Printed::Close(count) if in_map => {
                out.text.lines.events += 1;
                if let Some(count) = count.filter(|_| !self.frames.is_empty()) {
                    counted(count.min(MAX_COUNT), &self.frames, out);
                }
                self.end(out);
            }
            Printed::Between | Printed::Close(_) => {
                self.end(out);
                out.text.unparsed(line);
                out.sink.gap();
            }
            Printed::Open | Printed::Other | Printed::Lost => {
                self.end(out);
                out.text.lines.banners += 1;
                out.text.bpftrace = true;
                if printed == Printed::Open {
                    self.open = Some(Chain::Map { complete: false });
                }
                if printed == Printed::Lost {
                    out.sink.banner(&Banner::LostSomewhere);
                }
            }
        }
    }

    /// Hands out the stack of the chain that is open: what follows belongs to something else.
    #[inline(always)]
    pub(super) fn end<S: Sink>(&mut self, out: &mut Out<'_, '_, S>) {
        if let Some(chain) = self.open {
            self.hand_out(chain, out);
        }
    }

    fn hand_out<S: Sink>(&mut self, chain: Chain, out: &mut Out<'_, '_, S>) {
        self.open = None;
        let frames = self.frames.as_slice();
        match chain {
            _ if frames.is_empty() => {}
            Chain::Ignored | Chain::Map { .. } => {}
            Chain::Bare => counted(1, frames, out),
            Chain::Event(context) => stack(context, frames, out),
        }
        self.frames.clear();
    }
}

fn counted<S: Sink>(count: u64, frames: &[u8], out: &mut Out<'_, '_, S>) {
    out.text.bpftrace = true;
    with_stack(frames, out, |sink, stack| sink.counted(count, stack));
}

fn stack<S: Sink>(context: Option<Context>, frames: &[u8], out: &mut Out<'_, '_, S>) {
    with_stack(frames, out, |sink, stack| {
        sink.stack(context.as_ref(), stack)
    });
}

fn with_stack<S: Sink>(
    frames: &[u8],
    out: &mut Out<'_, '_, S>,
    take: impl FnOnce(&mut S, StackView<'_>),
) {
    out.block(frames, |id, stack, _, sink| {
        let view = StackView {
            id,
            frames: &stack.frames,
            marked: true,
            freed: stack.freed,
        };
        take(sink, view);
    });
}
