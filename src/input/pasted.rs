//! Text as it arrives: what tickets, wikis, mail and logs have put around a trace, taken off.
//!
//! The start of a text tells whether there is any such thing; where there is none, the text is
//! read as it is, at full speed.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::os::unix::fs::FileExt;

use crate::input::chunks::Source;
use crate::input::packing::DynReader;
use crate::input::prefix::prefix;
use crate::input::start::Start;
use crate::text::{BOM, unescape};
use crate::trace::{Line, line};

/// How much of a text is looked at, in bytes.
const HEAD: usize = 64 * 1024;
/// Lines of it that are tried without what stands in front of them.
const MAX_LINES: usize = 400;
/// Bytes that are decoded at once; of longer lines the rest is a piece of its own.
const MAX_PIECE: u64 = 64 * 1024;

/// Signs of a trace whose special characters HTML has escaped.
const ESCAPED: [&[u8]; 5] = [
    b"=&gt; ",
    b"&lt;-",
    b"&lt;stack trace&gt;",
    b"&lt;idle&gt;",
    b"&lt;...&gt;",
];

/// What is to be taken off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Around {
    bom: bool,
    html: bool,
    prefixes: bool,
}

impl Around {
    /// What stands around the text that starts so.
    fn of(head: &[u8]) -> Self {
        let has = |sign: &&[u8]| memchr::memmem::find(head, sign).is_some();
        let html = memchr::memchr(b'&', head).is_some() && ESCAPED.iter().any(has);
        let bom = head.starts_with(BOM);
        let prefixes = if html {
            has_prefixes(&unescape(head))
        } else {
            has_prefixes(head)
        };
        Around {
            bom,
            html,
            prefixes,
        }
    }
}

/// Whether most lines have something in front, and some are lines of a trace without it.
fn has_prefixes(head: &[u8]) -> bool {
    let (mut lines, mut prefixed, mut understood) = (0, 0, 0);
    let all = head.split(|&b| b == b'\n').take(MAX_LINES);
    for text in all.filter(|text| !text.trim_ascii().is_empty()) {
        lines += 1;
        let len = prefix(text);
        prefixed += usize::from(len > 0);
        understood += usize::from(len > 0 && is_of_trace(&text[len..]));
    }
    understood > 0 && prefixed * 2 >= lines
}

/// Logs are read with their prefixes, which say when something was.
fn is_of_trace(text: &[u8]) -> bool {
    match line(text) {
        Line::Event(..) | Line::Frame(_) | Line::Banner(_) => true,
        Line::Foreign(found) => !found.is_log(),
        Line::Blank | Line::Unknown => false,
    }
}

/// A text with what stands around it taken off, line by line.
struct Plain<R> {
    text: BufReader<R>,
    around: Around,
    line: Vec<u8>,
    out: Cursor<Vec<u8>>,
    /// The next piece begins a line.
    at_start: bool,
}

impl<R: Read> Plain<R> {
    fn next(&mut self) -> io::Result<()> {
        self.line.clear();
        let mut piece = (&mut self.text).take(MAX_PIECE);
        piece.read_until(b'\n', &mut self.line)?;
        let mut text = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.around.bom) {
            text.drain(..BOM.len());
        }
        if self.around.html && memchr::memchr(b'&', &text).is_some() {
            text = unescape(&text);
        }
        let from = if self.around.prefixes && self.at_start {
            prefix(&text)
        } else {
            0
        };
        self.at_start = text.ends_with(b"\n");
        let out = self.out.get_mut();
        out.clear();
        out.extend_from_slice(&text[from..]);
        self.out.set_position(0);
        self.line = text;
        Ok(())
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.out.read(out)?;
            if n > 0 {
                return Ok(n);
            }
            self.next()?;
            if self.line.is_empty() {
                return Ok(0);
            }
        }
    }
}

/// The text of a source without what stands around it.
///
/// # Errors
/// Whatever reading the first bytes of a file answers.
pub(super) fn plain(source: Source<DynReader>) -> io::Result<Source<DynReader>> {
    let (around, source) = match source {
        Source::File(file, length) => {
            let mut head = vec![0; HEAD];
            let n = file.read_at(&mut head, 0)?.min(length as usize);
            (Around::of(&head[..n]), Source::File(file, length))
        }
        Source::Stream(mut reader) => {
            let start = Start::of(&mut reader, HEAD);
            let around = Around::of(&start.head);
            let whole: DynReader = Box::new(start.before(reader));
            (around, Source::Stream(whole))
        }
    };
    if around == Around::default() {
        return Ok(source);
    }
    Ok(Source::Stream(Box::new(Plain {
        text: BufReader::new(source.reader()),
        around,
        line: Vec::new(),
        out: Cursor::default(),
        at_start: true,
    })))
}
