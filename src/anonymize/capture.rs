//! The text of a capture, line by line: what it shows of the kernel stays, so that a report on it
//! says the same of the same drops.

use crate::anonymize::pseudonyms::Pseudonyms;
use crate::anonymize::{event, framing};
use crate::capture::framing::Framing;
use crate::trace::event::Banner;
use crate::trace::{Line, Payload, cut_event, line};

/// In place of a line that is not understood, which is counted as one.
const WITHHELD: &[u8] = b"(withheld)";
/// Longest line that is kept, in bytes: the kernel prints at most a page. What is longer is
/// withheld.
const MAX_LINE: usize = 16 * 1024;
/// Columns of a task's name.
const COMM_COLUMNS: usize = 16;

/// Writes the text of a capture anew, in whole lines.
#[derive(Debug)]
pub struct CaptureText {
    names: Pseudonyms,
    /// The line that has no end yet, up to what is too long.
    begun: Vec<u8>,
}

impl CaptureText {
    /// The text by these names.
    #[must_use]
    pub fn new(names: Pseudonyms) -> CaptureText {
        CaptureText {
            names,
            begun: Vec::new(),
        }
    }

    /// The lines that end in this piece.
    #[must_use]
    pub fn rewrite(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() * 2);
        for part in piece.split_inclusive(|&b| b == b'\n') {
            let room = (MAX_LINE + 1).saturating_sub(self.begun.len());
            self.begun.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let begun = std::mem::take(&mut self.begun);
                out.extend(self.line(&begun));
            }
        }
        out
    }

    /// A line was begun and is held back until its end.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Forgets the line that was begun.
    pub(crate) fn cut(&mut self) {
        self.begun.clear();
    }

    /// One line with its end; nothing of one that is left out.
    fn line(&self, text: &[u8]) -> Vec<u8> {
        if text.len() > MAX_LINE {
            return [WITHHELD, b"\n"].concat();
        }
        let Some(mut written) = self.written(text) else {
            return Vec::new();
        };
        written.push(b'\n');
        written
    }

    fn written(&self, text: &[u8]) -> Option<Vec<u8>> {
        let line = line(text);
        let text = text.trim_ascii_end();
        Some(match line {
            Line::Blank => Vec::new(),
            Line::Frame(_) => frame(text),
            Line::Event(Some(_), payload) => self.event(text, &payload)?,
            // In front of a bare payload nothing stands.
            Line::Event(None, _) if text.starts_with(b"\"") => WITHHELD.to_vec(),
            Line::Event(None, payload) => event::payload(&self.names, &payload, text),
            Line::Banner(banner) => self.banner(text, &banner)?,
            Line::Foreign(_) | Line::Unknown => WITHHELD.to_vec(),
        })
    }

    /// The header with another name of the task, alone in its column, and the payload.
    fn event(&self, text: &[u8], payload: &Payload<'_>) -> Option<Vec<u8>> {
        let (header, columns, says) = cut_event(text)?;
        // The last one is not of the name.
        let pid = format!("-{}", header.context.pid);
        let dash = memchr::memmem::rfind(columns, pid.as_bytes())?;
        let comm = self.names.task(header.context.comm.as_bytes());
        let mut out = vec![b' '; COMM_COLUMNS.saturating_sub(comm.len())];
        out.extend(comm);
        out.extend(&columns[dash..]);
        out.extend(event::payload(&self.names, payload, says));
        Some(out)
    }

    fn banner(&self, text: &[u8], banner: &Banner<'_>) -> Option<Vec<u8>> {
        Some(match banner {
            Banner::Lost { cpu, events } => match events {
                Some(events) => format!("CPU:{cpu} [LOST {events} EVENTS]").into_bytes(),
                None => format!("CPU:{cpu} [LOST EVENTS]").into_bytes(),
            },
            Banner::Framing { key, value } => {
                let framing = Framing::parse(key, value);
                framing::framing(&self.names, &framing)?.into_bytes()
            }
            Banner::BufferStarted
            | Banner::Tracer
            | Banner::Entries { .. }
            | Banner::Latency { .. }
            | Banner::Cpus(_) => text.to_vec(),
            Banner::PerfKernel(_)
            | Banner::PerfCpus(_)
            | Banner::LostSomewhere
            | Banner::Comment => b"#".to_vec(),
        })
    }
}

/// The frame without what a log may have put in front of it.
fn frame(text: &[u8]) -> Vec<u8> {
    let at = memchr::memmem::find(text, b"=> ").unwrap_or(0);
    [b" ", &text[at..]].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::anonymize::key::Key;

    fn capture() -> CaptureText {
        CaptureText::new(Pseudonyms::new(Key::of_text("k")))
    }

    fn shown(text: &str) -> String {
        String::from_utf8(capture().rewrite(text.as_bytes())).unwrap()
    }

    #[test]
    fn the_columns_stay_where_they_were() {
        let text = "         python3-1042  [001] ..s1    52.560614: ip6_dst_gc <-dst_alloc\n";
        let task = String::from_utf8(capture().names.task(b"python3")).unwrap();
        let wanted = text.replace("         python3", &format!(" {task}"));
        assert_eq!(shown(text), wanted);
        let kernel = text.replace("         python3-1042", "     ksoftirqd/2-22  ");
        assert_eq!(shown(&kernel), kernel);
        let odd = text.replace(
            "         python3",
            "2026-11-23T10:00:00Z node7:  a-1042 [0] b",
        );
        let odd = shown(&odd);
        assert_eq!(odd.find("-1042  [001] ..s1"), Some(16), "{odd}");
        assert!(!odd.contains("node7") && !odd.contains("[0] b"), "{odd}");
    }

    #[test]
    fn what_is_not_understood_is_withheld_and_still_not_understood() {
        for text in [
            "root@node7:~# cat\n",
            "[  1.5] node7\n",
            "\"ip6_dst_gc <-dst_alloc\"\n",
        ] {
            assert_eq!(shown(text), "(withheld)\n");
        }
        assert_eq!(line(WITHHELD), Line::Unknown);
        assert_eq!(shown("# node7\n"), "#\n");
        assert_eq!(shown("# ip6drop: acme node7\n\n"), "\n");
        assert_eq!(
            shown("node7: CPU:3 [LOST 57 EVENTS]\n"),
            "CPU:3 [LOST 57 EVENTS]\n"
        );
        assert_eq!(shown("node7 => ip6_pkt_drop\n"), " => ip6_pkt_drop\n");
        let long = "x".repeat(MAX_LINE * 3) + "\n => ip6_pkt_drop\n";
        assert_eq!(shown(&long), "(withheld)\n => ip6_pkt_drop\n");
    }

    #[test]
    fn a_line_is_held_back_until_its_end() {
        let mut text = capture();
        assert!(!text.is_open());
        assert_eq!(text.rewrite(b"root@no"), b"");
        assert!(text.is_open());
        assert_eq!(text.rewrite(b"de7\n =>"), b"(withheld)\n");
        text.cut();
        assert!(!text.is_open());
        assert_eq!(text.rewrite(b" => ip6_pkt_drop\n"), b" => ip6_pkt_drop\n");
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_and_lines_of_any_kind(text: Vec<u8>, size in 1usize..9) {
            let mut pieces = capture();
            let cut: Vec<u8> = text.chunks(size).flat_map(|piece| pieces.rewrite(piece)).collect();
            prop_assert_eq!(cut, capture().rewrite(&text));
        }
    }
}
