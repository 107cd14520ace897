//! Text that comes in pieces of any size, cut where no record crosses.

use crate::trace::cut::{CutState, whole};

/// Bytes taken at once.
const STEP: usize = 1024 * 1024;
/// Zeros behind the bytes, for readers that look ahead.
const AHEAD: usize = 64;

/// What was fed and is not yet whole, and what is known of the text in front of it.
#[derive(Clone, Default)]
pub(super) struct Feed {
    rest: Vec<u8>,
    state: CutState,
}

impl Feed {
    /// Adds bytes, and hands on what is whole: a slice with zeros behind it, how much of it is
    /// text, and what is known of the text in front.
    pub(super) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8], usize, CutState)) {
        for step in bytes.chunks(STEP) {
            self.rest.extend_from_slice(step);
            let state = self.state;
            let cut = whole(&self.rest, &mut self.state, false);
            if cut > 0 {
                let rest = self.rest.split_off(cut);
                self.hand_on(state, &mut take);
                self.rest = rest;
            }
        }
    }

    /// The end: hands on what is left.
    pub(super) fn finish(mut self, mut take: impl FnMut(&[u8], usize, CutState)) {
        self.hand_on(self.state, &mut take);
    }

    fn hand_on(&mut self, state: CutState, take: &mut impl FnMut(&[u8], usize, CutState)) {
        let length = self.rest.len();
        self.rest.resize(length + AHEAD, 0);
        take(&self.rest, length, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_come_out_whole_and_in_order() {
        let text = b"one\n => frame\n => frame\ntwo\n\n => x\nthree";
        for size in 1..=text.len() {
            let mut out = Vec::new();
            let mut feed = Feed::default();
            let mut take = |bytes: &[u8], len: usize, _| {
                assert_eq!(bytes[len..], [0; AHEAD]);
                out.extend_from_slice(&bytes[..len]);
            };
            for piece in text.chunks(size) {
                feed.feed(piece, &mut take);
            }
            feed.finish(&mut take);
            assert_eq!(out, text, "{size}");
        }
    }
}
