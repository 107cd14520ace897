//! Where goes what was put together.

use crate::trace::assemble::text_facts::TextFacts;
use crate::trace::event::StackId;
use crate::trace::stacks::{Interned, Stack, Table};

/// The text's facts, the table of stacks, and whoever takes events.
pub(super) struct Out<'o, 't, S> {
    pub(crate) text: &'o mut TextFacts,
    pub(crate) stacks: &'o mut Table<'t>,
    pub(crate) sink: &'o mut S,
}

impl<S> Out<'_, '_, S> {
    /// Hands the stack that a block of frame lines is to `take`; its number is missing where
    /// it came beyond the caps of the table.
    pub(super) fn block(
        &mut self,
        block: &[u8],
        take: impl FnOnce(Option<StackId>, &Stack, &mut TextFacts, &mut S),
    ) {
        match self.stacks.intern(block) {
            Interned::Known(id) => take(Some(id), self.stacks.get(id), self.text, self.sink),
            Interned::Beyond(stack) => take(None, &stack, self.text, self.sink),
        }
    }
}
