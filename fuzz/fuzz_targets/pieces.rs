//! Where a text is cut does not matter, nor who asks in between; a report so far is the report on that much.
#![no_main]

#[path = "../../tests/common/so_far.rs"]
mod so_far;

use std::path::Path;

use arbitrary::Arbitrary;
use ip6drop::inside::analysis::Analysis;
use ip6drop::inside::diagnosis::Class;
use ip6drop::inside::report::{Request, Summary};
use libfuzzer_sys::fuzz_target;
use so_far::{blurred, confirmed};

/// A text, and how long its pieces are; those of an odd length go on to the end of a line.
#[derive(Debug, Arbitrary)]
struct Cut<'a> {
    lengths: [u16; 6],
    text: &'a [u8],
}

fn whole(text: &[u8]) -> Summary {
    let request = Request::default();
    let mut analysis = Analysis::new(&request, false);
    analysis.begin(Path::new("input"));
    analysis.feed(text);
    // What holds no trace gives an empty report.
    let _ = analysis.end(None);
    analysis.finish().summary
}

fuzz_target!(|cut: Cut<'_>| {
    let text = cut.text;
    let request = Request::default();
    let mut stream = Analysis::new(&request, false);
    stream.begin(Path::new("input"));
    let mut fed = 0;
    for length in cut.lengths {
        let mut to = fed + usize::from(length) % (text.len() - fed + 1);
        if length % 2 == 1 {
            let rest = text[to..].iter().position(|&b| b == b'\n');
            to = rest.map_or(text.len(), |end| to + end + 1);
        }
        stream.feed(&text[fed..to]);
        fed = to;
        let so_far = stream.so_far(None).summary;
        // A line that has only begun may be another one when it is whole.
        if text[..fed].ends_with(b"\n") {
            let finished = whole(&text[..fed]);
            for class in Class::ALL {
                assert!(confirmed(&so_far, class) <= confirmed(&finished, class));
            }
            assert_eq!(blurred(so_far), blurred(finished));
        }
    }
    stream.feed(&text[fed..]);
    let _ = stream.end(None);
    assert_eq!(stream.finish().summary, whole(text));
});
