//! Which block of frames is about to come, from a few of its words alone.
//!
//! Blocks mostly differ in few places. Where two of them were taken for each other, the first
//! place in which they differ is looked at from then on.

use crate::trace::memo::{mix, word};
use crate::trace::stacks::{BlockId, Stacks};

/// Kinds of blocks, by their first frames, that learn places of their own. A power of two.
const HEADS: usize = 256;
/// Places that are looked at.
const OFFSETS: usize = 8;
/// Blocks that are guessed. A power of two.
const GUESSES: usize = 8192;

/// Where the blocks of one kind differ.
#[derive(Clone, Copy, Default)]
struct Offsets {
    at: [u16; OFFSETS],
    len: u8,
}

/// Blocks by the words that tell them apart.
pub(super) struct Guesses {
    heads: Vec<Offsets>,
    blocks: Vec<Option<BlockId>>,
}

/// Where the first frames end that make a kind, in bytes.
const HEAD: usize = 24;

impl Guesses {
    pub(super) fn new() -> Self {
        Guesses {
            heads: vec![Offsets::default(); HEADS],
            blocks: vec![None; GUESSES],
        }
    }

    #[inline(always)]
    fn head(data: &[u8]) -> usize {
        let first = |at| word(data, at).unwrap_or_default();
        mix(first(HEAD - 16), first(HEAD - 8))
    }

    #[inline(always)]
    fn place(&self, data: &[u8]) -> usize {
        let head = Guesses::head(data);
        let offsets = &self.heads[head % HEADS];
        let mut key = 0u64;
        for &at in offsets.at.iter().take(usize::from(offsets.len)) {
            key = key.rotate_left(9) ^ word(data, usize::from(at)).unwrap_or_default();
        }
        mix(key, head as u64) % GUESSES
    }

    /// What the block at the start of `data` may be.
    #[inline(always)]
    pub(super) fn guess(&self, data: &[u8]) -> Option<BlockId> {
        self.blocks[self.place(data)]
    }

    /// The block at the start of `data` is this one.
    pub(super) fn learn(&mut self, data: &[u8], block: BlockId, stacks: &Stacks) {
        let place = self.place(data);
        let offsets = &mut self.heads[Guesses::head(data) % HEADS];
        let wrong = self.blocks[place].filter(|&wrong| wrong != block);
        if let Some(wrong) = wrong
            && usize::from(offsets.len) < OFFSETS
        {
            let (right, _) = stacks.block(block);
            let (wrong, _) = stacks.block(wrong);
            let differ = right.iter().zip(wrong).position(|(a, b)| a != b);
            // A word that lies within both.
            let last = right.len().min(wrong.len()).saturating_sub(8);
            let at = differ.unwrap_or(last).min(last);
            if let Ok(at) = u16::try_from(at) {
                offsets.at[usize::from(offsets.len)] = at;
                offsets.len += 1;
            }
        }
        let place = self.place(data);
        self.blocks[place] = Some(block);
    }
}
