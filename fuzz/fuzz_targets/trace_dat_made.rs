//! trace.dat files made of records, of any version, byte order and word size, with some bytes damaged.
#![no_main]

#[path = "../../tests/common/dat.rs"]
mod dat;

use std::cell::RefCell;
use std::fs::File;

use arbitrary::Arbitrary;
use dat::{Dat, Page, Record, SYMBOLS};
use ip6drop_fuzz::of_trace_dat;
use libfuzzer_sys::fuzz_target;

/// A record, by what made it.
#[derive(Debug, Arbitrary)]
enum Made {
    Function(u8, u8, u8),
    Stack(u8, [u8; 3]),
    Enter(u8, i64),
    Exit(u8, u32),
    Event(u16, [u8; 6]),
    Discarded(u8, u8),
    Extend(u64),
    Stamp(u64),
    Padding,
}

/// A file.
#[derive(Debug, Arbitrary)]
struct Recorded {
    is_7: bool,
    big: bool,
    short: bool,
    zlib: bool,
    full: bool,
    several: bool,
    damage: Vec<(u16, u8)>,
    pages: Vec<(u32, Option<Option<u64>>, Vec<Made>)>,
}

/// More would make the file larger and say nothing new.
const MAX_PAGES: usize = 4;
const MAX_RECORDS: usize = 12;

impl Made {
    fn record(&self, dat: Dat) -> Record {
        let symbol = |n: u8| SYMBOLS[usize::from(n) % SYMBOLS.len()];
        match *self {
            Made::Function(pid, name, caller) => {
                dat.function(pid.into(), symbol(name), symbol(caller))
            }
            Made::Stack(pid, callers) => dat.stack(pid.into(), &callers.map(symbol)),
            Made::Enter(pid, fast) => dat.enter(pid.into(), fast),
            Made::Exit(pid, ret) => dat.exit(pid.into(), ret),
            Made::Event(delta, bytes) => {
                Record::Event(delta.into(), [&bytes[..], &[0, 0]].concat())
            }
            Made::Discarded(delta, len) => Record::Discarded(delta.into(), u32::from(len) & !3),
            Made::Extend(delta) => Record::Extend(delta),
            Made::Stamp(time) => Record::Stamp(time),
            Made::Padding => Record::Padding,
        }
    }
}

thread_local! {
    static FILE: RefCell<File> = RefCell::new(tempfile::tempfile().expect("TMPDIR can be written to"));
}

fuzz_target!(|recorded: Recorded| {
    let dat = Dat {
        version: if recorded.is_7 { 7 } else { 6 },
        big: recorded.big,
        long: if recorded.short { 4 } else { 8 },
        zlib: recorded.is_7 && recorded.zlib,
        full: recorded.full,
    };
    let pages: Vec<Page> = recorded
        .pages
        .iter()
        .take(MAX_PAGES)
        .map(|(time, lost, made)| Page {
            time: (*time).into(),
            lost: *lost,
            records: made
                .iter()
                .take(MAX_RECORDS)
                .map(|made| made.record(dat))
                .collect(),
        })
        .collect();
    let (first, second) = pages.split_at(pages.len() / 2);
    let mut bytes = if recorded.several {
        dat.file(&[("", vec![first.to_vec()]), ("b", vec![second.to_vec()])])
    } else {
        dat.file(&[("", vec![first.to_vec(), second.to_vec()])])
    };
    let length = bytes.len();
    for (at, byte) in recorded.damage {
        bytes[usize::from(at) % length] = byte;
    }
    FILE.with_borrow(|file| of_trace_dat(file, &bytes));
});
