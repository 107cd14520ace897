//! The parser of trace text, as it is lent to those who control the tracer.

use crate::trace::{Banner, Frame, Line, Payload, line};
use crate::tracefs::seen::Seen;

/// What they have to see in a line.
#[must_use]
pub fn seen(text: &[u8]) -> Seen<'_> {
    match line(text) {
        Line::Event(_, Payload::Stack) => Seen::Stack,
        Line::Event(header, payload) => Seen::Event {
            cpu: header.map_or(0, |h| h.context.cpu),
            name: match payload {
                Payload::Function { function, .. } => function.name,
                Payload::Probe { event, .. } | Payload::ReturnProbe { event, .. } => event,
                Payload::Stack | Payload::Tracepoint { .. } | Payload::Other => b"",
            },
        },
        Line::Frame(Frame::Symbol(symbol)) => Seen::Frame(symbol.name),
        Line::Frame(_) => Seen::Frame(b""),
        Line::Banner(Banner::Lost { cpu, events }) => Seen::Lost {
            cpu,
            events: events.unwrap_or(1),
        },
        _ => Seen::Other,
    }
}
