//! Payloads that were seen before, recognised by their bytes.

/// Longest payload that is remembered, with its line end.
const MAX_BYTES: usize = 120;
/// Payloads that are remembered; one more replaces another. A power of two.
const ENTRIES: usize = 512;
/// Bytes that must be at hand behind the start of a payload.
const HEAD: usize = 16;

/// Two words as the place of an entry in a table: both halves of a product, which every bit
/// has a part in.
#[inline]
pub(super) fn mix(a: u64, b: u64) -> usize {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (product as u64 ^ (product >> 64) as u64) as usize
}

/// Eight bytes as a number.
pub(super) fn word(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

/// Eight bytes of an array as a number.
#[inline]
pub(super) fn load<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    word(bytes, at).unwrap_or_default()
}

/// Words of a payload that are compared at once.
const START: usize = 4;

/// The first words of a payload, compared without a call and without a branch for each.
#[derive(Clone, Copy)]
struct Masked {
    words: [u64; START],
    masks: [u64; START],
}

impl Masked {
    /// The start of `text`, as far as it fits.
    fn new(text: &[u8]) -> Self {
        let mut masked = Masked {
            words: [0; START],
            masks: [0; START],
        };
        for (at, &byte) in text.iter().take(8 * START).enumerate() {
            masked.words[at / 8] |= u64::from(byte) << (at % 8 * 8);
            masked.masks[at / 8] |= 0xff << (at % 8 * 8);
        }
        masked
    }

    /// Whether `data` starts with it; false where fewer bytes are at hand than it could have.
    #[inline(always)]
    fn starts(&self, data: &[u8]) -> bool {
        let Some(data) = data.get(..8 * START) else {
            return false;
        };
        let (chunks, _) = data.as_chunks::<8>();
        let known = self.words.iter().zip(&self.masks);
        let differ = chunks
            .iter()
            .zip(known)
            .fold(0, |differ, (&chunk, (&word, &mask))| {
                differ | (u64::from_le_bytes(chunk) ^ word) & mask
            });
        differ == 0
    }
}

#[derive(Clone)]
struct Remembered<T> {
    start: Masked,
    /// What does not fit into the start.
    rest: [u8; MAX_BYTES - 8 * START],
    len: u8,
    value: T,
}

impl<T> Remembered<T> {
    #[inline(always)]
    fn starts(&self, data: &[u8]) -> bool {
        let len = usize::from(self.len);
        self.start.starts(data)
            && (len <= 8 * START || data[8 * START..].starts_with(&self.rest[..len - 8 * START]))
    }
}

/// Bytes that tell what answers say, which hardly ever come twice.
const LOOKUP: &[u8; HEAD] = b"fib6_table_looku";

/// True where a payload is of one packet: remembering it would only push out others.
fn is_of_one_packet(payload: &[u8]) -> bool {
    payload.first_chunk::<HEAD>() == Some(LOOKUP)
}

/// What the bytes of a payload, line end included, were found to say.
pub(super) struct Memo<T> {
    /// By the first bytes alone: where among the entries to look first.
    first: Vec<u16>,
    entries: Vec<Option<Remembered<T>>>,
}

/// Where an entry of these bytes stands.
fn place(payload: &[u8]) -> usize {
    let edge = |at: usize| word(payload, at).unwrap_or(0);
    let last = payload.len().saturating_sub(8);
    (mix(edge(0), edge(last)) ^ payload.len()) % ENTRIES
}

impl<T: Clone> Memo<T> {
    pub(super) fn new() -> Self {
        Memo {
            first: vec![0; ENTRIES],
            entries: vec![None; ENTRIES],
        }
    }

    /// What the payload at the start of `data` says, and its length with its line end.
    #[inline(always)]
    pub(super) fn find(&mut self, data: &[u8]) -> Option<(&T, usize)> {
        let start: &[u8; HEAD] = data.first_chunk()?;
        let head = mix(load(start, 0), load(start, HEAD - 8)) % ENTRIES;
        let at = usize::from(self.first[head]) % ENTRIES;
        let is_it = self.entries[at].as_ref().is_some_and(|e| e.starts(data));
        let at = if is_it { at } else { self.search(data, head)? };
        let entry = self.entries[at].as_ref()?;
        Some((&entry.value, usize::from(entry.len)))
    }

    /// The place of the payload at the start of `data`, by all of its bytes.
    fn search(&mut self, data: &[u8], head: usize) -> Option<usize> {
        if is_of_one_packet(data) {
            return None;
        }
        let len = memchr::memchr(b'\n', &data[..data.len().min(MAX_BYTES)])? + 1;
        let at = place(&data[..len]);
        let entry = self.entries[at].as_ref()?;
        if !entry.starts(data) {
            return None;
        }
        self.first[head] = at as u16;
        Some(at)
    }

    /// Whether a payload, line end included, is one to be remembered.
    pub(super) fn keeps(payload: &[u8]) -> bool {
        payload.len() <= MAX_BYTES && payload.ends_with(b"\n") && !is_of_one_packet(payload)
    }

    /// Remembers what a payload says, line end included.
    pub(super) fn insert(&mut self, payload: &[u8], value: T) {
        if !Self::keeps(payload) {
            return;
        }
        let mut rest = [0; MAX_BYTES - 8 * START];
        if let Some(more) = payload.get(8 * START..) {
            rest[..more.len()].copy_from_slice(more);
        }
        self.entries[place(payload)] = Some(Remembered {
            start: Masked::new(payload),
            rest,
            len: payload.len() as u8,
            value,
        });
    }
}
