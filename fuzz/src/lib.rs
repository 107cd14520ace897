//! What the targets share.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ip6drop::inside::analysis::{Analysis, Report};
use ip6drop::inside::input::{InputError, Source, TraceDat};
use ip6drop::inside::report::{Request, Summary};

/// No target reads more of an unpacked input than this, in bytes.
pub const MAX_UNPACKED: u64 = 1 << 20;

/// Hands the report on a text, with its drops, to `then`; false where it is no trace. Nothing else may go wrong.
pub fn report(
    request: &Request,
    text: impl Read + Send,
    then: impl FnOnce(&Report<'_, '_>),
) -> bool {
    let mut analysis = Analysis::new(request, true);
    match analysis.read_source(Path::new("input"), Source::Stream(text), None, None) {
        Ok(()) => {
            then(&analysis.finish());
            true
        }
        Err(InputError::Empty(_) | InputError::NoTrace { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Every line is in one counter, and every drop in the row of one CPU.
pub fn accounted(summary: &Summary, text: &[u8]) {
    let l = summary.findings.health.lines;
    assert_eq!(
        l.total,
        text.split_inclusive(|&b| b == b'\n').count() as u64
    );
    assert_eq!(
        l.total,
        l.events + l.frames + l.banners + l.blank + l.unparsed
    );
    let rows: u64 = summary.per_cpu.values().map(|row| row.drops()).sum();
    assert_eq!(rows, summary.findings.drops());
}

/// The drops of a text one by one, in every format, beside [`accounted`].
pub fn written(text: &[u8]) {
    let request = Request::default();
    let mut analysis = Analysis::new(&request, true);
    analysis.begin(Path::new("input"));
    analysis.feed(text);
    if analysis.end(None).is_ok() {
        let report = analysis.finish();
        accounted(&report.summary, text);
        ip6drop::inside::fuzz::documents(&report).expect("memory does not refuse");
    }
}

/// A trace.dat, which is put into `file`: what is read of it is the same each time, and can be reported.
pub fn of_trace_dat(file: &File, bytes: &[u8]) {
    file.set_len(0)
        .and_then(|()| file.write_all_at(bytes, 0))
        .expect("TMPDIR has room");
    let read = || {
        let file = file.try_clone().expect("a file can be opened twice");
        let mut text = Vec::new();
        let error = TraceDat::new(file, bytes.len() as u64, None)
            .take(MAX_UNPACKED)
            .read_to_end(&mut text)
            .err();
        (text, error.map(|error| error.to_string()))
    };
    let first = read();
    assert_eq!(read(), first);
    written(&first.0);
}
