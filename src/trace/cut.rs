//! Bytes cut into lines and stack blocks.

#[cfg(fuzzing)]
pub(crate) use fuzzed::{MAX_BLOCK, MAX_LINE};

/// Longest line that is looked at, in bytes; of a longer one only the start is kept.
#[cfg(not(fuzzing))]
pub(crate) const MAX_LINE: usize = 64 * 1024;
/// Longest run of frame lines handed out at once, in bytes.
#[cfg(not(fuzzing))]
pub(crate) const MAX_BLOCK: usize = 64 * 1024;

/// The inputs of `fuzz/` are small, and shall go beyond these as well.
#[cfg(fuzzing)]
mod fuzzed {
    pub(crate) const MAX_LINE: usize = 1024;
    pub(crate) const MAX_BLOCK: usize = 1024;
}

/// Most bytes that [`whole`] leaves: a whole block and the start of a frame line.
pub(crate) const MAX_LEFT: usize = MAX_BLOCK + 4096;

/// A piece of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
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

/// What has to be known of the text in front to cut on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CutState {
    /// The bytes belong to a line that is too long, up to its end.
    pub(crate) skipping: bool,
    /// Frames belong to a run that [`MAX_BLOCK`] has ended.
    pub(crate) continued: bool,
}

/// `Some(true)` where a frame line starts, `None` where too few bytes are at hand to tell.
#[must_use]
#[inline(always)]
pub(crate) fn starts_frame(data: &[u8], at_eof: bool) -> Option<bool> {
    if let Some(start) = data.first_chunk::<4>() {
        return Some(start == b" => " || start.starts_with(b"=> "));
    }
    match data {
        [b'=', b'>', b' ', ..] => Some(true),
        [] | [b' '] | [b' ', b'='] | [b' ', b'=', b'>'] | [b'='] | [b'=', b'>'] if !at_eof => None,
        _ => Some(false),
    }
}

/// Cuts a slice into pieces.
pub(crate) struct Cutter<'a> {
    data: &'a [u8],
    at: usize,
    at_eof: bool,
    state: CutState,
}

/// What the bytes at hand allow.
enum Cut {
    Line(usize),
    LongLine,
    Frames(usize),
    More,
}

impl<'a> Cutter<'a> {
    /// Starts at the beginning of `data`; with `at_eof` nothing comes behind it.
    #[must_use]
    pub(crate) fn new(data: &'a [u8], state: CutState, at_eof: bool) -> Self {
        Cutter {
            data,
            at: 0,
            at_eof,
            state,
        }
    }

    /// How far it has come, in bytes.
    #[must_use]
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Goes on behind a piece that somebody else has recognised.
    pub(crate) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }

    /// What is known of the text up to here.
    #[must_use]
    pub(crate) fn state(&self) -> CutState {
        self.state
    }

    fn line_end(&self, data: &[u8]) -> Option<usize> {
        match memchr::memchr(b'\n', data) {
            Some(at) => Some(at + 1),
            None if self.at_eof => Some(data.len()),
            None => None,
        }
    }

    fn cut(&self, data: &[u8]) -> Cut {
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

    /// Skips to the next line end, or to the end of what is at hand.
    fn skip_line(&mut self) {
        match memchr::memchr(b'\n', &self.data[self.at..]) {
            Some(at) => {
                self.at += at + 1;
                self.state.skipping = false;
            }
            None => self.at = self.data.len(),
        }
    }
}

impl<'a> Iterator for Cutter<'a> {
    type Item = Piece<'a>;

    /// The next piece, or `None` where only more bytes can tell.
    fn next(&mut self) -> Option<Piece<'a>> {
        if self.state.skipping {
            self.skip_line();
        }
        let data = &self.data[self.at..];
        if data.is_empty() {
            return None;
        }
        let cut = self.cut(data);
        if matches!(cut, Cut::More) {
            return None;
        }
        let continued = std::mem::take(&mut self.state.continued);
        Some(match cut {
            Cut::More => return None,
            Cut::Line(len) => {
                self.at += len;
                Piece::Line(&data[..len])
            }
            Cut::LongLine => {
                self.state.skipping = true;
                let start = &data[..data.len().min(MAX_LINE)];
                self.skip_line();
                Piece::LongLine(start)
            }
            Cut::Frames(len) => {
                self.at += len;
                self.state.continued = starts_frame(&data[len..], true) == Some(true);
                Piece::Frames {
                    bytes: &data[..len],
                    continued,
                }
            }
        })
    }
}

/// The last line start of `bytes` that no state crosses: the line before it has ended, and it
/// starts no frame.
fn safe_cut(bytes: &[u8]) -> Option<usize> {
    let tail = bytes.len().saturating_sub(MAX_LEFT);
    memchr::memrchr_iter(b'\n', &bytes[tail..])
        .map(|newline| tail + newline + 1)
        .find(|&at| starts_frame(&bytes[at..], false) == Some(false))
}

/// How much of `bytes` is whole pieces, whatever comes behind them; `state` is what is known of
/// the text in front of them, and becomes what is known of the text in front of the rest. An
/// input that broke off is cut piece by piece, as are very long lines and stacks.
#[must_use]
pub(crate) fn whole(bytes: &[u8], state: &mut CutState, broke_off: bool) -> usize {
    let safe = if broke_off { None } else { safe_cut(bytes) };
    if let Some(cut) = safe {
        *state = CutState::default();
        return cut;
    }
    let mut cutter = Cutter::new(bytes, *state, false);
    while cutter.next().is_some() {}
    *state = cutter.state();
    cutter.position()
}
