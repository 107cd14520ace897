//! The stream: a report at any time is the report on what has come so far, where the text is cut
//! does not matter, and what is confirmed once stays confirmed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

#[path = "common/so_far.rs"]
mod so_far;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use ip6drop::inside::analysis::{Analysis, Report};
use ip6drop::inside::diagnosis::{Class, Confidence};
use ip6drop::inside::host::Facts;
use ip6drop::inside::input::open;
use ip6drop::inside::report::Request;
use ip6drop::inside::report::{DecidedDrop, DecidedSink};
use so_far::{blurred, confirmed};

/// Captures of up to so many lines are looked at after each line.
const SMALL: usize = 120;
/// Of larger ones at so many places.
const PLACES: usize = 12;

/// Every capture of the repository.
fn captures() -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut dirs = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
            if path.is_dir() {
                dirs.push(path);
            } else if ["pipe", "trace", "txt", "dat", "gz"].contains(&ending) {
                all.push(path);
            }
        }
    }
    all.sort();
    assert!(all.len() > 40, "{}", all.len());
    all
}

fn text(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    // A damaged one gives what can be read.
    let _ = open(path, None).unwrap().reader().read_to_end(&mut text);
    text
}

fn request(path: &Path, with_facts: bool) -> Request {
    let facts = std::fs::read(path.with_extension("facts")).ok();
    let facts = facts.filter(|_| with_facts);
    Request {
        facts: facts.map(|text| Facts::parse(&text).unwrap()),
        ..Request::default()
    }
}

/// Where to look: behind every line, or behind some.
fn places(text: &[u8]) -> Vec<usize> {
    let ends = |byte: (usize, &u8)| (*byte.1 == b'\n').then_some(byte.0 + 1);
    let lines: Vec<usize> = text.iter().enumerate().filter_map(ends).collect();
    if lines.len() <= SMALL {
        return lines;
    }
    // Odd steps, so that they do not keep to the period of the text.
    let step = (lines.len() / PLACES) | 1;
    lines.into_iter().step_by(step).collect()
}

#[test]
fn a_report_so_far_is_the_report_on_that_much() {
    let request = Request::default();
    for path in captures() {
        let text = text(&path);
        let mut stream = Analysis::new(&request, false);
        stream.begin(&path);
        let mut fed = 0;
        for place in places(&text) {
            stream.feed(&text[fed..place]);
            fed = place;
            let mut whole = Analysis::new(&request, false);
            whole.begin(&path);
            whole.feed(&text[..place]);
            // What holds no trace gives an empty report.
            let _ = whole.end(None);
            let (so_far, finished) = (stream.so_far(None).summary, whole.finish().summary);
            for class in Class::ALL {
                assert!(confirmed(&so_far, class) <= confirmed(&finished, class));
            }
            assert_eq!(blurred(so_far), blurred(finished), "{path:?} {place}");
        }
    }
}

/// The drops that are confirmed, by where and when they were.
#[derive(Default)]
struct Confirmed(BTreeMap<(u32, u64, String), Vec<Class>>);

impl DecidedSink for Confirmed {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        let (Some(at), true) = (
            drop.context,
            drop.classification.confidence == Confidence::Confirmed,
        ) else {
            return;
        };
        let key = (at.cpu, at.pid, format!("{:?}", at.time));
        self.0
            .entry(key)
            .or_default()
            .push(drop.classification.class);
    }
}

impl Confirmed {
    fn of(report: &Report<'_, '_>) -> Confirmed {
        let mut all = Confirmed::default();
        for input in 0..report.inputs() {
            report.walk(input, &mut all).unwrap();
        }
        all
    }

    /// Whether all of it is in the other.
    fn is_in(&self, later: &Confirmed) -> bool {
        self.0.iter().all(|(key, classes)| {
            let known = later.0.get(key);
            known.is_some_and(|known| known.starts_with(classes))
        })
    }
}

#[test]
fn what_is_confirmed_stays_confirmed_and_facts_handed_in_prove_nothing() {
    let mut confirmed = 0;
    for path in captures() {
        let text = text(&path);
        let request = request(&path, true);
        let mut stream = Analysis::new(&request, true);
        stream.begin(&path);
        let mut before = Confirmed::default();
        let mut fed = 0;
        for place in places(&text) {
            stream.feed(&text[fed..place]);
            fed = place;
            let now = Confirmed::of(&stream.so_far(None));
            assert!(before.is_in(&now), "{path:?} {place}");
            let handed = stream.so_far(request.facts.as_ref());
            assert_eq!(Confirmed::of(&handed).0, now.0, "{path:?} {place}");
            before = now;
        }
        stream.feed(&text[fed..]);
        confirmed += before.0.len();
        if stream.end(None).is_ok() {
            let end = Confirmed::of(&stream.finish());
            assert!(before.is_in(&end), "{path:?}");
        }
    }
    // Else nothing was tested.
    assert!(confirmed > 0);
}

#[test]
fn where_the_text_is_cut_and_how_many_threads_read_it_changes_nothing() {
    for path in captures() {
        let text = text(&path);
        for with_facts in [false, true] {
            let one = request(&path, with_facts);
            let report = |pieces: &mut dyn Iterator<Item = usize>| {
                let mut stream = Analysis::new(&one, false);
                stream.begin(&path);
                let mut rest = &text[..];
                while !rest.is_empty() {
                    let size = pieces.next().unwrap().min(rest.len());
                    stream.feed(&rest[..size]);
                    rest = &rest[size..];
                }
                stream.end(None).ok().map(|()| stream.finish().summary)
            };
            let whole = report(&mut std::iter::repeat(text.len().max(1)));
            let odd = report(&mut [1, 7, 64, 4099, 3].into_iter().cycle());
            assert_eq!(odd, whole, "{path:?}");
            for threads in [1, 2, 3] {
                let request = Request {
                    threads,
                    ..request(&path, with_facts)
                };
                let mut file = Analysis::new(&request, false);
                let read = file.read(&path).ok();
                // An input that broke off ends differently than one that was fed whole.
                if read.is_some() && file.take_errors().is_empty() {
                    assert_eq!(Some(file.finish().summary), whole, "{path:?} {threads}");
                }
            }
        }
    }
}

/// A text that goes on as another recording, and one in which a function turns out to be void.
#[test]
fn what_is_confirmed_stays_confirmed_whatever_text_follows() {
    let request = Request::default();
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let read = |name: &str| text(&fixtures.join(name));
    let ways_on = [
        read("text/framed.trace"),
        read("4.19-fp/lost.pipe"),
        b"  a-1 [000] d..1 9.0: gc_exit: (dst_alloc+0x1/0x2 <- ip6_dst_gc) ret=7487\n".to_vec(),
    ];
    for path in captures() {
        let begin = || {
            let mut stream = Analysis::new(&request, true);
            stream.begin(&path);
            stream.feed(&text(&path));
            stream
        };
        let before = Confirmed::of(&begin().so_far(None));
        for way_on in &ways_on {
            let mut stream = begin();
            stream.feed(way_on);
            let now = Confirmed::of(&stream.so_far(None));
            assert!(before.is_in(&now), "{path:?}");
        }
    }
}
