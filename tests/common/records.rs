//! What a parser makes of a text, by what it has seen or by the grammar alone; `fuzz/` holds the same against each other.

use ip6drop::inside::diagnosis::{Aside, Signal};
use ip6drop::inside::trace::CutState;
use ip6drop::inside::trace::{Context, Parser, Record, Records, Stacks};

/// Keeps all records.
struct Found<'a>(&'a Stacks, Vec<Record<Signal, Aside>>);

impl Records<Signal> for Found<'_> {
    fn stacks(&self) -> &Stacks {
        self.0
    }

    fn take(&mut self, record: Record<Signal, Aside>) {
        self.1.push(record);
    }
}

/// What the parser makes of a text: an event apart from its `<stack trace>`, and that apart from its frames.
pub(crate) fn records(
    parser: &mut Parser<Signal>,
    text: &[u8],
    stacks: &Stacks,
) -> Vec<Record<Signal, Aside>> {
    let mut found = Found(stacks, Vec::new());
    parser.parse(text, text.len(), CutState::default(), &mut found);
    let mut apart = Vec::new();
    let event = |context, signal| Record::Event {
        latency: false,
        context: Some(context),
        signal,
        stack: None,
    };
    for mut record in found.1 {
        match record {
            Record::Event { ref mut stack, .. } => {
                let id = stack.take();
                apart.push(record);
                apart.extend(id.map(Record::Stack));
            }
            Record::Traced {
                context,
                signal,
                marked: time,
                stack,
            } => {
                apart.push(event(context, Some(signal)));
                apart.push(event(Context { time, ..context }, None));
                apart.push(Record::Stack(stack));
            }
            _ => apart.push(record),
        }
    }
    apart
}

/// A parser that has seen all of it, and the stacks in it.
pub(crate) fn trained(text: &[u8]) -> (Parser<Signal>, Stacks) {
    let (mut parser, mut stacks) = (Parser::default(), Stacks::default());
    for record in records(&mut parser, text, &stacks) {
        if let Record::NewStack(span) = record {
            stacks.intern(&text[span.start as usize..span.end as usize]);
        }
    }
    records(&mut parser, text, &stacks);
    (parser, stacks)
}
