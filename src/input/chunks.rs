//! An input read in large chunks of whole lines and whole stacks, by one thread or several.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::trace::cut::{CutState, MAX_LEFT, whole};

/// What the sizes below are divided by: the inputs of `fuzz/` are small, and shall have borders.
const SCALE: usize = if cfg!(fuzzing) { 256 } else { 1 };
/// Bytes read at a time: larger ones make fewer calls, smaller ones stay in a core's cache.
const READ: usize = 1024 * 1024 / SCALE;
/// Bytes read first: until they have been taken no stack is known.
const FIRST: usize = 64 * 1024 / SCALE;
/// Bytes read of a stream at a time, so that whoever writes it can go on meanwhile.
const STREAM: usize = 256 * 1024 / SCALE;
/// The kernel copies fastest to whole pages.
const PAGE: usize = 4096;
/// Room in front of what is read, for the piece that the chunk before left unfinished.
const FRONT: usize = MAX_LEFT;

/// Zeros behind the bytes.
const AHEAD: usize = 64;

/// Where bytes come from.
pub enum Source<R> {
    /// A file that several threads may read at once, and how much of it to read, in bytes.
    File(File, u64),
    /// Anything else.
    Stream(R),
}

impl<R> Source<R> {
    /// Bytes of the whole, of a file.
    #[must_use]
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Source::File(file, length) => Some(file.metadata().ok()?.len().min(*length)),
            Source::Stream(_) => None,
        }
    }
}

impl<R: Read + Send + 'static> Source<R> {
    /// Its bytes, in order.
    pub(super) fn reader(self) -> Box<dyn Read + Send> {
        match self {
            Source::File(file, length) => Box::new(file.take(length)),
            Source::Stream(reader) => Box::new(reader),
        }
    }
}

/// Bytes of the input that start and end between two pieces.
pub(crate) struct Chunk {
    memory: Vec<u8>,
    /// The first page that what is read goes to.
    page: usize,
    start: usize,
    end: usize,
    index: u64,
    state: CutState,
}

impl Default for Chunk {
    fn default() -> Self {
        let memory = vec![0; FRONT + PAGE + READ + AHEAD];
        let page = FRONT + memory[FRONT..].as_ptr().align_offset(PAGE).min(PAGE);
        Chunk {
            memory,
            page,
            start: page,
            end: page,
            index: 0,
            state: CutState::default(),
        }
    }
}

impl Chunk {
    /// The bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// The bytes and zeros behind them, for readers that look ahead.
    #[must_use]
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.memory[self.start..self.end + AHEAD]
    }

    /// Its place among the chunks of the input, from 0.
    #[must_use]
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// What is known of the text in front of it.
    #[must_use]
    pub(crate) fn state(&self) -> CutState {
        self.state
    }
}

/// What one chunk leaves to the next.
#[derive(Default)]
struct Border {
    /// Chunks claimed.
    claimed: u64,
    /// Chunks cut.
    cut: u64,
    carried: Vec<u8>,
    state: CutState,
    at_end: bool,
    bytes: u64,
    error: Option<io::Error>,
}

/// Hands out an input in chunks. Where the reader's own reads end does not matter.
pub(crate) struct Chunks<R> {
    source: Source<Mutex<R>>,
    border: Mutex<Border>,
    passed: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fills `out` as far as the input goes: the bytes read, and the error that ended it.
fn fill(
    out: &mut [u8],
    mut read: impl FnMut(&mut [u8], usize) -> io::Result<usize>,
) -> (usize, Option<io::Error>) {
    let mut len = 0;
    while len < out.len() {
        match read(&mut out[len..], len) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return (len, Some(e)),
        }
    }
    (len, None)
}

impl<R: Read> Chunks<R> {
    /// Starts at the beginning of a file, or at a stream's current position.
    pub(crate) fn new(source: Source<R>) -> Self {
        Chunks {
            source: match source {
                Source::File(file, length) => Source::File(file, length),
                Source::Stream(reader) => Source::Stream(Mutex::new(reader)),
            },
            border: Mutex::default(),
            passed: Condvar::new(),
        }
    }

    /// Reads the next chunk; false at the end of the input.
    ///
    /// Files are read by all threads at once; streams, and the borders of chunks, in turn.
    pub(crate) fn next(&self, chunk: &mut Chunk) -> bool {
        let index = {
            let mut border = lock(&self.border);
            if border.at_end {
                return false;
            }
            border.claimed += 1;
            border.claimed - 1
        };
        chunk.index = index;
        let wanted = match (index, &self.source) {
            (0, _) => FIRST,
            (_, Source::File(..)) => READ,
            (_, Source::Stream(_)) => STREAM,
        };
        let mut room = &mut chunk.memory[chunk.page..chunk.page + wanted];
        let mut done = (0, None);
        if let Source::File(file, length) = &self.source {
            let offset = match index.checked_sub(1) {
                None => 0,
                Some(before) => FIRST as u64 + before * READ as u64,
            };
            let len = length.saturating_sub(offset).min(wanted as u64) as usize;
            room = &mut room[..len];
            done = fill(room, |out, done| file.read_at(out, offset + done as u64));
        }
        let mut border = lock(&self.border);
        while border.cut != index {
            border = self
                .passed
                .wait(border)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let is_new = !border.at_end;
        if is_new {
            if let Source::Stream(stream) = &self.source {
                let mut stream = lock(stream);
                done = fill(room, |out, _| stream.read(out));
            }
            let (read, error) = done;
            border.pass(chunk, read, read < wanted, error);
        }
        border.cut += 1;
        self.passed.notify_all();
        is_new
    }

    /// Bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        lock(&self.border).bytes
    }

    /// Bytes read, and the error that ended the input early.
    pub(crate) fn finish(self) -> (u64, Option<io::Error>) {
        let border = self
            .border
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        (border.bytes, border.error)
    }
}

impl Border {
    /// Gives the chunk what the one before it has left, and takes from it what the next needs.
    fn pass(&mut self, chunk: &mut Chunk, read: usize, at_end: bool, error: Option<io::Error>) {
        chunk.start = chunk.page - self.carried.len();
        chunk.memory[chunk.start..chunk.page].copy_from_slice(&self.carried);
        chunk.end = chunk.page + read;
        chunk.memory[chunk.end..chunk.end + AHEAD].fill(0);
        chunk.state = self.state;
        self.bytes += read as u64;
        self.carried.clear();
        self.at_end = at_end;
        let is_whole = self.at_end && error.is_none();
        self.error = error;
        if is_whole {
            return;
        }
        let bytes = chunk.bytes();
        let cut = whole(bytes, &mut self.state, self.at_end);
        self.carried.extend_from_slice(&bytes[cut..]);
        chunk.end = chunk.start + cut;
        // What is carried over is the next chunk's: a stack seen there would be taken twice.
        chunk.memory[chunk.end..chunk.end + AHEAD].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::cut::{Cutter, MAX_BLOCK, MAX_LINE, Piece};

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

    fn pieces_of(chunks: &Chunks<impl Read>) -> Vec<String> {
        let mut all = Vec::new();
        let mut chunk = Chunk::default();
        while chunks.next(&mut chunk) {
            for piece in Cutter::new(chunk.bytes(), chunk.state(), true) {
                all.push(match piece {
                    Piece::Line(l) => format!("line {}", String::from_utf8_lossy(l)),
                    Piece::LongLine(l) => format!("long {}", l.len()),
                    Piece::Frames { bytes, continued } => {
                        format!("frames {continued} {}", String::from_utf8_lossy(bytes))
                    }
                });
            }
        }
        all
    }

    fn pieces(input: &[u8], sizes: &[usize]) -> Vec<String> {
        pieces_of(&Chunks::new(Source::Stream(Choppy(
            input,
            sizes.to_vec(),
            0,
        ))))
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
        let mut text = vec![b'x'; 3 * READ];
        text.extend_from_slice(b"\nshort\n");
        for _ in 0..MAX_BLOCK / 4 {
            text.extend_from_slice(b" => function\n");
        }
        text.extend_from_slice(b" => ");
        text.resize(text.len() + 2 * MAX_BLOCK, b'y');
        let whole = pieces(&text, &[READ]);
        assert_eq!(whole[0], format!("long {MAX_LINE}"));
        assert_eq!(whole[1], "line short\n");
        assert!(whole[3].starts_with("frames true"));
        assert_eq!(whole.last().unwrap(), &format!("long {MAX_LINE}"));
        assert_eq!(pieces(&text, &[7, 4096, 1]), whole);
    }

    /// Cutting the whole text at once gives the same pieces as chunks of it, wherever they end.
    #[test]
    fn borders_of_chunks_do_not_show() {
        for (line, frames) in [(10, 700), (70_000, 4), (300_000, 40_000), (61_000, 5041)] {
            let mut text = Vec::new();
            while text.len() < 6 * READ {
                text.resize(text.len() + line, b'x');
                text.push(b'\n');
                for frame in 0..frames {
                    text.extend_from_slice(format!(" => f{frame}\n").as_bytes());
                }
            }
            let whole: Vec<_> = Cutter::new(&text, CutState::default(), true)
                .map(|piece| match piece {
                    Piece::Line(l) => format!("line {}", String::from_utf8_lossy(l)),
                    Piece::LongLine(l) => format!("long {}", l.len()),
                    Piece::Frames { bytes, continued } => {
                        format!("frames {continued} {}", String::from_utf8_lossy(bytes))
                    }
                })
                .collect();
            assert!(pieces(&text, &[65_537]) == whole, "{line} {frames}");
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, &text).unwrap();
            io::Write::write_all(&mut file, b"grown since").unwrap();
            let source: Source<File> = Source::File(file, text.len() as u64);
            assert!(pieces_of(&Chunks::new(source)) == whole, "{line} {frames}");
        }
    }
}
