//! Headers by learned columns: what stands in front of the time was seen before.
//!
//! A task on its CPU writes the same bytes up to the time, event after event. Such a prefix is
//! read by the grammar once; from then on the bytes are compared, and only the time is read.

use crate::trace::event::{Context, Level};
use crate::trace::header::{COMM_COLUMNS, Header, columns};
use crate::trace::memo::{load, mix, word};
use crate::trace::short::Comm;
use crate::trace::time::Time;

/// Bytes that are compared at once.
const WIDE: usize = 16;
/// Shortest and longest prefix that is remembered, in bytes.
const MIN_PREFIX: usize = WIDE;
const MAX_PREFIX: usize = 3 * WIDE;
/// Prefixes that are remembered; one more replaces another. A power of two.
const ENTRIES: usize = 2048;
/// Digits of whole seconds; as many cannot exceed 64 bits of nanoseconds.
const MAX_DIGITS: usize = 10;
/// The dot behind a space and the five columns of `%5lu`.
const DOT: usize = 6;
/// The bytes up to it, of a word.
const SECONDS: u64 = 0x00ff_ffff_ffff_ffff;

/// What the second line of an event with a stack says.
const MARK: &[u8; 14] = b"<stack trace>\n";

#[derive(Clone, Copy)]
struct Prefix {
    bytes: [u8; MAX_PREFIX],
    len: usize,
    /// What it says; its time is of no use.
    context: Context,
}

/// A header that was recognised.
pub(super) struct Known {
    /// What it says.
    pub(super) context: Context,
    /// The length of its prefix.
    pub(super) prefix: usize,
    /// Its length with the space behind its colon.
    pub(super) len: usize,
}

/// The prefixes that were seen.
pub(super) struct Columns {
    prefixes: Vec<Prefix>,
    /// Their usual length, and another one.
    lengths: [usize; 2],
    /// The column of whole seconds that was read last, and its value.
    seconds: (u64, u64),
}

/// Whether two texts start with the same `len` bytes, [`MIN_PREFIX`] to [`MAX_PREFIX`].
#[inline(always)]
fn same(a: &[u8; MAX_PREFIX], b: &[u8; MAX_PREFIX], len: usize) -> bool {
    let wide = |text: &[u8; MAX_PREFIX], at: usize| {
        let bytes = text.get(at..).and_then(<[u8]>::first_chunk::<WIDE>);
        bytes.map_or(0, |&bytes| u128::from_le_bytes(bytes))
    };
    // Short ones are covered twice.
    let last = len.saturating_sub(WIDE);
    let middle = last.min(WIDE);
    let differ = (wide(a, 0) ^ wide(b, 0)) | (wide(a, middle) ^ wide(b, middle));
    differ | (wide(a, last) ^ wide(b, last)) == 0
}

/// Where a prefix stands. Its end holds the pid, the CPU and the flags; one task may have
/// two names, so that the end of the name counts as well.
#[inline(always)]
fn place(data: &[u8], len: usize) -> Option<usize> {
    let start: &[u8; COMM_COLUMNS] = data.first_chunk()?;
    let end: &[u8; 16] = data.get(len - 16..)?.first_chunk()?;
    let task = load(start, COMM_COLUMNS - 8).rotate_left(32) ^ load(end, 0);
    Some(mix(load(end, 8), task) % ENTRIES)
}

/// How much of a line stands in front of the spaces before its time.
fn prefix_len(line: &[u8]) -> Option<usize> {
    // The grammar tries the dash in this column first, so it is this one that it took.
    let (payload, _) = columns(&line[COMM_COLUMNS + 1..]).ok()?;
    let header = &line[..line.len() - payload.len()];
    let time = &header[..memchr::memrchr(b':', header)?];
    let before = &time[..memchr::memrchr(b' ', time)?];
    Some(before.iter().rposition(|&b| b != b' ')? + 1)
}

/// Six digits, `: ` behind them, as nanoseconds.
#[inline]
fn microseconds(text: u64) -> Option<u64> {
    const ZEROS: u64 = u64::from_le_bytes([b'0', b'0', b'0', b'0', b'0', b'0', b':', b' ']);
    // Each digit's byte becomes its value, and what ends them nothing; anything else leaves a
    // high nibble or exceeds nine.
    let low = text ^ ZEROS;
    if (low.wrapping_add(0x0606_0606_0606) | low) & 0xffff_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    let pairs = (low.wrapping_mul(10) + (low >> 8)) & 0x00ff_00ff_00ff;
    let value = (pairs & 0xff) * 10_000 + ((pairs >> 16) & 0xff) * 100 + (pairs >> 32);
    Some(value * 1000)
}

impl Columns {
    pub(super) fn new() -> Self {
        let empty = Prefix {
            bytes: [0; MAX_PREFIX],
            len: 0,
            context: Context {
                comm: Comm::default(),
                pid: 0,
                cpu: 0,
                level: Level::Unknown,
                time: Time::nanoseconds(0),
            },
        };
        Columns {
            prefixes: vec![empty; ENTRIES],
            lengths: [33, 34],
            seconds: (u64::MAX, 0),
        }
    }

    /// The header at the start of `data`, where its prefix is known. `data` goes on with the
    /// payload and with what comes behind it.
    #[inline(always)]
    pub(super) fn read(&mut self, data: &[u8]) -> Option<Known> {
        let [usual, other] = self.lengths;
        let (at, len) = match self.find(data, usual) {
            Some(at) => (at, usual),
            None => {
                let at = self.find(data, other)?;
                self.lengths = [other, usual];
                (at, other)
            }
        };
        let (time, end) = self.time(data, len)?;
        let context = Context {
            time,
            ..self.prefixes[at].context
        };
        Some(Known {
            context,
            prefix: len,
            len: end,
        })
    }

    /// The `<stack trace>` line of the same task in `next`: its time, and where it ends.
    /// `line` is the one before it, with that header.
    #[inline(always)]
    pub(super) fn mark(
        &mut self,
        line: &[u8],
        header: &Known,
        next: &[u8],
    ) -> Option<(Time, usize)> {
        // Looked at first, for most events have no stack. Headers of one task are as long.
        let payload: &[u8; 16] = next.get(header.len..)?.first_chunk()?;
        if load(payload, 0) != load(MARK, 0) || !payload.starts_with(MARK) {
            return None;
        }
        let (time, end) = if same(line.first_chunk()?, next.first_chunk()?, header.prefix) {
            self.time(next, header.prefix)?
        } else {
            // Mostly the flags differ: the tracer itself has disabled preemption by then.
            let marked = self.read(next)?;
            if !header.context.is_of_task(&marked.context) {
                return None;
            }
            (marked.context.time, marked.len)
        };
        (end == header.len).then_some((time, end + MARK.len()))
    }

    /// The time behind a prefix, and where the payload behind it starts.
    #[inline(always)]
    fn time(&mut self, data: &[u8], prefix: usize) -> Option<(Time, usize)> {
        let text: &[u8; 16] = data.get(prefix..)?.first_chunk()?;
        let (seconds, dot, fraction) = if load(text, 0) & SECONDS == self.seconds.0 {
            (self.seconds.1, DOT, load(text, DOT + 1))
        } else {
            let (seconds, dot) = self.whole_seconds(&data[prefix..])?;
            (seconds, dot, word(data, prefix + dot + 1)?)
        };
        let time = Time::nanoseconds(seconds * 1_000_000_000 + microseconds(fraction)?);
        Some((time, prefix + dot + 9))
    }

    #[inline(always)]
    fn find(&self, data: &[u8], len: usize) -> Option<usize> {
        let at = place(data, len)?;
        let prefix = &self.prefixes[at];
        (prefix.len == len && same(data.first_chunk()?, &prefix.bytes, len)).then_some(at)
    }

    /// The seconds behind the prefix, and where the dot behind them is.
    #[cold]
    fn whole_seconds(&mut self, text: &[u8]) -> Option<(u64, usize)> {
        let spaces = text.iter().take_while(|&&b| b == b' ').count();
        let digits = text[spaces..]
            .iter()
            .take(MAX_DIGITS + 1)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let dot = spaces + digits;
        if spaces == 0 || digits == 0 || digits > MAX_DIGITS || text.get(dot) != Some(&b'.') {
            return None;
        }
        let value = text[spaces..dot]
            .iter()
            .fold(0, |n, b| n * 10 + u64::from(b - b'0'));
        if dot == DOT {
            self.seconds = (word(text, 0)? & SECONDS, value);
        }
        Some((value, dot))
    }

    /// Remembers the prefix of a line in which the grammar has found this header.
    pub(super) fn learn(&mut self, line: &[u8], header: &Header) {
        let quoted = line.trim_ascii_start().first() == Some(&b'"');
        if header.latency || quoted || line.get(COMM_COLUMNS) != Some(&b'-') {
            return;
        }
        let Some(len) = prefix_len(line) else { return };
        if !(MIN_PREFIX..=MAX_PREFIX).contains(&len) {
            return;
        }
        let Some(at) = place(line, len) else { return };
        let mut bytes = [0; MAX_PREFIX];
        bytes[..len].copy_from_slice(&line[..len]);
        self.prefixes[at] = Prefix {
            bytes,
            len,
            context: header.context,
        };
        if !self.lengths.contains(&len) {
            self.lengths = [len, self.lengths[0]];
        }
    }
}
