//! trace-cmd's own files: the real one against its text, made ones of every kind, and bad ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use common::dat::{Dat, PAGE, Page, Record};
use common::{class, command, fixture, ip6drop, json, number, stderr, stdout};
use ip6drop::inside::input::TraceDat;
use serde_json::Value;

const LITTLE: Dat = Dat {
    version: 7,
    big: false,
    long: 8,
    zlib: false,
    full: false,
};
/// Every version, byte order, word size and compression.
fn kinds() -> Vec<Dat> {
    let mut kinds = Vec::new();
    for big in [false, true] {
        for long in [4, 8] {
            for (version, zlib) in [(6, false), (7, false), (7, true)] {
                kinds.push(Dat {
                    version,
                    big,
                    long,
                    zlib,
                    full: false,
                });
            }
        }
    }
    kinds
}

fn real() -> Vec<u8> {
    std::fs::read(fixture("4.19-fp/trace-cmd.dat")).unwrap()
}

/// The text of a file, and the error at its end.
fn text(bytes: &[u8]) -> (String, Option<String>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let mut text = Vec::new();
    let mut dat = TraceDat::new(file, bytes.len() as u64, None);
    let error = dat.read_to_end(&mut text).err().map(|e| e.to_string());
    (String::from_utf8_lossy(&text).into_owned(), error)
}

fn sound(bytes: &[u8]) -> String {
    let (text, error) = text(bytes);
    assert_eq!(error, None, "{text}");
    text
}

/// What a file and its text must have in common: all but what names the input.
fn comparable(mut report: Value) -> Value {
    report["source"]["inputs"] = Value::Null;
    report["source"]["format"] = Value::Null;
    report["source"]["kernel"] = Value::Null;
    report["health"]["lines"] = Value::Null;
    report["health"]["comment_lines"] = Value::Null;
    report
}

fn report_on(path: &Path) -> Value {
    let output = ip6drop([
        "report".as_ref(),
        "--format=json".as_ref(),
        path.as_os_str(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    json(&output)
}

fn report_of(bytes: &[u8]) -> Value {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    report_on(file.path())
}

#[test]
fn a_file_and_its_text_give_the_same_report() {
    let dat = report_on(&fixture("4.19-fp/trace-cmd.dat"));
    assert_eq!(dat["source"]["format"], "trace.dat");
    assert_eq!(dat["source"]["kernel"], "4.19.108");
    assert_eq!(class(&dat, "rcv-dst-alloc")[0], 12);
    let text = report_on(&fixture("4.19-fp/trace-cmd-report.txt"));
    assert_eq!(comparable(dat), comparable(text));
}

/// The flags column of a line is left out.
fn without_flags(line: &str) -> String {
    match line.split_once("] ") {
        Some((task, rest)) if rest.as_bytes().get(4) == Some(&b' ') => {
            format!("{task}] {}", &rest[5..])
        }
        _ => line.to_owned(),
    }
}

/// Line by line it is what trace-cmd prints, with callers and flags besides.
#[test]
fn the_text_is_that_of_trace_cmd() {
    let theirs = std::fs::read_to_string(fixture("4.19-fp/trace-cmd-report.txt")).unwrap();
    let ours = sound(&real());
    let ours: String = ours
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| without_flags(line.split(" <-- ").next().unwrap()) + "\n")
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn a_file_may_come_through_a_pipe_and_compressed() {
    let expected = comparable(report_on(&fixture("4.19-fp/trace-cmd.dat")));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&real()).unwrap();
    let packed = encoder.finish().unwrap();
    for input in [real(), packed.clone()] {
        let mut report = command();
        report.args(["report", "--format=json"]).write_stdin(input);
        assert_eq!(comparable(json(&report.output().unwrap())), expected);
    }
    let lines = command()
        .args(["report", "--format=ndjson"])
        .write_stdin(packed.clone())
        .output()
        .unwrap();
    let drops = stdout(&lines).matches(r#""type":"drop""#).count();
    assert_eq!(drops, 12);
    let cut = command()
        .args(["report", "-"])
        .write_stdin(&packed[..packed.len() / 2])
        .output()
        .unwrap();
    assert_eq!(cut.status.code(), Some(1));
    assert!(stderr(&cut).contains("breaks off"), "{}", stderr(&cut));
}

/// A refused lookup and its drop, with the tasks' names, a return probe and a long stack.
fn story(dat: Dat) -> Vec<Record> {
    let deep: Vec<&str> = ["ip6_pkt_drop", "ip6_pkt_discard"]
        .into_iter()
        .chain(std::iter::repeat_n("ip6_route_input", 20))
        .collect();
    vec![
        dat.function(1042, "ip6_dst_gc", "dst_alloc"),
        dat.stack(
            1042,
            &[
                "ip6_dst_gc",
                "dst_alloc",
                "ip6_pol_route_input",
                "ip6_route_input",
            ],
        ),
        dat.enter(1042, -32),
        dat.function(1042, "fib6_run_gc", "ip6_dst_gc"),
        dat.exit(1042, 1),
        dat.function(1042, "ip6_pkt_drop", "ip6_pkt_discard"),
        dat.stack(1042, &deep),
    ]
}

fn page(time: u64, records: Vec<Record>) -> Page {
    Page {
        time,
        lost: None,
        records,
    }
}

#[test]
fn every_version_byte_order_word_size_and_compression() {
    for dat in kinds() {
        let what = format!(
            "version {} big {} long {} zlib {}",
            dat.version, dat.big, dat.long, dat.zlib
        );
        let cpus = vec![
            vec![
                page(5_000_000_000, story(dat)),
                page(6_000_000_000, story(dat)),
            ],
            vec![],
            vec![page(5_500_000_000, story(dat))],
        ];
        let bytes = dat.file(&[("", cpus)]);
        let text = sound(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "# ip6drop: input trace.dat", "{what}");
        assert_eq!(lines[1], "# ip6drop: kernel 4.19.113", "{what}");
        assert_eq!(lines[2], "cpus=3", "{what}");
        assert_eq!(
            lines[3],
            "        python 3-1042  [000] ....     5.000002: function:             ip6_dst_gc <-- dst_alloc",
            "{what}"
        );
        let has = |line: &str| assert!(text.contains(line), "{what}: no {line} in {text}");
        has("5.000004: gc_enter:             (ip6_dst_gc) family=10 fast=-32\n");
        has("5.000006: gc_exit:              (dst_alloc+0x10 <- ip6_dst_gc) ret=0x1\n");
        has(&format!(
            "=> ip6_pkt_drop ({:x})\n",
            dat.address("ip6_pkt_drop")
        ));
        let order: Vec<&str> = lines
            .iter()
            .filter(|line| line.contains("ip6_pkt_drop <--"))
            .map(|line| &line[23..28])
            .collect();
        assert_eq!(order, ["[000]", "[002]", "[000]"], "{what}");
        assert_eq!(text.matches("=> ip6_route_input").count(), 3 * 21, "{what}");
        let report = report_of(&bytes);
        assert_eq!(class(&report, "rcv-dst-alloc"), [3, 0, 3, 0], "{what}");
        assert_eq!(number(&report["health"]["unparsed_lines"]), 0, "{what}");
        assert_eq!(report["source"]["kernel"], "4.19.113");
        let of_text = report_of(text.as_bytes());
        assert_eq!(comparable(report), comparable(of_text), "{what}");
    }
}

#[test]
fn records_that_are_no_events() {
    for dat in kinds() {
        let event = || dat.function(7, "ip6_pkt_drop", "ip6_pkt_discard");
        let records = vec![
            event(),
            Record::Extend(1 << 30),
            event(),
            Record::Discarded(500_000_000 >> 3, 24),
            event(),
            Record::Stamp(9_000_000_000),
            event(),
            Record::Padding,
        ];
        let text = sound(&dat.file(&[("", vec![vec![page(1_000_000_000, records)]])]));
        let times: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("ip6_pkt_drop"))
            .map(|line| line[33..].split(':').next().unwrap().trim())
            .collect();
        assert_eq!(times, ["1.000002", "2.073745", "2.136246", "9.000002"]);
        // Nobody's name may reach a terminal as more than a name.
        assert!(text.contains("?[31mred-7 "), "{text}");
    }
}

#[test]
fn lost_events_cut_the_evidence_as_in_text() {
    for dat in kinds() {
        for (lost, line, counted) in [
            (Some(57), "CPU:0 [57 EVENTS DROPPED]\n", Value::from(57)),
            (None, "CPU:0 [EVENTS DROPPED]\n", Value::Null),
        ] {
            let mut records = story(dat);
            let drop = records.split_off(5);
            let after = Page {
                time: 6_000_000_000,
                lost: Some(lost),
                records: drop,
            };
            let cpus = vec![vec![page(5_000_000_000, records), after]];
            let bytes = dat.file(&[("", cpus)]);
            assert!(sound(&bytes).contains(line));
            let report = report_of(&bytes);
            assert_eq!(report["health"]["lost_events"], counted);
            assert_eq!(number(&report["drops"]["total"]), 1);
            assert_eq!(class(&report, "rcv-dst-alloc")[1], 0, "{report}");
        }
    }
}

/// In a buffer that does not overwrite, events are missing without a mark.
#[test]
fn a_cpu_that_dropped_events_is_cut_at_every_sub_buffer() {
    for dat in kinds() {
        let dat = Dat { full: true, ..dat };
        let pages = || {
            vec![
                page(5_000_000_000, story(dat)),
                page(6_000_000_000, story(dat)),
            ]
        };
        let text = sound(&dat.file(&[("", vec![pages(), pages()])]));
        assert_eq!(
            text.matches("CPU:0 [EVENTS DROPPED]\n").count(),
            2,
            "{text}"
        );
        assert_eq!(text.matches("DROPPED").count(), 2, "{text}");
    }
}

#[test]
fn two_buffers_are_one_trace_and_one_call_is_one_event() {
    for dat in kinds().into_iter().filter(|dat| !dat.zlib) {
        let only = |records: &[usize]| {
            let all = story(dat);
            records
                .iter()
                .map(|at| all[*at].clone())
                .collect::<Vec<_>>()
        };
        let top = vec![vec![page(5_000_000_000, only(&[0, 1, 2, 3, 5, 6]))]];
        let instance = vec![vec![page(5_000_000_100, only(&[5, 6, 4, 2]))]];
        let text = sound(&dat.file(&[("", top), ("instance", instance)]));
        assert_eq!(text.matches("ip6_pkt_drop <--").count(), 1, "{text}");
        assert_eq!(text.matches("<stack trace >").count(), 2, "{text}");
        assert_eq!(text.matches("gc_exit: ").count(), 1, "{text}");
        assert_eq!(text.matches("gc_enter: ").count(), 1, "{text}");
        assert!(text.ends_with("# 3 events that another buffer shows too\n"));
        assert!(text.contains("# ip6drop: buffers several\n"));
    }
}

/// A buffer that shows a function for some tasks does not speak for others, and what another
/// buffer lacks may have been filtered there: nothing is certain.
#[test]
fn what_one_buffer_shows_later_is_another_call() {
    let dat = kinds().into_iter().find(|dat| !dat.zlib).unwrap();
    let top = vec![vec![page(5_000_000_000, story(dat))]];
    let instance = vec![vec![page(6_000_000_000, story(dat))]];
    let text = sound(&dat.file(&[("", top), ("instance", instance)]));
    assert_eq!(text.matches("ip6_pkt_drop <--").count(), 2, "{text}");
    let report = report_of(&dat.file(&[
        ("", vec![vec![page(5_000_000_000, story(dat))]]),
        ("instance", vec![vec![page(6_000_000_000, story(dat))]]),
    ]));
    assert_ne!(report["verdict"]["confidence"], "confirmed", "{report}");
}

/// The file of a latency tracer holds text.
#[test]
fn embedded_text_is_read_as_text() {
    let trace = std::fs::read(fixture("4.19-fp/trace-file-latency.txt")).unwrap();
    let whole = LITTLE.file(&[("", vec![])]);
    let mut bytes = LITTLE.start7(0);
    let pointer = bytes.len() - 8;
    let text = bytes.len() as u64;
    bytes.extend(LITTLE.section(22, &trace));
    let options = bytes.len() as u64;
    let mut option = LITTLE.number(22, 2);
    option.extend(LITTLE.number(10, 4));
    option.extend(LITTLE.number(text, 8));
    option.extend([0, 0]);
    option.extend(LITTLE.number(0, 2));
    option.extend(LITTLE.number(8, 4));
    option.extend(LITTLE.number(0, 8));
    bytes.extend(LITTLE.section(0, &option));
    bytes[pointer..pointer + 8].copy_from_slice(&options.to_le_bytes());
    assert_eq!(class(&report_of(&bytes), "rcv-dst-alloc")[0], 12);
    assert!(whole.len() > PAGE / 8);
}

#[test]
fn what_is_damaged_is_named_and_the_rest_is_reported() {
    let cpus = |dat: Dat| {
        let pages = || {
            vec![
                page(5_000_000_000, story(dat)),
                page(6_000_000_000, story(dat)),
            ]
        };
        vec![pages(), pages()]
    };
    let dat = Dat {
        version: 6,
        ..LITTLE
    };
    let bytes = dat.file(&[("", cpus(dat))]);
    // The first page of CPU 1 claims more than a page.
    let mut damaged = bytes.clone();
    let at = bytes.len() - 2 * PAGE + 8;
    damaged[at..at + 4].copy_from_slice(&0x0000_ffff_u32.to_le_bytes());
    let (text, error) = self::text(&damaged);
    let error = error.unwrap();
    assert!(error.contains("CPU data at byte"), "{error}");
    assert!(
        error.contains("of CPU 1 holds a sub-buffer that claims more"),
        "{error}"
    );
    assert_eq!(text.matches("ip6_pkt_drop <--").count(), 3);
    assert!(text.contains("CPU:1 [EVENTS DROPPED]\n"), "{text}");

    let (text, error) = self::text(&bytes[..bytes.len() - PAGE]);
    assert_eq!(text.matches("ip6_pkt_drop <--").count(), 3);
    assert!(error.unwrap().contains("is cut off"));

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&damaged).unwrap();
    let output = ip6drop([
        "report".as_ref(),
        "--format=json".as_ref(),
        file.path().as_os_str(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(class(&json(&output), "rcv-dst-alloc")[0], 3);
    let said = stderr(&output);
    assert!(said.contains("copy the file again, whole"), "{said}");
    assert!(said.contains(&file.path().display().to_string()), "{said}");

    let error = |bytes: &[u8]| self::text(bytes).1.unwrap();
    // Kernel addresses that the recorder was not shown.
    let mut hidden = bytes.clone();
    let from = bytes.windows(9).position(|w| w == b" nothing\n").unwrap();
    let to = bytes
        .windows(21)
        .position(|w| w == b" kretprobe_trampoline")
        .unwrap();
    for at in from..to {
        if hidden[at..].starts_with(b"ffffffff8") {
            hidden[at..at + 16].fill(b'0');
        }
    }
    let said = error(&hidden);
    assert!(
        said.starts_with("kallsyms at byte ") && !said.contains("byte 0:"),
        "{said}"
    );
    assert!(said.contains("record as root"), "{said}");
    let mut other = bytes.clone();
    other[10] = b'9';
    assert!(error(&other).contains("is of version 9; versions 6 and 7 are known"));
    other[10] = b'6';
    other[13] = 3;
    assert!(error(&other).contains("a long has 3 bytes"));
    let mut other = LITTLE.start7(0);
    other.splice(18..22, *b"lzma");
    assert!(error(&other).contains("names the compression lzma"));
    assert!(error(b"\x17\x08\x44tracing").contains("header at byte 0: is cut off"));
}

#[test]
fn every_truncation_ends_in_an_error_or_the_whole_text() {
    for dat in kinds().into_iter().filter(|dat| dat.long == 8) {
        let bytes = dat.file(&[("", vec![vec![page(5_000_000_000, story(dat))]])]);
        let whole = sound(&bytes);
        for len in (10..bytes.len()).step_by(13).chain([bytes.len() - 1]) {
            let (text, error) = self::text(&bytes[..len]);
            assert!(error.is_some(), "{len} bytes");
            let kept = text.strip_suffix("# damaged\n").unwrap();
            let losses = "CPU:0 [EVENTS DROPPED]\n";
            let kept = kept.strip_suffix(losses).unwrap_or(kept);
            // What is left of a file says nothing that the whole does not.
            assert!(
                kept.lines()
                    .all(|line| whole.contains(line) || line.contains("0x")),
                "{kept}"
            );
        }
    }
    let real = real();
    let whole = sound(&real);
    for len in (10..real.len()).step_by(real.len() / 40) {
        let (text, error) = text(&real[..len]);
        // The names of the sections stand last and are not needed.
        assert!(error.is_some() || text == whole, "{len} bytes");
    }
}

/// A sequence of numbers that looks random and is the same every time.
fn noise(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed | 1), |n| {
        let n = n ^ (n << 13);
        let n = n ^ (n >> 7);
        Some(n ^ (n << 17))
    })
    .skip(1)
}

/// Nothing panics, nothing runs without end, and no text is made of nothing.
#[test]
fn overwritten_bytes_never_stop_the_program() {
    let hostile = [0, 1, 4, 29, 31, 0x7f, 0x80, 0xff];
    for (seed, dat) in kinds().into_iter().enumerate() {
        let cpus = vec![vec![page(5_000_000_000, story(dat))]; 2];
        let bytes = dat.file(&[("", cpus.clone()), ("more", cpus)]);
        let mut noise = noise(seed as u64 + 1);
        for _ in 0..150 {
            let mut bad = bytes.clone();
            for _ in 0..noise.next().unwrap() % 8 + 1 {
                let at = noise.next().unwrap() as usize % bad.len();
                let len = noise.next().unwrap() as usize % 8 + 1;
                let value = hostile[noise.next().unwrap() as usize % hostile.len()];
                let end = (at + len).min(bad.len());
                bad[at.max(10)..end.max(10)].fill(value);
            }
            let (text, _) = self::text(&bad);
            assert!(text.len() < 200 * bad.len());
        }
    }
    let real = real();
    let mut noise = noise(99);
    for _ in 0..60 {
        let mut bad = real.clone();
        let at = 10 + noise.next().unwrap() as usize % (bad.len() - 10);
        let end = (at + 3).min(bad.len());
        bad[at..end].fill(noise.next().unwrap() as u8);
        self::text(&bad);
    }
}

/// The program on a file, with no more than so many KiB of address space.
fn under_limit(bytes: &[u8], kib: u64) -> std::process::Output {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let limited = "ulimit -v $1 && exec \"$2\" report --threads 1 --format json \"$3\"";
    Command::new("sh")
        .args([
            "-c",
            limited,
            "sh",
            &kib.to_string(),
            env!("CARGO_BIN_EXE_ip6drop"),
        ])
        .arg(file.path())
        .output()
        .unwrap()
}

/// A zstd frame that is `blocks` times 128 KiB of zeros, in 4 bytes each (RFC 8878, RLE blocks).
fn zstd_bomb(blocks: u32, window: u8) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, window];
    for block in 1..=blocks {
        let header = (128 * 1024) << 3 | 1 << 1 | u32::from(block == blocks);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// 40 MiB are what the program itself needs; no file below may take it far beyond.
#[test]
fn sizes_that_lie_take_no_memory() {
    const LIMIT: u64 = 64 * 1024;
    let sane = under_limit(&real(), LIMIT);
    assert_eq!(sane.status.code(), Some(0), "{}", stderr(&sane));

    let refused = |bytes: &[u8], what: &str| {
        let output = under_limit(bytes, LIMIT);
        assert_eq!(output.status.code(), Some(1), "{what}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(" at byte "),
            "{what}: {}",
            stderr(&output)
        );
    };
    let huge = u32::MAX.to_le_bytes();
    let v6 = Dat {
        version: 6,
        ..LITTLE
    }
    .file(&[("", vec![vec![page(1, story(LITTLE))]])]);
    let find =
        |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|w| w == what).unwrap();
    let header = find(&v6, b"header_page") + 12;
    let options = find(&v6, b"options  ");
    let cpus = find(&v6, &[8, 0, 4, 0, 0, 0, 1]) + 6;
    for (at, what) in [
        (header, "the size of a header"),
        (cpus, "the number of CPUs"),
        (options + 12, "the size of an option"),
        (14, "the size of a page"),
    ] {
        let mut bad = v6.clone();
        bad[at..at + 4].copy_from_slice(&huge);
        if what == "the size of a page" {
            assert!(text(&bad).0.len() < v6.len() * 16, "{what}");
        } else {
            refused(&bad, what);
        }
    }

    // Options in a block that says 4 GiB, or grows to 256 MiB, or wants a window of 1 GiB.
    let mut start = LITTLE.start7(0);
    start.splice(18..23, *b"zstd\0");
    let pointer = start.len() - 8;
    start[pointer..].copy_from_slice(&((pointer + 8) as u64).to_le_bytes());
    for (bomb, says, what) in [
        (zstd_bomb(4, 0), u32::MAX, "a size of 4 GiB"),
        (zstd_bomb(2048, 0), 100_000, "more than it says"),
        (zstd_bomb(2048, 0x50), 256 << 20, "a bomb that says so"),
        (zstd_bomb(2048, 0xa0), 100_000, "a large window"),
    ] {
        let mut bad = start.clone();
        bad.extend([0, 0, 1, 0, 0, 0, 0, 0]);
        bad.extend(LITTLE.number(bomb.len() as u64 + 8, 8));
        bad.extend(LITTLE.number(bomb.len() as u64, 4));
        bad.extend(LITTLE.number(says.into(), 4));
        bad.extend(bomb);
        refused(&bad, what);
    }
}
