//! trace.dat files that somebody made to stop the program: none panics, whatever its lengths say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::io::{Read, Write};

use common::dat::{Dat, LONG, Page, Record};
use common::fixture;
use ip6drop::inside::input::TraceDat;
use proptest::prelude::*;
use proptest::sample::Index;

const LITTLE: Dat = Dat {
    version: 7,
    big: false,
    long: 8,
    zlib: false,
    full: false,
};

/// The text of a file, and the error at its end.
fn text(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let mut text = Vec::new();
    let mut dat = TraceDat::new(file, bytes.len() as u64, None);
    let error = dat.read_to_end(&mut text).err().map(|e| e.to_string());
    (text, error)
}

/// A file of every kind of record, whose two buffers show the same.
fn made(dat: Dat) -> Vec<u8> {
    let records = vec![
        dat.function(7, "ip6_dst_gc", "dst_alloc"),
        dat.enter(7, -32),
        Record::Extend(1 << 30),
        dat.exit(7, 1),
        Record::Discarded(9, 24),
        dat.stack(7, &["ip6_pkt_drop"; 40]),
        Record::Stamp(9_000_000_000),
        dat.function(7, "ip6_pkt_drop", "ip6_pkt_discard"),
        Record::Padding,
    ];
    let lost = Some(Some(57));
    let page = Page {
        time: 5_000_000_000,
        lost,
        records,
    };
    let cpus = || vec![vec![page.clone()], vec![]];
    dat.file(&[("", cpus()), ("more", cpus())])
}

fn made_files() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for big in [false, true] {
        for (version, zlib) in [(6, false), (7, false), (7, true)] {
            let long = if big { 4 } else { 8 };
            let dat = Dat {
                version,
                big,
                long,
                zlib,
                ..LITTLE
            };
            files.push(made(dat));
        }
    }
    files
}

/// The header of a file of version 7 under zlib whose options follow at once.
fn start() -> Vec<u8> {
    let mut start = LITTLE.start7(0);
    start.splice(18..24, *b"zlib\0\0");
    let pointer = start.len() - 8;
    let options = start.len() as u64;
    start[pointer..].copy_from_slice(&options.to_le_bytes());
    start
}

/// A compressed section of options that says to be almost as long as numbers reach.
#[test]
fn a_section_that_ends_behind_all_numbers() {
    for size in [u64::MAX, u64::MAX - 47, u64::MAX - 48] {
        let mut bytes = start();
        bytes.extend([0, 0, 1, 0, 0, 0, 0, 0]);
        bytes.extend(size.to_le_bytes());
        bytes.extend([0; 8]);
        assert_eq!(bytes.len(), 56);
        let (text, error) = text(&bytes);
        assert_eq!(text, b"# damaged\n");
        let error = error.unwrap();
        assert!(error.starts_with("options at byte"), "{error}");
        assert!(error.contains("copy the file again"), "{error}");
    }
}

#[test]
fn a_file_may_end_at_every_byte() {
    for bytes in made_files() {
        for len in 0..bytes.len() {
            let (_, error) = text(&bytes[..len]);
            assert!(error.is_some(), "{len} bytes");
        }
    }
}

/// Options that lead on and on, each section to the next.
#[test]
fn sections_of_options_are_not_followed_without_end() {
    let chain = |sections: u64| {
        let mut bytes = LITTLE.start7(26);
        let start = bytes.len() as u64;
        let pointer = bytes.len() - 8;
        bytes[pointer..].copy_from_slice(&start.to_le_bytes());
        for at in 1..=sections {
            let next = if at == sections { 0 } else { start + 30 * at };
            let mut option = vec![0, 0, 8, 0, 0, 0];
            option.extend(next.to_le_bytes());
            bytes.extend(LITTLE.section(0, &option));
        }
        text(&bytes).1.unwrap()
    };
    let (whole, endless) = (chain(1024), chain(1025));
    assert!(whole.contains("name no trace buffer"), "{whole}");
    assert!(endless.contains("lead back to themselves"), "{endless}");
}

/// In version 6 one number is that of the CPUs of every buffer.
#[test]
fn more_cpus_than_a_kernel_can_have_are_refused() {
    let bytes = made(Dat {
        version: 6,
        ..LITTLE
    });
    let option = [8, 0, 4, 0, 0, 0, 2];
    let at = bytes.windows(7).position(|w| w == option).unwrap() + 6;
    for (cpus, refused) in [(2_u32, false), (32_768, false), (32_769, true)] {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&cpus.to_le_bytes());
        let error = text(&bytes).1.unwrap_or_default();
        assert_eq!(error.contains("of 65536 CPUs"), refused, "{cpus}: {error}");
    }
}

/// A part of zlib blocks: a quarter of a mebibyte of blank lines, so often.
fn blank_lines(blocks: usize) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b'\n'; 1 << 18]).unwrap();
    let packed = encoder.finish().unwrap();
    let mut part = LITTLE.number(blocks as u64, 4);
    for _ in 0..blocks {
        part.extend(LITTLE.number(packed.len() as u64, 4));
        part.extend(LITTLE.number(1 << 18, 4));
        part.extend(&packed);
    }
    part
}

/// A file whose only buffer is this text, compressed.
fn text_file(part: &[u8]) -> Vec<u8> {
    let packed = Dat {
        zlib: true,
        ..LITTLE
    };
    let mut bytes = packed.start7(0);
    let pointer = bytes.len() - 8;
    let text = bytes.len() as u64;
    bytes.extend([22, 0, 1, 0, 0, 0, 0, 0]);
    bytes.extend((part.len() as u64).to_le_bytes());
    bytes.extend(part);
    let options = bytes.len() as u64;
    let mut option = [22, 0, 8, 0, 0, 0].to_vec();
    option.extend(text.to_le_bytes());
    option.extend([0, 0, 8, 0, 0, 0]);
    option.extend([0; 8]);
    bytes.extend(packed.section(0, &option));
    bytes[pointer..pointer + 8].copy_from_slice(&options.to_le_bytes());
    bytes
}

/// Blank lines shrink to a thousandth.
#[test]
fn a_bomb_of_blank_lines_is_given_up() {
    let bytes = text_file(&blank_lines(64));
    let (text, error) = text(&bytes);
    let error = error.unwrap();
    assert!(error.contains("more than 128 times the file"), "{error}");
    assert!(text.len() <= 128 * bytes.len(), "{} bytes", text.len());
}

/// A function of a long name is in every frame of every page.
#[test]
fn text_that_is_much_longer_than_its_file_is_given_up() {
    let dat = Dat {
        zlib: true,
        ..LITTLE
    };
    let record = dat.stack(7, &[LONG; 400]);
    let page = Page {
        time: 1,
        lost: None,
        records: vec![record],
    };
    let bytes = dat.file(&[("", vec![vec![page; 200]])]);
    let (text, error) = text(&bytes);
    let error = error.unwrap();
    assert!(
        error.contains("text at byte 0: is more than 512 times the file"),
        "{error}"
    );
    let most = 513 * bytes.len() + (128 << 10);
    assert!(
        text.len() <= most,
        "{} bytes of {}",
        text.len(),
        bytes.len()
    );
}

/// Numbers at which sums and products go over.
fn extreme() -> impl Strategy<Value = u64> {
    let edge = prop::sample::select(vec![0, 1, 1 << 27, 1 << 31, 1 << 32, 1 << 63, u64::MAX]);
    prop_oneof![
        any::<u64>(),
        (edge, -64i64..64).prop_map(|(edge, by)| edge.wrapping_add_signed(by)),
    ]
}

/// Where, how many bytes, and what in either byte order.
type Overwritten = (Index, usize, u64, bool);

fn overwritten() -> impl Strategy<Value = Overwritten> {
    let sizes = prop::sample::select(vec![1, 2, 4, 8]);
    (any::<Index>(), sizes, extreme(), any::<bool>())
}

/// A file with some of its numbers overwritten, and perhaps cut.
fn damaged(mut bytes: Vec<u8>, damage: &[Overwritten], cut: Option<Index>) -> Vec<u8> {
    for (at, size, number, big) in damage {
        let at = at.index(bytes.len());
        let number = match big {
            true => number.to_be_bytes(),
            false => number.to_le_bytes(),
        };
        let from = if *big { 8 - size } else { 0 };
        for (byte, new) in bytes[at..].iter_mut().zip(&number[from..from + size]) {
            *byte = *new;
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_behind_the_magic(bytes in prop::collection::vec(any::<u8>(), 0..600), known in 0..3usize) {
        let start: &[u8] = match known {
            0 => b"\x17\x08\x44tracing",
            1 => b"\x17\x08\x44tracing6\0\0\x08\0\x10\0\0",
            _ => b"\x17\x08\x44tracing7\0\0\x08\0\x10\0\0zlib\0\x001\0\x1f\0\0\0\0\0\0\0",
        };
        text(&[start, &bytes].concat());
    }

    #[test]
    fn numbers_that_lie(
        file in 0..6usize,
        damage in prop::collection::vec(overwritten(), 1..6),
        cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        text(&damaged(made_files().swap_remove(file), &damage, cut));
    }

    /// Sections found by an offset, with sizes of their own.
    #[test]
    fn sections_of_any_length(id in 0..24u16, packed in 0..2u16, size in extreme(), rest in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut bytes = start();
        for id in [0, id] {
            bytes.extend(LITTLE.number(id.into(), 2));
            bytes.extend(LITTLE.number(packed.into(), 2));
            bytes.extend([0; 4]);
            bytes.extend(size.to_le_bytes());
            // An option of the same kind, that leads to where it stands.
            let here = bytes.len() as u64 - 16;
            bytes.extend(LITTLE.number(id.into(), 2));
            bytes.extend(LITTLE.number(8, 4));
            bytes.extend(here.to_le_bytes());
        }
        bytes.extend(rest);
        text(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// The same for a file that trace-cmd wrote.
    #[test]
    fn numbers_that_lie_in_a_real_file(
        damage in prop::collection::vec(overwritten(), 1..6),
        cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        let bytes = std::fs::read(fixture("6.1/lookups.dat")).unwrap();
        text(&damaged(bytes, &damage, cut));
    }
}
