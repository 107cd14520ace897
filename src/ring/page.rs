//! One page of the ring buffer, cut into records
//! (include/linux/ring_buffer.h, `enum ring_buffer_type`; kernel/trace/ring_buffer.c).

use std::ops::Range;

use crate::ring::format::fields;
use crate::ring::machine::Machine;

/// Set in `commit` where events in front of the page were lost (`RB_MISSED_EVENTS`).
const MISSED: u64 = 1 << 31;
/// Their number stands behind the records (`RB_MISSED_STORED`).
const MISSED_STORED: u64 = 1 << 30;
/// The bits of `commit` that hold the number of bytes used.
const COMMIT: u64 = (1 << 27) - 1;
/// Bits of a time difference in the header of a record.
const TIME_BITS: u32 = 27;
/// Bits that an absolute time stamp does not hold.
const TIME_MSB: u64 = 0xf8 << 56;
/// The largest length in words that the header of a record holds
/// (`RINGBUF_TYPE_DATA_TYPE_LEN_MAX`); larger numbers are other types of record.
const MAX_WORDS: u64 = 28;
/// `RINGBUF_TYPE_PADDING`.
const PADDING: u64 = 29;
/// `RINGBUF_TYPE_TIME_EXTEND`.
const TIME_EXTEND: u64 = 30;
/// `RINGBUF_TYPE_TIME_STAMP`.
const TIME_STAMP: u64 = 31;

/// Where the kernel's header of a page keeps what (`events/header_page`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageLayout {
    /// Offset of the time stamp of 8 bytes.
    timestamp: usize,
    /// Offset of the number of bytes used, a `long`.
    commit: usize,
    /// Size of that `long`, in bytes.
    pub(crate) long: usize,
    /// Offset of the first record.
    pub(crate) data: usize,
    /// Size of a page, with its header.
    pub(crate) size: usize,
}

/// Why a header of a page cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoLayout {
    /// Not all of its fields are described.
    #[error("does not describe the header of a page")]
    Missing,
    /// Its fields have other sizes.
    #[error("describes a page header of another kind")]
    Unknown,
}

impl PageLayout {
    /// Reads `events/header_page`.
    ///
    /// # Errors
    /// See [`NoLayout`].
    pub(crate) fn parse(text: &[u8]) -> Result<Self, NoLayout> {
        let fields = fields(&String::from_utf8_lossy(text));
        let find = |name: &str| fields.iter().find(|field| field.name == name);
        let (Some(time), Some(commit), Some(data)) =
            (find("timestamp"), find("commit"), find("data"))
        else {
            return Err(NoLayout::Missing);
        };
        if time.size != 8 || !matches!(commit.size, 4 | 8) {
            return Err(NoLayout::Unknown);
        }
        Ok(PageLayout {
            timestamp: time.offset,
            commit: commit.offset,
            long: commit.size,
            data: data.offset,
            size: data.offset.saturating_add(data.size),
        })
    }
}

/// Where reading stands in a page. The bytes stay with whoever has them, and are the same in
/// every call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    machine: Machine,
    /// Records that have not been read.
    records: Range<usize>,
    time: u64,
    /// Losses in front of the page: how many events, where that is known.
    pub(crate) lost: Option<Option<u64>>,
}

impl Page {
    /// Begins a page by its header.
    ///
    /// # Errors
    /// Says what is wrong with the page.
    pub(crate) fn begin(
        page: &[u8],
        layout: PageLayout,
        machine: Machine,
    ) -> Result<Self, &'static str> {
        let number = |at: usize, size: usize| {
            let bytes = page.get(at..at.checked_add(size)?)?;
            Some(machine.number(bytes))
        };
        let (Some(time), Some(commit)) = (
            number(layout.timestamp, 8),
            number(layout.commit, layout.long),
        ) else {
            return Err("ends inside the header of a sub-buffer");
        };
        let used = layout.data.saturating_add((commit & COMMIT) as usize);
        if used > page.len() {
            return Err("holds a sub-buffer that claims more than its size");
        }
        let stored = number(used, layout.long).filter(|_| commit & MISSED_STORED != 0);
        Ok(Page {
            machine,
            records: layout.data..used,
            time,
            lost: (commit & MISSED != 0).then_some(stored),
        })
    }

    /// Time stamp of the event read last, in the buffer's own unit.
    pub(crate) fn time(&self) -> u64 {
        self.time
    }

    /// Where in the page the next event is.
    ///
    /// # Errors
    /// Says what is wrong with a record; the rest of the page cannot be read.
    pub(crate) fn next(&mut self, page: &[u8]) -> Result<Option<Range<usize>>, &'static str> {
        let event = self.event(page);
        if event.is_err() {
            self.records = 0..0;
        }
        event
    }

    fn event(&mut self, page: &[u8]) -> Result<Option<Range<usize>>, &'static str> {
        let machine = self.machine;
        loop {
            let Range { start, end } = self.records;
            let page = page.get(..end).unwrap_or_default();
            let word = |at: usize| page.get(at..at.checked_add(4)?).map(|b| machine.number(b));
            let Some(header) = word(start) else {
                return Ok(None);
            };
            let (kind, delta) = if machine.big_endian {
                (header >> TIME_BITS, header & ((1 << TIME_BITS) - 1))
            } else {
                (header & 31, header >> 5)
            };
            // What reaches beyond all numbers reaches beyond the page as well.
            let behind = |bytes: u64| start.saturating_add(bytes.try_into().unwrap_or(usize::MAX));
            let long = || word(behind(4)).ok_or("ends inside the header of a record");
            let record = match kind {
                // Nothing follows an empty one; another stands where an event was taken back.
                PADDING if delta == 0 => start..end,
                PADDING => behind(4)..behind(long()?.saturating_add(4)),
                TIME_EXTEND | TIME_STAMP => behind(8)..behind(8),
                0 => {
                    let len = long()?
                        .checked_sub(4)
                        .ok_or("holds a record without size")?;
                    let len = len.checked_next_multiple_of(4).unwrap_or(u64::MAX);
                    behind(8)..behind(len.saturating_add(8))
                }
                words => behind(4)..behind(words.saturating_add(1).saturating_mul(4)),
            };
            self.time = match kind {
                TIME_EXTEND => self.time.wrapping_add(long()? << TIME_BITS | delta),
                TIME_STAMP => long()? << TIME_BITS | delta | (self.time & TIME_MSB),
                _ => self.time.wrapping_add(delta),
            };
            if record.end > end {
                return Err("holds a record that is longer than its sub-buffer");
            }
            self.records.start = record.end.max(behind(4));
            if kind <= MAX_WORDS {
                return Ok(Some(record));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;
";
    const LITTLE: Machine = Machine {
        big_endian: false,
        long: 8,
    };

    /// A page of these records, and a number of lost events behind them.
    fn page(records: &[&[u8]], flags: u64) -> Vec<u8> {
        let records = records.concat();
        let mut page = 1000u64.to_le_bytes().to_vec();
        page.extend((records.len() as u64 | flags).to_le_bytes());
        page.extend(records);
        page.extend(57u64.to_le_bytes());
        page
    }

    fn header(kind: u32, delta: u32) -> [u8; 4] {
        (kind | delta << 5).to_le_bytes()
    }

    /// Times and bytes of the events of a page.
    fn events(bytes: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, &'static str> {
        let layout = PageLayout::parse(HEADER).unwrap();
        let mut page = Page::begin(bytes, layout, LITTLE)?;
        let mut found = Vec::new();
        while let Some(event) = page.next(bytes)? {
            found.push((page.time(), bytes[event].to_vec()));
        }
        Ok(found)
    }

    #[test]
    fn records_of_every_type() {
        let bytes = page(
            &[
                &header(1, 5),
                b"one.",
                &header(TIME_EXTEND as u32, 1),
                &2u32.to_le_bytes(),
                &header(PADDING as u32, 1),
                &8u32.to_le_bytes(),
                b"back",
                &header(0, 1),
                &9u32.to_le_bytes(),
                b"five5...",
                &header(TIME_STAMP as u32, 7),
                &1u32.to_le_bytes(),
                &header(2, 0),
                b"twowords",
                &header(PADDING as u32, 0),
                b"free",
            ],
            0,
        );
        let expected = [
            (1005, b"one.".to_vec()),
            (1008 + (2 << 27), b"five5...".to_vec()),
            ((1 << 27) + 7, b"twowords".to_vec()),
        ];
        assert_eq!(events(&bytes), Ok(expected.to_vec()));
    }

    #[test]
    fn damaged_pages() {
        let whole = page(&[&header(2, 0), b"twowords"], 0);
        for (bytes, what) in [
            (&whole[..12], "ends inside the header of a sub-buffer"),
            (
                &whole[..27],
                "holds a sub-buffer that claims more than its size",
            ),
            (
                &page(&[&header(3, 0), b"twowords"], 0)[..],
                "holds a record that is longer than its sub-buffer",
            ),
            (
                &page(&[&header(0, 0), &[3, 0, 0, 0]], 0)[..],
                "holds a record without size",
            ),
            (
                &page(&[&header(TIME_EXTEND as u32, 0)], 0)[..],
                "ends inside the header of a record",
            ),
        ] {
            assert_eq!(events(bytes), Err(what));
        }
    }

    #[test]
    fn losses_are_in_front_of_the_page() {
        let layout = PageLayout::parse(HEADER).unwrap();
        let lost = |flags| {
            let bytes = page(&[&header(1, 0), b"one."], flags);
            Page::begin(&bytes, layout, LITTLE).unwrap().lost
        };
        assert_eq!(lost(0), None);
        assert_eq!(lost(MISSED), Some(None));
        assert_eq!(lost(MISSED | MISSED_STORED), Some(Some(57)));
    }

    #[test]
    fn headers_of_pages() {
        let parse = |from: &str, to: &str| {
            let text = String::from_utf8_lossy(HEADER).replace(from, to);
            PageLayout::parse(text.as_bytes())
        };
        assert_eq!(parse("commit", "x"), Err(NoLayout::Missing));
        assert_eq!(parse("size:8", "size:2"), Err(NoLayout::Unknown));
        let places = parse("", "").map(|layout| (layout.data, layout.size));
        assert_eq!(places, Ok((16, 4096)));
    }
}
