//! Throughput of `report` on a large capture, beside `wc -l` on the same file.
//!
//! The capture is made of a real one, written over and over with the time going on.
#![allow(clippy::expect_used, missing_docs)] // a benchmark may fail loudly

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ip6drop::inside::analysis::Analysis;
use ip6drop::inside::input::Source;
use ip6drop::inside::report::Request;

const SIZE: u64 = 64 * 1024 * 1024;

/// Writes `capture` again and again; each round one second later, as far as six digits go.
fn amplify(capture: &str, path: &Path) -> std::io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut written = 0;
    let mut round = 0u64;
    while written < SIZE {
        for line in capture.lines() {
            let moved = line.split_once("] ").and_then(|(head, rest)| {
                let (flags, rest) = rest.split_once(' ')?;
                let (time, payload) = rest.trim_start().split_once(": ")?;
                let (seconds, fraction) = time.split_once('.')?;
                let seconds = seconds.parse::<u64>().ok()? + round;
                Some(format!(
                    "{head}] {flags} {seconds:>5}.{fraction}: {payload}"
                ))
            });
            let line = moved.as_deref().unwrap_or(line);
            writeln!(out, "{line}")?;
            written += line.len() as u64 + 1;
        }
        round += 1;
    }
    out.flush()?;
    Ok(written)
}

fn report(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, capture) in [
        (
            "exhausted-fp",
            include_str!("../fixtures/4.19-fp/exhausted.pipe"),
        ),
        (
            "probes-orc",
            include_str!("../fixtures/4.19-orc/alternating-probes.pipe"),
        ),
        (
            "identity",
            include_str!("../fixtures/4.19-identity/iif.pipe"),
        ),
    ] {
        let path = dir.path().join(name);
        let size = amplify(capture, &path).expect("room for the amplified capture");
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(size)).sample_size(10);
        group.bench_function("report", |bencher| {
            bencher.iter(|| {
                let file = File::open(&path).expect("the amplified capture");
                let request = Request::default();
                let mut analysis = Analysis::new(&request, false);
                let source = Source::Stream(file);
                let read = analysis.read_source(&path, source, None, None);
                read.expect("a trace");
                black_box(analysis.finish().summary.findings.drops())
            });
        });
        group.bench_function("wc -l", |bencher| {
            bencher.iter(|| {
                let status = Command::new("wc")
                    .arg("-l")
                    .arg(&path)
                    .stdout(Stdio::null())
                    .status();
                assert!(status.expect("wc").success());
            });
        });
        group.finish();
    }
}

criterion_group!(benches, report);
criterion_main!(benches);
