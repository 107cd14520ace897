//! Distinct stacks, recognised by their bytes and parsed once.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use crate::hash::Seeded;
use crate::kernel::frames::freed_by_drop;
use crate::kernel::printed::{FTRACE, FTRACE_LIST, RETURN_PROBE};
use crate::trace::event::{Frames, Name, StackId};
use crate::trace::line::{Line, line};
use crate::trace::symbol::Frame;

/// Distinct blocks of frame lines that are remembered; later ones are parsed every time.
const MAX_STACKS: usize = 65_536;
/// Frames of all remembered stacks together: 64 of each.
const MAX_FRAMES: usize = 64 * 65_536;
/// Distinct names of frames; a kernel with its modules has fewer functions.
const MAX_NAMES: usize = 262_144;
/// Bytes of text that remembered blocks may take together.
const MAX_STACK_BYTES: usize = 48 * 1024 * 1024;

/// A parsed block of frame lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Names of the frames, innermost first.
    pub(crate) frames: Frames,
    /// Lines of the block, frames and others.
    pub(crate) lines: u64,
    /// Lines of the block that are no frames.
    pub(crate) unparsed: u64,
    /// It was taken where a packet was freed; the frames begin with `ip6_pkt_drop`, which did it.
    pub(crate) freed: bool,
}

/// What tells stacks apart.
type StackKey = (Frames, u64, u64, bool);

impl Stack {
    fn key(&self) -> StackKey {
        (self.frames.clone(), self.lines, self.unparsed, self.freed)
    }
}

/// How `frame` is named in reports.
pub(super) fn frame_name(frame: &Frame<'_>) -> Box<[u8]> {
    match frame {
        Frame::Symbol(symbol) => symbol.name.into(),
        Frame::Address(address) => format!("0x{address:x}").into_bytes().into(),
        Frame::ReturnProbe => RETURN_PROBE.as_bytes().into(),
    }
}

/// True for what the tracer itself leaves on top of a stack: the address of a trampoline, or
/// one of its own functions.
fn is_trampoline(name: &[u8]) -> bool {
    name.starts_with(b"0x") || name.starts_with(FTRACE.as_bytes()) || name == FTRACE_LIST.as_bytes()
}

/// Parses a block of frame lines. Trampolines of the tracer are left out: they say nothing,
/// and their addresses differ with every boot.
fn parse(block: &[u8]) -> Stack {
    let mut stack = Stack {
        frames: Frames::default(),
        lines: 0,
        unparsed: 0,
        freed: false,
    };
    let mut frames = Vec::new();
    for text in block.split_inclusive(|&b| b == b'\n') {
        stack.lines += 1;
        match line(text) {
            Line::Frame(frame) => frames.push(Name::from(frame_name(&frame))),
            _ => stack.unparsed += 1,
        }
    }
    if let Some(first) = frames.iter().position(|name| !is_trampoline(name)) {
        frames.drain(..first);
    }
    // The same drop has the same stack, whichever event it was taken at.
    if let Some(drop @ 1..) = freed_by_drop(frames.iter().map(AsRef::as_ref)) {
        frames.drain(..drop);
        stack.freed = true;
    }
    stack.frames = frames.into();
    stack
}

/// A block, known or not.
pub enum Interned {
    /// Remembered under this number.
    Known(StackId),
    /// Beyond the caps: parsed for this once.
    Beyond(Stack),
}

/// A block that was seen before: where in the table its bytes are, and the stack it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockId {
    start: u32,
    len: u32,
    stack: StackId,
}

/// A block, and the place of the one before it with the same hash.
#[derive(Clone)]
struct Block {
    id: BlockId,
    next: Option<u32>,
}

/// The table of distinct stacks.
#[derive(Clone, Default)]
pub struct Stacks {
    hasher: Seeded,
    by_hash: HashMap<u64, u32, Seeded>,
    blocks: Vec<Block>,
    /// The bytes of all blocks.
    text: Vec<u8>,
    /// By frames, lines, and lines that are none.
    by_frames: HashMap<StackKey, StackId, Seeded>,
    stacks: Vec<Stack>,
    /// Frames of all of them.
    frames: usize,
    names: HashSet<Name, Seeded>,
}

impl Stacks {
    fn find_hashed(&self, hash: u64, block: &[u8]) -> Option<BlockId> {
        let mut candidate = self.by_hash.get(&hash).copied();
        while let Some(at) = candidate {
            let known = &self.blocks[at as usize];
            if self.block(known.id).0 == block {
                return Some(known.id);
            }
            candidate = known.next;
        }
        None
    }

    /// Looks a block up by its bytes.
    #[must_use]
    pub(crate) fn find(&self, block: &[u8]) -> Option<BlockId> {
        self.find_hashed(self.hasher.hash_one(block), block)
    }

    /// The bytes of a block, and the stack it is.
    #[must_use]
    #[inline(always)]
    pub(crate) fn block(&self, id: BlockId) -> (&[u8], StackId) {
        let start = id.start as usize;
        (&self.text[start..start + id.len as usize], id.stack)
    }

    /// Looks a block up by its bytes, and parses it where it is new.
    pub fn intern(&mut self, block: &[u8]) -> Interned {
        let hash = self.hasher.hash_one(block);
        if let Some(known) = self.find_hashed(hash, block) {
            return Interned::Known(known.stack);
        }
        let stack = parse(block);
        let full = self.is_full(block, &stack);
        // Blocks that differ in addresses or offsets alone are one stack.
        let known = self.by_frames.get(&stack.key());
        let id = match known {
            Some(&id) if full => return Interned::Known(id),
            Some(&id) => id,
            None if full => return Interned::Beyond(stack),
            None => {
                let id = StackId(self.stacks.len() as u32);
                let frames = stack.frames.iter().map(|name| self.name(name)).collect();
                let stack = Stack { frames, ..stack };
                self.frames += stack.frames.len();
                self.by_frames.insert(stack.key(), id);
                self.stacks.push(stack);
                id
            }
        };
        let stored = BlockId {
            start: self.text.len() as u32,
            len: block.len() as u32,
            stack: id,
        };
        self.text.extend_from_slice(block);
        let next = self.by_hash.insert(hash, self.blocks.len() as u32);
        self.blocks.push(Block { id: stored, next });
        Interned::Known(id)
    }

    /// Whether there is no room for one more block.
    fn is_full(&self, block: &[u8], stack: &Stack) -> bool {
        self.blocks.len() >= MAX_STACKS
            || self.text.len() + block.len() > MAX_STACK_BYTES
            || self.frames + stack.frames.len() > MAX_FRAMES
            || self.names.len() >= MAX_NAMES
    }

    /// The one copy of a name.
    fn name(&mut self, name: &Name) -> Name {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        self.names.insert(name.clone());
        name.clone()
    }

    /// How many blocks were parsed and remembered; the others were recognised by their bytes.
    #[cfg(test)]
    pub(crate) fn known_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The stack of that number.
    #[must_use]
    pub(crate) fn get(&self, id: StackId) -> &Stack {
        &self.stacks[id.0 as usize]
    }
}

/// The table of stacks, as far as whoever takes records may have it.
pub(crate) enum Table<'a> {
    /// Nothing new is to be written down.
    Shared(&'a Stacks),
    /// Nobody else looks at it meanwhile.
    Own(&'a mut Stacks),
}

impl Table<'_> {
    /// The stacks.
    #[must_use]
    pub(crate) fn stacks(&self) -> &Stacks {
        match self {
            Table::Shared(stacks) => stacks,
            Table::Own(stacks) => stacks,
        }
    }

    /// See [`Stacks::get`].
    #[must_use]
    pub(crate) fn get(&self, id: StackId) -> &Stack {
        self.stacks().get(id)
    }

    /// See [`Stacks::intern`]; in a shared table a new block is not remembered.
    pub(crate) fn intern(&mut self, block: &[u8]) -> Interned {
        match self {
            Table::Shared(_) => Interned::Beyond(parse(block)),
            Table::Own(stacks) => stacks.intern(block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(stacks: &mut Stacks, block: &[u8]) -> StackId {
        match stacks.intern(block) {
            Interned::Known(id) => id,
            Interned::Beyond(_) => panic!("beyond the caps"),
        }
    }

    #[test]
    fn one_stack_whatever_the_decorations() {
        let mut stacks = Stacks::default();
        let a = known(&mut stacks, b" => ip6_pkt_drop\n => ip6_pkt_discard\n");
        assert_eq!(
            known(
                &mut stacks,
                b" => ip6_pkt_drop+0x5/0xd0\n => ip6_pkt_discard\n"
            ),
            a
        );
        assert_ne!(known(&mut stacks, b" => ip6_pkt_drop\n"), a);
        assert_eq!(stacks.get(a).frames.len(), 2);
        let trampoline = known(
            &mut stacks,
            b" => 0xffffffffc02bd083\n => arch_ftrace_ops_list_func\n => ftrace_regs_call\n => ip6_pkt_drop\n => ip6_pkt_discard\n",
        );
        assert_eq!(stacks.get(trampoline).frames, stacks.get(a).frames);
        let damaged = known(&mut stacks, b" => ip6_pkt_drop\n => not a frame\n");
        assert_eq!(
            (stacks.get(damaged).lines, stacks.get(damaged).unparsed),
            (2, 1)
        );
    }

    /// Whether a table like this has room for a stack that it does not know.
    fn has_room(change: impl FnOnce(&mut Stacks)) -> bool {
        let mut stacks = Stacks::default();
        let known = known(&mut stacks, b" => known\n => caller\n");
        change(&mut stacks);
        let new = stacks.intern(b" => ip6_pkt_drop\n => ip6_pkt_discard\n");
        // What is known stays known.
        let again = stacks.intern(b" => known+0x1/0x2\n => caller\n");
        assert!(matches!(again, Interned::Known(id) if id == known));
        matches!(new, Interned::Known(_))
    }

    #[test]
    fn what_is_remembered_has_its_caps() {
        let block = Block {
            id: BlockId {
                start: 0,
                len: 0,
                stack: StackId(0),
            },
            next: None,
        };
        for (room, expected) in [(1, true), (0, false)] {
            let blocks = MAX_STACKS - room;
            assert_eq!(
                has_room(|s| s.blocks.resize(blocks, block.clone())),
                expected
            );
            // The new stack has 37 bytes, two frames, and two names.
            let text = MAX_STACK_BYTES - 36 - room;
            assert_eq!(has_room(|s| s.text.resize(text, 0)), expected);
            assert_eq!(has_room(|s| s.frames = MAX_FRAMES - 1 - room), expected);
            let names = MAX_NAMES - room - 2;
            let names = (0..names).map(|n| Name::from(n.to_string().into_bytes()));
            assert_eq!(has_room(|s| s.names.extend(names)), expected);
        }
    }
}
