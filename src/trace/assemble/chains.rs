//! Lines of other programs put together: call chains of perf, and what bpftrace counted.
//!
//! Frames are gathered as a plain block, as those behind prefixes are, so that the table of
//! stacks recognises the same stack whoever printed it.

use std::collections::BTreeMap;

use crate::kernel::functions::Function;
use crate::kernel::printed::FREEING;
use crate::trace::assemble::out::Out;
use crate::trace::assemble::text_facts::MAX_COUNT;
use crate::trace::bpftrace::Printed;
use crate::trace::cut::MAX_BLOCK;
use crate::trace::event::{Banner, Context, Meaning, Payload, Sink, StackView};
use crate::trace::foreign::Foreign;
use crate::trace::kmsg::Message;
use crate::trace::perf::{ChainFrame, Sample, Says};

/// Tasks whose drops wait to be freed; one more makes all of them forgotten.
const MAX_UNFREED: usize = 16_384;
/// Frames on top of the function that frees a packet: those that do it, and the tracer's.
const MAX_FREEING: usize = 6;

/// What the frames that come are of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Chain {
    /// An event that may bring a stack.
    Event(Option<Context>),
    /// A packet that was freed.
    Freed {
        context: Option<Context>,
        /// The frames gathered so far are a stand-in: only its location is known.
        stand_in: bool,
    },
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
    unfreed: Unfreed,
}

/// Drops that probes have shown, by task: `ip6_pkt_drop` frees the packet only later.
#[derive(Clone, Default)]
struct Unfreed(BTreeMap<Option<(u32, u64)>, u64>);

fn task(context: Option<Context>) -> Option<(u32, u64)> {
    context.map(|c| (c.cpu, c.pid))
}

impl Unfreed {
    fn note_drop(&mut self, context: Option<Context>) {
        let task = task(context);
        if self.0.len() >= MAX_UNFREED && !self.0.contains_key(&task) {
            self.0.clear();
        }
        *self.0.entry(task).or_default() += 1;
    }

    /// Whether a probe has shown the drop of the packet that this task frees.
    fn was_shown(&mut self, context: Option<Context>) -> bool {
        let task = task(context);
        let Some(count) = self.0.get_mut(&task) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&task);
        }
        true
    }
}

/// An entry of `ip6_pkt_drop`.
fn is_drop(payload: &Payload<'_>) -> bool {
    let name = match *payload {
        Payload::Function { function, .. } => function.name,
        Payload::Probe {
            event, function, ..
        } => function.map_or(event, |f| f.name),
        _ => return false,
    };
    name == Function::PktDrop.name().as_bytes()
}

/// The block from `ip6_pkt_drop` on, where it is what has freed the packet: above it are
/// only the functions that free, and trampolines. Deeper in the stack it is the drop of
/// another packet, whose error message was freed.
fn from_drop(block: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    for frame in block.split_inclusive(|&b| b == b'\n').take(MAX_FREEING) {
        let name = frame.trim_ascii().strip_prefix(b"=> ")?;
        if name == Function::PktDrop.name().as_bytes() {
            return Some(&block[at..]);
        }
        let holds = |word: &str| memchr::memmem::find(name, word.as_bytes()).is_some();
        if !name.starts_with(b"0x") && !FREEING.iter().any(|word| holds(word)) {
            return None;
        }
        at += frame.len();
    }
    None
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
            Says::Freed { in_drop: stand_in } => {
                if stand_in {
                    self.push(Function::PktDrop.name().as_bytes());
                }
                Chain::Freed { context, stand_in }
            }
            Says::Traced(payload) => {
                if is_drop(&payload) {
                    self.unfreed.note_drop(context);
                }
                let (signal, aside) = S::Meaning::of(&payload);
                if let Some(aside) = aside {
                    out.sink.aside(aside);
                }
                out.sink.event(context.as_ref(), &signal);
                match payload {
                    Payload::Function { .. } | Payload::Probe { .. } => Chain::Event(context),
                    // A sample of something else may have been taken in a function that is
                    // evidence at its entry, and the chain of a return starts in the caller.
                    _ => Chain::Ignored,
                }
            }
        }
    }

    fn frame(&mut self, frame: &ChainFrame<'_>) {
        match &mut self.open {
            Some(Chain::Freed { stand_in, .. }) if *stand_in => {
                *stand_in = false;
                self.frames.clear();
            }
            Some(Chain::Ignored | Chain::Map { complete: true }) => return,
            _ => {}
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
            Chain::Freed { context, .. } => {
                if let Some(frames) = from_drop(frames)
                    && !self.unfreed.was_shown(context)
                {
                    stack(context, frames, out);
                }
            }
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
        };
        take(sink, view);
    });
}
