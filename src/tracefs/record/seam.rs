//! Where one file of a recording ends and the next begins: between two events, and where that
//! comes soon at a moment without any, so that the facts of that moment hold for both.

use memchr::memchr;

use crate::capture::framing::{Framing, When, lines};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::Pipe;
use crate::tracefs::record::bracket::bracket_soon;
use crate::tracefs::record::framing::{facts, policy};
use crate::tracefs::record::recorder::Recorder;
use crate::tracefs::record::recording::Limit;
use crate::tracefs::seen::{ReadLine, Seen};
use crate::tracefs::setup::tracing::Tracing;

/// Where the first event of a piece begins that is no stack: what stands before it belongs to
/// what came before. `in_line` says that the piece begins within a line.
pub(crate) fn first_event(piece: &[u8], in_line: bool, read: ReadLine) -> Option<usize> {
    let mut start = match in_line {
        true => memchr(b'\n', piece)? + 1,
        false => 0,
    };
    while let Some(length) = memchr(b'\n', &piece[start..]) {
        let end = start + length + 1;
        if matches!(read(&piece[start..end]), Seen::Event { .. }) {
            return Some(start);
        }
        start = end;
    }
    None
}

impl Recorder<'_, '_> {
    /// Writes what every file begins with.
    pub(super) fn begin(
        &mut self,
        tracing: &Tracing,
        lines_of_all: Vec<u8>,
    ) -> Result<(), TraceError> {
        self.head.lines = lines_of_all;
        let clock = tracing.clock(self.env.fs).map(Framing::Clock);
        let first = [self.output.first_line(), self.head.text(), lines(clock)];
        self.put(&first.concat())?;
        self.tell_head();
        Ok(())
    }

    /// Tells whoever looks on what the start of a file says now.
    pub(super) fn tell_head(&mut self) {
        let text = self.head.text();
        let text = self.output.rewritten(&text);
        self.onlooker.head(&text);
    }

    /// Goes on in the next file where this one is full: at once where facts could be read at a
    /// moment without events, else in front of the next event, and then without counters, of which
    /// nobody knows which drops they have seen.
    pub(super) fn turn(
        &mut self,
        tracing: &Tracing,
        pipe: &mut dyn Pipe,
    ) -> Result<Option<Limit>, TraceError> {
        if !self.output.is_full() || self.head.next.is_some() {
            return Ok(None);
        }
        // Older than anything in the next file: what waits in the pipe still goes to this one.
        let mut before = lines(tracing.clock(self.env.fs).map(Framing::Clock));
        let policy = policy(self.plan, self.host, When::Before);
        let mut facts = || facts(self.plan, self.host, When::Before);
        let moment = bracket_soon(pipe, &mut facts).map_err(self.failed())?;
        let full = self.keep(&moment.text)?;
        if full.is_some() {
            return Ok(full);
        }
        if moment.exact {
            before.extend(policy);
        }
        let is_quiet = moment.exact && moment.behind.is_empty();
        if is_quiet && !self.output.is_line_open() {
            before.extend(moment.facts);
            return self.next_file(&before).map(|()| None);
        }
        self.head.next = Some(before);
        self.keep(&moment.behind)
    }

    fn next_file(&mut self, before: &[u8]) -> Result<(), TraceError> {
        self.output.next_file()?;
        let text = [&self.output.first_line(), &self.head.text(), before].concat();
        // Whoever looks on knows all that.
        let text = self.output.rewritten(&text);
        self.output.write(&text)
    }

    /// Writes what was read as far as the limits allow; the one that was reached, if any.
    pub(super) fn keep(&mut self, piece: &[u8]) -> Result<Option<Limit>, TraceError> {
        let kept = self.counts.take(piece, self.limits.events);
        let is_cut = kept < piece.len();
        let mut piece = &piece[..kept];
        if let Some(before) = self.head.next.take() {
            match first_event(piece, self.output.is_line_open(), self.env.read) {
                Some(seam) => {
                    self.put(&piece[..seam])?;
                    self.next_file(&before)?;
                    piece = &piece[seam..];
                }
                None => self.head.next = Some(before),
            }
        }
        let text = self.output.rewritten(piece);
        let size = self.output.written + text.len() as u64 + self.tail;
        if self.limits.bytes.is_some_and(|most| size > most) {
            self.output.cut();
            return Ok(Some(Limit::Size));
        }
        self.onlooker.took(&text);
        self.output.write(&text)?;
        Ok(is_cut.then_some(Limit::Events))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::seen::seen;

    #[test]
    fn a_seam_is_in_front_of_an_event_and_never_of_its_stack() {
        const EVENT: &str = "  a-1  [000] ..s1 1.000000: ip6_pkt_drop <-ip6_pkt_discard\n";
        const STACK: &str =
            "  a-1  [000] ..s1 1.000001: <stack trace>\n => ip6_pkt_drop\n => ipv6_rcv\n";
        let at = |text: &str, in_line| first_event(text.as_bytes(), in_line, seen);
        let text = format!("{STACK}# a comment\n{EVENT}{STACK}");
        assert_eq!(at(&text, false), text.find(EVENT));
        assert_eq!(at(&format!("pv6_rcv\n{EVENT}"), true), Some(8));
        assert_eq!(at(&EVENT.repeat(2), true), Some(EVENT.len()));
        assert_eq!(at(EVENT, false), Some(0));
        // What may still become an event is none yet.
        assert_eq!(at(&format!("{STACK}{}", EVENT.trim_end()), false), None);
        assert_eq!(at("no end", true), None);
    }
}
