//! Compressed input: text and trace.dat inside, cut off, damaged, too wide.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::fs;
use std::process::Output;

use common::{capture, class, command, fixture, json, number, stderr};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;

/// Each made of two streams by the tool itself; the one of zstd with a frame without data between.
const PACKED: [(&str, &str); 3] = [
    ("packed/exhausted.pipe.bz2", "bzip2"),
    ("packed/exhausted.pipe.xz", "xz"),
    ("packed/exhausted.pipe.zst", "zstd"),
];

fn on(bytes: &[u8], format: &str) -> Output {
    command()
        .args(["report", "--format", format])
        .write_stdin(bytes)
        .output()
        .unwrap()
}

fn without_inputs(output: &Output) -> Value {
    let mut report = json(output);
    report["source"]["inputs"] = Value::Null;
    report
}

fn of_file(path: &std::path::Path) -> Output {
    command()
        .args(["report", "--format", "json"])
        .arg(path)
        .output()
        .unwrap()
}

#[test]
fn compressed_text_is_read_as_it_was() {
    let plain = without_inputs(&of_file(&capture("4.19-fp/exhausted")));
    for (name, _) in PACKED {
        let path = fixture(name);
        assert_eq!(without_inputs(&of_file(&path)), plain, "{name}");
        let piped = on(&fs::read(&path).unwrap(), "json");
        assert_eq!(without_inputs(&piped), plain, "{name}");
    }
    // Drops one by one are read a second time.
    let drops = |bytes: &[u8]| on(bytes, "ndjson").stdout;
    let expected = drops(&fs::read(capture("4.19-fp/exhausted")).unwrap());
    for (name, _) in PACKED {
        assert_eq!(drops(&fs::read(fixture(name)).unwrap()), expected, "{name}");
    }
}

#[test]
fn compressed_trace_dat() {
    let path = fixture("4.19-fp/trace-cmd.dat");
    let plain = without_inputs(&of_file(&path));
    let bytes = fs::read(path).unwrap();
    let packed = compress_to_vec(&bytes[..], CompressionLevel::Fastest);
    assert_eq!(without_inputs(&on(&packed, "json")), plain);
}

#[test]
fn what_can_be_read_of_damaged_ones_is_reported() {
    for (name, tool) in PACKED {
        let bytes = fs::read(fixture(name)).unwrap();
        let whole = json(&on(&bytes, "json"));
        // In the second stream, so that the first can be read.
        let cut = &bytes[..bytes.len() - 300];
        let mut damaged = bytes.clone();
        let at = bytes.len() - 300;
        damaged[at..].fill(0xff);
        for (what, bytes) in [("cut off", cut), ("damaged", &damaged[..])] {
            let output = on(bytes, "json");
            assert_eq!(output.status.code(), Some(1), "{name} {what}");
            let said = stderr(&output);
            let expected = format!("ip6drop: -: damaged or cut-off {tool} data: ");
            assert!(said.starts_with(&expected), "{name} {what}: {said}");
            let report = json(&output);
            let drops = class(&report, "rcv-dst-alloc")[0];
            assert!(
                drops > 0 && drops <= class(&whole, "rcv-dst-alloc")[0],
                "{name} {what}"
            );
            assert_eq!(number(&report["health"]["broken_inputs"]), 1);
        }
    }
}

#[test]
fn a_window_that_takes_too_much_memory_is_refused() {
    for (name, tool) in [("packed/wide.xz", "xz"), ("packed/wide.zst", "zstd")] {
        let output = on(&fs::read(fixture(name)).unwrap(), "text");
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert_eq!(
            stderr(&output),
            format!(
                "ip6drop: -: its {tool} window is larger than 128 MiB; try: {tool} -dc FILE | ip6drop report -\n"
            )
        );
    }
}

#[test]
fn garbage_behind_a_magic_number_is_an_error_and_no_more() {
    let magics: [&[u8]; 4] = [b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"];
    for magic in magics {
        for seed in 1..20u32 {
            let noise = (0..600u32)
                .map(|n| (n.wrapping_mul(seed.wrapping_mul(2_654_435_761) | 1) >> 13) as u8);
            let bytes: Vec<u8> = magic.iter().copied().chain(noise).collect();
            let output = on(&bytes, "text");
            assert_eq!(output.status.code(), Some(1), "{magic:?} {seed}");
            assert!(
                stderr(&output).starts_with("ip6drop: -: "),
                "{magic:?} {seed}"
            );
        }
    }
    // Bytes of real files changed one by one.
    for (name, _) in PACKED {
        let bytes = fs::read(fixture(name)).unwrap();
        for at in (0..bytes.len()).step_by(61) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            let code = on(&changed, "json").status.code();
            assert!(matches!(code, Some(0 | 1)), "{name} {at}: {code:?}");
        }
    }
}
