//! Lines of other programs put together: call chains of perf, and what bpftrace counted.
//!
//! Frames are gathered as a plain block, as those behind prefixes are, so that the table of
//! stacks recognises the same stack whoever printed it.

use std::collections::BTreeMap;

use crate::trace::assemble::{Assembler, Context, Sink, StackView, sample};
use crate::trace::bpftrace::Printed;
use crate::trace::foreign::Foreign;
use crate::trace::kmsg::Message;
use crate::trace::line::{Line, line};
use crate::trace::parse::Meaning;
use crate::trace::perf::{Event, Frame, Says};
use crate::trace::stacks::{Seen, Table};
use crate::trace::{Banner, Payload};

/// Largest count of one map entry that is believed; sums of such stay within 64 bits.
const MAX_COUNT: u64 = u32::MAX as u64;
/// Tasks whose drops wait to be freed; one more makes all of them forgotten.
const MAX_UNFREED: usize = 16_384;
/// Frames on top of the function that frees a packet: those that do it, and the tracer's.
const MAX_FREEING: usize = 6;

const DROP: &[u8] = b"ip6_pkt_drop";
const DROP_FRAME: &[u8] = b" => ip6_pkt_drop\n";

/// What the frames that come are of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Chain {
    /// An event that may bring a stack.
    Event(Option<Context>),
    /// A packet that was freed; with a stand-in where only its location is known.
    Freed(Option<Context>, Standing),
    /// Nothing that counts.
    Ignored,
    /// The keys of a map entry, and whether its stack is complete.
    Map { complete: bool },
    /// Frames without anything above them.
    Bare,
}

/// Whether the gathered frames are a stand-in for those of the chain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Standing {
    In,
    Real,
}

/// What lines of other programs leave for those that follow.
#[derive(Default)]
pub(super) struct Chains {
    open: Option<Chain>,
    /// Drops that probes have shown, by task: `ip6_pkt_drop` frees the packet only later.
    unfreed: BTreeMap<Option<(u32, u64)>, u64>,
}

impl Chains {
    /// Another kind of line stands between: frames behind it belong to something else.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn take(&mut self) -> Option<Chain> {
        self.open.take()
    }

    fn note_drop(&mut self, task: Option<(u32, u64)>) {
        if self.unfreed.len() >= MAX_UNFREED && !self.unfreed.contains_key(&task) {
            self.unfreed.clear();
        }
        *self.unfreed.entry(task).or_default() += 1;
    }

    /// Whether a probe has shown the drop of the packet that this task frees.
    fn was_shown(&mut self, task: Option<(u32, u64)>) -> bool {
        let Some(count) = self.unfreed.get_mut(&task) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.unfreed.remove(&task);
        }
        true
    }
}

fn task(context: Option<&Context>) -> Option<(u32, u64)> {
    context.map(|c| (c.cpu, c.pid))
}

/// An entry of `ip6_pkt_drop`.
fn is_drop(payload: &Payload<'_>) -> bool {
    match payload {
        Payload::Function { function, .. } => function.name == DROP,
        Payload::Probe {
            event, function, ..
        } => function.map_or(*event, |f| f.name) == DROP,
        _ => false,
    }
}

/// The block from `ip6_pkt_drop` on, where it is what has freed the packet: above it are
/// only the functions that free, and trampolines. Deeper in the stack it is the drop of
/// another packet, whose error message was freed.
fn from_drop(block: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    for frame in block.split_inclusive(|&b| b == b'\n').take(MAX_FREEING) {
        if frame == DROP_FRAME {
            return Some(&block[at..]);
        }
        let frees = [
            &b"kfree_skb"[..],
            b"skb_reason_drop",
            b"perf_",
            b"=> 0x",
            b"ftrace_",
        ];
        if !frees
            .iter()
            .any(|word| memchr::memmem::find(frame, word).is_some())
        {
            return None;
        }
        at += frame.len();
    }
    None
}

impl Assembler {
    /// Takes a line of another program.
    pub(super) fn foreign<S: Sink>(&mut self, text: &[u8], stacks: &mut Table<'_>, sink: &mut S) {
        let Line::Foreign(found) = line(text) else {
            return;
        };
        match found {
            Foreign::Frame(frame) => {
                if self.chains.open.is_none() {
                    self.end_stack(stacks, sink);
                    self.chains.open = Some(Chain::Bare);
                }
                self.text.lines.frames += 1;
                self.chain_frame(&frame);
            }
            Foreign::Event(event) => {
                self.end_stack(stacks, sink);
                self.perf_event(&event, sink);
            }
            Foreign::Printed(printed) => self.printed(printed, text, stacks, sink),
            Foreign::Log(message) => {
                self.end_stack(stacks, sink);
                self.log(message, sink);
            }
        }
    }

    fn perf_event<S: Sink>(&mut self, event: &Event<'_>, sink: &mut S) {
        self.text.perf = true;
        self.text.lines.events += 1;
        let context = event.context();
        self.chains.open = Some(match event.says {
            Says::Lost(events) => {
                sink.banner(&match event.cpu() {
                    Some(cpu) => Banner::Lost {
                        cpu,
                        events: Some(events),
                    },
                    None => Banner::LostSomewhere,
                });
                Chain::Ignored
            }
            Says::Unnamed => Chain::Ignored,
            Says::Freed { in_drop } => {
                if in_drop {
                    self.loose.extend_from_slice(DROP_FRAME);
                }
                Chain::Freed(
                    context,
                    if in_drop {
                        Standing::In
                    } else {
                        Standing::Real
                    },
                )
            }
            Says::Traced(payload) => {
                if is_drop(&payload) {
                    self.chains.note_drop(task(context.as_ref()));
                }
                let (signal, aside) = S::Meaning::of(&payload);
                if let Some(aside) = aside {
                    sink.aside(&aside);
                }
                sink.event(context.as_ref(), &signal);
                match payload {
                    Payload::Function { .. } | Payload::Probe { .. } => Chain::Event(context),
                    // A sample of something else may have been taken in a function that is
                    // evidence at its entry, and the chain of a return starts in the caller.
                    _ => Chain::Ignored,
                }
            }
        });
    }

    fn chain_frame(&mut self, frame: &Frame<'_>) {
        match &mut self.chains.open {
            Some(Chain::Freed(_, standing @ Standing::In)) => {
                *standing = Standing::Real;
                self.loose.clear();
            }
            Some(Chain::Ignored | Chain::Map { complete: true }) => return,
            _ => {}
        }
        // Frames of the program are no part of what the kernel did.
        if frame.user || self.loose.len() >= crate::input::MAX_BLOCK {
            return;
        }
        self.loose.extend_from_slice(b" => ");
        match frame.name {
            Some(name) => self.loose.extend_from_slice(name),
            None => {
                let address = frame.address.unwrap_or_default();
                self.loose
                    .extend_from_slice(format!("0x{address:x}").as_bytes());
            }
        }
        self.loose.push(b'\n');
    }

    fn printed<S: Sink>(
        &mut self,
        printed: Printed,
        text: &[u8],
        stacks: &mut Table<'_>,
        sink: &mut S,
    ) {
        let in_map = matches!(self.chains.open, Some(Chain::Map { .. }));
        match printed {
            Printed::Between if in_map => {
                self.text.lines.banners += 1;
                self.chains.open = Some(Chain::Map {
                    complete: !self.loose.is_empty(),
                });
            }
            Printed::Close(count) if in_map => {
                self.text.lines.events += 1;
                self.chains.open = None;
                let block = std::mem::take(&mut self.loose);
                if let Some(count) = count.filter(|_| !block.is_empty()) {
                    self.counted(count.min(MAX_COUNT), &block, stacks, sink);
                }
            }
            Printed::Between | Printed::Close(_) => {
                self.end_stack(stacks, sink);
                self.text.lines.unparsed += 1;
                if self.text.samples.len() < crate::trace::assemble::MAX_SAMPLES {
                    self.text.samples.push(sample(text));
                }
                sink.gap();
            }
            Printed::Open | Printed::Other | Printed::Lost => {
                self.end_stack(stacks, sink);
                self.text.lines.banners += 1;
                self.text.bpftrace = true;
                self.chains.open =
                    (printed == Printed::Open).then_some(Chain::Map { complete: false });
                if printed == Printed::Lost {
                    sink.banner(&Banner::LostSomewhere);
                }
            }
        }
    }

    fn log<S: Sink>(&mut self, message: Message<'_>, sink: &mut S) {
        let log = &mut self.text.log;
        match message {
            Message::Failed { when } => {
                self.text.lines.events += 1;
                log.failed += 1;
                let when = sample(when);
                log.first.get_or_insert_with(|| when.clone());
                log.last = Some(when);
            }
            Message::Suppressed(n) => {
                self.text.lines.events += 1;
                log.suppressed = log.suppressed.saturating_add(n.min(MAX_COUNT));
            }
            Message::Other => {
                self.text.lines.banners += 1;
                // It may have been damaged beyond recognition.
                sink.gap();
            }
        }
    }

    /// The end of a chain: hands out its stack.
    pub(super) fn end_chain<S: Sink>(
        &mut self,
        chain: Chain,
        block: &[u8],
        stacks: &mut Table<'_>,
        sink: &mut S,
    ) {
        match chain {
            Chain::Ignored | Chain::Map { .. } => {}
            Chain::Bare => self.counted(1, block, stacks, sink),
            Chain::Event(context) => chain_stack(context.as_ref(), block, stacks, sink),
            Chain::Freed(context, _) => {
                if let Some(block) = from_drop(block)
                    && !self.chains.was_shown(task(context.as_ref()))
                {
                    chain_stack(context.as_ref(), block, stacks, sink);
                }
            }
        }
    }

    fn counted<S: Sink>(&mut self, count: u64, block: &[u8], stacks: &mut Table<'_>, sink: &mut S) {
        self.text.bpftrace = true;
        with_stack(block, stacks, |stack| sink.counted(count, stack));
    }
}

fn chain_stack<S: Sink>(
    context: Option<&Context>,
    block: &[u8],
    stacks: &mut Table<'_>,
    sink: &mut S,
) {
    with_stack(block, stacks, |stack| sink.stack(context, stack));
}

fn with_stack(block: &[u8], stacks: &mut Table<'_>, take: impl FnOnce(StackView<'_>)) {
    let seen = stacks.intern(block);
    let (id, stack) = match &seen {
        Seen::Known(id) => (Some(*id), stacks.get(*id)),
        Seen::Beyond(stack) => (None, stack),
    };
    take(StackView {
        id,
        frames: &stack.frames,
        marked: true,
    });
}
