//! One line of trace text.

use crate::text::FRAMING;
use crate::trace::banner::banner;
use crate::trace::event::{Banner, Payload};
use crate::trace::foreign::{Foreign, foreign};
use crate::trace::header::{Header, header};
use crate::trace::payload::{payload, unmistakable};
use crate::trace::symbol::{Frame, frame, frame_body};

/// A line, recognised by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// An event; without a header where the trace was written with `nocontext-info`.
    Event(Option<Header>, Payload<'a>),
    /// A frame of a stack.
    Frame(Frame<'a>),
    /// A line about the trace.
    Banner(Banner<'a>),
    /// A line of perf, bpftrace or the kernel's log.
    Foreign(Foreign<'a>),
    /// White space only.
    Blank,
    /// None of these: shell prompts, prose, damage.
    Unknown,
}

/// Strips white space, and the line ends of other systems, from the right.
pub(super) fn trim_end(line: &[u8]) -> &[u8] {
    let kept = line
        .iter()
        .rposition(|b| !matches!(b, b'\n' | b'\r' | b' ' | b'\t'));
    kept.map_or(&[], |last| &line[..=last])
}

/// A frame, a mark or a payload behind the prefix of a log or a pager.
fn behind_prefix(line: &[u8]) -> Option<Line<'_>> {
    if let Some(at) = memchr::memmem::find(line, b"=> ") {
        return frame_body(line[at + 3..].trim_ascii_start()).map(Line::Frame);
    }
    if let Some(at) = memchr::memmem::find(line, FRAMING.as_bytes()) {
        return banner(&line[at..]).map(Line::Banner);
    }
    let at = memchr::memmem::rfind(line, b"CPU:")?;
    let lost = banner(&line[at..]).filter(|banner| matches!(banner, Banner::Lost { .. }));
    lost.map(Line::Banner)
}

/// A line as an element of a JSON list, as deployment tools print output: `"…",`.
#[inline]
fn unquote(line: &[u8]) -> &[u8] {
    let Some(inner) = line.trim_ascii_start().strip_prefix(b"\"") else {
        return line;
    };
    let inner = inner.strip_suffix(b",").unwrap_or(inner);
    inner.strip_suffix(b"\"").unwrap_or(line)
}

/// Recognises one line; it may still have its line end.
#[must_use]
pub(crate) fn line(input: &[u8]) -> Line<'_> {
    let text = unquote(trim_end(input));
    if text.is_empty() {
        return Line::Blank;
    }
    if let Some(frame) = frame(text) {
        return Line::Frame(frame);
    }
    if let Some((rest, header)) = header(text) {
        return Line::Event(Some(header), payload(rest));
    }
    if let Some(banner) = banner(text.trim_ascii_start()) {
        return Line::Banner(banner);
    }
    if let Some(payload) = unmistakable(text.trim_ascii_start()) {
        return Line::Event(None, payload);
    }
    behind_prefix(text)
        .or_else(|| foreign(text).map(Line::Foreign))
        .unwrap_or(Line::Unknown)
}

/// An event with a header: that, the columns that it was read from, and what stands behind them.
#[must_use]
pub(crate) fn cut_event(input: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let text = unquote(trim_end(input));
    let (says, header) = header(text)?;
    Some((header, &text[..text.len() - says.len()], says))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_recognised_by_content() {
        assert_eq!(line(b"\r\n"), Line::Blank);
        assert!(matches!(line(b" => ip6_pkt_drop\r\n"), Line::Frame(_)));
        assert!(matches!(line(b"> > => ip6_pkt_drop"), Line::Frame(_)));
        assert!(matches!(
            line(b"Nov 23 node: CPU:3 [LOST 57 EVENTS]"),
            Line::Banner(Banner::Lost { cpu: 3, .. })
        ));
        assert!(matches!(
            line(b"ip6_dst_gc <-dst_alloc"),
            Line::Event(None, Payload::Function { .. })
        ));
        assert!(matches!(
            line(b"    <stack trace>\n"),
            Line::Event(None, Payload::Stack)
        ));
        let columns = "    a b-7     [001] ..s1     1.500000: ";
        let event = format!("{columns}ip6_dst_gc <-dst_alloc\n");
        let (header, cut, says) = cut_event(event.as_bytes()).unwrap();
        assert_eq!(cut, columns.as_bytes());
        assert_eq!(
            (header.context.pid, says),
            (7, &b"ip6_dst_gc <-dst_alloc"[..])
        );
        assert!(cut_event(b"ip6_dst_gc <-dst_alloc").is_none());
        assert_eq!(line(b"root@node:~# cat trace_pipe"), Line::Unknown);
        assert!(matches!(
            line(b"    \"ip6_dst_gc <-dst_alloc\",\n"),
            Line::Event(..)
        ));
        assert_eq!(line(b"if x => y then z"), Line::Unknown);
        assert_eq!(line(b"\xff\xfe\x00"), Line::Unknown);
    }
}
