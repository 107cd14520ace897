//! Pieces of text made into records. Any number of threads may do this at once.

use crate::trace::columns::{Columns, Known};
use crate::trace::cut::{CutState, Cutter, MAX_BLOCK, MAX_LINE, Piece, starts_frame};
use crate::trace::event::{Meaning, Payload, StackId};
use crate::trace::guess::Guesses;
use crate::trace::header::Header;
use crate::trace::line::{Line, line, trim_end};
use crate::trace::memo::Memo;
use crate::trace::parts::Addresses;
use crate::trace::payload::{by_name, payload};
use crate::trace::record::{Record, RecordOf, Records, Span};
use crate::trace::stacks::Stacks;
use crate::trace::symbol::Frame;
use crate::trace::time::Time;

/// What a payload says: the event's signal, none for `<stack trace>`, and what it says besides.
type Said<M> = (
    Option<<M as Meaning>::Signal>,
    Option<<M as Meaning>::Aside>,
);

/// Reads chunks; remembers what it has seen to recognise it by its bytes.
pub struct Parser<M: Meaning> {
    columns: Columns,
    payloads: Memo<Said<M>>,
    guesses: Guesses,
    addresses: Addresses,
    grammar_only: bool,
}

impl<M: Meaning> Default for Parser<M> {
    fn default() -> Self {
        Parser {
            columns: Columns::new(),
            payloads: Memo::new(),
            guesses: Guesses::new(),
            addresses: Addresses::new(),
            grammar_only: false,
        }
    }
}

/// Bytes that are searched at once for the end of a block.
const STEP: usize = 32;

/// Where the run of frame lines at the start of `data` ends.
fn block_end(data: &[u8]) -> usize {
    let mut at = 0;
    loop {
        // A line end without a `=` two bytes further on: mostly the end, else `=> ` lines.
        while let (Some(here), Some(ahead)) = (
            data.get(at..).and_then(<[u8]>::first_chunk::<STEP>),
            data.get(at + 2..).and_then(<[u8]>::first_chunk::<STEP>),
        ) {
            let mut ends = [0; STEP];
            for n in 0..STEP {
                ends[n] = u8::from(here[n] == b'\n') & u8::from(ahead[n] != b'=');
            }
            if ends != [0; STEP] {
                break;
            }
            at += STEP;
        }
        match memchr::memchr(b'\n', &data[at..]) {
            None => return data.len(),
            Some(newline) => at += newline + 1,
        }
        if starts_frame(&data[at..], true) != Some(true) {
            return at;
        }
    }
}

/// The block at the start of `data`, where it is known.
#[inline]
fn block(guesses: &mut Guesses, data: &[u8], stacks: &Stacks) -> Option<(usize, StackId)> {
    if let Some(guess) = guesses.guess(data) {
        let (bytes, id) = stacks.block(guess);
        // The last block of an input may end within a line.
        let ends_here =
            |rest: &[u8]| bytes.ends_with(b"\n") && starts_frame(rest, true) == Some(false);
        if data.strip_prefix(bytes).is_some_and(ends_here) {
            return Some((bytes.len(), id));
        }
    }
    let len = block_end(data);
    if len > MAX_BLOCK {
        return None;
    }
    let found = stacks.find(&data[..len])?;
    guesses.learn(data, found, stacks);
    Some((len, stacks.block(found).1))
}

/// Where `part` of `whole` stands.
fn span(whole: &[u8], part: &[u8]) -> Span {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start as u32..(start + part.len()) as u32
}

impl<M: Meaning> Parser<M> {
    /// A parser that reads every line by the grammar: the judge of the other.
    #[must_use]
    pub fn by_grammar_only() -> Self {
        Parser {
            grammar_only: true,
            ..Parser::default()
        }
    }

    /// Reads a chunk: the first `len` bytes of `ahead` are whole pieces, behind them zeros
    /// come; `state` is known of the text in front of them.
    // Each caller has one of its own, where records go from hand to hand without memory.
    #[inline(always)]
    pub fn parse(
        &mut self,
        ahead: &[u8],
        len: usize,
        state: CutState,
        records: &mut impl Records<M>,
    ) {
        let bytes = &ahead[..len];
        let mut cutter = Cutter::new(bytes, state, true);
        loop {
            if cutter.state() == CutState::default() && !self.grammar_only {
                let at = self.parse_known(ahead, len, cutter.position(), records);
                cutter.skip_to(at);
            }
            let record = match cutter.next() {
                None => return,
                Some(Piece::Line(text)) => self.line(bytes, text, records),
                Some(Piece::LongLine(text)) => Record::Unknown(span(bytes, text)),
                Some(Piece::Frames {
                    bytes: block,
                    continued,
                }) => match records.stacks().find(block) {
                    _ if continued => Record::Rest(span(bytes, block)),
                    Some(known) => Record::Stack(records.stacks().block(known).1),
                    None => Record::NewStack(span(bytes, block)),
                },
            };
            records.take(record);
        }
    }

    /// Reads on from `at` as long as everything was seen before, up to `len`; where it was not.
    fn parse_known(
        &mut self,
        bytes: &[u8],
        len: usize,
        mut at: usize,
        records: &mut impl Records<M>,
    ) -> usize {
        while at < len {
            let data = &bytes[at..];
            if starts_frame(data, true) == Some(true) {
                let Some((frames, id)) = block(&mut self.guesses, data, records.stacks()) else {
                    return at;
                };
                records.take(Record::Stack(id));
                at += frames;
                continue;
            }
            let Some(header) = self.columns.read(data) else {
                return at;
            };
            let (signal, payload) = match self.payloads.find(&data[header.len..]) {
                Some((&(signal, ref aside), payload)) => {
                    if let Some(aside) = aside {
                        records.take(Record::Aside(aside.clone()));
                    }
                    (signal, payload)
                }
                None => {
                    let unseen = self.unseen(&data[..len - at], header.len);
                    let Some(((signal, aside), payload)) = unseen else {
                        return at;
                    };
                    if let Some(aside) = aside {
                        records.take(Record::Aside(aside));
                    }
                    (signal, payload)
                }
            };
            at += header.len + payload;
            let context = header.context;
            let record = match signal {
                Some(signal) => {
                    let traced = (at < len).then(|| {
                        self.own_stack(data, &header, header.len + payload, records.stacks())
                    });
                    if let Some((marked, traced, stack)) = traced.flatten() {
                        at += traced;
                        Record::Traced {
                            context,
                            signal,
                            marked,
                            stack,
                        }
                    } else {
                        Record::Event {
                            latency: false,
                            context: Some(context),
                            signal: Some(signal),
                            stack: None,
                        }
                    }
                }
                None => {
                    let frames = self.frames(&bytes[at..], records.stacks());
                    at += frames.map_or(0, |(frames, _)| frames);
                    Record::Event {
                        latency: false,
                        context: Some(context),
                        signal: None,
                        stack: frames.map(|(_, id)| id),
                    }
                }
            };
            records.take(record);
        }
        at
    }

    /// What the payload behind the header of `data` says, and its length, where it was not seen
    /// before: the header is known, so that the grammar need not look for another kind of line.
    /// `data` is whole lines.
    #[inline(never)]
    fn unseen(&mut self, data: &[u8], header: usize) -> Option<(Said<M>, usize)> {
        let text = data.get(header..)?;
        if let Some((lookup, end)) = self.addresses.lookup(text)
            && header + end <= MAX_LINE
        {
            let (signal, aside) = M::of_lookup(lookup);
            return Some(((Some(signal), aside), end));
        }
        let end = memchr::memchr(b'\n', text)? + 1;
        if header + end > MAX_LINE {
            return None;
        }
        let text = &text[..end];
        let says = trim_end(text);
        let said = meaning::<M>(&by_name(says).unwrap_or_else(|| payload(says)));
        if Memo::<Said<M>>::keeps(text) {
            self.payloads.insert(text, said.clone());
        }
        Some((said, end))
    }

    /// The frames at the start of `data`, where they were seen before.
    #[inline(always)]
    fn frames(&mut self, data: &[u8], stacks: &Stacks) -> Option<(usize, StackId)> {
        if starts_frame(data, true) != Some(true) {
            return None;
        }
        block(&mut self.guesses, data, stacks)
    }

    /// The stack of the event line at the start of `data`, `len` bytes long: when it was
    /// taken, its length with its mark, and which it is.
    #[inline(always)]
    fn own_stack(
        &mut self,
        data: &[u8],
        header: &Known,
        len: usize,
        stacks: &Stacks,
    ) -> Option<(Time, usize, StackId)> {
        let next = &data[len..];
        let (marked, mark) = self.columns.mark(data, header, next)?;
        let (frames, stack) = self.frames(&next[mark..], stacks)?;
        Some((marked, mark + frames, stack))
    }

    /// A line that was not recognised by its bytes; what it says besides goes in front.
    fn line(&mut self, bytes: &[u8], text: &[u8], records: &mut impl Records<M>) -> RecordOf<M> {
        let whole = span(bytes, text);
        match line(text) {
            Line::Blank => Record::Blank,
            Line::Banner(_) => Record::Banner(whole),
            Line::Foreign(_) => Record::Foreign(whole),
            Line::Unknown => Record::Unknown(whole),
            Line::Frame(Frame::Symbol(symbol)) => Record::Frame(whole, span(bytes, symbol.name)),
            // Their names are not as they are written.
            Line::Frame(_) => Record::Frame(whole.clone(), whole),
            Line::Event(header, said) => {
                let (signal, aside) = meaning::<M>(&said);
                if let Some(aside) = aside {
                    records.take(Record::Aside(aside));
                }
                if let Some(header) = &header
                    && !self.grammar_only
                {
                    self.learn(text, header);
                }
                Record::Event {
                    latency: header.is_some_and(|h| h.latency),
                    context: header.map(|h| h.context),
                    signal,
                    stack: None,
                }
            }
        }
    }

    fn learn(&mut self, text: &[u8], header: &Header) {
        self.columns.learn(text, header);
        if let Some(known) = self.columns.read(text) {
            let text = &text[known.len..];
            let said = payload(trim_end(text));
            self.payloads.insert(text, meaning::<M>(&said));
        }
    }
}

fn meaning<M: Meaning>(said: &Payload<'_>) -> Said<M> {
    if *said == Payload::Stack {
        return (None, None);
    }
    let (signal, aside) = M::of(said);
    (Some(signal), aside)
}
