//! An input that is fed piece by piece.

use crate::analysis::feed::Feed;
use crate::analysis::gatherer::{AtOnce, Gatherer};
use crate::diagnosis::collect::signal::Signal;
use crate::report::build::Input;
use crate::report::drops::Drops;
use crate::text::Untrusted;
use crate::trace::Parser;
use crate::trace::cut::CutState;
use crate::trace::stacks::{Stacks, Table};

/// An input that is fed, from its start to where it stands.
pub(super) struct Open<'r> {
    name: Untrusted,
    feed: Feed,
    parser: Parser<Signal>,
    gatherer: Gatherer<'r>,
}

/// Gathers from whole pieces of a text.
fn gather(
    parser: &mut Parser<Signal>,
    gatherer: &mut Gatherer<'_>,
    stacks: &mut Stacks,
    (ahead, len, state): (&[u8], usize, CutState),
) {
    let mut records = AtOnce {
        gatherer,
        bytes: &ahead[..len],
        table: Table::Own(stacks),
    };
    parser.parse(ahead, len, state, &mut records);
}

impl<'r> Open<'r> {
    /// Nothing of it is there yet.
    #[must_use]
    pub(super) fn new(name: Untrusted, drops: Drops<'r>) -> Self {
        Open {
            name,
            feed: Feed::default(),
            parser: Parser::default(),
            gatherer: Gatherer::new(drops),
        }
    }

    /// More of its text.
    pub(super) fn feed(&mut self, bytes: &[u8], stacks: &mut Stacks) {
        let (parser, gatherer) = (&mut self.parser, &mut self.gatherer);
        self.feed.feed(bytes, |ahead, len, state| {
            gather(parser, gatherer, stacks, (ahead, len, state));
        });
    }

    /// What the input gives if nothing comes behind what was fed, which `is_over` says.
    pub(super) fn finish(self, stacks: &mut Stacks, is_over: bool) -> Input<'r> {
        let (mut parser, mut gatherer) = (self.parser, self.gatherer);
        self.feed.finish(|ahead, len, state| {
            gather(&mut parser, &mut gatherer, stacks, (ahead, len, state));
        });
        let (gathered, drops, text) = gatherer.finish(stacks, is_over);
        Input::new(vec![self.name], gathered, drops, text, false)
    }

    /// The same of a copy.
    pub(super) fn so_far(&self, stacks: &mut Stacks) -> Input<'r> {
        let copy = Open {
            name: self.name.clone(),
            feed: self.feed.clone(),
            // What it remembers makes it faster and nothing else.
            parser: Parser::default(),
            gatherer: self.gatherer.clone(),
        };
        copy.finish(stacks, false)
    }
}
