//! A byte stream cut into lines and stack blocks, in constant memory.

use std::io::{self, Read};

/// Longest line that is looked at, in bytes; of a longer one only the start is kept.
pub const MAX_LINE: usize = 64 * 1024;
/// Longest run of frame lines handed out at once, in bytes.
pub const MAX_BLOCK: usize = 64 * 1024;
/// Bytes asked of the reader at a time. Must hold the longest line and the longest block.
const BUFFER: usize = 256 * 1024;

/// A piece of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// One line, with its line end if it has one.
    Line(&'a [u8]),
    /// The start of a line longer than [`MAX_LINE`]; the rest is skipped.
    LongLine(&'a [u8]),
    /// Whole lines that all start with ` => ` or `=> `.
    Frames {
        /// The lines.
        bytes: &'a [u8],
        /// True where the run before this one only ended because of [`MAX_BLOCK`].
        continued: bool,
    },
}

/// Cuts a reader into pieces. Where the reader's own reads end does not matter.
pub struct Pieces<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_eof: bool,
    skipping: bool,
    continued: bool,
    bytes: u64,
}

/// What the bytes at hand allow.
enum Cut {
    Line(usize),
    LongLine,
    Frames(usize),
    More,
    End,
}

/// `Some(true)` where a frame line starts, `None` where too few bytes are at hand to tell.
fn starts_frame(data: &[u8], at_eof: bool) -> Option<bool> {
    match data {
        [b' ', b'=', b'>', b' ', ..] | [b'=', b'>', b' ', ..] => Some(true),
        [] | [b' '] | [b' ', b'='] | [b' ', b'=', b'>'] | [b'='] | [b'=', b'>'] if !at_eof => None,
        _ => Some(false),
    }
}

impl<R: Read> Pieces<R> {
    /// Starts at the reader's current position.
    pub fn new(reader: R) -> Self {
        Pieces {
            reader,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            at_eof: false,
            skipping: false,
            continued: false,
            bytes: 0,
        }
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Reads more, after moving what is left to the front.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_eof = true,
                Ok(n) => {
                    self.end += n;
                    self.bytes += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            }
            return Ok(());
        }
    }

    fn line_end(&self, data: &[u8]) -> Option<usize> {
        match memchr::memchr(b'\n', data) {
            Some(at) => Some(at + 1),
            None if self.at_eof => Some(data.len()),
            None => None,
        }
    }

    fn cut(&self, data: &[u8]) -> Cut {
        if data.is_empty() {
            return if self.at_eof { Cut::End } else { Cut::More };
        }
        match starts_frame(data, self.at_eof) {
            None => Cut::More,
            Some(true) => self.cut_frames(data),
            Some(false) => match self.line_end(data) {
                Some(len) if len <= MAX_LINE => Cut::Line(len),
                None if data.len() <= MAX_LINE => Cut::More,
                _ => Cut::LongLine,
            },
        }
    }

    fn cut_frames(&self, data: &[u8]) -> Cut {
        let mut len = 0;
        loop {
            match starts_frame(&data[len..], self.at_eof) {
                None => return Cut::More,
                Some(false) => break,
                Some(true) => {}
            }
            match self.line_end(&data[len..]) {
                Some(line) if len + line <= MAX_BLOCK => len += line,
                None if data.len() <= MAX_BLOCK => return Cut::More,
                _ => break,
            }
        }
        if len == 0 {
            Cut::LongLine
        } else {
            Cut::Frames(len)
        }
    }

    /// Skips to the next line end; false where it is not at hand yet.
    fn skip_line(&mut self) -> bool {
        match memchr::memchr(b'\n', &self.buffer[self.start..self.end]) {
            Some(at) => {
                self.start += at + 1;
                self.skipping = false;
            }
            None => {
                self.start = self.end;
                self.skipping = !self.at_eof;
            }
        }
        !self.skipping
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    /// Whatever the reader answers, except interruptions.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        loop {
            if self.skipping && !self.skip_line() {
                self.fill()?;
                continue;
            }
            let (from, to) = (self.start, self.end);
            let cut = self.cut(&self.buffer[from..to]);
            let continued = std::mem::take(&mut self.continued);
            match cut {
                Cut::End => return Ok(None),
                Cut::More => {
                    self.continued = continued;
                    self.fill()?;
                }
                Cut::Line(len) => {
                    self.start += len;
                    return Ok(Some(Piece::Line(&self.buffer[from..from + len])));
                }
                Cut::LongLine => {
                    self.skipping = true;
                    return Ok(Some(Piece::LongLine(
                        &self.buffer[from..to.min(from + MAX_LINE)],
                    )));
                }
                Cut::Frames(len) => {
                    self.start += len;
                    self.continued =
                        starts_frame(&self.buffer[self.start..self.end], true) == Some(true);
                    return Ok(Some(Piece::Frames {
                        bytes: &self.buffer[from..from + len],
                        continued,
                    }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a slice in reads of the given sizes, over and over.
    struct Choppy<'a>(&'a [u8], Vec<usize>, usize);

    impl Read for Choppy<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let size = self.1[self.2 % self.1.len()]
                .min(out.len())
                .min(self.0.len());
            self.2 += 1;
            out[..size].copy_from_slice(&self.0[..size]);
            self.0 = &self.0[size..];
            Ok(size)
        }
    }

    fn pieces(input: &[u8], sizes: &[usize]) -> Vec<String> {
        let mut cutter = Pieces::new(Choppy(input, sizes.to_vec(), 0));
        let mut all = Vec::new();
        while let Some(piece) = cutter.next_piece().unwrap() {
            all.push(match piece {
                Piece::Line(l) => format!("line {}", String::from_utf8_lossy(l)),
                Piece::LongLine(l) => format!("long {}", l.len()),
                Piece::Frames { bytes, continued } => {
                    format!("frames {continued} {}", String::from_utf8_lossy(bytes))
                }
            });
        }
        all
    }

    #[test]
    fn lines_and_blocks() {
        let text = b"a\n => x\n=> y\n =>\n => z\nb";
        let expected = [
            "line a\n",
            "frames false  => x\n=> y\n",
            "line  =>\n",
            "frames false  => z\n",
            "line b",
        ];
        for sizes in [&[1][..], &[2, 3], &[100]] {
            assert_eq!(pieces(text, sizes), expected, "{sizes:?}");
        }
        assert_eq!(pieces(b" =", &[1]), ["line  ="]);
    }

    #[test]
    fn lines_and_blocks_beyond_the_caps() {
        let mut text = vec![b'x'; 3 * BUFFER];
        text.extend_from_slice(b"\nshort\n");
        for _ in 0..MAX_BLOCK / 4 {
            text.extend_from_slice(b" => function\n");
        }
        text.extend_from_slice(b" => ");
        text.resize(text.len() + 2 * MAX_BLOCK, b'y');
        let whole = pieces(&text, &[BUFFER]);
        assert_eq!(whole[0], format!("long {MAX_LINE}"));
        assert_eq!(whole[1], "line short\n");
        assert!(whole[3].starts_with("frames true"));
        assert_eq!(whole.last().unwrap(), &format!("long {MAX_LINE}"));
        assert_eq!(pieces(&text, &[7, 4096, 1]), whole);
    }
}
