//! What makes reading fast changes nothing: neither bytes that are recognised nor threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/records.rs"]
mod parsed;

use std::path::PathBuf;

use common::{command, fixture};
use ip6drop::inside::diagnosis::{Aside, Signal};
use ip6drop::inside::trace::{Parser, Record};
use parsed::{records, trained};
use proptest::prelude::*;

/// Every capture.
fn captures() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for dir in std::fs::read_dir(fixture("")).unwrap() {
        let Ok(files) = std::fs::read_dir(dir.unwrap().path()) else {
            continue;
        };
        all.extend(files.map(|file| file.unwrap().path()).filter(|path| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            matches!(ending, Some("pipe" | "txt" | "trace"))
        }));
    }
    all.sort();
    assert!(all.len() > 40);
    all
}

/// Lines of captures that differ in their columns and payloads.
fn lines() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for capture in captures() {
        let text = std::fs::read(capture).unwrap();
        all.extend(
            text.split_inclusive(|&b| b == b'\n')
                .take(60)
                .map(<[u8]>::to_vec),
        );
    }
    for odd in [
        "\n",
        "   \"x-1 [000] 1.000000: y\",\n",
        "         python3-1042  [001] ..s1 99999.560614: <stack trace>\n",
        "         python3-1042  [001] ..s1 9999999999.560614: <stack trace>\n",
        "         python3-1042  [001] ..s1 99999999999.560614: <stack trace>\n",
        "         python3-1042  [001] ..s1    52.5606140: ip6_dst_gc <-dst_alloc  \r\n",
        "         python3-1042  [001] 1234    52.560614: ip6_dst_gc <-dst_alloc\n",
        "         python3-1042  [001]    52.560614: ip6_dst_gc <-dst_alloc\n",
        "         python3-1042  [001] 52: 1.560614: ip6_dst_gc <-dst_alloc\n",
        "        => foo-1042    [001] ..s1    52.560614: x\n",
        "=> ip6_pkt_drop\n",
        " =>\n",
    ] {
        all.push(odd.as_bytes().to_vec());
    }
    all.extend(lookups());
    all
}

/// Lookups that are worded in all ways, each behind a usual one and in front of one.
fn lookups() -> Vec<Vec<u8>> {
    let usual = "         python3-1042  [001] ..s1    52.560614: fib6_table_lookup: table 254 oif 0 iif 4 \
                  proto 58 fd00::1/0 -> fd00:1::2/0 tos 0 scope 0 flags 0 ==> dev lo gw fd00:1::2 err 0\n";
    let odd = [
        ("tos 0", "tos 8"),
        ("/0 tos", "/53 tos"),
        ("/0 ->", "/53 ->"),
        ("==>", "=>"),
        ("flags 0 ==> dev lo gw fd00:1::2 err 0", "flags 0"),
        (" proto 58", ""),
        ("table 254", "table  54"),
        ("table 254", "table 4294967296"),
        ("fd00::1/", "/"),
        ("fd00::1/", "fd00::1\0/"),
        ("gw fd00:1::2", "gw "),
        ("fd00::1/", "::ffff:192.0.2.1/"),
        ("fd00::1/", "2001:db8:1111:2222:3333:4444:5555:6666/"),
        ("fd00::1/", "2001:db8:1111:2222:3333:4444:5555:6666:7777/"),
        ("fd00:1::2 err", ":: err"),
        ("fd00:1::2 err", "fd00:1::3 err"),
        ("dev lo", "dev cali123456789ab"),
        ("dev lo", "dev cali123456789abc"),
        ("dev lo", "dev l:o"),
        ("dev lo", "dev "),
        ("err 0", "err -113"),
        ("err 0", "err 0 "),
        ("err 0\n", "err 0\r\n"),
    ];
    let odd = odd.into_iter().map(|(from, to)| {
        assert!(usual.contains(from), "{from}");
        usual.replace(from, to)
    });
    odd.flat_map(|odd| [usual.to_owned(), odd, usual.to_owned()])
        .map(String::into_bytes)
        .collect()
}

#[test]
fn what_was_seen_reads_as_the_grammar_reads_it() {
    for capture in captures() {
        let text = std::fs::read(&capture).unwrap();
        let (mut parser, stacks) = trained(&text);
        let mut grammar = Parser::by_grammar_only();
        let expected = records(&mut grammar, &text, &stacks);
        let found = records(&mut parser, &text, &stacks);
        assert!(found == expected, "{}", capture.display());
    }
}

#[test]
fn every_wording_of_a_lookup_reads_as_the_grammar_reads_it() {
    let text = [lookups().concat(), lines().concat()].concat();
    let (mut parser, stacks) = trained(&text);
    let mut grammar = Parser::by_grammar_only();
    let expected = records(&mut grammar, &text, &stacks);
    let count = |found: &[Record<Signal, Aside>]| {
        let is_lookup = |record: &&Record<_, _>| matches!(record, Record::Aside(Aside::Lookup(_)));
        found.iter().filter(is_lookup).count()
    };
    assert!(count(&expected) > 60);
    assert_eq!(records(&mut parser, &text, &stacks), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn damaged_lines_read_as_the_grammar_reads_them(
        runs in prop::collection::vec((any::<prop::sample::Index>(), 1..30usize), 1..20),
        damage in prop::collection::vec(
            (any::<prop::sample::Index>(), prop_oneof![
                any::<u8>(),
                prop::sample::select(&b"\n -[]:.=>0129\""[..]),
            ]),
            0..30,
        ),
    ) {
        let lines = lines();
        let mut text: Vec<u8> = runs
            .into_iter()
            .flat_map(|(from, count)| {
                let from = from.index(lines.len());
                lines[from..(from + count).min(lines.len())].concat()
            })
            .collect();
        let (mut parser, stacks) = trained(&text);
        for (at, byte) in damage {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let mut grammar = Parser::by_grammar_only();
        let expected = records(&mut grammar, &text, &stacks);
        // Twice: by what was seen undamaged, and by what was learned since.
        prop_assert_eq!(&records(&mut parser, &text, &stacks), &expected);
        prop_assert_eq!(&records(&mut parser, &text, &stacks), &expected);
    }
}

/// What the program prints of a file, and of the same bytes as a stream.
fn printed(path: &std::path::Path, threads: &str) -> [Vec<u8>; 2] {
    let run = |from_stdin: bool| {
        let mut command = command();
        command.args(["report", "--format", "ndjson", "--threads", threads]);
        if from_stdin {
            command.arg("-").write_stdin(std::fs::read(path).unwrap());
        } else {
            command.arg(path);
        }
        let output = command.output().unwrap();
        [output.stdout, output.stderr].concat()
    };
    [run(false), run(true)]
}

#[test]
fn threads_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace");
    let all: Vec<Vec<u8>> = captures()
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let long_line = [vec![b'x'; 3_000_000], b"\n".to_vec()].concat();
    let long_stack = b" => function_of_a_stack_without_end\n".repeat(100_000);
    // Every capture after the other, ones that fill many chunks, and borders within pieces.
    let texts = [
        all.concat().repeat(2),
        std::fs::read(fixture("4.19-orc/alternating-probes.pipe"))
            .unwrap()
            .repeat(40),
        std::fs::read(fixture("4.19-fp/opt-latency-format.pipe"))
            .unwrap()
            .repeat(100),
        [
            &all[3][..],
            &long_line,
            &all[5],
            &long_stack,
            &all[3],
            &long_stack,
            b"x",
        ]
        .concat(),
    ];
    for text in texts {
        std::fs::write(&path, text).unwrap();
        let [file, stream] = printed(&path, "1");
        assert!(!file.is_empty());
        for threads in ["2", "3", "8"] {
            let [again, stream_again] = printed(&path, threads);
            assert!(again == file, "{threads} threads");
            assert!(stream_again == stream, "{threads} threads, standard input");
        }
    }
}
