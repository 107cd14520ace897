//! Properties that hold for any input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

use std::io::{self, Read};
use std::path::Path;

use ip6drop::inside::analysis::Analysis;
use ip6drop::inside::input::InputError;
use ip6drop::inside::input::Source;
use ip6drop::inside::report::Request;
use ip6drop::inside::report::Summary;
use proptest::prelude::*;

/// Hands out bytes in reads of the given sizes.
struct Reads<'a> {
    bytes: &'a [u8],
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Reads<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()]
            .min(out.len())
            .min(self.bytes.len());
        self.turn += 1;
        let (now, later) = self.bytes.split_at(size);
        out[..size].copy_from_slice(now);
        self.bytes = later;
        Ok(size)
    }
}

fn summary(name: &str, reader: impl Read + Send) -> Option<Summary> {
    let request = Request::default();
    let mut analysis = Analysis::new(&request, false);
    match analysis.read_source(Path::new(name), Source::Stream(reader), None, None) {
        Ok(()) => Some(analysis.finish().summary),
        Err(InputError::Empty(_) | InputError::NoTrace { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Lines of a capture that cover the grammar, to be shuffled, cut and damaged.
fn lines() -> Vec<Vec<u8>> {
    let captures: [&[u8]; 12] = [
        include_bytes!("../fixtures/4.19-fp/lost.pipe"),
        include_bytes!("../fixtures/4.19-orc/alternating-probes.pipe"),
        include_bytes!("../fixtures/4.19-fp/opt-latency-format.pipe"),
        include_bytes!("../fixtures/4.19-fp/opt-nocontext-info.pipe"),
        include_bytes!("../fixtures/4.19-fp/trace-cmd-report.txt"),
        include_bytes!("../fixtures/text/framed.trace"),
        include_bytes!("../fixtures/text/dmesg.txt"),
        include_bytes!("../fixtures/6.1/perf-both.txt"),
        include_bytes!("../fixtures/6.1/perf-function.txt"),
        include_bytes!("../fixtures/6.1/perf-return.txt"),
        include_bytes!("../fixtures/6.1/bpftrace-keys.txt"),
        include_bytes!("../fixtures/6.1/bpftrace-print.txt"),
    ];
    let first = |capture: &&'static [u8]| {
        capture
            .split_inclusive(|&b| b == b'\n')
            .take(120)
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    };
    let mut all: Vec<Vec<u8>> = captures.iter().flat_map(first).collect();
    all.push(b"\n".to_vec());
    all.push(b"root@node:~# \xff\x00\n".to_vec());
    all.push(b"CPU:1 [LOST EVENTS]\n".to_vec());
    all.push(b" => ".to_vec());
    all.push(b"]: 99999999999999999999\n".to_vec());
    all.push(b", ping, 3]: 4\n".to_vec());
    all
}

/// Runs of real lines in any order, some bytes changed.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let all = lines();
    let last = all.len();
    let runs = prop::collection::vec((0..last, 1..40usize), 1..30);
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (runs, damage).prop_map(move |(runs, damage)| {
        let mut text: Vec<u8> = runs
            .into_iter()
            .flat_map(|(from, count)| all[from..(from + count).min(last)].concat())
            .collect();
        for (at, byte) in damage {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text
    })
}

fn line_count(text: &[u8]) -> u64 {
    text.split_inclusive(|&b| b == b'\n').count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        if let Some(summary) = summary("any", &bytes[..]) {
            prop_assert_eq!(summary.findings.health.lines.total, line_count(&bytes));
        }
    }

    #[test]
    fn every_line_is_in_one_counter(text in text()) {
        if let Some(summary) = summary("any", &text[..]) {
            let l = summary.findings.health.lines;
            prop_assert_eq!(l.total, line_count(&text));
            prop_assert_eq!(l.total, l.events + l.frames + l.banners + l.blank + l.unparsed);
            let rows: u64 = summary.per_cpu.values().map(|row| row.drops()).sum();
            prop_assert_eq!(rows, summary.findings.drops());
        }
    }

    #[test]
    fn reads_may_end_anywhere(text in text(), sizes in prop::collection::vec(1..5000usize, 1..6)) {
        let whole = summary("any", &text[..]);
        prop_assert_eq!(summary("any", Reads { bytes: &text, sizes, turn: 0 }), whole);
    }

    #[test]
    fn nothing_without_facts_and_probes_is_a_confirmed_full_cache(text in text()) {
        use ip6drop::inside::diagnosis::{Class, Confidence};
        let tells = |line: &[u8]| {
            [&b"gc_exit"[..], b"before"].iter().any(|w| memchr::memmem::find(line, w).is_some())
        };
        let text: Vec<u8> =
            text.split_inclusive(|&b| b == b'\n').filter(|l| !tells(l)).flatten().copied().collect();
        if let Some(summary) = summary("any", &text[..]) {
            prop_assert_eq!(summary.findings.count(Class::RcvDstAlloc, Confidence::Confirmed), 0);
        }
    }

    #[test]
    fn one_pass_over_two_inputs_is_the_merge_of_two_reports(a in text(), b in text()) {
        let request = Request::default();
        let mut both = Analysis::new(&request, false);
        let mut merged = Summary::default();
        for (name, text) in [("a", &a), ("b", &b)] {
            // An input that gives nothing is a fault of its own.
            let Some(own) = summary(name, &text[..]) else { return Ok(()) };
            merged.merge(own);
            let source = Source::Stream(&text[..]);
            both.read_source(Path::new(name), source, None, None).unwrap();
        }
        prop_assert_eq!(both.finish().summary, merged);
    }
}
